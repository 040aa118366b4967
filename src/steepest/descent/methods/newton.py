"""Newton's method, with a line search or a trust region. Hessians are exact."""

from __future__ import annotations

from dataclasses import field
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Incumbent, Move, Search
from steepest.descent.methods.line_search_method import LineSearchMethod
from steepest.descent.methods.line_searches import Armijo, LineSearch
from steepest.descent.methods.trust_region import (
    ENOUGH,
    check_radius,
    failure_of,
    gain,
    is_flat_at,
    next_radius,
    project_step,
)
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import norm
from steepest.descent.settings import settings
from steepest.errors import InputError
from steepest.ops.linear_algebra.spectral import eigh_parts
from steepest.trace import while_loop

__all__ = ["NewtonCG", "TrustRegion"]


@settings
class NewtonCG(LineSearchMethod):
    """Newton directions by conjugate gradients, without the Hessian (Dembo and Steihaug [1]_).

    Hessian-vector products are exact. The conjugate gradients end when the Newton equation holds
    to a tolerance, or at a direction of negative curvature.

    Parameters
    ----------
    search : LineSearch, optional
        The line search.
    inner : int, optional
        Largest number of conjugate-gradient iterations for one direction, at least 1.

    Raises
    ------
    InputError
        If `inner` is not a positive whole number.

    References
    ----------
    .. [1] R. S. Dembo and T. Steihaug, "Truncated-Newton algorithms for large-scale unconstrained
       optimization", Mathematical Programming 26, 190-212, 1983.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def rosenbrock(x):
    ...     return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> run = st.minimize(rosenbrock, np.zeros(5), method=st.NewtonCG())
    >>> run.x.round(6)
    array([1., 1., 1., 1., 1.])
    """

    search: LineSearch = field(default_factory=Armijo)
    inner: int = 200

    def __post_init__(self) -> None:
        _check_inner(self.inner)

    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        return conjugate_step(trial, gradient, np.inf, self.inner)

    def initial_step(self, gradient: Any, loss: Any) -> Any:
        return 1.0

    def decrement(self, slope: Any, trial: Evaluation) -> Any:
        return -0.5 * slope


def _check_inner(inner: int) -> None:
    if isinstance(inner, bool) or not isinstance(inner, int) or inner < 1:
        raise InputError(f"inner must be a positive whole number, got {inner!r}")


class Inner(NamedTuple):
    """State of the inner conjugate gradients.

    Attributes
    ----------
    step, residual, direction
        The step so far, the gradient of the quadratic model there, and the next direction.
    count
        Number of iterations made.
    is_done
        Whether the step has reached the boundary of the region, or negative curvature.
    """

    step: Any
    residual: Any
    direction: Any
    count: Any
    is_done: Any


def conjugate_step(trial: Evaluation, gradient: Any, radius: Any, limit: int) -> Any:
    """Return an approximate minimum of the quadratic model within a radius (Steihaug 1983).

    At most `limit` conjugate-gradient iterations are made.
    """
    held = None if trial.box is None else trial.held
    radius = np.asarray(radius, gradient.dtype) if isinstance(radius, float) else radius
    size = norm(gradient)
    goal = np.minimum(0.5, np.sqrt(size)) * size

    def continues(inner: Inner) -> Any:
        return ~inner.is_done & (norm(inner.residual) > goal) & (inner.count < limit)

    def iterate(inner: Inner) -> Inner:
        d, residual = inner.direction, inner.residual
        hessian_d = trial.hessian_times(d)
        if held is not None:
            hessian_d = np.where(held, 0.0, hessian_d)
        curvature_along, square = np.sum(d * hessian_d), np.sum(np.square(residual))
        is_convex = curvature_along > 0
        step_size = square / np.where(is_convex, curvature_along, 1.0)
        full = inner.step + step_size * d
        leaves = ~is_convex | (norm(full) >= radius)
        edge = inner.step + _to_edge(inner.step, d, radius) * d
        # Without a radius the iteration ends at negative curvature.
        first = inner.count == 0
        stay = np.where(first, d, inner.step)
        out = np.where(np.isfinite(radius), edge, stay)
        next_residual = residual + step_size * hessian_d
        share = np.sum(np.square(next_residual)) / square
        return Inner(
            np.where(leaves, out, full),
            next_residual,
            share * d - next_residual,
            inner.count + 1,
            leaves,
        )

    start = Inner(
        np.zeros_like(gradient),
        gradient,
        -gradient,
        np.zeros((), np.int64),
        np.zeros((), np.bool_),
    )
    return while_loop(continues, iterate, start).step


def _to_edge(step: Any, direction: Any, radius: Any) -> Any:
    """Return the multiple of a direction that leads from a step to the boundary of the region."""
    a, b = np.sum(np.square(direction)), np.sum(step * direction)
    c = np.sum(np.square(step)) - np.square(radius)
    return (-b + np.sqrt(np.maximum(np.square(b) - a * c, 0.0))) / a


class Region(NamedTuple):
    """State of :class:`TrustRegion`.

    Attributes
    ----------
    gradient
        Gradient at the current iterate.
    curvature
        The Hessian there. With many parameters, the last step and the Hessian times the step.
    radius
        Radius of the trust region.
    length
        Length of the step to the candidate.
    predicted, slope
        Decrease of the loss that the model predicts for the step, and slope of the loss along it.
    """

    gradient: Any
    curvature: Any
    radius: Any
    length: Any
    predicted: Any
    slope: Any


@settings
class TrustRegion(Search):
    """Newton's method within a trust region.

    With few parameters each step minimizes the quadratic model exactly, from the eigenvalues of
    the Hessian (Moré and Sorensen [1]_). With many parameters it comes from conjugate gradients
    that end at the boundary of the region (Steihaug [2]_). Hessians are exact.

    Parameters
    ----------
    radius : float, optional
        First radius, in the units of the parameters.
    exact : bool, optional
        Whether to form the Hessian. None forms it for up to 50 parameters.
    inner : int, optional
        Largest number of conjugate-gradient iterations for one step, at least 1.

    Raises
    ------
    InputError
        If a setting is out of its range.

    References
    ----------
    .. [1] J. J. Moré and D. C. Sorensen, "Computing a trust region step", SIAM Journal on
       Scientific and Statistical Computing 4 (3), 553-572, 1983.
    .. [2] T. Steihaug, "The conjugate gradient method and trust regions in large scale
       optimization", SIAM Journal on Numerical Analysis 20 (3), 626-637, 1983.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def rosenbrock(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> run = st.minimize(rosenbrock, np.zeros(2), method=st.TrustRegion())
    >>> run.x.round(6)
    array([1., 1.])
    """

    radius: float = 1.0
    exact: bool | None = None
    inner: int = 200

    def __post_init__(self) -> None:
        check_radius(self.radius)
        _check_inner(self.inner)

    def _is_exact(self, size: int) -> bool:
        return size <= 50 if self.exact is None else self.exact

    def init(self, x: Any) -> Any:
        rows = x.size if self._is_exact(x.size) else 2
        number = np.zeros((), x.dtype)
        curvature = np.zeros((rows, x.size), x.dtype)
        return Region(np.zeros_like(x), curvature, number + self.radius, number, number, number)

    def advance(self, base: Incumbent, trial: Evaluation, state: Any, is_first: Any) -> Move:
        ratio = gain(base, trial, state.slope, state.predicted)
        accepted = is_first | (ratio > ENOUGH)
        radius = np.where(is_first, state.radius, next_radius(state.radius, ratio, state.length))
        gradient = np.where(accepted, trial.free_gradient, state.gradient)
        x = np.where(accepted, trial.x, base.x)
        loss, is_flat = np.where(accepted, trial.loss, base.loss), False
        is_not_minimum: Any = False
        if self._is_exact(trial.x.size):
            hessian = trial.hessian
            hessian = np.where(np.isnan(hessian), 0.0, hessian)  # at a kink, which has none
            if trial.box is not None:
                hessian = _without(trial.held, hessian)
            curvature = np.where(accepted, hessian, state.curvature)
            step, largest_decrease, lowest, highest = exact_step(gradient, curvature, radius)
            # A maximum or a saddle point is not a goal. The step leads away from it.
            rounding = np.sqrt(np.finfo(x.dtype).eps) * np.maximum(np.abs(highest), -lowest)
            is_not_minimum = np.all(gradient == 0) & (lowest < -rounding)
            is_flat = largest_decrease <= np.sqrt(np.finfo(x.dtype).eps) * np.abs(loss)
            target, step = project_step(trial, x, step)
            hessian_step = np.matmul(curvature, step)
        else:
            # A rejected step is shortened: the Hessian is available at the candidate only.
            length = norm(state.curvature[0])
            shorter = np.minimum(1.0, radius / length)
            step = conjugate_step(trial, trial.free_gradient, radius, self.inner)
            step, hessian_step = (
                np.where(accepted, a, shorter * b)
                for a, b in zip((step, trial.hessian_times(step)), state.curvature, strict=True)
            )
            target, step = project_step(trial, x, step)
            curvature = np.stack([step, hessian_step])
        slope = np.sum(gradient * step)
        predicted = -slope - 0.5 * np.sum(step * hessian_step)
        length = norm(step)
        following = Region(gradient, curvature, radius, length, predicted, slope)
        left = np.where(length < 0.999 * radius, predicted, np.inf)
        failure = failure_of(length, norm(x), is_flat_at(gradient, x, loss) | is_flat)
        return Move(accepted, target, following, failure, left, is_singular=is_not_minimum)


def _without(held: Any, hessian: Any) -> Any:
    """Return a Hessian with the rows and columns of held parameters replaced by the identity's."""
    either = held[:, None] | held[None, :]
    return np.where(either, np.eye(held.size, dtype=hessian.dtype), hessian)


def exact_step(gradient: Any, hessian: Any, radius: Any) -> tuple[Any, Any, Any, Any]:
    """Return the minimum of a quadratic model within a radius (Moré and Sorensen 1983).

    Returns
    -------
    step : ndarray
        The step, shape (n,).
    largest_decrease : float
        Decrease of the model at its unconstrained minimum; infinite if there is none.
    lowest, highest : float
        Smallest and largest eigenvalue of the Hessian.
    """
    values, vectors = eigh_parts(hessian)
    parts = np.matmul(gradient, vectors)
    lowest = values[0]

    def length(shift: Any) -> Any:
        return norm(parts / (values + shift))

    inside = (lowest > 0) & (length(0.0) <= radius)
    floor = np.maximum(0.0, -lowest)
    # Newton's iteration on 1 / length, which is nearly linear, kept within a bracket.
    upper = norm(parts) / radius - lowest
    tiny = np.finfo(gradient.dtype).eps * (np.abs(lowest) + np.abs(values[-1]))
    tiny = np.maximum(tiny, np.finfo(gradient.dtype).tiny)

    def continues(state: Any) -> Any:
        shift, low, high, count = state
        far = np.abs(length(shift) - radius) > 1e-6 * radius
        return far & (high - low > tiny) & (count < 100)

    def iterate(state: Any) -> Any:
        shift, low, high, count = state
        size = length(shift)
        low, high = np.where(size > radius, shift, low), np.where(size > radius, high, shift)
        falling = np.sum(np.square(parts) / (values + shift) ** 3) / np.square(size)
        newton = shift + (size / radius - 1.0) / falling
        middle = 0.5 * (low + high)
        good = (newton > low) & (newton < high)
        return np.where(good, newton, middle), low, high, count + 1

    first = np.maximum(0.5 * (floor + upper), floor + tiny)
    found = while_loop(
        continues, iterate, (first, floor, np.maximum(upper, first), np.zeros((), np.int64))
    )[0]
    shift = np.where(inside, 0.0, np.maximum(found, floor + tiny))
    along = -parts / (values + shift)
    # The hard case: the gradient has no part along the lowest eigenvector, along which the
    # model falls in both directions.
    short = np.square(radius) - np.sum(np.square(along))
    is_hard = ~inside & (short > 1e-3 * np.square(radius))
    own = along[0]
    longer = np.copysign(np.sqrt(np.square(own) + np.maximum(short, 0.0)), own)
    extra = np.where(is_hard, longer - own, 0.0)
    along = along + extra * np.eye(1, parts.size, dtype=parts.dtype)[0]
    largest_decrease = 0.5 * np.sum(np.square(parts) / np.where(lowest > 0, values, 1.0))
    most = np.where(lowest > 0, largest_decrease, np.inf)
    return np.matmul(vectors, along), most, lowest, values[-1]
