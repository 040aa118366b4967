"""The one driver: it owns counting, callbacks, the clock, interrupts and the result."""

from __future__ import annotations

import contextlib
import copy
import enum
import functools
import inspect
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, KeysView
from typing import Any, ClassVar

import numpy as np

from steepest.engines import Outcome, Run
from steepest.errors import SettingError
from steepest.graph.source import at, function_source

_SHORT, _LONG = 0.01, 0.05
"""Seconds that machine code runs before Python looks around."""


class Ending(enum.Enum):
    """Why the driver stopped."""

    STOPPED = enum.auto()
    DIVERGED = enum.auto()
    LIMIT = enum.auto()
    INTERRUPTED = enum.auto()
    CALLBACK = enum.auto()
    TIME = enum.auto()
    NEW_PATH = enum.auto()


class State(np.ndarray):
    """What a callback is given: where a descent is.

    It is also what SciPy's callbacks are given, an array of the parameters: ``state[0]``,
    ``np.copy(state)``, ``print(state)``. Nested parameters are an array of all their numbers.
    What is made of it, such as ``state - 1``, is a plain array.

    Attributes
    ----------
    x
        The parameters now, in their own structure.
    loss
        The loss there, of all data. Methods that do not search have not computed it yet: it is
        found when it is asked for.
    iteration
        Updates made.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def show(state):
    ...     if state.iteration % 10 == 0:
    ...         print(state.iteration, state[0].round(3), round(float(state.loss), 4))
    >>> run = st.minimize(lambda x: np.sum((x - 1) ** 2), np.zeros(2), callback=show,
    ...                   method=st.GradientDescent(0.1), stop=st.MaxIterations(20))
    10 0.893 0.0231
    20 0.988 0.0003
    """

    x: Any
    iteration: int
    _find: Callable[[], float]
    _residuals: Any

    def __new__(
        cls,
        x: Any,
        loss: float | Callable[[], float],
        iteration: int,
        vector: np.ndarray | None = None,
        residuals: Any = None,
    ) -> State:
        """Return the state at a point; what is not known yet is a function that finds it."""
        self = np.array(x if vector is None else vector).view(cls)
        self.x, self.iteration, self._residuals = x, iteration, residuals
        self._find = functools.cache(loss) if callable(loss) else functools.partial(float, loss)
        return self

    @property
    def loss(self) -> float:
        """The loss at x."""
        return self._find()

    @property
    def fun(self) -> Any:
        """The loss, under SciPy's name; of residuals these, as SciPy's ``least_squares``."""
        if callable(self._residuals):
            self._residuals = self._residuals()
        return self.loss if self._residuals is None else self._residuals

    @property
    def cost(self) -> float:
        """The loss, under the name that SciPy's ``least_squares`` gives it."""
        return self.loss

    @property
    def nit(self) -> int:
        """Updates made, under SciPy's name."""
        return self.iteration

    def __getitem__(self, place: Any) -> Any:
        """Return an element or a part; given a name, what SciPy's results have under it."""
        if isinstance(place, str):
            if place not in _STATE_NAMES:
                raise KeyError(f"{place!r}: there is {', '.join(_STATE_NAMES)}")
            return getattr(self, place)
        return np.asarray(self)[place]

    def keys(self) -> KeysView[str]:
        """Return the names in brackets."""
        return dict.fromkeys(_STATE_NAMES).keys()

    def copy(self, order: Any = "C") -> Any:
        """Return a plain array of the parameters."""
        return np.array(self, order=order, subok=False)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else np.asarray(array)

    def __reduce__(self) -> Any:
        found = None if self._residuals is None else self.fun
        return State, (self.x, self.loss, self.iteration, self.copy(), found)

    def __copy__(self) -> State:
        return State(self.x, self._find, self.iteration, self.copy(), self._residuals)

    def __deepcopy__(self, memo: Any) -> State:
        x, found = copy.deepcopy(self.x, memo), None if self._residuals is None else self.fun
        return State(x, self.loss, self.iteration, self.copy(), found)

    def __repr__(self) -> str:
        return f"State(x={self.x!r}, loss={self.loss!r}, iteration={self.iteration})"

    def __str__(self) -> str:
        return str(np.asarray(self))


_STATE_NAMES = ("x", "fun", "nit", "cost", "loss", "iteration")


def of_state(callback: Callable[..., Any]) -> Callable[[State], Any]:
    """Return a callback as a function of a state.

    As in SciPy, one whose only parameter is ``intermediate_result`` is given it by name, and
    one of two parameters the point and the state.
    """
    try:
        parameters = inspect.signature(callback).parameters
    except (TypeError, ValueError):  # of a built-in function
        return callback
    if set(parameters) == {"intermediate_result"}:
        return lambda state: callback(intermediate_result=state)
    needed = [p for p in parameters.values() if p.default is p.empty and p.kind in _BY_PLACE]
    if len(needed) == 2:
        return lambda state: callback(np.array(state, subok=False), state)
    if len(needed) > 2 or not any(p.kind in (*_BY_PLACE, _REST) for p in parameters.values()):
        raise SettingError(
            f"callback{at(function_source(callback))} takes {', '.join(parameters) or 'nothing'}: "
            "write callback(state), with state.x, state.loss and state.iteration, or as for "
            "SciPy callback(xk) or callback(intermediate_result)"
        )
    return callback


_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_REST = inspect.Parameter.VAR_POSITIONAL


class Interrupt:
    """Whether Ctrl-C was pressed."""

    current: ClassVar[Interrupt | None] = None
    """The one that is being noted now."""

    pressed = False


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupt]:
    """Note Ctrl-C instead of raising, so that no iteration is torn apart.

    A second Ctrl-C raises.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    if Interrupt.current is not None:
        yield Interrupt.current  # of many problems, one of which this is
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # somebody else's business
        yield interrupt
        return

    def note(number: int, frame: Any) -> None:
        if interrupt.pressed:
            signal.default_int_handler(number, frame)
        interrupt.pressed = True

    signal.signal(signal.SIGINT, note)
    Interrupt.current = interrupt
    try:
        yield interrupt
    finally:
        Interrupt.current = None
        signal.signal(signal.SIGINT, before)


def drive(
    run: Run,
    limit: int | None,
    budget: int,
    look: Callable[[], State],
    look_closely: Callable[[], State],
    callback: Callable[[State], Any] | None,
    watch: Callable[[State], None] | None = None,
    deadline: float = math.inf,
) -> Ending:
    """Advance a run to its end.

    Parameters
    ----------
    run
        The descent.
    limit
        Updates at most, besides the stop rule; None for no limit.
    budget
        Iterations that take less than some ten milliseconds.
    look
        Returns where the run is, with the loss last computed.
    look_closely
        The same for a callback, with the loss there.
    callback
        Called after every update; ends the run by returning True or raising StopIteration.
    watch
        Called now and then, for progress.
    deadline
        When the run ends in any case, by ``time.perf_counter``.
    """
    budget, seen = (1 if callback else budget), 0
    if not callback:  # most runs are over before Python could be interrupted
        outcome = run.advance(budget if limit is None else min(budget, limit - run.count))
        if outcome is not Outcome.PAUSED:
            return _ending(outcome)
    with interrupts() as interrupt:
        while limit is None or run.count < limit:
            if interrupt.pressed:
                return Ending.INTERRUPTED
            if time.perf_counter() > deadline:
                return Ending.TIME
            steps = budget if limit is None else min(budget, limit - run.count)
            started = time.perf_counter()
            outcome = run.advance(steps)
            elapsed = time.perf_counter() - started
            if outcome is not Outcome.PAUSED:
                return _ending(outcome)
            if watch:
                watch(look())
            if callback is None:
                budget = _adapted(budget, steps, elapsed)
                continue
            state = look_closely()
            if state.iteration > seen and _wants_to_stop(callback, state):
                return Ending.CALLBACK
            seen = state.iteration
    return Ending.LIMIT


def _ending(outcome: Outcome) -> Ending:
    return _ENDINGS[outcome]


_ENDINGS = {
    Outcome.STOPPED: Ending.STOPPED,
    Outcome.DIVERGED: Ending.DIVERGED,
    Outcome.NEW_PATH: Ending.NEW_PATH,
}


def _adapted(budget: int, steps: int, elapsed: float) -> int:
    if elapsed > _LONG:
        return max(1, budget // 2)
    return budget * 2 if elapsed < _SHORT and steps == budget else budget


def _wants_to_stop(callback: Callable[[State], Any], state: State) -> bool:
    try:
        answer = callback(state)
    except StopIteration:
        return True
    return isinstance(answer, bool | np.bool_) and bool(answer)
