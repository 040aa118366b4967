"""The state that a callback is given, and the signatures that a callback may have."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, KeysView
from typing import Any

import numpy as np

from steepest.errors import SettingError
from steepest.graph.source import at, function_source


class State(np.ndarray):
    """The point that a callback is given after each update.

    It is also what SciPy's callbacks are given, an array of the parameters: ``state[0]``,
    ``np.copy(state)``, ``print(state)``. Nested parameters become one array of all their numbers.
    Arithmetic with it, such as ``state - 1``, gives a plain array.

    Parameters
    ----------
    x : ndarray or nested parameters
        The parameters, in the structure of the start values.
    loss : float or callable
        The loss at `x`, over all data, or a function that computes it when ``state.loss`` is read.
    iteration : int
        Number of updates made.
    vector : ndarray, optional
        The parameters as an array, shape (n,); `x` unless given.
    residuals : ndarray or callable, optional
        For fits, the residuals at `x`, shape (m,), or a function that computes them.

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
        """Return the state at a point."""
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
        """The loss, under SciPy's name; for fits the residuals, as in ``least_squares``."""
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

    def __getitem__(self, index: Any) -> Any:
        """Return elements by index, or by a string the field of SciPy's results of that name."""
        if isinstance(index, str):
            if index not in _STATE_NAMES:
                raise KeyError(f"{index!r}: there is {', '.join(_STATE_NAMES)}")
            return getattr(self, index)
        return np.asarray(self)[index]

    def keys(self) -> KeysView[str]:
        """Return the names of the fields."""
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
    """Return a callback as a function of a :class:`State`.

    As in SciPy, a callback whose only parameter is ``intermediate_result`` is given the state by
    that name. A callback of two parameters is given the point and the state.

    Raises
    ------
    SettingError
        If the callback has another signature.
    """
    try:
        parameters = inspect.signature(callback).parameters
    except (TypeError, ValueError):  # of a built-in function
        return callback
    if set(parameters) == {"intermediate_result"}:
        return lambda state: callback(intermediate_result=state)
    needed = [p for p in parameters.values() if p.default is p.empty and p.kind in _POSITIONAL]
    if len(needed) == 2:
        return lambda state: callback(np.array(state, subok=False), state)
    if len(needed) > 2 or not any(p.kind in (*_POSITIONAL, _REST) for p in parameters.values()):
        raise SettingError(
            f"callback{at(function_source(callback))} takes {', '.join(parameters) or 'nothing'}: "
            "write callback(state), with state.x, state.loss and state.iteration, or as for "
            "SciPy callback(xk) or callback(intermediate_result)"
        )
    return callback


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_REST = inspect.Parameter.VAR_POSITIONAL
