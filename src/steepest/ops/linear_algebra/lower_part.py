"""The lower triangle of a matrix, with factors for its diagonal and for what is below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.ops.aliases import Array, Builder, Element, Tensor, Torch
from steepest.ops.derivative_rules import Linear
from steepest.ops.machine_code import Indexed
from steepest.ops.row import Case, Domain, Row, recorded


def _evaluate(x: Array, *, diagonal: float, below: float) -> np.ndarray:
    rows, columns = x.shape[-2:]
    place = np.arange(rows)[:, None] - np.arange(columns)
    result = np.where(place > 0, x * below, np.where(place == 0, x * diagonal, 0))
    return result.astype(x.dtype)


def _element(
    b: Builder, fetch: Callable[..., Element], index: tuple[Any, ...], node: Node
) -> Element:
    x, nothing = fetch(0, index), b.zero(node.dtype)
    *_, i, j = index

    def scaled(factor: float) -> Element:
        return x if factor == 1 else x * factor if factor else nothing

    is_below, on_diagonal = b.compare_places(">", i, j), b.compare_places("==", i, j)
    rest = b.select(on_diagonal, scaled(node.attributes["diagonal"]), nothing)
    return b.select(is_below, scaled(node.attributes["below"]), rest)


def _torch(t: Torch, x: Tensor, *, diagonal: float, below: float) -> Tensor:
    return t.tril(x, -1) * below + t.tril(t.triu(x)) * diagonal


LOWER_PART: Row = Row(
    name="lower_part",
    evaluate=_evaluate,
    infer=lambda x, *, diagonal, below: (x.shape, x.dtype),
    derivative=Linear({0: lambda cotangent, x, **factors: _record(cotangent, **factors)}),
    torch=_torch,
    lower=Indexed(_element),
    domain=Domain(
        ((-3.0, 3.0),),
        (
            Case(((3, 3),), {"diagonal": 0.5, "below": 1.0}),
            Case(((2, 4, 4),), {"diagonal": 1.0, "below": 2.0}),
            Case(((5, 5),), {"diagonal": 0.0, "below": 1.0}),
        ),
        analytic=True,
    ),
)
_record = recorded(LOWER_PART)


def lower_part(x: Array, diagonal: float = 1.0, below: float = 1.0) -> Array:
    """Return the lower triangle, times a factor on the diagonal and one below it."""
    return _record(x, diagonal=diagonal, below=below)


ROWS: tuple[Row, ...] = (LOWER_PART,)
