"""Methods for sums of squares: each step comes from a linear model of the residuals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Incumbent, Move, Search
from steepest.descent.methods.line_search_method import LineSearchMethod, LineSearchState
from steepest.descent.methods.line_searches import Armijo, LineSearch
from steepest.descent.methods.linear_model import (
    LinearModel,
    bound_weight,
    empty_model,
    farthest,
    is_flat,
    is_rounding,
    is_usable,
    least_damping,
    model_at,
    norms_of,
    reach,
    why_stuck,
)
from steepest.descent.methods.trust_region import (
    ENOUGH,
    check_radius,
    failure_of,
    gain,
    kept_inside,
    next_radius,
)
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import chosen, norm
from steepest.errors import InputError
from steepest.ops.linear_algebra.triangular import solve_triangle, triangle

__all__ = ["Dogleg", "GaussNewton", "LevenbergMarquardt"]


class Damped(NamedTuple):
    """State of :class:`LevenbergMarquardt`.

    Attributes
    ----------
    model
        At the best point.
    damping, growth
        The damping, and what it is multiplied with if the step under way fails.
    predicted, slope
        By how much the model's loss falls with it, and the loss's slope along it.
    """

    model: LinearModel
    damping: Any
    growth: Any
    predicted: Any
    slope: Any


@dataclass(frozen=True)
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
        return Damped(empty_model(x), number + self.damping, number + 2.0, number, number)

    def advance(self, base: Incumbent, trial: Evaluation, state: Any, is_first: Any) -> Move:
        ratio = gain(base, trial, state.slope, state.predicted)
        here = model_at(trial, state.model)
        accepted = is_first | ((ratio > ENOUGH) & is_usable(here))
        model = chosen(accepted, here, state.model)
        # Where the model is nearly exact the damping goes fast: so the end is quadratic.
        gap = np.abs(ratio - 1)
        least = np.where(gap < 0.03, 0.01, 0.1)
        excess = 2 * ratio - 1
        factor = np.maximum(least, 1 - excess * excess * excess)  # a power would be a call
        better, worse = state.damping * factor, state.damping * state.growth
        better = np.where(np.all(model.counts), better, np.maximum(better, _least(trial)))
        damping = np.where(is_first, state.damping, np.where(accepted, better, worse))
        growth = np.where(accepted, 2.0, 2 * state.growth)
        x = np.where(accepted, trial.x, base.x)
        weight = model.weight
        weights, most = np.sqrt(damping) * self._usual(model, damping), farthest(model, gap)
        target, step = _step_within(trial, x, model, weights, most)
        predicted = model.predicted(step)
        is_cut = np.any(np.abs(step) >= most)  # then it does not tell what is left
        following = Damped(model, damping, growth, predicted, model.slope(step))
        loss = np.where(accepted, trial.loss, base.loss)
        left = model.decrement(x, loss, damping, np.where(is_cut, np.inf, predicted))
        failure = failure_of(norm(weight * step), norm(weight * x), is_flat(model, x, left, loss))
        failure = why_stuck(failure, model)
        return Move(accepted, target, following, failure, left, model.factor, model.is_singular)

    def _usual(self, model: LinearModel, damping: Any) -> Any:
        """Return the weights, in which sizes count less the more the model is trusted.

        Near a minimum they would only slow the descent down.
        """
        share = np.clip(damping / self.damping, 1e-6, 1.0)
        squares = share * np.square(model.weight) + (1.0 - share) * np.square(model.scale)
        return np.sqrt(squares)


def _least(trial: Evaluation) -> float:
    return least_damping(trial.x.dtype)


def _step_within(
    trial: Evaluation, x: Any, model: LinearModel, weight: Any, most: Any
) -> tuple[Any, Any]:
    """Return where a damped step leads within the bounds, and the step there.

    No parameter changes by more than `most`. Those that the step would take beyond their bounds
    go as far as they may, and the others take the step that is best then.
    """
    if trial.box is None:
        step = np.clip(damped_step(model, weight), -most, most)
        return x + step, step
    box = trial.box
    weight = bound_weight(box, x, model, weight)
    step = damped_step(model, weight)
    low = np.maximum(-reach(x - box.lower, model.size), -most)
    high = np.minimum(reach(box.upper - x, model.size), most)
    end = np.clip(step, low, high)
    cut = end != step
    rest = model.right + np.sum(np.where(cut, model.factor[:, :-1] * end, 0.0), axis=1)
    others = np.where(cut, 0.0, model.factor[:, :-1])
    left = model._replace(factor=np.concatenate([others, rest[:, None]], axis=1))
    step = np.where(cut, end, np.clip(damped_step(left, weight), low, high))
    return kept_inside(trial, x, step)


def damped_step(model: LinearModel, weight: Any) -> Any:
    """Return the step p that minimizes the model's loss plus half of ``sum((weight * p)**2)``."""
    number = weight.size
    below = np.where(np.eye(number, number + 1, dtype=bool), weight[:, None], 0.0)
    rows = triangle(np.concatenate([model.factor, below]))[:number]
    step = -solve_triangle(rows[:, :number], rows[:, number:])[:, 0]
    return np.where(model.norms > 0, step, 0.0)  # rounding errors would leave a bound


class Trusted(NamedTuple):
    """State of :class:`Dogleg`.

    Attributes
    ----------
    model
        At the best point.
    radius
        Of the region where it is trusted, in units of the scale.
    length
        Of the step under way.
    predicted, slope
        By how much the model's loss falls with it, and the loss's slope along it.
    """

    model: LinearModel
    radius: Any
    length: Any
    predicted: Any
    slope: Any


@dataclass(frozen=True)
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
        return Trusted(empty_model(x), number, number, number, number)

    def advance(self, base: Incumbent, trial: Evaluation, state: Any, is_first: Any) -> Move:
        ratio = gain(base, trial, state.slope, state.predicted)
        here = model_at(trial, state.model)
        accepted = is_first | ((ratio > ENOUGH) & is_usable(here))
        model = chosen(accepted, here, state.model)
        x, weight = np.where(accepted, trial.x, base.x), model.weight
        size = norm(weight * x)
        first = self.radius * np.where(size > 0, size, 1.0)
        radius = np.where(is_first, first, next_radius(state.radius, ratio, state.length))
        step = dogleg_step(model, weight, radius)
        if trial.box is not None:
            box = trial.box
            step = np.clip(
                step, -reach(x - box.lower, model.size), reach(box.upper - x, model.size)
            )
        target, step = kept_inside(trial, x, step)
        length, predicted = norm(weight * step), model.predicted(step)
        following = Trusted(model, radius, length, predicted, model.slope(step))
        loss = np.where(accepted, trial.loss, base.loss)
        # A step that the region ends says nothing about what is left.
        damping = np.where(length < 0.999 * radius, least_damping(x.dtype), np.inf)
        left = model.decrement(x, loss, damping, predicted)
        failure = failure_of(length, size, is_flat(model, x, left, loss))
        failure = why_stuck(failure, model)
        return Move(accepted, target, following, failure, left, model.factor, model.is_singular)


def dogleg_step(model: LinearModel, weight: Any, radius: Any) -> Any:
    """Return the step of Powell's dogleg within a radius, in units of the weights."""
    number = weight.size
    tiny = np.finfo(weight.dtype).eps
    newton = damped_step(model, np.sqrt(number) * tiny * weight)  # regular at any rank
    scaled = np.sum(model.factor[:, :number] * model.right[:, None], axis=0) / weight
    down = -scaled / weight
    square, bend = np.sum(np.square(scaled)), np.sum(np.square(model.changes(down)))
    cauchy = square / bend * down
    newton_length, cauchy_length = norm(weight * newton), norm(weight * cauchy)
    to_edge = radius / norm(scaled) * down
    # Where the second leg leaves the region: a quadratic in the share of it.
    leg = weight * (newton - cauchy)
    a, b = np.sum(np.square(leg)), np.sum(leg * weight * cauchy)
    c = np.square(cauchy_length) - np.square(radius)
    share = -c / (b + np.sqrt(np.maximum(np.square(b) - a * c, 0.0)))
    bent = cauchy + share * (newton - cauchy)
    step = np.where(cauchy_length >= radius, to_edge, bent)
    return np.where(newton_length <= radius, newton, step)


@dataclass(frozen=True)
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

    def empty_memory(self, x: Any) -> Any:
        return ()

    def remember(
        self,
        memory: Any,
        line: LineSearchState,
        step: Any,
        change: Any,
        gradient: Any,
        counts: Any,
    ) -> Any:
        return ()

    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        factor, number = trial.triangle, trial.x.size
        return -solve_triangle(factor[:, :number], factor[:, number:])[:, 0]

    def cautious(self, gradient: Any, loss: Any) -> Any:
        return 1.0

    def decrement(self, slope: Any, trial: Evaluation) -> Any:
        is_all = is_rounding(norms_of(trial.triangle), trial.x, trial.loss)
        return np.where(is_all, 0.0, -0.5 * slope)
