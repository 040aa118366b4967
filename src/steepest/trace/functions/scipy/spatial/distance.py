"""Distances of points, as `scipy.spatial.distance` has them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.dispatch import demand
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import SPECIAL_UFUNCS
from steepest.trace.following.follow import follow
from steepest.trace.functions.numpy.reductions.sums import root
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.registry import floating, of_scipy
from steepest.trace.recording.session import current

# Each metric is a function of two arrays of points, whose coordinates lie along the last axis.


def _sum(x: Array, w: Any) -> Array:
    return np.sum(x if w is None else w * x, axis=-1)


def _sqeuclidean(u: Array, v: Array, w: Any = None) -> Array:
    return _sum(np.square(u - v), w)


def _euclidean(u: Array, v: Array, w: Any = None) -> Array:
    return root(_sqeuclidean(u, v, w))


def _cityblock(u: Array, v: Array, w: Any = None) -> Array:
    return _sum(np.abs(u - v), w)


def _chebyshev(u: Array, v: Array) -> Array:
    return np.max(np.abs(u - v), axis=-1)


def _minkowski(u: Array, v: Array, p: float = 2, w: Any = None) -> Array:
    if not p > 0:
        raise InputError(
            f"the order p={p!r} of a Minkowski distance{at(user_source())} must be positive"
        )
    if p == math.inf or w is None:
        return np.linalg.norm(u - v, p, axis=-1)
    return np.linalg.norm(w ** (1.0 / p) * (u - v), p, axis=-1)


def _correlation(u: Array, v: Array, w: Any = None, centered: bool = True) -> Array:
    if w is not None:
        w = w / np.sum(w)
    if centered:
        u, v = (x - (np.mean(x, axis=-1) if w is None else _sum(x, w))[..., None] for x in (u, v))
    sizes = _sum(np.square(u), w) * _sum(np.square(v), w)
    return np.clip(1.0 - _sum(u * v, w) / np.sqrt(sizes), 0.0, 2.0)


def _cosine(u: Array, v: Array, w: Any = None) -> Array:
    return _correlation(u, v, w, centered=False)


def _braycurtis(u: Array, v: Array, w: Any = None) -> Array:
    return _sum(np.abs(u - v), w) / _sum(np.abs(u + v), w)


def _canberra(u: Array, v: Array, w: Any = None) -> Array:
    sizes = np.abs(u) + np.abs(v)
    is_zero = sizes == 0
    return _sum(np.where(is_zero, 0.0, np.abs(u - v) / np.where(is_zero, 1.0, sizes)), w)


def _hamming(u: Array, v: Array, w: Any = None) -> Array:
    differ = (u != v).astype(np.float64)
    return np.mean(differ, axis=-1) if w is None else _sum(differ, w / np.sum(w))


def _jensenshannon(p: Array, q: Array) -> Array:
    p, q = (x / np.sum(x, axis=-1, keepdims=True) for x in (p, q))
    middle = (p + q) / 2.0
    entropy = SPECIAL_UFUNCS["rel_entr"]
    return root(np.sum(entropy(p, middle) + entropy(q, middle), axis=-1) / 2.0)


def _seuclidean(u: Array, v: Array, V: Any) -> Array:
    return root(np.sum(np.square(u - v) / V, axis=-1))


def _mahalanobis(u: Array, v: Array, VI: Any) -> Array:
    delta = u - v
    return root(np.sum(np.matmul(delta, VI) * delta, axis=-1))


_METRICS: dict[str, Callable[..., Any]] = {
    "euclidean": _euclidean,
    "sqeuclidean": _sqeuclidean,
    "cityblock": _cityblock,
    "chebyshev": _chebyshev,
    "minkowski": _minkowski,
    "cosine": _cosine,
    "correlation": _correlation,
    "braycurtis": _braycurtis,
    "canberra": _canberra,
    "hamming": _hamming,
    "jensenshannon": _jensenshannon,
    "seuclidean": _seuclidean,
    "mahalanobis": _mahalanobis,
}

_ALIASES = {
    "eu": "euclidean", "euclid": "euclidean", "e": "euclidean", "sqe": "sqeuclidean",
    "sqeuclid": "sqeuclidean", "cb": "cityblock", "cblock": "cityblock", "c": "cityblock",
    "ch": "chebyshev", "cheb": "chebyshev", "cheby": "chebyshev", "chebychev": "chebyshev",
    "mi": "minkowski", "m": "minkowski", "pnorm": "minkowski", "cos": "cosine",
    "co": "correlation", "js": "jensenshannon", "se": "seuclidean", "s": "seuclidean",
    "mah": "mahalanobis", "mahal": "mahalanobis", "ha": "hamming", "hamm": "hamming",
    "h": "hamming", "matching": "hamming",
}  # fmt: skip


def _points(name: str, x: ArrayLike) -> Array:
    x = floating(x).astype(np.float64)
    if x.ndim != 2:
        raise InputError(
            f"scipy.spatial.distance.{name}{at(user_source())}: points of shape {x.shape} must be "
            "the rows of a matrix"
        )
    return x


def _distances(
    name: str, metric: Any, u: Array, v: Array, everything: list[Array], settings: Any
) -> Array:
    """Return the distances of points by a metric's name or the user's own function."""
    if callable(metric):
        shape = np.broadcast_shapes(u.shape, v.shape)
        rows = [np.reshape(np.broadcast_to(x, shape), (-1, shape[-1])) for x in (u, v)]
        function = follow(metric, current())
        values = [function(a, b, **settings) for a, b in zip(*rows, strict=True)]
        return np.reshape(np.stack(values) if values else np.zeros(0), shape[:-1])
    key = str(metric).lower()
    key = _ALIASES.get(key, key)
    if key not in _METRICS:
        refuse(f"scipy.spatial.distance.{name} with metric={metric!r}")
    if key == "seuclidean" and settings.get("V") is None:
        settings = {"V": np.var(np.concatenate(everything), axis=0, ddof=1)}
    if key == "mahalanobis" and settings.get("VI") is None:
        settings = {"VI": np.linalg.inv(np.cov(np.transpose(np.concatenate(everything))))}
    given = {k: x if k == "p" or x is None else floating(x) for k, x in settings.items()}
    return _METRICS[key](u, v, **given)


@of_scipy("spatial.distance", out=lambda value: value is None)
def cdist(
    XA: ArrayLike, XB: ArrayLike, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any
) -> Array:
    a, b = _points("cdist", XA), _points("cdist", XB)
    if a.shape[1] != b.shape[1]:
        raise InputError(
            f"scipy.spatial.distance.cdist{at(user_source())}: points with {a.shape[1]} and "
            f"{b.shape[1]} coordinates"
        )
    return _distances("cdist", metric, a[:, None], b[None], [a, b], kwargs)


@of_scipy("spatial.distance", out=lambda value: value is None)
def pdist(X: ArrayLike, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any) -> Array:
    x = _points("pdist", X)
    first, second = np.triu_indices(x.shape[0], 1)
    return _distances("pdist", metric, x[first], x[second], [x], kwargs)


@of_scipy("spatial.distance")
def squareform(X: ArrayLike, force: str = "no", checks: bool = True) -> Array:
    x, where = floating(X), at(user_source())
    wanted = {"tomatrix": 1, "tovector": 2}.get(force.lower(), x.ndim)
    if x.ndim not in (1, 2) or wanted != x.ndim:
        raise InputError(
            f"scipy.spatial.distance.squareform{where}: force={force!r} of an array of shape "
            f"{x.shape}"
        )
    if x.ndim == 1:
        return _matrix_of(x, where)
    if x.shape[0] != x.shape[1]:
        raise InputError(f"scipy.spatial.distance.squareform{where}: {x.shape} is not square")
    if checks:
        demand(
            np.all(x == np.transpose(x)) & np.all(np.diagonal(x) == 0),
            lambda: InputError(
                f"scipy.spatial.distance.squareform{where}: a matrix of distances must be "
                "symmetric, with zeros on its diagonal"
            ),
        )
    return x[np.triu_indices(x.shape[0], 1)]


def _matrix_of(x: Array, where: str) -> Array:
    size = math.ceil(math.sqrt(2 * x.size)) if x.size else 1
    if size * (size - 1) != 2 * x.size:
        raise InputError(
            f"scipy.spatial.distance.squareform{where}: {x.size} distances are not those of all "
            "pairs of some points"
        )
    places = np.zeros((size, size), np.int64)
    places[np.triu_indices(size, 1)] = np.arange(1, x.size + 1)
    return np.concatenate([np.zeros_like(x[:1], shape=(1,)), x])[places + places.T]


def _of_two_points(name: str) -> Callable[..., Any]:
    metric = _METRICS[name]

    def implementation(u: ArrayLike, v: ArrayLike, *args: Any, **kwargs: Any) -> Array:
        u, v = (floating(x).astype(np.float64) for x in (u, v))
        if u.ndim != 1 or u.shape != v.shape:
            raise InputError(
                f"scipy.spatial.distance.{name}{at(user_source())}: {u.shape} and {v.shape} must "
                "be vectors of one length"
            )
        return metric(u, v, *args, **kwargs)

    implementation.__name__ = name
    return implementation


for _name in _METRICS:
    if _name not in ("jensenshannon", "hamming", "chebyshev"):
        of_scipy("spatial.distance")(_of_two_points(_name))


@of_scipy("spatial.distance")
def chebyshev(u: ArrayLike, v: ArrayLike, w: Any = None) -> Array:
    if w is not None:
        refuse("scipy.spatial.distance.chebyshev with w=")
    return _of_two_points("chebyshev")(u, v)


@of_scipy("spatial.distance")
def jensenshannon(
    p: ArrayLike, q: ArrayLike, base: Any = None, *, axis: int = 0, keepdims: bool = False
) -> Array:
    p, q = (np.moveaxis(floating(x).astype(np.float64), axis, -1) for x in (p, q))
    result = _jensenshannon(p, q)
    result = result if base is None else result / np.sqrt(np.log(base))
    return np.expand_dims(result, axis) if keepdims else result
