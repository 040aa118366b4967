"""The op that computes by panels of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Graph, Shape
from steepest.ops import TABLE, Domain, Kernel, Reduction, Row, Zero
from steepest.ops.arrays.loops import run_step
from steepest.ops.row import Case


def join_of(reduction: str) -> str:
    """Return the op that joins the results of panels, by the reduction over rows."""
    lower = TABLE[reduction].lower
    assert isinstance(lower, Reduction)
    return lower.join


@dataclass(frozen=True)
class SlicedOperand:
    """An operand of which a panel reads some rows.

    Attributes
    ----------
    operand
        Its position among the operands.
    axis
        The axis of its rows.
    distance
        The row that belongs to the coordinate 0.
    """

    operand: int
    axis: int
    distance: int


@dataclass(frozen=True)
class Segment:
    """A range of coordinates that is computed in the same way.

    Attributes
    ----------
    start
        The first coordinate.
    size, count
        Rows of a panel, and the number of panels.
    step
        The graph of a panel. Its inputs are the sliced operands, some of them with more rows
        than the panel, and then the whole operands.
    results
        For each output of the step, the number of the result it belongs to.
    """

    start: int
    size: int
    count: int
    step: Graph
    results: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """Something that the panels compute together.

    Attributes
    ----------
    shape, dtype
        Of the whole.
    axis
        Axis of its rows; None for what is combined over all rows.
    start
        Coordinate of its first row.
    combine
        Name of the reduction over rows.
    """

    shape: Shape
    dtype: np.dtype
    axis: int | None
    start: int = 0
    combine: str = "sum"


@dataclass(frozen=True, eq=False)
class Panels:
    """A computation over many rows.

    Attributes
    ----------
    rows
        Number of coordinates.
    sliced
        Operands of which a panel reads some rows.
    whole
        Positions of the operands that every panel reads as a whole.
    segments
        The ranges of coordinates, with the graph of each.
    results
        What the panels compute together.
    strips
        Number of parts, of neighboring panels, into which the work is divided. Each part has
        its own sums, which are added up at the end.
    backwards
        Whether it begins with the rows that the previous pass read last.
    """

    rows: int
    sliced: tuple[SlicedOperand, ...]
    whole: tuple[int, ...]
    segments: tuple[Segment, ...]
    results: tuple[Result, ...]
    strips: int
    backwards: bool = False

    @property
    def count(self) -> int:
        """Number of panels."""
        return sum(segment.count for segment in self.segments)


def _evaluate(*operands: Any, plan: Panels, number: int) -> np.ndarray:
    wanted = plan.results[number]
    result = None if wanted.axis is None else np.empty(wanted.shape, wanted.dtype)
    for segment in plan.segments:
        if number not in segment.results:
            continue
        for panel in range(segment.count):
            start = segment.start + panel * segment.size
            values = [
                _rows(operands[d.operand], d.axis, start + d.distance, node.shape[d.axis])
                for d, node in zip(plan.sliced, segment.step.inputs, strict=False)
            ]
            values += [operands[i] for i in plan.whole]
            part = run_step(segment.step, values)[segment.results.index(number)]
            if wanted.axis is not None:
                assert result is not None
                _rows(result, wanted.axis, start - wanted.start, segment.size)[...] = part
            else:
                combine = TABLE[join_of(wanted.combine)].evaluate
                result = part if result is None else combine(result, part)
    assert result is not None, "some panel has the result"
    return result


def _rows(array: np.ndarray, axis: int, start: int, size: int) -> np.ndarray:
    first = max(start, 0)
    return array[(slice(None),) * axis + (slice(first, first + size),)]


PANELS = Row(
    name="panels",
    evaluate=_evaluate,
    infer=lambda *operands, plan, number: (plan.results[number].shape, plan.results[number].dtype),
    derivative=Zero(),  # panels are made after differentiation
    torch="",
    lower=Kernel("panels"),
    domain=Domain(((-3.0, 3.0),), (Case(((3,),)),)),
)
"""One result of a computation by panels. It is not in the op table: no function records it."""
