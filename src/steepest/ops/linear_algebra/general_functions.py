"""Functions of square matrices that need not be symmetric: expm, sqrtm, logm, and others.

The derivative along E is a block of the same function of a larger matrix (Mathias 1996):
f([[A, E], [0, A]]) = [[f(A), f'(A) E], [0, f(A)]]. So the op is its own derivative, to any order.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.derivative_rules import Rule
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.ops.linear_algebra.matrices import square, swap
from steepest.ops.machine_code import HOST
from steepest.ops.row import Case, Domain, Row, recorded

_IMAGINARY = 1e-9
"""A result whose imaginary part is beyond this share of it is not real."""


def _of_one(a: np.ndarray, of: str) -> np.ndarray:
    import scipy.linalg

    if not np.isfinite(a).all():
        return np.full_like(a, np.nan)
    before = np.random.get_state()  # SciPy estimates norms with random vectors
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = getattr(scipy.linalg, of)(a.astype(np.float64))
    np.random.set_state(before)
    is_real = np.max(np.abs(value.imag), initial=0.0) <= _IMAGINARY * np.max(np.abs(value))
    return value.real if is_real else np.full_like(a, np.nan)


def _evaluate(a: Any, *, of: str) -> np.ndarray:
    result = np.empty(a.shape, a.dtype)
    with np.errstate(all="ignore"):
        for place in np.ndindex(*a.shape[:-2]):
            result[place] = _of_one(a[place], of)
    return result


def _infer(a: Node, *, of: str) -> tuple[Shape, np.dtype]:
    if of not in NAMES:
        raise ValueError(f"{of!r} is none of {', '.join(NAMES)}")
    return square(a)


def _largest(x: Array) -> Array:
    size = np.max(np.abs(stop_gradient(x)), axis=(-2, -1), keepdims=True)
    return np.where(size > 0, size, 1.0).astype(x.dtype)


def along(a: Array, direction: Array, of: str) -> Array:
    """Return the derivative of a function of a matrix along another matrix."""
    n, scale = a.shape[-1], _largest(direction) / _largest(a)  # so that the blocks are alike
    upper = np.concatenate([a, direction / scale], axis=-1)
    lower = np.concatenate([np.zeros_like(a), a], axis=-1)
    block = general_function(np.concatenate([upper, lower], axis=-2), of=of)
    return scale * block[..., :n, n:]


def _pullback(cotangent: Array, y: Array, a: Array, *, of: str) -> tuple[Array, ...]:
    return (along(swap(a), cotangent, of),)


def _pushforward(tangents: Sequence[Array], y: Array, a: Array, *, of: str) -> Array:
    return along(a, tangents[0], of)


def _in_torch(t: Torch, a: Tensor, *, of: str) -> Tensor:
    return _autograd_function(t, of).apply(a)


@functools.cache
def _autograd_function(t: Torch, of: str) -> Any:
    def forward(context: Any, a: Any) -> Any:
        context.save_for_backward(a)
        value = _evaluate(a.detach().cpu().numpy(), of=of)
        return t.as_tensor(value, device=a.device)

    def backward(context: Any, cotangent: Any) -> Any:
        a = context.saved_tensors[0].mT
        upper, lower = t.cat([a, cotangent], -1), t.cat([t.zeros_like(a), a], -1)
        n = a.shape[-1]
        return _autograd_function(t, of).apply(t.cat([upper, lower], -2))[..., :n, n:]

    members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("general_function", (t.autograd.Function,), members)


NAMES = ("expm", "sqrtm", "logm", "sinm", "cosm", "tanm", "sinhm", "coshm", "tanhm")
"""SciPy's names of the functions."""

GENERAL_FUNCTION: Row = Row(
    name="general_function",
    evaluate=_evaluate,
    infer=_infer,
    derivative=Rule(_pullback, _pushforward),
    torch=_in_torch,
    lower=HOST,
    domain=Domain(
        ((0.0, 1.0),),
        (
            Case(((3, 3),), {"of": "expm"}, diagonal=1.0),
            Case(((2, 3, 3),), {"of": "sqrtm"}, diagonal=4.0),
            Case(((3, 3),), {"of": "logm"}, diagonal=4.0),
            Case(((2, 2),), {"of": "sinm"}, diagonal=1.0),
        ),
        agree=lambda a: ((a + np.triu(a, 1)).astype(a.dtype),),  # not symmetric
    ),
    kink="NaN where the result is not real",
    explain="the matrix has an eigenvalue that is not positive, so that the result is complex",
)
general_function: Callable[..., Array] = recorded(GENERAL_FUNCTION)

ROWS: tuple[Row, ...] = (GENERAL_FUNCTION,)
