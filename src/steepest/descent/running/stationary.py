"""Descents that end where they started, because all slopes are exactly 0 there."""

from __future__ import annotations

import numpy as np

from steepest.derivative import Function
from steepest.descent.iteration.problem import Problem
from steepest.descent.stop_rules import (
    DecrementBelow,
    DecrementUnknown,
    GradientNormBelow,
    StopRule,
)

_MOST = 20
"""Products with the Hessian at most: for so many parameters they show all of its eigenvalues."""

BOTH = "All slopes are exactly 0 at the start: a maximum or a saddle point would meet this too."
DOWN = (
    "All slopes are exactly 0 at the start, but the loss curves down there, as at a maximum or a "
    "saddle point (after 0 iterations, at loss {loss:.6g}): start elsewhere, or take "
    "method=st.TrustRegion(exact=True), which leaves such points."
)


def is_about_slopes(met: list[StopRule]) -> bool:
    """Whether rules that were met look at slopes alone, and not at the loss."""
    kinds = GradientNormBelow, DecrementBelow, DecrementUnknown
    return all(isinstance(rule, kinds) for rule in met if rule.is_goal)


def curves_down(problem: Problem, x: np.ndarray) -> bool:
    """Whether the loss curves down at a point in a direction that leads into its bounds.

    Found by Lanczos's iteration from a random direction, in NumPy.
    """

    def look(vector: np.ndarray, direction: np.ndarray, *args: object) -> np.ndarray:
        product: np.ndarray = problem.objective(vector, problem.layout, args).hessian_times(
            direction
        )
        return product

    product = Function(look)
    box, point = problem.box, x.astype(problem.dtype)
    free = np.ones(x.size, bool) if box is None else (x > box.lower) & (x < box.upper)
    if not free.any():
        return False
    basis: list[np.ndarray] = []
    images: list[np.ndarray] = []
    direction = np.random.default_rng(0).standard_normal(x.size) * free
    length = np.linalg.norm(direction)
    with np.errstate(all="ignore"):
        while len(basis) < min(_MOST, int(np.sum(free))) and length > 0:
            basis.append((direction / length).astype(problem.dtype))
            image = np.asarray(product(point, basis[-1], *problem.args)) * free
            if not np.isfinite(image).all():
                return False
            images.append(image)
            size, known = np.linalg.norm(image), np.array(basis)
            direction = image - known.T @ (known @ image)
            direction = direction - known.T @ (known @ direction)  # else rounding adds up
            length = np.linalg.norm(direction)
            if length <= np.sqrt(np.finfo(problem.dtype).eps) * size:
                break
    values = np.linalg.eigvalsh(np.array(basis) @ np.array(images).T)
    rounding = np.sqrt(np.finfo(problem.dtype).eps) * np.abs(values).max()
    return bool(values[0] < -rounding)
