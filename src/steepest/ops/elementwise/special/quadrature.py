"""Integrals over fixed nodes, for derivatives that no closed form gives without cancellation.

They are NumPy code, so they can be differentiated again and run as machine code. Where the
nodes lie depends on the operands, but is taken as constant: an integral does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.arithmetic import stop_gradient

DEPTH = 45.0
"""How far below its largest value the logarithm of an integrand is followed."""


def gauss(count: int, grading: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss and Legendre on (0, 1), graded toward 0 by a power."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    nodes, weights = (nodes + 1) / 2, weights / 2
    return nodes**grading, weights * grading * nodes ** (grading - 1)


def column(x: Any) -> Array:
    """Return an operand with a last axis for the nodes."""
    return x[..., None] if np.ndim(x) else np.reshape(x, (1,))


def cutoff(
    depth: Callable[[Array], Array], slope: Callable[[Array], Array], start: Array
) -> Array:
    """Return where a convex function that is 0 at 0 exceeds :data:`DEPTH`, by Newton's steps."""
    point = start
    for _ in range(8):
        step = (depth(point) - DEPTH) / np.maximum(slope(point), 1e-300)
        point = np.clip(point - step, 0.0, 1e6)
    return point


def constant(*operands: Any) -> tuple[Array, ...]:
    """Return operands as constants, from which nodes are placed."""
    return tuple(stop_gradient(x) for x in operands)


def together(*operands: Any) -> list[Array]:
    """Return operands of one shape."""
    nothing: Any = sum(0.0 * x for x in operands)
    return [x + nothing for x in operands]
