# ruff: noqa: E501
"""Calls of SciPy's distances and rotations, by the function's name."""

import itertools

import numpy as np
import scipy.spatial.distance as sd
from scipy.spatial.transform import Rotation

R = Rotation
OTHERS = np.array([[0.3, -0.2], [1.1, 0.8], [-0.5, 0.4], [0.1, 0.9]])
METRICS = (
    "euclidean",
    "sqeuclidean",
    "cityblock",
    "chebyshev",
    "braycurtis",
    "canberra",
    "e",
    "sqe",
)
WEIGHTED = (
    "euclidean",
    "sqeuclidean",
    "cityblock",
    "cosine",
    "correlation",
    "braycurtis",
    "canberra",
)
FIXED = R.from_euler("xyz", [[0.3, -0.5, 0.2], [1.0, 0.1, -0.7]])
VECTORS = np.array([[1.0, 0.2, -0.3], [0.4, -1.1, 0.6]])


def points(x):
    return x.reshape(3, 2)


def wide(x):
    return np.stack([x, x[::-1] ** 2, np.sin(5 * x), np.cos(3 * x)])


def own(u, v, scale=1.0):
    return np.sum(np.abs(u - v) ** 1.5) * scale


def matrix_from(x):
    """Return a matrix that is a rotation, by Rodrigues' formula."""
    angle = np.sqrt(np.sum(x * x))
    k = x / angle
    cross = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def everything(r):
    return (
        r.as_quat(),
        r.as_matrix(),
        r.as_rotvec(),
        r.magnitude(),
        r.inv().as_quat(canonical=True),
    )


ORDERS = ["".join(p) for p in itertools.product("xyz", repeat=3) if p[0] != p[1] != p[2]]

CASES = {
    "spatial.distance.cdist": [
        *(lambda x, m=m: sd.cdist(points(x), OTHERS, m) for m in METRICS),
        *(lambda x, m=m: sd.cdist(wide(x), wide(x)[:2] + 0.1, m) for m in ("cosine", "correlation", "jensenshannon")),
        lambda x: sd.cdist(points(x), points(x) ** 2, "minkowski", p=3), lambda x: sd.cdist(points(x), OTHERS, "minkowski", p=1.5, w=[1.0, 2.0]),
        lambda x: sd.cdist(points(x), OTHERS, "seuclidean"), lambda x: sd.cdist(points(x), OTHERS, "seuclidean", V=x[:2] + 1),
        lambda x: sd.cdist(points(x), OTHERS, "mahalanobis"), lambda x: sd.cdist(points(x), OTHERS, "mahalanobis", VI=np.array([[2.0, 0.3], [0.3, 1.0]])),
        lambda x: sd.cdist(points(x), OTHERS, own, scale=2.0), lambda x: sd.cdist(points(x), points(x)),
    ],
    "spatial.distance.pdist": [
        *(lambda x, m=m: sd.pdist(points(x), m) for m in METRICS), *(lambda x, m=m: sd.pdist(wide(x), m) for m in ("cosine", "correlation")),
        lambda x: sd.pdist(points(x), "seuclidean"), lambda x: sd.pdist(points(x), own), lambda x: sd.pdist(points(x), lambda u, v: u[0] * v[1]),
    ],
    "spatial.distance.squareform": [lambda x: sd.squareform(x), lambda x: sd.squareform(sd.squareform(x)), lambda x: sd.squareform(x[:1], force="tomatrix")],
    **{
        f"spatial.distance.{name}": [lambda x, f=getattr(sd, name): f(x, x[::-1] ** 2), *([lambda x, f=getattr(sd, name): f(x, x[::-1] ** 2, w=np.arange(1.0, 7.0))] if name in WEIGHTED else [])]  # noqa: B008
        for name in ("euclidean", "sqeuclidean", "cityblock", "chebyshev", "minkowski", "cosine", "correlation", "braycurtis", "canberra")
    },
    "spatial.distance.seuclidean": [lambda x: sd.seuclidean(x, x[::-1], x + 1)],
    "spatial.distance.mahalanobis": [lambda x: sd.mahalanobis(x, x[::-1], np.eye(6) + 0.1)],
    "spatial.distance.jensenshannon": [lambda x: sd.jensenshannon(x, x[::-1]), lambda x: sd.jensenshannon(wide(x) ** 2, wide(x[::-1]) ** 2, base=2, axis=1, keepdims=True)],
    "spatial.transform.Rotation": [
        lambda x: everything(R.from_rotvec(x[:3])), lambda x: everything(R.from_rotvec(3 * x.reshape(2, 3))), lambda x: R.from_rotvec(x[:3] - x[:3]).as_matrix() * x[0],
        lambda x: R.from_rotvec(1e-4 * x[:3]).as_rotvec(), lambda x: R.from_rotvec(70 * x[:3], degrees=True).as_rotvec(degrees=True),
        lambda x: everything(R.from_quat(x[:4])), lambda x: R.from_quat(x[:4] - 0.5, scalar_first=True).as_quat(scalar_first=True, canonical=True),
        *(lambda x, s=s: everything(R.from_matrix(matrix_from(s * x[:3]))) for s in (1.0, -2.0, 4.1)),
        lambda x: everything(R.from_matrix(matrix_from(3.1 * np.array([x[1], x[0], x[2] * 0.1])))), lambda x: everything(R.from_matrix(matrix_from(3.1 * np.array([x[0], x[1], 0.1])), assume_valid=True)),
        *(lambda x, o=o: (R.from_euler(o, x[:3]).as_matrix(), R.from_rotvec(x[:3]).as_euler(o), R.from_rotvec(x[3:]).as_euler(o.upper(), degrees=True)) for o in ORDERS),
        *(lambda x, o=o: R.from_euler(o.upper(), x.reshape(2, 3), degrees=True).as_matrix() for o in ORDERS[:4]),
        lambda x: R.from_euler("z", x[0]).as_matrix(), lambda x: R.from_euler("y", x[:, None]).as_rotvec(), lambda x: R.from_euler("XZ", x[:2]).as_quat(),
        lambda x: R.from_rotvec(x[:3]).apply(VECTORS), lambda x: R.from_rotvec(x.reshape(2, 3)).apply(x[:3]), lambda x: R.from_rotvec(x.reshape(2, 3)).apply(VECTORS, inverse=True),
        lambda x: FIXED.apply(x[:3]), lambda x: (FIXED * R.from_rotvec(x[:3])).as_matrix(), lambda x: (R.from_rotvec(x[:3]) * FIXED[0]).inv().as_rotvec(),
        lambda x: (R.from_rotvec(x[:3]) ** 0.5).as_rotvec(), lambda x: R.concatenate([R.from_rotvec(x[:3]), FIXED])[1:].as_quat() * x[0], lambda x: (R.identity() * R.from_rotvec(x[3:])).magnitude(),
    ],
}  # fmt: skip
CASES = {f"scipy.{name}": cases for name, cases in CASES.items()}
