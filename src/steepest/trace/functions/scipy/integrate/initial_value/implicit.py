"""What implicit methods share: equations that a step solves, with their exact derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops import NEWTON
from steepest.ops.arrays.loops import RULES
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.control_flow import while_loop
from steepest.trace.functions.scipy.integrate.initial_value.problem import rms
from steepest.trace.recording.session import current
from steepest.trace.subgraph import RecordedStep, packing_of, with_common_inputs


def solved(
    residual: Callable[[Any], Any], start: Any, jacobian: Callable[[Any], Any] | None = None
) -> Any:
    """Return the solution of equations near a point that almost solves them.

    One step of Newton's method with the exact Jacobian is made. The derivative is that of the
    solution.

    Parameters
    ----------
    residual
        Function of a vector, zero at the solution.
    start
        A vector.
    jacobian
        The derivatives of the residual; None to find them.
    """
    packing = packing_of(start)
    recorded = RecordedStep(residual, [packing])
    graph, outer = recorded.graph([recorded.result])
    values = [TracedArray(node, current(), is_scalar=False) for node in outer]

    def slopes(z: Any) -> Any:
        return RULES["jacobian"](graph, [z, *values], 0) if jacobian is None else jacobian(z)

    others = [
        RecordedStep(function, [packing])
        for function in (slopes, lambda z: z - np.linalg.solve(slopes(z), residual(z)))
    ]
    parts = [(graph, outer), *(other.graph([other.result]) for other in others)]
    graphs, around = with_common_inputs(parts)
    names = ("residual", "jacobian", "step")
    return record(NEWTON, start, *around, **dict(zip(names, graphs, strict=True)), number=1)


def identity(size: int) -> Any:
    """Return a unit matrix, computed where it is used, however large it is."""
    places = as_traced(np.arange(size))
    return np.equal(places[:, None], places).astype(np.float64)


def newton_tolerance(rtol: Any, eps: float) -> float:
    """Return how accurately a step's equations are solved, in units of the tolerance."""
    smallest = float(np.min(rtol))
    return float(max(10 * eps / smallest, min(0.03, smallest**0.5)))


def iterate(
    start: Any, change_at: Callable[[Any], Any], scale: Any, most: int, tolerance: float
) -> Any:
    """Make changes to a point until they are small; return the "point", and if it "converged".

    Parameters
    ----------
    start
        The first point.
    change_at
        Function of a point that returns a change.
    scale
        Size of a change that counts as 1.
    most
        Largest number of changes. How many were "made" is returned as well.
    tolerance
        How small the error has to become.
    """
    first = {
        "point": start, "size": np.asarray(np.inf), "made": np.asarray(0.0),
        "converged": np.array(False), "diverges": np.array(False),
    }  # fmt: skip

    def changed(carry: Any) -> Any:
        point, before = carry["point"], carry["size"]
        change = change_at(point)
        size = rms(change / scale)
        rate, is_later = size / before, np.isfinite(before)
        left = most - carry["made"]
        hopeless = (rate >= 1) | (rate**left / (1 - rate) * size > tolerance)
        diverges = (is_later & hopeless) | ~np.isfinite(size)
        small = (size == 0) | (is_later & (rate / (1 - rate) * size < tolerance))
        return {
            "point": np.where(diverges, point, point + change), "size": size,
            "made": carry["made"] + 1, "converged": small & ~diverges, "diverges": diverges,
        }  # fmt: skip

    def goes_on(carry: Any) -> Any:
        return (carry["made"] < most) & ~carry["converged"] & ~carry["diverges"]

    return while_loop(goes_on, changed, first)
