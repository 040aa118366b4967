"""Stop rules: conditions on the current point, checked before each update.

Rules combine with ``|`` and ``&``. A rule of your own is a subclass of :class:`StopRule` with a
method ``met(point)``, written in NumPy, that returns a truth value.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.problem.linalg import norm
from steepest.descent.settings import settings
from steepest.errors import InputError, SettingError
from steepest.trace.arrays.numbers import as_python_float

__all__ = [
    "DecrementBelow",
    "GradientNormBelow",
    "LossBelow",
    "LossChangeBelow",
    "MaxIterations",
    "Point",
    "StepBelow",
    "StopRule",
    "TimeLimit",
]


class Point(NamedTuple):
    """The point that a stop rule judges.

    Attributes
    ----------
    iteration : int
        Number of updates made.
    loss : float
        The loss at the point.
    gradient, x : ndarray
        Gradient of the loss and parameters, shape (n,).
    previous_loss : float, optional
        The loss before the last update; NaN or infinite at the start.
    step_length : float, optional
        Euclidean norm of the last update; 0 at the start.
    decrement : float, optional
        The largest decrease of the loss that the method's model predicts; NaN if the method
        has no such model.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> class FirstParameterAbove(st.StopRule):
    ...     def met(self, point):
    ...         return point.x[0] > 2.5
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2),
    ...                   method=st.GradientDescent(0.1), stop=FirstParameterAbove())
    >>> run.x.round(3), run.iterations
    (array([2.597, 2.597]), 9)
    """

    iteration: Any
    loss: Any
    gradient: Any
    x: Any
    previous_loss: Any = np.nan
    step_length: Any = np.nan
    decrement: Any = np.nan


class StopRule(abc.ABC):
    """Base class of conditions that end a descent.

    A subclass implements ``met``. A frozen dataclass can be compared and saved to a file.

    Attributes
    ----------
    is_goal : bool
        Whether a run that meets the rule has converged, rather than reached a limit.
    uses_previous_step : bool
        Whether ``met`` reads the point's ``previous_loss`` or ``step_length``.

    Raises
    ------
    SettingError
        If Python's ``or`` or ``and`` combines two rules, in place of ``|`` or ``&``.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class StepNormBelow(st.StopRule):
    ...     threshold: float
    ...     def met(self, point):
    ...         return (point.iteration > 0) & (point.step_length < self.threshold)
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2),
    ...                   method=st.GradientDescent(0.1), stop=StepNormBelow(1e-3))
    >>> run.converged, run.x.round(2)
    (True, array([3., 3.]))
    """

    is_goal = True
    """Whether a run that meets the rule has converged, rather than reached a limit."""

    uses_previous_step = True
    """Whether ``met`` reads the point's ``previous_loss`` or ``step_length``."""

    @abc.abstractmethod
    def met(self, point: Point) -> Any:
        """Return whether to stop at a point, as NumPy code."""

    def met_rules(self, is_met: Callable[[StopRule], bool]) -> list[StopRule]:
        """Return the elementary rules that met this one, given which of them are met."""
        return [self] if is_met(self) else []

    def rules(self) -> list[StopRule]:
        """Return the elementary rules that this rule combines."""
        return [self]

    def met_by_bits(self, bits: int) -> list[StopRule]:
        """Return the elementary rules that met this one; bit i says whether rule i is met."""
        truths = {id(rule): bool(bits >> i & 1) for i, rule in enumerate(self.rules())}
        return self.met_rules(lambda rule: truths[id(rule)])

    def iteration_limit(self) -> int | None:
        """Return the iteration at which the rule is met at the latest; None if there is none."""
        return None

    def time_limit(self) -> float:
        """Return the seconds that a descent may take; infinite if the rule sets no limit."""
        limits = [rule.seconds for rule in self.rules() if isinstance(rule, TimeLimit)]
        return min(limits, default=math.inf)

    def __bool__(self) -> bool:
        raise SettingError(
            f"{self!r} has no truth value: Python's 'or' and 'and' would drop one of two rules; "
            "write a | b to stop at either, a & b to stop at both"
        )

    def __or__(self, other: StopRule) -> StopRule:
        return AnyOf(self, other)

    def __and__(self, other: StopRule) -> StopRule:
        return AllOf(self, other)


def _check_threshold(rule: StopRule, threshold: float) -> None:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number):
        raise InputError(f"{type(rule).__name__} needs a number, got {threshold!r}")
    if np.isnan(threshold):
        raise InputError(f"{type(rule).__name__} needs a number, got NaN")


@settings
class LossBelow(StopRule):
    """Stop as soon as the loss is at most a threshold.

    Parameters
    ----------
    threshold : float
        Threshold in the units of the loss.

    Raises
    ------
    InputError
        If the threshold is not a number.

    Examples
    --------
    >>> import steepest as st
    >>> st.LossBelow(1e-3) | st.MaxIterations(100)
    LossBelow(threshold=0.001) | MaxIterations(limit=100)
    """

    threshold: float
    uses_previous_step = False

    def __post_init__(self) -> None:
        _check_threshold(self, self.threshold)

    def met(self, point: Point) -> Any:
        return point.loss <= as_python_float(self.threshold)


@settings
class GradientNormBelow(StopRule):
    """Stop as soon as a norm of the gradient is at most a threshold.

    Parameters
    ----------
    threshold : float
        Threshold in units of the loss per unit of the parameters.
    order : float, optional
        Order p of the norm, at least 1: 2 is the Euclidean norm; infinity is the largest absolute
        slope, as for SciPy's ``gtol``.

    Raises
    ------
    InputError
        If the threshold is not a number, or the order is less than 1.

    Examples
    --------
    >>> import steepest as st
    >>> st.GradientNormBelow(1e-8)
    GradientNormBelow(threshold=1e-08)
    """

    threshold: float
    order: float = 2.0
    uses_previous_step = False

    def __post_init__(self) -> None:
        _check_threshold(self, self.threshold)
        _check_threshold(self, self.order)
        if not self.order >= 1:
            raise InputError(f"GradientNormBelow needs an order of at least 1, got {self.order!r}")

    def __repr__(self) -> str:
        order = "" if self.order == 2 else f", order={self.order!r}"
        return f"GradientNormBelow(threshold={self.threshold!r}{order})"

    def met(self, point: Point) -> Any:
        return self._norm(point.gradient) <= as_python_float(self.threshold)

    def _norm(self, gradient: Any) -> Any:
        if self.order == 2:
            return norm(gradient)
        slopes = np.abs(gradient)
        if math.isinf(self.order):
            return np.max(slopes)
        return np.sum(slopes ** float(self.order)) ** (1.0 / float(self.order))


@settings
class DecrementBelow(StopRule):
    """Stop as soon as the method's model predicts almost no further decrease of the loss.

    The predicted decrease is half the squared Newton decrement. For least squares it is half the
    squared norm of the part of the residuals that a linear model could still remove (Bates and
    Watts [1]_). It does not depend on the units of the parameters. A method without such a model
    never meets the rule.

    Parameters
    ----------
    threshold : float
        Predicted decrease, as a fraction of the loss.

    Raises
    ------
    InputError
        If the threshold is not a number.

    References
    ----------
    .. [1] D. M. Bates and D. G. Watts, "A relative offset orthogonality convergence criterion for
       nonlinear least squares", Technometrics 23 (2), 179-183, 1981.

    Examples
    --------
    >>> import steepest as st
    >>> st.DecrementBelow(1e-18)
    DecrementBelow(threshold=1e-18)
    """

    threshold: float

    def __post_init__(self) -> None:
        _check_threshold(self, self.threshold)

    def met(self, point: Point) -> Any:
        return point.decrement <= as_python_float(self.threshold) * np.abs(point.loss)


@settings
class DecrementUnknown(StopRule):
    """Met where the method has no model of the decrease left; for use with ``&``.

    Examples
    --------
    >>> import steepest as st
    >>> from steepest.descent.stop_rules import DecrementUnknown
    >>> st.DecrementBelow(1e-20) | (st.GradientNormBelow(1e-6) & DecrementUnknown())
    DecrementBelow(threshold=1e-20) | GradientNormBelow(threshold=1e-06) & DecrementUnknown()
    """

    uses_previous_step = False

    def met(self, point: Point) -> Any:
        return np.isnan(point.decrement)


@settings
class ResidualsAreRounding(StopRule):
    """Met where rounding x changes the residuals by about their norm, so that they count as 0.

    Examples
    --------
    >>> import steepest as st
    >>> from steepest.descent.stop_rules import ResidualsAreRounding
    >>> st.DecrementBelow(1e-14) | ResidualsAreRounding()
    DecrementBelow(threshold=1e-14) | ResidualsAreRounding()
    """

    uses_previous_step = False

    def met(self, point: Point) -> Any:
        # The gradient is J.T @ r, so this implies norm(r) <= 100 * eps * norm(J * x).
        least = 100 * np.finfo(point.x.dtype).eps
        return 2 * point.loss <= least * np.sqrt(np.sum(np.square(point.gradient * point.x)))


@settings
class StepBelow(StopRule):
    """Stop as soon as an update was short.

    An update is short if its Euclidean norm is at most ``relative * norm(x) + absolute``.

    Parameters
    ----------
    relative : float
        Length of the update, as a fraction of the Euclidean norm of the parameters.
    absolute : float, optional
        Length of the update, in the units of the parameters.

    Raises
    ------
    InputError
        If a threshold is not a number.

    Examples
    --------
    >>> import steepest as st
    >>> st.StepBelow(1e-8)
    StepBelow(relative=1e-08, absolute=0.0)
    """

    relative: float
    absolute: float = 0.0

    def __post_init__(self) -> None:
        _check_threshold(self, self.relative)
        _check_threshold(self, self.absolute)

    def met(self, point: Point) -> Any:
        limit = as_python_float(self.relative) * norm(point.x) + as_python_float(self.absolute)
        short = point.step_length <= limit
        return np.logical_and(short, point.iteration > 0)


@settings
class LossChangeBelow(StopRule):
    """Stop as soon as an update changed the loss by little.

    A change is little if it is at most ``relative * abs(loss) + absolute``.

    Parameters
    ----------
    relative : float
        Change, as a fraction of the loss after the update.
    absolute : float, optional
        Change, in the units of the loss.

    Raises
    ------
    InputError
        If a threshold is not a number.

    Examples
    --------
    >>> import steepest as st
    >>> st.LossChangeBelow(1e-8)
    LossChangeBelow(relative=1e-08, absolute=0.0)
    """

    relative: float
    absolute: float = 0.0

    def __post_init__(self) -> None:
        _check_threshold(self, self.relative)
        _check_threshold(self, self.absolute)

    def met(self, point: Point) -> Any:
        change = np.abs(point.previous_loss - point.loss)
        small = change <= as_python_float(self.relative) * np.abs(point.loss) + as_python_float(
            self.absolute
        )
        return np.logical_and(small, point.iteration > 0)


@settings
class MaxIterations(StopRule):
    """Stop after a number of updates. This is a limit, not a goal.

    Parameters
    ----------
    limit : int
        Number of updates, at least 0.

    Raises
    ------
    InputError
        If the limit is not a whole number of at least 0.

    Examples
    --------
    >>> import steepest as st
    >>> st.MaxIterations(100)
    MaxIterations(limit=100)
    """

    limit: int
    is_goal = False
    uses_previous_step = False

    def __post_init__(self) -> None:
        if isinstance(self.limit, bool) or not isinstance(self.limit, int | np.integer):
            raise InputError(f"MaxIterations needs a whole number, got {self.limit!r}")
        if self.limit < 0:
            raise InputError(f"MaxIterations needs at least 0, got {self.limit}")
        object.__setattr__(self, "limit", int(self.limit))

    def met(self, point: Point) -> Any:
        return point.iteration >= self.limit

    def iteration_limit(self) -> int | None:
        return self.limit


@settings
class TimeLimit(StopRule):
    """Stop after some time, at most a few hundredths of a second late.

    This is a limit, not a goal. It combines with ``|`` only. The clock starts when tracing and
    compiling are done.

    Parameters
    ----------
    seconds : float
        Seconds that the descent may take.

    Raises
    ------
    InputError
        If the time is not positive, or another rule is combined with it by ``&``.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum(x**2), np.ones(2), stop=st.TimeLimit(0.05),
    ...                   method=st.GradientDescent(1e-9), record=None)
    >>> run.status.name
    'TIME_LIMIT'
    """

    seconds: float
    is_goal = False
    uses_previous_step = False

    def __post_init__(self) -> None:
        _check_threshold(self, self.seconds)
        if not self.seconds > 0:
            raise InputError(f"TimeLimit needs a positive time, got {self.seconds!r}")

    def met(self, point: Point) -> Any:
        return point.iteration < 0  # never: the driver has the clock


@settings
class AnyOf(StopRule):
    """Stop as soon as one of two rules is met; written ``a | b``."""

    first: StopRule
    second: StopRule

    def __repr__(self) -> str:
        return f"{self.first!r} | {self.second!r}"

    def met(self, point: Point) -> Any:
        return np.logical_or(self.first.met(point), self.second.met(point))

    def met_rules(self, is_met: Callable[[StopRule], bool]) -> list[StopRule]:
        return self.first.met_rules(is_met) + self.second.met_rules(is_met)

    def rules(self) -> list[StopRule]:
        return self.first.rules() + self.second.rules()

    def iteration_limit(self) -> int | None:
        limits = self.first.iteration_limit(), self.second.iteration_limit()
        return min((limit for limit in limits if limit is not None), default=None)


@settings
class AllOf(StopRule):
    """Stop as soon as both of two rules are met; written ``a & b``."""

    first: StopRule
    second: StopRule

    def __post_init__(self) -> None:
        if any(isinstance(rule, TimeLimit) for rule in self.rules()):
            raise InputError("TimeLimit cannot be combined by &: combine it with |")

    def __repr__(self) -> str:
        sides = (self.first, self.second)
        return " & ".join(f"({s!r})" if isinstance(s, AnyOf) else repr(s) for s in sides)

    def met(self, point: Point) -> Any:
        return np.logical_and(self.first.met(point), self.second.met(point))

    def met_rules(self, is_met: Callable[[StopRule], bool]) -> list[StopRule]:
        first, second = self.first.met_rules(is_met), self.second.met_rules(is_met)
        return first + second if first and second else []

    def rules(self) -> list[StopRule]:
        return self.first.rules() + self.second.rules()

    def iteration_limit(self) -> int | None:
        limits = self.first.iteration_limit(), self.second.iteration_limit()
        return None if None in limits else max(limits)  # type: ignore[type-var]
