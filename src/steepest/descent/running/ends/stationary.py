"""Descents whose gradient is exactly 0 at the start, where they end."""

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

_MAX_PRODUCTS = 20
"""Largest number of Hessian-vector products; exact for as many parameters."""

AMBIGUOUS = "The gradient is exactly 0 at the start, as it is at a maximum or a saddle point, too."
CURVES_DOWN = (
    "The gradient is exactly 0 at the start, but the curvature is negative there, as at a maximum "
    "or a saddle point (after 0 iterations, at loss {loss:.6g}): start elsewhere, or use "
    "method=st.TrustRegion(exact=True), which leaves such points."
)


def is_about_slopes(met: list[StopRule]) -> bool:
    """Whether the goals that were met use the gradient only, and not the loss."""
    kinds = GradientNormBelow, DecrementBelow, DecrementUnknown
    return all(isinstance(rule, kinds) for rule in met if rule.is_goal)


def curves_down(problem: Problem, x: np.ndarray) -> bool:
    """Whether the loss has negative curvature at a point, in a direction within the bounds.

    The Hessian's lowest eigenvalue comes from a Lanczos iteration with a random start, in NumPy.
    """

    def hessian_product(vector: np.ndarray, direction: np.ndarray, *args: object) -> np.ndarray:
        product: np.ndarray = problem.objective(vector, problem.layout, args).hessian_times(
            direction
        )
        return product

    product = Function(hessian_product)
    box, point = problem.box, x.astype(problem.dtype)
    free = np.ones(x.size, bool) if box is None else box.inside(x)
    if not free.any():
        return False
    basis: list[np.ndarray] = []
    images: list[np.ndarray] = []
    direction = np.random.default_rng(0).standard_normal(x.size) * free
    length = np.linalg.norm(direction)
    with np.errstate(all="ignore"):
        while len(basis) < min(_MAX_PRODUCTS, int(np.sum(free))) and length > 0:
            basis.append((direction / length).astype(problem.dtype))
            image = np.asarray(product(point, basis[-1], *problem.args)) * free
            if not np.isfinite(image).all():
                return False
            images.append(image)
            size, known = np.linalg.norm(image), np.array(basis)
            direction = image - known.T @ (known @ image)
            direction = direction - known.T @ (known @ direction)  # against rounding errors
            length = np.linalg.norm(direction)
            if length <= np.sqrt(np.finfo(problem.dtype).eps) * size:
                break
    values = np.linalg.eigvalsh(np.array(basis) @ np.array(images).T)
    rounding = np.sqrt(np.finfo(problem.dtype).eps) * np.abs(values).max()
    return bool(values[0] < -rounding)
