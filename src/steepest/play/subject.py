"""The function that is played with: what it takes, where to look, and how far to step."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from steepest.derivative import hessian
from steepest.descent import GradientNormBelow, MaxIterations, Status, TimeLimit, minimize
from steepest.errors import InputError
from steepest.show.plots.scale import with_margin
from steepest.trace import trace

_MOST_GUESSED = 10
"""Largest number of parameters that are tried for a vector whose length is not known."""

_STEP = 1e-3
"""Step size where the curvature does not tell one."""

_FAR = 1e6
"""How far from the start a minimum may be for the map to show both."""

_AT_A_MINIMUM = (Status.CONVERGED, Status.PRECISION, Status.NOISE)
"""How a run ends at a minimum. Where others end, such as at -1e15, no scale can start."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A function of some numbers.

    Attributes
    ----------
    name
        Its name.
    original
        The function as it was written.
    is_spread
        Whether it takes one argument for each number, rather than a vector of them.
    names
        What each number is called.
    start
        Where descents start.
    box
        Lowest and highest value of each number that is shown.
    step
        A step size at which gradient descent makes progress.
    lowest
        The least value, if it is known.
    fine
        Step size of the methods that scale each step, as a share of the box.
    title
        Key of the text that names it on the page; empty if its own name does.
    """

    name: str
    original: Callable[..., Any]
    is_spread: bool
    names: tuple[str, ...]
    start: tuple[float, ...]
    box: tuple[tuple[float, float], ...]
    step: float
    lowest: float | None = None
    fine: float = 0.02
    title: str = ""

    @property
    def size(self) -> int:
        """How many numbers the function takes."""
        return len(self.names)

    @functools.cached_property
    def loss(self) -> Callable[[Any], Any]:
        """The function of one vector."""
        return _of_vector(self.original, self.size) if self.is_spread else self.original

    def arguments(self, point: Sequence[float]) -> tuple[Any, ...]:
        """Return a point as arguments of the function as it was written."""
        return tuple(map(np.float64, point)) if self.is_spread else (np.array(point),)

    def starting_at(self, start: Sequence[float]) -> Subject:
        """Return the subject with another start.

        Raises
        ------
        InputError
            If it does not have a number for each parameter.
        """
        if len(start) != self.size:
            raise InputError(f"{self.name} takes {self.size} numbers, got {len(start)}")
        return replace(self, start=tuple(start))


def _of_vector(function: Callable[..., Any], size: int) -> Callable[[Any], Any]:
    return lambda x: function(*[x[i] for i in range(size)])


def of_numbers(
    function: Callable[..., Any],
    start: Sequence[float],
    box: Sequence[tuple[float, float]],
    step: float,
    lowest: float | None = None,
    fine: float = 0.02,
    title: str = "",
) -> Subject:
    """Return the subject of a function that takes one argument for each number."""
    names = tuple(inspect.signature(function).parameters)[: len(start)]
    return Subject(
        function.__name__, function, True, names, tuple(start), tuple(box), step, lowest, fine,
        title,
    )  # fmt: skip


def of_function(
    function: Callable[..., Any], start: Sequence[float] | None, parameters: int
) -> Subject:
    """Return the subject of a user's function: its box and step size are found by a descent.

    Parameters
    ----------
    function
        The function.
    start
        Start values; None for values at which it can be recorded.
    parameters
        How many arguments it takes: one may be a vector.

    Raises
    ------
    InputError
        If it takes no arguments, not as many as there are start values, or gives no number.
    UnsupportedError
        If it cannot be recorded.
    """
    name = getattr(function, "__name__", "function")
    if parameters == 0:
        raise InputError(f"{name} takes no parameter: there is nothing to vary")
    if parameters > 1:
        values = (0.0,) * parameters if start is None else tuple(start)
        if len(values) != parameters:
            raise InputError(f"{name} takes {parameters} numbers, got {len(values)}")
        is_spread = True
        _check(name, function, tuple(map(np.float64, values)))
    else:
        values, is_spread = _of_one_argument(name, function, start)
    arguments = list(inspect.signature(function).parameters)
    one = arguments[0] if arguments else "x"
    names = tuple(arguments[: len(values)])
    names = names if is_spread else tuple(f"{one}[{i}]" for i in range(len(values)))
    whole = (0.0, 1.0)
    rough = Subject(name, function, is_spread, names, values, (whole,) * len(values), _STEP)
    return _explored(rough)


def _of_one_argument(
    name: str, function: Callable[..., Any], start: Sequence[float] | None
) -> tuple[tuple[float, ...], bool]:
    """Return start values of a function of one argument, and whether that is a number."""
    if start is not None and len(start) != 1:
        _check(name, function, (np.array(start),))
        return tuple(start), False
    value = 0.0 if start is None else start[0]
    tried: list[tuple[tuple[float, ...], bool]] = [((value,), True), ((value,), False)]
    if start is None:
        tried[:0] = [((0.0,) * size, False) for size in range(2, _MOST_GUESSED + 1)]
    for values, is_number in tried:
        try:
            _check(name, function, (np.float64(values[0]) if is_number else np.array(values),))
        except Exception as error:  # the user's function may raise anything for a wrong length
            first = error
            continue
        return values, is_number
    if start is None:
        raise InputError(
            f"{name} cannot be recorded for a vector of 2 to {_MOST_GUESSED} zeros or for one "
            f"number: give start values, --start 1,1 ({_first_line(first)})"
        ) from first
    raise first


def named(error: Exception) -> str:
    """Return the kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _check(name: str, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
    """Raise unless a function gives one real number."""
    graph = trace(function, *arguments)
    outputs = graph.outputs
    if len(outputs) != 1 or outputs[0].shape != () or outputs[0].dtype.kind != "f":
        kinds = ", ".join(f"{out.dtype}{list(out.shape)}" for out in outputs)
        raise InputError(f"{name} must return one real number, got {kinds or 'nothing'}")


def _explored(subject: Subject) -> Subject:
    """Return a subject with a box around a start and the minimum near it, and a step size."""
    start = np.array(subject.start)
    stop = GradientNormBelow(1e-6) | MaxIterations(500) | TimeLimit(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run = minimize(subject.loss, start, stop=stop, record=None)
            found = np.asarray(run.x, float)
            value = float(run.loss) if run.status in _AT_A_MINIMUM else np.nan
            matrix = hessian(subject.loss)(found)
            steepest = float(np.abs(np.linalg.eigvalsh(matrix)).max())
        except Exception:  # the user's function may raise anything outside of its domain
            found, value, steepest = start, np.nan, np.nan
    corners = np.stack([start, found])
    if (found == start).all() or not np.abs(found - start).max() < _FAR:  # nor where it is NaN
        scale = np.maximum(1.0, np.abs(start))
        corners = np.stack([start - scale, start + scale])
    low, high = with_margin(corners)
    step = 0.5 / steepest if np.isfinite(steepest) and steepest > 0 else _STEP
    return replace(
        subject,
        box=tuple(zip(low.tolist(), high.tolist(), strict=True)),
        step=float(f"{np.clip(step, 1e-7, 10):.2g}"),
        lowest=value if np.isfinite(value) else None,
    )
