"""An iteration whose data are read in blocks: always an evaluation, and a step of its own."""

from __future__ import annotations

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.split import can_be_split, needs_slopes_of_rows, trace_split
from steepest.descent.iteration.trace import Settings, TracedIteration
from steepest.descent.problem.evaluation import UNROLLED
from steepest.descent.problem.streamed import refuse_method, sources_in


def trace_streamed(problem: Problem, vector: np.ndarray) -> TracedIteration:
    """Trace an iteration whose data are read in blocks.

    Raises
    ------
    InputError
        If the method needs all rows at once, or is not one of steepest's own.
    """
    p = problem
    settings = Settings(p.split, p.record_every)
    why = _obstacle(p, vector, settings)
    if not why:
        built = trace_split(p.objective, p.layout, vector, p.args, settings, p.box)
        if built is not None:
            return built
        why = "it needs more than the loss, its gradient and its Hessian"
    refuse_method(p.method, sources_in(p.args), why)


def _obstacle(p: Problem, vector: np.ndarray, settings: Settings) -> str:
    """Return why data cannot be read in blocks, as far as settings say; else an empty text."""
    if p.fast:
        return "fast=True needs all rows at once"
    if set(p.layout.dtypes) != {p.dtype}:
        return "the parameters must have the precision of the arithmetic"
    if not can_be_split(settings, p.layout, p.dtype):
        return "it, or the stop rule, is not one of steepest's own"
    if vector.size > UNROLLED and needs_slopes_of_rows(settings, vector, p.box is not None):
        return f"with more than {UNROLLED} parameters it needs all rows at once"
    return ""
