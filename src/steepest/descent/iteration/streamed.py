"""An iteration whose data are read in blocks."""

from __future__ import annotations

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.split import can_be_split, trace_split
from steepest.descent.iteration.trace import (
    RunPosition,
    Settings,
    TracedIteration,
    trace_iteration,
)
from steepest.descent.methods.base import needs_residuals
from steepest.descent.problem.evaluation import UNROLLED_IN_BLOCKS
from steepest.descent.problem.streamed import refuse_method, sources_in


def trace_streamed(
    problem: Problem, vector: np.ndarray, position: RunPosition | None = None
) -> TracedIteration:
    """Trace an iteration whose data are read in blocks; in two graphs if that is possible.

    At the `position` of a run, the path is traced that it takes there.

    Raises
    ------
    InputError
        If the method needs all rows at once.
    """
    p = problem
    settings = Settings(p.split, p.record_every)
    why = _obstacle(p, vector.size)
    if why:
        refuse_method(p.method, sources_in(p.args), why)
    if can_be_split(settings, p.layout, p.dtype):
        built = trace_split(p.objective, p.layout, vector, p.args, settings, p.box, position)
        if built is not None:
            return built
    return trace_iteration(
        p.objective, p.layout, vector, p.args, settings, p.dtype, p.box, position
    )


def _obstacle(p: Problem, number: int) -> str:
    """Return why data cannot be read in blocks, as far as settings say; else an empty text."""
    if p.fast:
        return "fast=True needs all rows at once"
    if set(p.layout.dtypes) != {p.dtype}:
        return "the parameters must have the precision of the arithmetic"
    if number > UNROLLED_IN_BLOCKS and needs_residuals(p.method):
        return f"with more than {UNROLLED_IN_BLOCKS} parameters it needs all rows at once"
    return ""
