"""The lower triangle of a matrix: the diagonal, what is below it, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.ops.aliases import Array, Builder, Element, Tensor, Torch
from steepest.ops.derivative_rules import Linear
from steepest.ops.machine_code import Indexed
from steepest.ops.row import Case, Domain, Row, recorded


def _evaluate(x: Array, *, diagonal: bool, below: bool) -> np.ndarray:
    rows, columns = x.shape[-2:]
    place = np.arange(rows)[:, None] - np.arange(columns)
    kept = ((place > 0) & below) | ((place == 0) & diagonal)
    result: np.ndarray = np.where(kept, x, x.dtype.type(0))
    return result


def _element(
    b: Builder, fetch: Callable[..., Element], index: tuple[Any, ...], node: Node
) -> Element:
    *_, i, j = index
    diagonal, below = node.attributes["diagonal"], node.attributes["below"]
    symbol = ">=" if diagonal and below else "==" if diagonal else ">"
    return b.select(b.compare_places(symbol, i, j), fetch(0, index), b.zero(node.dtype))


def _torch(t: Torch, x: Tensor, *, diagonal: bool, below: bool) -> Tensor:
    lower = t.tril(x, 0 if diagonal else -1)
    return lower if below else t.triu(lower)


LOWER_PART: Row = Row(
    name="lower_part",
    evaluate=_evaluate,
    infer=lambda x, *, diagonal, below: (x.shape, x.dtype),
    derivative=Linear({0: lambda cotangent, x, **parts: _record(cotangent, **parts)}),
    torch=_torch,
    lower=Indexed(_element),
    domain=Domain(
        ((-3.0, 3.0),),
        (
            Case(((3, 3),), {"diagonal": True, "below": True}),
            Case(((2, 4, 4),), {"diagonal": False, "below": True}),
            Case(((5, 5),), {"diagonal": True, "below": False}),
        ),
        analytic=True,
    ),
)
_record: Callable[..., Array] = recorded(LOWER_PART)


def lower_part(x: Array, diagonal: bool = True, below: bool = True) -> Array:
    """Return the lower triangle, or only what is below the diagonal, or only the diagonal."""
    return _record(x, diagonal=diagonal, below=below)


def half_lower(x: Array) -> Array:
    """Return the lower triangle with half of the diagonal."""
    return 0.5 * (lower_part(x) + lower_part(x, diagonal=False))


ROWS: tuple[Row, ...] = (LOWER_PART,)
