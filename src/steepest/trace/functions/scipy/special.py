"""Special functions of SciPy and `math`, on traced arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.elementwise import special
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.assignment import alias
from steepest.trace.arrays.complex import TracedComplex, as_complex
from steepest.trace.arrays.dispatch import demand
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import SPECIAL_COMPLEX, SPECIAL_UFUNCS
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.functions.python import checked, number_of_math, python_number, sees
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    as_plain,
    implements,
    node_cast,
)
from steepest.trace.stable import log_softmax, logsumexp, softmax


def _special(name: str) -> Callable[..., Any]:
    keeps_whole = special.TAKES_WHOLE.fullmatch(name)

    def implementation(*operands: Any) -> TracedArray:
        arrays = [as_traced(operand) for operand in operands]
        single = [x.dtype == np.float32 or (x.weak and x.dtype.kind == "f") for x in arrays]
        all_weak = all(x.weak for x in arrays)
        dtype = np.dtype(np.float32 if all(single) and not all_weak else np.float64)
        is_whole = [bool(keeps_whole) and x.dtype.kind in "iub" for x in arrays]
        return record(
            TABLE[name],
            *(
                node_cast(x, _WHOLE if whole else dtype)
                for x, whole in zip(arrays, is_whole, strict=True)
            ),
        )

    implementation.__name__ = name
    return implementation


_WHOLE = np.dtype(np.int64)


def _several(name: str, count: int) -> Callable[..., Any]:
    """Return a function with several results, each of which is an op."""
    parts = [_special(f"{name}[{i}]") for i in range(count)]
    return lambda *operands: tuple(part(*operands) for part in parts)


def _in_double(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that computes in float64 and rounds the result, as SciPy does."""

    def implementation(x: ArrayLike) -> Any:
        x = as_traced(x)
        result = function(x.astype(np.float64))
        return result.astype(np.float32) if x.dtype == np.float32 else result

    return implementation


_counts: dict[str, int] = {}
for _row in special.ROWS:
    _name, _, _number = _row.name.partition("[")
    if _number:
        _counts[_name] = _counts.get(_name, 0) + 1
    elif "." not in _name and not _name.startswith("spherical_"):
        SPECIAL_UFUNCS[_name] = _special(_name)
for _name, _count in _counts.items():
    SPECIAL_UFUNCS[_name] = _several(_name, _count)


def _of_complex(name: str) -> Callable[..., TracedComplex]:
    """Return a function of parameters and a complex number, as its two parts."""
    real, imag = _special(f"{name}.real"), _special(f"{name}.imag")

    def implementation(*operands: Any) -> TracedComplex:
        *parameters, z = map(as_complex, operands)
        parts = [node_cast(x.real, z.real.dtype) for x in parameters]
        parts += [z.real, z.imag]
        return TracedComplex(real(*parts), imag(*parts))

    return implementation


SPECIAL_COMPLEX.update({name: _of_complex(name) for name in special.complex.COMPLEX})

# Other names, and functions composed of several ops.
SPECIAL_UFUNCS["digamma"] = SPECIAL_UFUNCS["psi"]
for _name, _same in (("kn", "kv"), ("yn", "yv")):
    SPECIAL_UFUNCS[_name] = lambda n, x, _f=SPECIAL_UFUNCS[_same]: _f(np.trunc(n), x)
SPECIAL_UFUNCS["exp10"] = _in_double(lambda x: np.power(10.0, x))
for _ufunc in (np.exp2, np.expm1, np.log1p, np.cbrt):
    SPECIAL_UFUNCS[_ufunc.__name__] = _in_double(_ufunc)
SPECIAL_UFUNCS["huber"] = lambda delta, r: _huber(as_traced(delta), as_traced(r))


def _huber(delta: ArrayLike, r: ArrayLike) -> Array:
    size = np.abs(r)
    value = np.where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))
    return np.where(delta < 0, np.inf, value)


@implements(np.i0)
def i0(x: ArrayLike) -> TracedArray:
    result = SPECIAL_UFUNCS["i0"](as_traced(x))
    return alias(result) if result.is_scalar else result  # np.i0 of a number is an array


def _logsumexp(
    a: ArrayLike, axis: int | None = None, b: ArrayLike = None, keepdims: bool = False,
    return_sign: ArrayLike = False,
) -> Array:  # fmt: skip
    a = np.atleast_1d(as_traced(a))  # as SciPy does it
    if b is None and not return_sign and a.size:
        return logsumexp(a, axis, keepdims)
    weights = np.ones_like(a) * (1.0 if b is None else b)
    a = np.broadcast_to(a, weights.shape)
    if not a.size:
        result = _logsumexp_of_empty(a, axis, keepdims)
        return (result, np.sign(result)) if return_sign else result
    used = np.where(weights == 0, -np.inf, a)
    top = _finite_max(used, axis)
    total = np.sum(weights * np.exp(used - top), axis=axis, keepdims=True)
    result = np.log(np.abs(total) if return_sign else total) + top
    sign = np.sign(total)
    if not keepdims:
        result, sign = np.squeeze(result, axis), np.squeeze(sign, axis)
    return (result, sign) if return_sign else result


def _logsumexp_of_empty(a: ArrayLike, axis: Axes, keepdims: bool) -> Array:
    if (axis is None and a.ndim > 1) or (isinstance(axis, tuple) and len(axis) != 1):
        raise InputError(
            f"scipy.special.logsumexp of an empty array{at(user_source())} goes along one axis, "
            f"got axis={axis!r}"
        )
    return logsumexp(a, axis, keepdims)


def _finite_max(x: ArrayLike, axis: Axes) -> Array:
    """Return the largest element as a constant, or 0 where it is not finite."""
    top = np.max(stop_gradient(x), axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0)


SEEN_BY_NAME["scipy.special.logsumexp"] = _logsumexp
SEEN_BY_NAME["scipy.special.softmax"] = lambda x, axis=None: softmax(as_traced(x), axis)
SEEN_BY_NAME["scipy.special.log_softmax"] = lambda x, axis=None: log_softmax(as_traced(x), axis)
SEEN_BY_NAME["scipy.special.zeta"] = lambda x, q=None: (
    _riemann(as_traced(x)) if q is None else SPECIAL_UFUNCS["zeta"](x, q)
)
SEEN_BY_NAME["scipy.special.polygamma"] = lambda n, x: _polygamma(n, as_traced(x))


def _riemann(x: ArrayLike) -> Array:
    where = at(user_source())
    demand(
        np.all((x >= 1) | np.isnan(x)),
        lambda: UnsupportedError(
            f"scipy.special.zeta of a number below 1{where} cannot be recorded: compute it outside"
        ),
    )
    return SPECIAL_UFUNCS["zeta"](x, 1.0)


_lambertw = _of_complex("lambertw")


def _lambert(z: ArrayLike, k: ArrayLike = 0, tol: float = 1e-8) -> TracedComplex:
    if tol != 1e-8:
        refuse("scipy.special.lambertw with tol=")
    branch = as_plain(k).astype(np.float64)
    z = as_complex(z)
    wide = TracedComplex(z.real.astype(np.float64), z.imag.astype(np.float64))
    return _lambertw(branch, wide)


SEEN_BY_NAME["scipy.special.lambertw"] = _lambert


def _polygamma(n: int, x: ArrayLike) -> Array:
    if n == 0:
        return SPECIAL_UFUNCS["psi"](x).astype(np.float64)
    sign = (-1.0) ** (n + 1) * math.factorial(n)
    x = x.astype(np.float64)  # as SciPy does it
    return sign * SPECIAL_UFUNCS["zeta"](np.full_like(x, n + 1.0), x)


def _of_math(name: str, checks: bool) -> Callable[..., Any]:
    def implementation(x: ArrayLike) -> TracedArray:
        operand = number_of_math(x)
        result = python_number(SPECIAL_UFUNCS[name](operand))
        return checked(name, result, operand) if checks else result

    return implementation


sees(math.erf)(_of_math("erf", checks=False))
sees(math.erfc)(_of_math("erfc", checks=False))
sees(math.lgamma)(_of_math("gammaln", checks=True))
sees(math.gamma)(_of_math("gamma", checks=True))
