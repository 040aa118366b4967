"""NumPy's elementwise functions that are more than one op, and conversions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops import TABLE
from steepest.trace.array import (
    FUNCTIONS,
    TracedArray,
    apply,
    as_traced,
    record,
    refuse,
)
from steepest.trace.functions.register import (
    as_truth,
    implements,
    node_cast,
)
from steepest.trace.indexing import getitem
from steepest.trace.writing import fresh


def _on_truths(name: str) -> Callable[..., Any]:
    return lambda *operands: apply(TABLE[name], *map(as_truth, operands))


def _bitwise(name: str) -> Callable[..., Any]:
    def implementation(*operands: Any) -> TracedArray:
        if any(as_traced(operand).dtype != np.bool_ for operand in operands):
            refuse(f"the bitwise operator for {name.replace('_', ' ')} on numbers")
        return apply(TABLE[name], *operands)

    return implementation


for _name in ("and", "or", "xor", "not"):
    FUNCTIONS[getattr(np, f"logical_{_name}")] = _on_truths(f"logical_{_name}")
    _ufunc = np.invert if _name == "not" else getattr(np, f"bitwise_{_name}")
    FUNCTIONS[_ufunc] = _bitwise(f"logical_{_name}")


@implements(np.positive)
def positive(x):
    return fresh(as_traced(x))


@implements(np.real, method="conj", attribute="real")
def real(val):
    return as_traced(val)


@implements(np.conjugate, method="conjugate")
def conjugate(x):
    return fresh(as_traced(x))


@implements(np.deg2rad, np.radians)
def deg2rad(x):
    return np.multiply(x, math.pi / 180)


@implements(np.rad2deg, np.degrees)
def rad2deg(x):
    return np.multiply(x, 180 / math.pi)


@implements(np.float_power)
def float_power(x, p):
    return np.power(as_traced(x).astype(np.float64), as_traced(p).astype(np.float64))


@implements(np.where)
def where(condition, *choices):
    if not choices:
        return np.nonzero(condition)
    # Chosen values promote as in any ufunc of two operands.
    dtype = np.result_type(*map(_promotable, choices))
    chosen = record(TABLE["where"], as_truth(condition), *(node_cast(c, dtype) for c in choices))
    chosen.is_scalar = False
    return chosen


def _promotable(value: Any) -> Any:
    if isinstance(value, TracedArray):
        return 0.0 if value.weak else value.dtype
    return value if type(value) in (int, float, bool) else np.asarray(value).dtype


@implements(np.clip, method="clip")
def clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None):
    low = a_min if a_min is not None else min
    high = a_max if a_max is not None else max
    if low is not None:
        a = np.maximum(a, low)
    return as_traced(a) if high is None else np.minimum(a, high)


@implements(np.astype, method="astype")
def astype(x, dtype, copy=True, order="K", casting="unsafe", subok=True):
    x = as_traced(x)
    if x.dtype == dtype and not x.weak:
        return fresh(x) if copy else x
    result = node_cast(x, dtype)
    result.is_scalar = x.is_scalar
    return result


@implements(method="item")
def item(x, *index):
    index = index[0] if len(index) == 1 and isinstance(index[0], tuple) else index
    if len(index) == 1 and x.ndim != 1:
        flat: Any = np.ravel(x)
        chosen: Any = getitem(flat, index)
    else:
        chosen = getitem(x, index) if index else np.reshape(x, ())
    return TracedArray(chosen.node, chosen.session, chosen.dtype.kind in "fi", is_scalar=True)
