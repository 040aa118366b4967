"""A point at which a loss is looked at; derivatives are recorded as they are asked for."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from steepest.derivative import pull_back, push_forward
from steepest.descent.problem.bounds import Box
from steepest.graph import Node, trees
from steepest.ops.linear_algebra.triangular import triangle
from steepest.trace import TracedArray, as_traced, current, node_of, scan
from steepest.trace.tracing import call_traced, own_copies

_UNROLLED = 24
"""Parameters up to which each has its own pushforward in the graph; beyond, a loop has."""


class Evaluation:
    """The loss at a point, and what it is made of.

    Parameters
    ----------
    x
        The point, shape (n,).
    loss
        The loss there, a number.
    residual
        The residuals whose half sum of squares is the loss, shape (m,), or that stand for
        such; None if it is no such sum.
    plain
        The residuals that the user's function returns.
    weights
        What scales the slopes of these to those of the stand-ins; None for 1.
    box
        Where x has to stay; None where it need not.
    """

    def __init__(
        self,
        x: Any,
        loss: Any,
        residual: Any = None,
        plain: Any = None,
        weights: Any = None,
        box: Box | None = None,
    ) -> None:
        self.x, self.loss, self.residual = as_traced(x), as_traced(loss), residual
        self.plain, self._weights, self.box = plain, weights, box

    @classmethod
    def known(cls, x: Any, loss: Any, gradient: Any, triangle: Any) -> Evaluation:
        """Return a point at which everything that a method for residuals looks at is known."""
        point = cls(x, loss)
        point.gradient, point.triangle = gradient, triangle
        return point

    @functools.cached_property
    def gradient(self) -> Any:
        """Of the loss, shape (n,)."""
        one = as_traced(np.ones((), self.loss.dtype))
        (gradient,) = pull_back([self.loss.node], [one], [self.x.node])
        return as_traced(np.zeros_like(self.x)) if gradient is None else gradient

    @functools.cached_property
    def held(self) -> Any:
        """Which parameters are on a bound that descent leads against, shape (n,)."""
        return self.box.held(self.x, self.gradient)  # type: ignore[union-attr]

    @functools.cached_property
    def free_gradient(self) -> Any:
        """The gradient, 0 for parameters held by a bound."""
        return self.gradient if self.box is None else np.where(self.held, 0.0, self.gradient)

    @functools.cached_property
    def hessian(self) -> Any:
        """Of the loss, shape (n, n), symmetric."""
        columns = slopes(self.gradient.node, self.x)
        return 0.5 * (columns + columns.T)

    @functools.cached_property
    def jacobian(self) -> Any:
        """Of the residuals, shape (m, n)."""
        plain = self.plain_jacobian
        return plain if self._weights is None else self._weights[:, None] * plain

    @functools.cached_property
    def plain_jacobian(self) -> Any:
        """Of the residuals that the user's function returns, shape (m, n)."""
        return slopes(node_of(self.plain), self.x)

    @functools.cached_property
    def triangle(self) -> Any:
        """The residuals as a linear function of a step, turned into a triangle.

        R of the Jacobian's QR decomposition, and Q.T times the residuals as its last column:
        shape (n, n + 1). Parameters that a bound holds have no say in it: each has a row of
        its own, which none of the others looks at.
        """
        jacobian, residual = self.jacobian, self.residual
        count, number = jacobian.shape
        if self.box is not None:
            alone = np.eye(number, dtype=bool) & self.held
            own = np.where(alone, 1.0, 0.0).astype(jacobian.dtype)
            jacobian = np.concatenate([np.where(self.held, 0.0, jacobian), own])
            residual = np.concatenate([residual, np.zeros(number, residual.dtype)])
            count += number
        rows = np.concatenate([jacobian, residual[:, None]], axis=1)
        if count <= number:  # as many rows as columns at least
            missing = np.zeros((number + 1 - count, number + 1), rows.dtype)
            rows = np.concatenate([rows, missing])
        return triangle(rows)[:number]

    def hessian_times(self, v: Any) -> Any:
        """Return the Hessian times a vector of shape (n,)."""
        return _pushed(self.gradient.node, self.x, v)


def slopes(output: Node, x: TracedArray) -> Any:
    """Return the slopes of a vector by another, shape ``output.shape + x.shape``."""
    units = np.eye(x.size, dtype=x.dtype)
    if x.size <= _UNROLLED:
        return np.stack([_pushed(output, x, as_traced(unit)) for unit in units], axis=-1)
    _, rows = scan(lambda nothing, unit: (nothing, _pushed(output, x, unit)), 0.0, units)
    return rows.T


def curve_slopes(model: Any, layout: Any, expand: Any, vector: Any, x: Any) -> tuple[Any, Any]:
    """Return a model at some x, and its slopes by the vector of its free parameters."""
    tree = trees.unflatten(layout.structure, layout.pieces(vector))
    tree = tree if expand is None else expand(tree)
    curve = as_traced(call_traced(model, current(), own_copies((x, tree))))
    return curve, slopes(curve.node, as_traced(vector))


def value_slopes(layout: Any, expand: Any, vector: Any) -> tuple[Any, Any]:
    """Return all parameters as a vector, and its slopes by that of the free ones."""
    tree = expand(trees.unflatten(layout.structure, layout.pieces(vector)))
    parts: list[Any] = [np.reshape(as_traced(leaf), (-1,)) for leaf in trees.leaves(tree)]
    values = as_traced(np.concatenate(parts))
    return values, slopes(values.node, as_traced(vector))


def _pushed(output: Node, x: TracedArray, tangent: Any) -> Any:
    (result,) = push_forward([output], {x.node: as_traced(tangent)})
    if result is None:
        return as_traced(np.zeros_like(TracedArray(output, current())))
    return result


def robust(residual: Any, rho: Any, scale: float) -> tuple[Any, Any, Any]:
    """Return a robust loss of residuals, and residuals that stand for it.

    Parameters
    ----------
    residual
        Plain residuals r, shape (m,).
    rho
        The loss of one squared residual, ``rho(z)`` with ``rho(0) = 0``, ``rho'(0) = 1``.
    scale
        The residual from which on they count as outliers.

    Returns
    -------
    loss
        ``0.5 * scale**2 * sum(rho((r / scale)**2))``.
    residual
        Residuals f of the same gradient: ``J.T @ f`` is that of the loss, where
    weights
        scales the rows of the Jacobian of r to J, so that ``J.T @ J`` is near its Hessian
        (Triggs et al. 2000).
    """
    z: Any = as_traced(np.square(residual / scale))
    value: Any = as_traced(rho(z))
    ones = as_traced(np.ones_like(z))
    (slope,) = pull_back([value.node], [ones], [z.node])
    first: Any = ones if slope is None else slope
    (second,) = pull_back([node_of(first)], [ones], [z.node])
    bend: Any = 0.0 if second is None else second
    curvature = first + 2.0 * bend * z
    # An outlier's curvature may be negative; near 0 the stand-in would drown in rounding.
    weights = np.sqrt(np.maximum(curvature, 0.01 * first))
    total: Any = np.sum(value)
    return 0.5 * scale**2 * total, residual * first / weights, weights
