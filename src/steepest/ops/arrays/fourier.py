"""The discrete Fourier transform, on pairs of real and imaginary parts along the last axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.derivative_rules import Linear
from steepest.ops.machine_code import HOST
from steepest.ops.row import Case, Domain, Row, recorded


def _infer(x: Node, *, axis: int, sign: int) -> tuple[Shape, np.dtype]:
    if x.shape[-1:] != (2,) or x.dtype.kind != "f" or not 0 <= axis < x.ndim - 1:
        raise ValueError(f"fourier: {x} is no array of pairs with an axis {axis}")
    return x.shape, x.dtype


def _evaluate(x: Any, *, axis: int, sign: int) -> np.ndarray:
    """Return the sums of pairs times ``exp(sign * 2 pi i j k / n)``, without any factor."""
    values = np.asarray(x[..., 0] + 1j * x[..., 1])
    transform = np.fft.fft if sign < 0 else np.fft.ifft
    norm: Any = "backward" if sign < 0 else "forward"  # neither divides
    result = transform(values, axis=axis, norm=norm)
    return np.stack([result.real, result.imag], axis=-1).astype(x.dtype)


def _torch(t: Torch, x: Tensor, axis: int, sign: int) -> Tensor:
    transform = t.fft.fft if sign < 0 else t.fft.ifft
    result = transform(
        t.complex(x[..., 0], x[..., 1]), dim=axis, norm="backward" if sign < 0 else "forward"
    )
    return t.stack([result.real, result.imag], -1)


FOURIER = Row(
    name="fourier",
    evaluate=_evaluate,
    infer=_infer,
    # Of real pairs, the transpose is the transform with the other sign.
    derivative=Linear(
        {0: lambda cotangent, x, *, axis, sign: fourier(cotangent, axis=axis, sign=-sign)}
    ),
    torch=_torch,
    lower=HOST,
    domain=Domain(
        ((-3.0, 3.0),),
        (
            Case(((5, 2),), {"axis": 0, "sign": -1}),
            Case(((3, 4, 2),), {"axis": 0, "sign": 1}),
            Case(((2, 9, 2),), {"axis": 1, "sign": -1}),
        ),
    ),
)
fourier: Callable[..., Array] = recorded(FOURIER)

ROWS: tuple[Row, ...] = (FOURIER,)
