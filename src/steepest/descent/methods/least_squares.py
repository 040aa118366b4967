"""Methods for sums of squares: each step comes from a linear model of the residuals."""

from __future__ import annotations

from dataclasses import field
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Incumbent, Move, Search
from steepest.descent.methods.line_search_method import LineSearchMethod
from steepest.descent.methods.line_searches import Armijo, LineSearch
from steepest.descent.methods.linear_model import (
    LinearModel,
    bound_weight,
    empty_model,
    failure_or_singular,
    is_flat,
    is_rounding,
    is_usable,
    largest_step,
    least_damping,
    model_at,
    norms_of,
    step_to_bound,
)
from steepest.descent.methods.trust_region import (
    ENOUGH,
    Doubt,
    check_radius,
    doubted,
    failure_of,
    gain,
    next_radius,
    no_doubt,
    project_step,
)
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import chosen, norm
from steepest.descent.settings import settings
from steepest.errors import InputError
from steepest.ops.linear_algebra.triangular import solve_triangle, triangle

__all__ = ["Dogleg", "GaussNewton", "LevenbergMarquardt"]


class Damped(NamedTuple):
    """State of :class:`LevenbergMarquardt`.

    Attributes
    ----------
    model
        Linear model at the current iterate.
    damping, growth
        The damping, and its factor if the candidate is rejected.
    predicted, slope
        Decrease of the loss that the model predicts for the step to the candidate, and slope of
        the loss along it.
    doubt
        How often the loss contradicted its derivative.
    """

    model: LinearModel
    damping: Any
    growth: Any
    predicted: Any
    slope: Any
    doubt: Doubt


@settings
class LevenbergMarquardt(Search):
    """The method of Levenberg [1]_ and Marquardt [2]_: damped Gauss-Newton steps.

    The damping is scaled by the norms of the Jacobian's columns (Moré [3]_) and follows the ratio
    of actual to predicted reduction (Nielsen [4]_). Steps come from a QR decomposition, never from
    the normal equations. A step changes each parameter by at most half of the largest size that
    the parameter has had, unless the last reduction was as the linear model predicted.

    Parameters
    ----------
    damping : float, optional
        First damping, relative to the squared norms of the Jacobian's columns.

    Raises
    ------
    InputError
        If the damping is not positive.

    References
    ----------
    .. [1] K. Levenberg, "A method for the solution of certain non-linear problems in least
       squares", Quarterly of Applied Mathematics 2 (2), 164-168, 1944.
    .. [2] D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters",
       Journal of the Society for Industrial and Applied Mathematics 11 (2), 431-441, 1963.
    .. [3] J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", Numerical
       Analysis, Lecture Notes in Mathematics 630, Springer, 105-116, 1978.
    .. [4] H. B. Nielsen, "Damping parameter in Marquardt's method", report IMM-REP-1999-05,
       Technical University of Denmark, 1999.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.linspace(0, 2, 20)
    >>> run = st.least_squares(lambda p: p[0] * np.exp(-p[1] * t) - 3 * np.exp(-0.5 * t),
    ...                        np.array([1.0, 1.0]), method=st.LevenbergMarquardt())
    >>> run.x.round(6)
    array([3. , 0.5])
    """

    damping: float = 0.005
    needs_residuals = True

    def __post_init__(self) -> None:
        if not (np.isfinite(self.damping) and self.damping > 0):
            raise InputError(f"damping must be a positive number, got {self.damping!r}")

    def init(self, x: Any) -> Any:
        number = np.zeros((), x.dtype)
        first = number + self.damping
        return Damped(empty_model(x), first, number + 2.0, number, number, no_doubt(x.dtype))

    def advance(self, base: Incumbent, trial: Evaluation, state: Any, is_first: Any) -> Move:
        ratio = gain(base, trial, state.slope, state.predicted)
        doubt = doubted(state.doubt, base, trial, state.slope, state.predicted)
        candidate_model = model_at(trial, state.model)
        is_better = (ratio > ENOUGH) & is_usable(candidate_model) & ~doubt.is_settled
        accepted = is_first | is_better
        model = chosen(accepted, candidate_model, state.model)
        # Where the model is nearly exact the damping falls fast, for quadratic convergence.
        gap = np.abs(ratio - 1)
        smallest = np.where(gap < 0.03, 0.01, 0.1)
        excess = 2 * ratio - 1
        factor = np.maximum(smallest, 1 - excess * excess * excess)  # a power would be a call
        better, worse = state.damping * factor, state.damping * state.growth
        least = least_damping(trial.x.dtype)
        better = np.where(np.all(model.counts), better, np.maximum(better, least))
        damping = np.where(is_first, state.damping, np.where(accepted, better, worse))
        growth = np.where(accepted, 2.0, 2 * state.growth)
        x = np.where(accepted, trial.x, base.x)
        weight = model.weight
        weights, most = np.sqrt(damping) * self._usual(model, damping), largest_step(model, gap)
        target, step = _step_within(trial, x, model, weights, most)
        predicted = model.predicted(step)
        is_cut = np.any(np.abs(step) >= most)  # then its decrease is no bound
        following = Damped(model, damping, growth, predicted, model.slope(step), doubt)
        loss = np.where(accepted, trial.loss, base.loss)
        left = model.decrement(x, loss, damping, np.where(is_cut, np.inf, predicted))
        failure = failure_of(norm(weight * step), norm(weight * x), is_flat(model, x, left, loss))
        failure = doubt.failure(failure_or_singular(failure, model), left, loss)
        return Move(accepted, target, following, failure, left, model.factor, model.is_singular)

    def _usual(self, model: LinearModel, damping: Any) -> Any:
        """Return the weights of the damping.

        A small damping lowers the part of a parameter's size in them. Near a minimum the sizes
        would only slow the descent down.
        """
        share = np.clip(damping / self.damping, 1e-6, 1.0)
        squares = share * np.square(model.weight) + (1.0 - share) * np.square(model.scale)
        return np.sqrt(squares)


def _step_within(
    trial: Evaluation, x: Any, model: LinearModel, weight: Any, most: Any
) -> tuple[Any, Any]:
    """Return the end of a damped step within the bounds, and the step.

    No parameter changes by more than `most`. A parameter that would cross its bound is moved as
    close as allowed, and the step of the others is computed again with it fixed there.
    """
    if trial.box is None:
        step = np.clip(damped_step(model, weight), -most, most)
        return x + step, step
    box = trial.box
    weight = bound_weight(box, x, model, weight)
    step = damped_step(model, weight)
    low = np.maximum(-step_to_bound(x - box.lower, model.size), -most)
    high = np.minimum(step_to_bound(box.upper - x, model.size), most)
    end = np.clip(step, low, high)
    cut = end != step
    rest = model.right + np.sum(np.where(cut, model.factor[:, :-1] * end, 0.0), axis=1)
    others = np.where(cut, 0.0, model.factor[:, :-1])
    left = model._replace(factor=np.concatenate([others, rest[:, None]], axis=1))
    step = np.where(cut, end, np.clip(damped_step(left, weight), low, high))
    return project_step(trial, x, step)


def damped_step(model: LinearModel, weight: Any) -> Any:
    """Return the step p that minimizes the model's loss plus ``0.5 * sum((weight * p)**2)``."""
    number = weight.size
    below = np.where(np.eye(number, number + 1, dtype=bool), weight[:, None], 0.0)
    rows = triangle(np.concatenate([model.factor, below]))[:number]
    step = -solve_triangle(rows[:, :number], rows[:, number:])[:, 0]
    return np.where(model.norms > 0, step, 0.0)  # not rounding errors, which would leave a bound


class Trusted(NamedTuple):
    """State of :class:`Dogleg`.

    Attributes
    ----------
    model
        Linear model at the current iterate.
    radius
        Radius of the trust region, in units of the weights.
    length
        Length of the step to the candidate.
    predicted, slope
        Decrease of the loss that the model predicts for the step, and slope of the loss along it.
    doubt
        How often the loss contradicted its derivative.
    """

    model: LinearModel
    radius: Any
    length: Any
    predicted: Any
    slope: Any
    doubt: Doubt


@settings
class Dogleg(Search):
    """Powell's dogleg [1]_: a path down the gradient and then to the Gauss-Newton point.

    Parameters
    ----------
    radius : float, optional
        First radius of the trust region. Its unit is the norm of the start point, with each
        parameter scaled by the norm of its column of the Jacobian.

    Raises
    ------
    InputError
        If the radius is not positive.

    References
    ----------
    .. [1] M. J. D. Powell, "A hybrid method for nonlinear equations", in P. Rabinowitz (ed.),
       Numerical Methods for Nonlinear Algebraic Equations, Gordon and Breach, 87-114, 1970.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.linspace(0, 2, 20)
    >>> run = st.least_squares(lambda p: p[0] * np.exp(-p[1] * t) - 3 * np.exp(-0.5 * t),
    ...                        np.array([1.0, 1.0]), method=st.Dogleg())
    >>> run.x.round(6)
    array([3. , 0.5])
    """

    radius: float = 1.0
    needs_residuals = True

    def __post_init__(self) -> None:
        check_radius(self.radius)

    def init(self, x: Any) -> Any:
        number = np.zeros((), x.dtype)
        return Trusted(empty_model(x), number, number, number, number, no_doubt(x.dtype))

    def advance(self, base: Incumbent, trial: Evaluation, state: Any, is_first: Any) -> Move:
        ratio = gain(base, trial, state.slope, state.predicted)
        doubt = doubted(state.doubt, base, trial, state.slope, state.predicted)
        candidate_model = model_at(trial, state.model)
        is_better = (ratio > ENOUGH) & is_usable(candidate_model) & ~doubt.is_settled
        accepted = is_first | is_better
        model = chosen(accepted, candidate_model, state.model)
        x, weight = np.where(accepted, trial.x, base.x), model.weight
        size = norm(weight * x)
        first = self.radius * np.where(size > 0, size, 1.0)
        worth = np.where(accepted, ratio, -np.inf)  # a singular candidate is rejected, too
        radius = np.where(is_first, first, next_radius(state.radius, worth, state.length))
        step = dogleg_step(model, weight, radius)
        if trial.box is not None:
            box = trial.box
            step = np.clip(
                step,
                -step_to_bound(x - box.lower, model.size),
                step_to_bound(box.upper - x, model.size),
            )
        target, step = project_step(trial, x, step)
        length, predicted = norm(weight * step), model.predicted(step)
        following = Trusted(model, radius, length, predicted, model.slope(step), doubt)
        loss = np.where(accepted, trial.loss, base.loss)
        # The decrease of a step that ends at the radius is no bound on what is left.
        damping = np.where(length < 0.999 * radius, least_damping(x.dtype), np.inf)
        left = model.decrement(x, loss, damping, predicted)
        failure = failure_of(length, size, is_flat(model, x, left, loss))
        failure = doubt.failure(failure_or_singular(failure, model), left, loss)
        return Move(accepted, target, following, failure, left, model.factor, model.is_singular)


def dogleg_step(model: LinearModel, weight: Any, radius: Any) -> Any:
    """Return the step of Powell's dogleg within a radius, which is in units of the weights."""
    number = weight.size
    tiny = np.finfo(weight.dtype).eps
    newton = damped_step(model, np.sqrt(number) * tiny * weight)  # slightly damped, for any rank
    scaled = np.sum(model.factor[:, :number] * model.right[:, None], axis=0) / weight
    down = -scaled / weight
    square, bend = np.sum(np.square(scaled)), np.sum(np.square(model.changes(down)))
    cauchy = square / bend * down
    newton_length, cauchy_length = norm(weight * newton), norm(weight * cauchy)
    to_edge = radius / norm(scaled) * down
    # The second leg leaves the region at the root of a quadratic.
    leg = weight * (newton - cauchy)
    a, b = np.sum(np.square(leg)), np.sum(leg * weight * cauchy)
    c = np.square(cauchy_length) - np.square(radius)
    share = -c / (b + np.sqrt(np.maximum(np.square(b) - a * c, 0.0)))
    bent = cauchy + share * (newton - cauchy)
    step = np.where(cauchy_length >= radius, to_edge, bent)
    return np.where(newton_length <= radius, newton, step)


@settings
class GaussNewton(LineSearchMethod):
    """The method of Gauss [1]_: steps to the minimum of the linear model, with a line search.

    It is fast where the residuals are small and the start is near the minimum.
    :class:`LevenbergMarquardt` is more robust.

    Parameters
    ----------
    search : LineSearch, optional
        The line search.

    References
    ----------
    .. [1] C. F. Gauss, "Theoria motus corporum coelestium in sectionibus conicis solem
       ambientium", Perthes and Besser, Hamburg, 1809.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.linspace(0, 2, 20)
    >>> run = st.least_squares(lambda p: p[0] * np.exp(-p[1] * t) - 3 * np.exp(-0.5 * t),
    ...                        np.array([1.0, 1.0]), method=st.GaussNewton())
    >>> run.x.round(6)
    array([3. , 0.5])
    """

    search: LineSearch = field(default_factory=Armijo)
    needs_residuals = True

    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        factor, number = trial.triangle, trial.x.size
        return -solve_triangle(factor[:, :number], factor[:, number:])[:, 0]

    def initial_step(self, gradient: Any, loss: Any) -> Any:
        return 1.0

    def decrement(self, slope: Any, trial: Evaluation) -> Any:
        is_all = is_rounding(norms_of(trial.triangle), trial.x, trial.loss)
        return np.where(is_all, 0.0, -0.5 * slope)
