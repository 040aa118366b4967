"""The loss at a point, with derivatives that are recorded when they are first used."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative import pull_back, push_forward, pushed_by
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.differencing import allowing_differences
from steepest.graph import Graph, Node, Shape, order, trees
from steepest.ops.linear_algebra.triangular import fit_triangle
from steepest.trace import TracedArray, as_traced, current, node_of, scan
from steepest.trace.tracing import call_traced, own_copies

UNROLLED = 24
"""Largest number of parameters with a pushforward each in the graph; more are done in a loop."""

UNROLLED_IN_BLOCKS = 64
"""The same for the Jacobian of residuals whose rows are read in blocks: a loop would need all rows
of a column at once."""

_LONG_LOOP = 150
"""Nodes of loops from which on the columns of a Jacobian are computed in a loop, too: the loops
would be compiled once for each column."""


class Evaluation:
    """The loss at a point and its derivatives, as a :class:`Search` sees them.

    Each derivative is recorded when it is first used: ``gradient`` (n,), ``hessian`` (n, n),
    ``hessian_times(v)`` (n,), and of residuals ``jacobian`` (m, n) and ``jacobian_times(v)`` (m,).

    Parameters
    ----------
    x : ndarray
        The point, shape (n,).
    loss : float
        The loss at the point.
    residual : ndarray, optional
        Residuals whose half sum of squares is the loss, shape (m,), or with a robust loss has its
        gradient; None if the loss is not a sum of squares.
    plain : ndarray, optional
        The residuals that the user's function returns, shape (m,).
    weights : ndarray, optional
        Factors of the rows of the Jacobian of `plain` that give the Jacobian of `residual`, shape
        (m,); None for 1.
    box : Box, optional
        Bounds on the parameters.
    by_jacobian : bool, optional
        Whether the gradient is ``jacobian.T @ residual``, for methods that need the Jacobian
        anyway, and not of the reverse mode.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> class DampedNewton(st.Search):
    ...     def init(self, x):
    ...         return ()
    ...     def advance(self, base, trial, state, is_first):
    ...         damped = trial.hessian + 0.1 * np.eye(trial.x.size)
    ...         return st.Move(True, trial.x - np.linalg.solve(damped, trial.gradient), state)
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2), method=DampedNewton())
    >>> run.x.round(4)
    array([3., 3.])
    """

    def __init__(
        self,
        x: Any,
        loss: Any,
        residual: Any = None,
        plain: Any = None,
        weights: Any = None,
        box: Box | None = None,
        by_jacobian: bool = False,
    ) -> None:
        self.x, self.loss, self.residual = as_traced(x), as_traced(loss), residual
        self.plain, self._weights, self.box = plain, weights, box
        self._by_jacobian = by_jacobian

    @functools.cached_property
    def gradient(self) -> Any:
        """The gradient of the loss, shape (n,)."""
        if self._by_jacobian and self.x.size <= UNROLLED:
            return np.stack([np.sum(column * self.residual) for column in self._columns])
        if self._by_jacobian:
            return np.sum(self.jacobian * self.residual[:, None], axis=0)
        one = as_traced(np.ones((), self.loss.dtype))
        (gradient,) = pull_back([self.loss.node], [one], [self.x.node])
        return as_traced(np.zeros_like(self.x)) if gradient is None else gradient

    @functools.cached_property
    def held(self) -> Any:
        """Which parameters are on a bound that steepest descent would cross, shape (n,)."""
        return self.box.held(self.x, self.gradient)  # type: ignore[union-attr]

    @functools.cached_property
    def free_gradient(self) -> Any:
        """The gradient, with 0 for parameters that are held by a bound, shape (n,)."""
        return self.gradient if self.box is None else np.where(self.held, 0.0, self.gradient)

    @functools.cached_property
    def hessian(self) -> Any:
        """The Hessian of the loss, shape (n, n), symmetric."""
        columns = slopes(self.gradient.node, self.x)
        return 0.5 * (columns + columns.T)

    @functools.cached_property
    def jacobian(self) -> Any:
        """The Jacobian of the residuals, shape (m, n), weighted if the loss is robust."""
        most = UNROLLED_IN_BLOCKS if current().root.reads_blocks else UNROLLED
        if self.x.size <= most:
            return np.stack(self._columns, axis=-1)
        plain = self.plain_jacobian
        return plain if self._weights is None else self._weights[:, None] * plain

    @functools.cached_property
    def _columns(self) -> Sequence[Any]:
        """The columns of the Jacobian of the residuals, each of shape (m,)."""
        columns = slope_columns(node_of(self.plain), self.x)
        weights = self._weights
        return columns if weights is None else [weights * column for column in columns]

    @functools.cached_property
    def plain_jacobian(self) -> Any:
        """The Jacobian of the residuals that the user's function returns, shape (m, n)."""
        return slopes(node_of(self.plain), self.x)

    @functools.cached_property
    def triangle(self) -> Any:
        """The triangular factor of the Jacobian and the residuals, shape (n, n + 1).

        R of the Jacobian's QR decomposition, and Q.T times the residuals as its last column. A
        parameter that is held by a bound gets a unit row of its own and a zero column elsewhere,
        so that it does not influence the others.
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
        if count <= number:  # a triangle needs at least as many rows as columns
            missing = np.zeros((number + 1 - count, number + 1), rows.dtype)
            rows = np.concatenate([rows, missing])
        return fit_triangle(rows)[:number]

    def hessian_times(self, v: Any) -> Any:
        """Return the Hessian times a vector of shape (n,)."""
        return _pushed(self.gradient.node, self.x, v)

    @property
    def equations(self) -> Any:
        """The residuals that the user's function returns, shape (m,): equations to solve."""
        return self.plain

    def jacobian_times(self, v: Any) -> Any:
        """Return the Jacobian of :attr:`equations` times a vector of shape (n,)."""
        return _pushed(node_of(self.plain), self.x, v)

    def slopes_along(self, v: Any) -> Any:
        """Return :attr:`jacobian`, which is weighted if the loss is robust, times a vector."""
        pushed = self.jacobian_times(v)
        return pushed if self._weights is None else self._weights * pushed


class NotGivenError(Exception):
    """A method asked for what depends on more than the number of parameters."""


class GivenEvaluation(Evaluation):
    """A point whose loss and derivatives are inputs, made when they are first used.

    The step of a method that uses nothing else does not depend on the function.

    Parameters
    ----------
    x : ndarray
        The point, shape (n,).
    give : callable
        Takes a name and a shape, and returns an input.
    box : Box, optional
        Bounds on the parameters.

    Attributes
    ----------
    used : list of str
        The names of the inputs that were made, in order.
    """

    def __init__(self, x: Any, give: Callable[[str, Shape], Any], box: Box | None = None) -> None:
        self._give, self.used = give, list[str]()
        super().__init__(x, self._given("loss", ()), box=box)

    def _given(self, name: str, shape: Shape) -> Any:
        self.used.append(name)
        return self._give(name, shape)

    @functools.cached_property
    def gradient(self) -> Any:
        """The gradient of the loss, shape (n,)."""
        return self._given("gradient", (self.x.size,))

    @functools.cached_property
    def hessian(self) -> Any:
        """The Hessian of the loss, shape (n, n)."""
        return self._given("hessian", (self.x.size, self.x.size))

    @functools.cached_property
    def triangle(self) -> Any:
        """The triangular factor of the Jacobian and the residuals, shape (n, n + 1)."""
        return self._given("triangle", (self.x.size, self.x.size + 1))

    @property
    def jacobian(self) -> Any:
        """Raise: its shape depends on the number of residuals."""
        raise NotGivenError

    @property
    def equations(self) -> Any:
        """Raise: there may be as many as residuals."""
        raise NotGivenError

    def hessian_times(self, v: Any) -> Any:
        """Raise: the product is computed by the function's own graph."""
        raise NotGivenError

    def jacobian_times(self, v: Any) -> Any:
        """Raise, as :meth:`hessian_times` does."""
        raise NotGivenError


def slopes(output: Node, x: TracedArray) -> Any:
    """Return the derivatives of an array by a vector, shape ``output.shape + x.shape``."""
    if x.size <= UNROLLED:
        return np.stack(slope_columns(output, x), axis=-1)
    units = np.eye(x.size, dtype=x.dtype)
    _, rows = scan(lambda nothing, unit: (nothing, _pushed(output, x, unit)), 0.0, units)
    return rows.T


def slope_columns(output: Node, x: TracedArray) -> Sequence[Any]:
    """Return the derivatives of an array by each number of a vector, of the array's shape."""
    push = pushed_by([output], [x.node])
    units = np.eye(x.size, dtype=x.dtype)
    column: Callable[[Any], Any] = lambda unit: _tangent(push([as_traced(unit)]), output)
    if x.size > 1 and _has_long_loop(output, x):
        _, columns = scan(lambda nothing, unit: (nothing, column(unit)), 0.0, units)
        return [columns[i] for i in range(x.size)]
    return [column(unit) for unit in units]


def _has_long_loop(output: Node, x: TracedArray) -> bool:
    """Return whether a loop between a vector and an array would be long code in each column."""
    nodes = order([output], stop=frozenset([x.node]))
    loops = [step for node in nodes for step in node.attributes.values() if type(step) is Graph]
    return sum([len(order(step.outputs)) for step in loops]) > _LONG_LOOP


def parameters_at(layout: Any, expand: Any, vector: Any) -> Any:
    """Return all parameters in their own structure, for a traced vector of the free ones.

    The vector is marked as what varies: roots, integrals and solutions of differential equations
    are differentiated only by what depends on it.
    """
    current().vary(node_of(vector))
    tree = trees.unflatten(layout.structure, layout.pieces(vector))
    return tree if expand is None else expand(tree)


def call_at(
    function: Any,
    layout: Any,
    expand: Any,
    vector: Any,
    arguments: Callable[[Any], tuple[Any, ...]] = lambda p: (p,),
    subject: Any = None,
) -> Any:
    """Return a user's function of the parameters, for a traced vector of the free ones.

    Parameters
    ----------
    function
        The function.
    layout, expand
        The layout of the free parameters, and the map from them to all; None for no map.
    vector
        The free parameters, shape (n,).
    arguments
        Returns the arguments of `function` for the parameters in their own structure.
    subject
        What is looked up among the functions that are differenced; `function` by default.
    """
    tree = parameters_at(layout, expand, vector)
    with allowing_differences(function if subject is None else subject):
        return call_traced(function, current(), own_copies(arguments(tree)))


def curve_slopes(model: Any, layout: Any, expand: Any, vector: Any, x: Any) -> tuple[Any, Any]:
    """Return a model's values at some x, and their derivatives by the free parameters."""
    curve = as_traced(call_at(model, layout, expand, vector, lambda p: (x, p)))
    return curve, slopes(curve.node, as_traced(vector))


def value_slopes(layout: Any, expand: Any, vector: Any) -> tuple[Any, Any]:
    """Return all parameters as a vector, and their derivatives by the free parameters."""
    leaves = trees.leaves(parameters_at(layout, expand, vector))
    parts: list[Any] = [np.reshape(as_traced(leaf), (-1,)) for leaf in leaves]
    values = as_traced(np.concatenate(parts))
    return values, slopes(values.node, as_traced(vector))


def _pushed(output: Node, x: TracedArray, tangent: Any) -> Any:
    return _tangent(push_forward([output], {x.node: as_traced(tangent)}), output)


def _tangent(pushed: Sequence[TracedArray | None], output: Node) -> Any:
    """Return the tangent of the only output, 0 where it depends on nothing."""
    (result,) = pushed
    if result is None:
        return as_traced(np.zeros_like(TracedArray(output, current())))
    return result


def robust(residual: Any, rho: Any, scale: float) -> tuple[Any, Any, Any]:
    """Return a robust loss of residuals, and residuals and weights that stand for it.

    Parameters
    ----------
    residual
        Residuals r of the user's function, shape (m,).
    rho
        The loss of one squared residual, ``rho(z)`` with ``rho(0) = 0``, ``rho'(0) = 1``.
    scale
        Size of a residual from which on it counts as an outlier.

    Returns
    -------
    loss
        ``0.5 * scale**2 * sum(rho((r / scale)**2))``.
    residual
        Residuals f such that ``J.T @ f`` is the gradient of the loss, shape (m,).
    weights
        Factors of the rows of the Jacobian of r that give J, shape (m,). ``J.T @ J`` is close to
        the Hessian of the loss (Triggs et al. 2000).
    """
    value, first, curvature = robust_curvature(residual, rho, scale)
    # An outlier's curvature may be negative, or so small that dividing by it amplifies rounding.
    weights = np.sqrt(np.maximum(curvature, 0.01 * first))
    total: Any = np.sum(value)
    return 0.5 * scale**2 * total, residual * first / weights, weights


def robust_curvature(residual: Any, rho: Any, scale: float) -> tuple[Any, Any, Any]:
    """Return a robust loss of each residual r, its slope, and its curvature.

    At ``z = (r / scale)**2`` they are ``rho(z)``, ``rho'(z)`` and ``rho'(z) + 2 * z * rho''(z)``,
    the last two being factors in the first and second derivatives of ``0.5 * scale**2 * rho(z)``
    by r. The arguments are those of :func:`robust`.
    """
    z: Any = as_traced(np.square(residual / scale))
    value: Any = as_traced(rho(z))
    ones = as_traced(np.ones_like(z))
    (slope,) = pull_back([value.node], [ones], [z.node])
    first: Any = ones if slope is None else slope
    (second,) = pull_back([node_of(first)], [ones], [z.node])
    bend: Any = 0.0 if second is None else second
    return value, first, first + 2.0 * bend * z
