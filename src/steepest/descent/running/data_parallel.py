"""What several processes must agree on that train together, each on rows of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.running.compile import CompiledProblem
from steepest.engines import Engine
from steepest.errors import InputError
from steepest.graph import trees


def trains_together(engine: Engine) -> bool:
    """Whether an engine averages losses and gradients over several processes."""
    return getattr(engine, "distributed", False)


def averaged(engine: Engine, loss: Any, gradient: Any) -> tuple[Any, Any]:
    """Return a loss and its gradient, averaged over the processes that train together."""
    if not trains_together(engine):
        return loss, gradient
    slope = np.asarray(gradient)
    found: Any = engine
    mean, slopes = found.averaged([np.asarray(loss, slope.dtype), slope])
    return mean, slopes


def check_together(problem: Problem, prepared: CompiledProblem, vector: np.ndarray) -> None:
    """Raise InputError unless the loss is a mean over rows, and all processes end together.

    The means of a batch's two halves are compared with that of the batch, and so are the slopes.
    All processes raise if one of them must.
    """
    if not trains_together(problem.engine):
        return
    if problem.stop.time_limit() < math.inf:
        raise InputError(
            "st.minimize: st.TimeLimit would end the processes of distributed=True at different "
            "iterations: use st.MaxIterations"
        )
    if problem.batches is None or problem.plan is None:
        return  # which the engine refuses
    if problem.plan.samples < 2:
        raise InputError("st.minimize: distributed=True needs two rows or more in each process")
    rows = problem.batches.order(problem.plan.samples, 0)[: max(2, problem.plan.size)]
    half = len(rows) // 2
    x = vector.astype(problem.dtype)

    def at(chosen: np.ndarray) -> np.ndarray:
        pick: Any = lambda leaf: (
            leaf[chosen] if isinstance(leaf, np.ndarray) and leaf.ndim else leaf
        )
        loss, slope = prepared.at(x, *trees.map_leaves(pick, tuple(problem.args)))
        return np.append(slope, loss)

    first, second, whole = at(rows[:half]), at(rows[half : 2 * half]), at(rows[: 2 * half])
    mean = (first + second) / 2
    size = np.linalg.norm(np.abs(first) + np.abs(second))
    is_off = np.linalg.norm(mean - whole) > 10 * math.sqrt(np.finfo(problem.dtype).eps) * size
    off, _ = averaged(problem.engine, float(is_off), np.zeros(1))
    if off > 0:
        raise InputError(
            f"st.minimize: distributed=True needs a loss that is the mean over the rows of a "
            f"batch, so that the mean of several batches is the loss of all their rows. Two "
            f"halves of the first batch have the mean loss {mean[-1]:.6g}, the whole batch has "
            f"{whole[-1]:.6g}: use np.mean in place of np.sum, and compute nothing across rows"
        )
