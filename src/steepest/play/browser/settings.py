"""Show on the widgets what is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from steepest.play import state as states
from steepest.play import wording
from steepest.play.browser.widgets import Widgets
from steepest.play.choices import CHOICES
from steepest.play.state import State
from steepest.play.subject import Subject
from steepest.play.texts import LANGUAGES, text


def show_settings(w: Widgets, state: State, subjects: Mapping[str, Subject]) -> None:
    """Set the widgets to a state, in its language."""
    language = state.language
    key = next(key for key, subject in subjects.items() if subject is state.subject)
    options = [(key, wording.name_of(subject, language)) for key, subject in subjects.items()]
    put(w.function, title=text("function", language), options=options, value=key)
    put(w.language, active=list(LANGUAGES).index(language))
    put(w.limit, title=text("limit", language), value=str(state.limit))
    put(w.methods_title, text=f"<h2>{text('methods', language)}</h2>")
    _show_player(w, state)
    _show_methods(w, state)
    _show_axes(w, state)


def _show_player(w: Widgets, state: State) -> None:
    language, last = state.language, states.last_step(state)
    put(w.play, label=text("pause" if state.is_playing else "play", language))
    put(w.reset, label=text("reset", language))
    put(w.now, title=text("now", language), end=max(last, 1), value=states.shown_step(state))


def _show_methods(w: Widgets, state: State) -> None:
    language = state.language
    for choice in CHOICES:
        name, is_chosen = choice.name, choice.name in state.chosen
        label, settings = text(name, language), state.settings[choice.name]
        put(w.chips[name], label=label, active=is_chosen)
        if name in w.steps:
            low, high = states.step_range(state.subject, name)
            put(
                w.steps[name], visible=is_chosen, title=f"{label}: {text('step', language)}",
                start=low, end=high, value=math.log10(settings.step),
            )  # fmt: skip
        if name in w.momenta:
            title = f"{label}: {text('momentum_of', language)}"
            put(w.momenta[name], visible=is_chosen, title=title, value=settings.momentum)
    options = [(name, text(name, language)) for name in state.chosen]
    put(w.follow, title=text("follow", language), options=options, visible=bool(options))
    if options:
        put(w.follow, value=state.followed)


def _show_axes(w: Widgets, state: State) -> None:
    language, subject = state.language, state.subject
    is_sliced = subject.size > 2
    put(w.across, visible=is_sliced, title=text("axes_x", language))
    put(w.up, visible=is_sliced, title=text("axes_y", language))
    if is_sliced:
        options = [(str(i), name) for i, name in enumerate(subject.names)]
        first, second = state.axes
        for widget, axis, other in ((w.across, first, second), (w.up, second, first)):
            free = [option for option in options if option[0] != str(other)]
            put(widget, options=free, value=str(axis))
    others = [axis for axis in range(subject.size) if axis not in state.axes]
    for number, slider in enumerate(w.fixed):
        put(slider, visible=number < len(others))
        if number < len(others):
            low, high = states.slice_range(subject, others[number])
            title = f"{subject.names[others[number]]} {text('slice', language)}"
            put(
                slider, title=title, start=low, end=high, step=(high - low) / 200,
                value=state.start[others[number]],
            )  # fmt: skip


def put(model: Any, **values: Any) -> None:
    """Set those properties of a model that differ, by more than rounding errors."""
    for name, value in values.items():
        before = getattr(model, name)
        is_near = isinstance(value, float) and math.isclose(before, value, rel_tol=1e-9)
        if not is_near and before != value:
            setattr(model, name, value)
