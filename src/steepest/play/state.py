"""What is chosen on the page, and how that changes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from steepest.play.choices import AT_FIRST, BY_NAME, CHOICES
from steepest.play.descents import Descent, descend
from steepest.play.subject import Subject
from steepest.play.texts import LANGUAGES

LIMITS = (30, 100, 300, 1000, 3000, 10_000)
"""Limits of iterations that can be chosen."""

_FRAMES = 200
"""How many frames it takes to play a descent."""

_SLOWEST, _FASTEST = 1e-3, 30.0
"""Range of step sizes, relative to one that suits."""


class Settings(NamedTuple):
    """Settings of a method: its step size and its momentum."""

    step: float
    momentum: float


class Window(NamedTuple):
    """The rectangle that is shown."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True)
class State:
    """What is chosen on the page.

    Attributes
    ----------
    subject
        The function.
    start
        Where descents start.
    axes
        Which parameters vary in the picture: two, or the only one.
    window
        What part of the plane is shown; with one parameter, only left and right matter.
    chosen
        Names of the methods that are compared, in the order of the page.
    settings
        Settings of every method.
    limit
        Largest number of iterations.
    now
        The iteration that the points stand at; None for the last one.
    is_playing
        Whether that iteration advances by itself.
    cursor
        The point under the cursor, in the plane; None elsewhere.
    followed
        The method whose point the computation graph is shown at, when the cursor is elsewhere.
    language
        ``"en"`` or ``"zh"``.
    """

    subject: Subject
    start: tuple[float, ...]
    axes: tuple[int, ...]
    window: Window
    chosen: tuple[str, ...] = AT_FIRST
    settings: Mapping[str, Settings] = field(default_factory=dict)
    limit: int = 300
    now: int | None = None
    is_playing: bool = False
    cursor: tuple[float, float] | None = None
    followed: str = AT_FIRST[0]
    language: str = "en"


def opened(subject: Subject, language: str = "en") -> State:
    """Return the state of a page that is opened with a function."""
    axes = (0,) if subject.size == 1 else (0, 1)
    settings = {c.name: Settings(c.step_for(subject), c.momentum or 0.0) for c in CHOICES}
    return State(
        subject, subject.start, axes, window_of(subject, axes), settings=settings,
        language=language,
    )  # fmt: skip


def window_of(subject: Subject, axes: tuple[int, ...]) -> Window:
    """Return the window that shows all of a subject's box."""
    low, high = subject.box[axes[0]]
    return Window(low, high, *(subject.box[axes[1]] if len(axes) > 1 else (0.0, 1.0)))


def of_subject(state: State, subject: Subject) -> State:
    """Return the state with another function; methods and language stay."""
    return replace(
        opened(subject, state.language), chosen=state.chosen, followed=state.followed,
        limit=state.limit,
    )  # fmt: skip


def moved_start(state: State, x: float, y: float) -> State:
    """Return the state with the start at a point of the plane; the animation starts there, too."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return state
    start = list(state.start)
    for axis, value in zip(state.axes, (x, y), strict=False):
        start[axis] = float(value)
    return _from_start(state, start)


def moved_along(state: State, axis: int, value: float) -> State:
    """Return the state with one number of the start changed; the animation starts anew."""
    low, high = slice_range(state.subject, axis)
    start = list(state.start)
    start[axis] = float(np.clip(value, low, high))
    return _from_start(state, start)


def _from_start(state: State, start: Sequence[float]) -> State:
    return replace(state, start=tuple(start), now=0 if state.is_playing else None)


def slice_range(subject: Subject, axis: int) -> tuple[float, float]:
    """Return the range of the slider of a parameter that the picture does not vary."""
    return subject.box[axis]


def with_axes(state: State, first: int, second: int) -> State:
    """Return the state with two other parameters that vary."""
    axes = range(state.subject.size)
    if first == second or first not in axes or second not in axes:
        return state
    window = window_of(state.subject, (first, second))
    return replace(state, axes=(first, second), window=window, cursor=None)


def with_chosen(state: State, name: str, is_chosen: bool) -> State:
    """Return the state with a method added or taken away."""
    chosen = {*state.chosen, name} if is_chosen else {*state.chosen} - {name}
    ordered = tuple(choice.name for choice in CHOICES if choice.name in chosen)
    followed = state.followed if state.followed in ordered else (*ordered, AT_FIRST[0])[0]
    return replace(state, chosen=ordered, followed=followed)


def step_range(subject: Subject, name: str) -> tuple[float, float]:
    """Return decimal logarithms of the range of a method's step size."""
    middle = BY_NAME[name].step_for(subject)
    return math.log10(middle * _SLOWEST), math.log10(middle * _FASTEST)


def with_step(state: State, name: str, log_step: float) -> State:
    """Return the state with another step size, given its decimal logarithm."""
    low, high = step_range(state.subject, name)
    step = 10.0 ** float(np.clip(log_step, low, high))
    return _with_settings(state, name, state.settings[name]._replace(step=step))


def with_momentum(state: State, name: str, momentum: float) -> State:
    """Return the state with another momentum."""
    share = round(float(np.clip(momentum, 0.0, 0.999)), 3)
    return _with_settings(state, name, state.settings[name]._replace(momentum=share))


def _with_settings(state: State, name: str, settings: Settings) -> State:
    return replace(state, settings={**state.settings, name: settings})


def with_language(state: State, language: str) -> State:
    """Return the state in another language."""
    return replace(state, language=language) if language in LANGUAGES else state


def descents_of(state: State) -> dict[str, Descent]:
    """Return the descents of the chosen methods."""
    return {
        name: descend(state.subject, name, *state.settings[name], state.start, state.limit)
        for name in state.chosen
    }


def last_step(state: State) -> int:
    """Return the number of iterations of the longest descent."""
    return max((found.last for found in descents_of(state).values()), default=0)


def at_step(state: State, step: int) -> State:
    """Return the state at an iteration, paused."""
    return replace(state, now=max(0, int(step)), is_playing=False)


def played(state: State) -> State:
    """Return the state with the animation started or paused; at its end, it starts anew."""
    if state.is_playing:
        return replace(state, is_playing=False)
    is_over = state.now is None or state.now >= last_step(state)
    return replace(state, is_playing=True, now=0 if is_over else state.now)


def advanced(state: State, frames: float = 1.0) -> State:
    """Return the state some frames later: slowly at first, since early steps are the longest."""
    if not state.is_playing:
        return state
    last, now = last_step(state), state.now or 0
    share = math.sqrt(now / last) if last else 1.0
    following = max(now + 1, math.floor(last * (share + frames / _FRAMES) ** 2))
    if following >= last:
        return replace(state, now=None, is_playing=False)
    return replace(state, now=following)


def shown_step(state: State) -> int:
    """Return the iteration that the points stand at."""
    last = last_step(state)
    return last if state.now is None else min(state.now, last)


def graph_point(state: State) -> tuple[float, ...]:
    """Return the point at which the computation graph is shown."""
    point = list(state.start)
    if state.cursor is not None:
        for axis, value in zip(state.axes, state.cursor, strict=False):
            point[axis] = value
        return tuple(point)
    found = descents_of(state).get(state.followed)
    if found is None:
        return state.start
    return tuple(found.points[min(shown_step(state), found.last)].tolist())
