"""SciPy's special functions that are no ufuncs, composed of those that are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.dispatch import demand
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import SPECIAL_COMPLEX, SPECIAL_UFUNCS
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.functions.registry import Array, ArrayLike, as_plain, node_cast


def _demand_floats(name: str, exact: Any) -> None:
    if exact:
        refuse(f"scipy.special.{name} with exact=True, which counts with Python's integers,")


def _as_floats(*operands: ArrayLike) -> list[Array]:
    return [as_traced(x).astype(np.float64) for x in operands]


def _comb(N: ArrayLike, k: ArrayLike, *, exact: Any = False, repetition: Any = False) -> Array:
    _demand_floats("comb", exact)
    count, chosen = _as_floats(N, k)
    if repetition:
        ways = SPECIAL_UFUNCS["binom"](count + chosen - 1.0, chosen)
        return np.where((chosen == 0) & (count >= 0), 1.0, ways)
    can_be = (chosen <= count) & (count >= 0) & (chosen >= 0)
    return np.where(can_be, SPECIAL_UFUNCS["binom"](count, chosen), 0.0)


def _perm(N: ArrayLike, k: ArrayLike, exact: Any = False) -> Array:
    _demand_floats("perm", exact)
    count, chosen = _as_floats(N, k)
    can_be = (chosen <= count) & (count >= 0) & (chosen >= 0)
    return np.where(can_be, SPECIAL_UFUNCS["poch"](count - chosen + 1.0, chosen), 0.0)


def _factorial(n: ArrayLike, exact: Any = False, extend: str = "zero") -> Array:
    _demand_floats("factorial", exact)
    if extend != "zero":
        refuse(f"scipy.special.factorial with extend={extend!r}")
    n = as_traced(n)
    n = n if n.dtype == np.float32 else n.astype(np.float64)
    return np.where(n < 0, np.zeros_like(n), SPECIAL_UFUNCS["gamma"](n + 1))


def _multigammaln(a: ArrayLike, d: Any) -> Array:
    count = as_plain(d)
    if count.ndim or count != np.floor(count):
        raise InputError(
            f"scipy.special.multigammaln{at(user_source())}: d={d!r} must be a whole number"
        )
    a, where = as_traced(a).astype(np.float64), at(user_source())
    demand(
        np.all(a > 0.5 * (count - 1)),
        lambda: InputError(
            f"scipy.special.multigammaln{where} needs a > (d - 1) / 2, and d is {count}"
        ),
    )
    total: Any = count * (count - 1) * 0.25 * math.log(math.pi)
    for j in range(int(count)):
        total = total + SPECIAL_UFUNCS["gammaln"](a - 0.5 * j)
    return total


def _diric(x: ArrayLike, n: Any) -> Array:
    # sin(n * t) / (n * sin(t)) is a polynomial in cos(t), which has no special cases.
    x, n = as_traced(x), as_plain(n)
    x = x if x.dtype == np.float32 else x.astype(np.float64)
    is_count = (n > 0) & (n == np.floor(n))
    degree = np.where(is_count, n, 1).astype(np.int64) - 1
    value = SPECIAL_UFUNCS["eval_chebyu"](degree, np.cos(0.5 * x)) / (degree + 1.0)
    return np.where(is_count, value, np.nan).astype(x.dtype)


def _spherical(name: str, before: float, after: float) -> Callable[..., Array]:
    """Return a spherical Bessel function and its derivative, that of the neighboring orders."""
    row = TABLE[name]

    def value(n: np.ndarray, z: TracedArray) -> TracedArray:
        return record(row, node_cast(n, np.int64), z)

    def implementation(n: Any, z: ArrayLike, derivative: Any = False) -> Array:
        order, z = as_plain(n), as_traced(z)
        z = z if z.dtype == np.float32 else z.astype(np.float64)
        if order.dtype.kind not in "iu":
            refuse(f"scipy.special.{name} of an order that is no integer")
        if not derivative:
            return value(order, z)
        lower = before * order * value(np.maximum(order - 1, 0), z)
        return (lower + after * (order + 1) * value(order + 1, z)) / (2.0 * order + 1.0)

    return implementation


def _derivative(name: str, phase: float, sign: float = 1.0) -> Callable[..., Any]:
    """Return the nth derivative of a Bessel function: a sum of those of 2 * n orders around."""

    def implementation(v: ArrayLike, z: ArrayLike, n: Any = 1) -> Any:
        times = as_plain(n)
        if times.ndim or times.dtype.kind not in "iu" or times < 0:
            raise InputError(
                f"scipy.special: the number n={n!r} of derivatives{at(user_source())} must be a "
                "whole number"
            )
        count = int(times)
        total: Any = 0.0
        for i in range(count + 1):
            factor = math.comb(count, i) * phase**i * (sign * 0.5) ** count
            total = total + factor * _bessel(name, v - count + 2 * i, z)
        return total

    return implementation


def _bessel(name: str, v: ArrayLike, z: ArrayLike) -> Any:
    is_complex = name.startswith("hankel") or np.iscomplexobj(z)
    return (SPECIAL_COMPLEX if is_complex else SPECIAL_UFUNCS)[name](v, z)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "comb": _comb,
    "perm": _perm,
    "factorial": _factorial,
    "multigammaln": _multigammaln,
    "diric": _diric,
    "softplus": lambda x: np.logaddexp(0.0, as_traced(x)),
    "spherical_jn": _spherical("spherical_jn", 1.0, -1.0),
    "spherical_yn": _spherical("spherical_yn", 1.0, -1.0),
    "spherical_in": _spherical("spherical_in", 1.0, 1.0),
    "spherical_kn": _spherical("spherical_kn", -1.0, -1.0),
    "jvp": _derivative("jv", -1.0),
    "yvp": _derivative("yv", -1.0),
    "ivp": _derivative("iv", 1.0),
    "kvp": _derivative("kv", 1.0, -1.0),
    "h1vp": _derivative("hankel1", -1.0),
    "h2vp": _derivative("hankel2", -1.0),
}
SEEN_BY_NAME.update({f"scipy.special.{name}": made for name, made in _FUNCTIONS.items()})
