"""The page of one visitor: its state, what changes it, and what is sent to the browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bokeh.document import Document
from bokeh.events import MouseLeave, MouseMove, RangesUpdate, Tap
from bokeh.models import CustomJS

from steepest.play import state as states
from steepest.play import wording
from steepest.play.browser.figures import figures_of
from steepest.play.browser.frames import frames_for, send
from steepest.play.browser.look import TEMPLATE
from steepest.play.browser.settings import put, show_settings
from steepest.play.browser.widgets import make_widgets
from steepest.play.drawing import Columns, changed, drawn, least_loss, terrain_of
from steepest.play.state import State, Window
from steepest.play.subject import Subject
from steepest.play.texts import LANGUAGES, text

_FRAME = 33
"""Milliseconds between frames of the animation."""

_NUMBERS = 200
"""Milliseconds between numbers in table and graph, which nobody reads while they change."""

_CURVES = 120
"""Milliseconds between two pictures of the losses: a browser draws them as long as the map."""

_OF_LOSSES = ("losses", "loss_heads")
"""What the plot of the losses is drawn from."""

_IN_FLIGHT = 2
"""How many frames may be sent and not drawn yet: one is drawn while the next one is computed."""

_LOST = 1.0
"""Seconds after which a frame that the browser has not drawn is no longer waited for."""


_NAME_LANGUAGE = "document.documentElement.lang = ['en', 'zh-CN'][cb_obj.active]"


class Page:
    """A page.

    Parameters
    ----------
    document
        What Bokeh shows.
    subjects
        The functions of the menu; the first one is shown.
    language
        The language at first.
    """

    def __init__(self, document: Document, subjects: Sequence[Subject], language: str) -> None:
        self.document = document
        self.subjects = {str(i): subject for i, subject in enumerate(subjects)}
        self.state = states.opened(subjects[0], language)
        self.widgets = make_widgets()
        self.columns: Mapping[str, Columns] = drawn(self.state)
        self.figures = figures_of(self.columns, self.state.window)
        self.frames = frames_for(self.figures.sources)
        self.figures.map.tags = [self.frames]  # so that the browser has it, without showing it
        self.is_waiting, self.is_setting, self.are_numbers_due = False, False, False
        self.sent, self.sent_at, self.numbers_after = 0, 0.0, 0.0
        self.curves_after, self.are_curves_due = 0.0, False
        self.shown: State | None = None
        self.ticking: Any = None
        self.listen()
        self.draw()
        w = self.widgets
        for root in (w.lead, w.language, w.tools, self.figures.map, w.player, w.table,
                     self.figures.losses, w.graph_part):  # fmt: skip
            document.add_root(root)
        document.template = TEMPLATE
        document.title = text("title", language)

    # What changes the state

    def listen(self) -> None:
        """Let widgets and figures change the state."""
        w, on = self.widgets, self.on
        on(w.function, "value", self.of_subject)
        on(w.language, "active", lambda s, i: states.with_language(s, list(LANGUAGES)[i]))
        w.language.js_on_change("active", CustomJS(code=_NAME_LANGUAGE))
        on(w.limit, "value", with_limit)
        on(w.follow, "value", lambda s, name: replace(s, followed=str(name), cursor=None))
        on(w.across, "value", lambda s, axis: self.with_axes(s, int(axis), s.axes[-1]))
        on(w.up, "value", lambda s, axis: self.with_axes(s, s.axes[0], int(axis)))
        on(w.now, "value", states.at_step)
        for name, chip in w.chips.items():
            on(chip, "active", of_one(states.with_chosen, name))
        for name, slider in w.steps.items():
            on(slider, "value", of_one(states.with_step, name))
        for name, slider in w.momenta.items():
            on(slider, "value", of_one(states.with_momentum, name))
        for number, slider in enumerate(w.fixed):
            on(slider, "value", of_one(with_fixed, number))
        w.play.on_click(lambda: self.change(states.played(self.state)))
        w.reset.on_click(lambda: self.change(self.reset(self.state)))
        plot = self.figures.map
        plot.on_event(Tap, lambda e: self.change(states.moved_start(self.state, e.x, e.y)))
        plot.on_event(MouseMove, lambda e: self.change(with_cursor(self.state, e.x, e.y)))
        plot.on_event(MouseLeave, lambda e: self.change(replace(self.state, cursor=None)))
        plot.on_event(RangesUpdate, lambda e: self.change(with_window(self.state, e)))
        self.frames.on_change("drawn", self.follow)

    def on(self, model: Any, name: str, change: Callable[[State, Any], State]) -> None:
        """Let a property of a model change the state, unless the page itself has set it."""

        def changed_by_visitor(attribute: str, old: Any, new: Any) -> None:
            if not self.is_setting:
                self.change(change(self.state, new))

        model.on_change(name, changed_by_visitor)

    def of_subject(self, state: State, key: Any) -> State:
        """Return the state with a function of the menu."""
        subject = self.subjects.get(str(key))
        return state if subject is None else self.in_window(states.of_subject(state, subject))

    def with_axes(self, state: State, first: int, second: int) -> State:
        """Return the state with other axes."""
        return self.in_window(states.with_axes(state, first, second))

    def reset(self, state: State) -> State:
        """Return the state as it was when the function was chosen; the methods stay."""
        return self.in_window(states.of_subject(state, state.subject))

    def in_window(self, state: State) -> State:
        """Set the ranges of the map to a state's window, and return the state."""
        left, right, bottom, top = terrain_of(state).window
        plot = self.figures.map
        plot.x_range.update(start=left, end=right, reset_start=left, reset_end=right)
        plot.y_range.update(start=bottom, end=top, reset_start=bottom, reset_end=top)
        return state

    def change(self, state: State) -> None:
        """Take a new state, and have it drawn."""
        if state == self.state:
            return
        self.state = state
        if state.is_playing and self.ticking is None:
            self.ticking = self.document.add_periodic_callback(self.tick, _FRAME)
        self.ask()

    def tick(self) -> None:
        """Advance the animation by a frame."""
        self.change(states.advanced(self.state))
        if not self.state.is_playing and self.ticking is not None:
            self.document.remove_periodic_callback(self.ticking)
            self.ticking = None

    # What is drawn

    def ask(self) -> None:
        """Have the state drawn as soon as the browser has drawn the last frame."""
        is_busy = self.sent - self.frames.drawn >= _IN_FLIGHT
        if self.is_waiting or (is_busy and time.monotonic() < self.sent_at + _LOST):
            return
        self.is_waiting = True
        self.document.add_next_tick_callback(self.draw)

    def follow(self, attribute: str, old: Any, new: Any) -> None:
        """Go on with the next frame, if there is one, when the last one is drawn."""
        if self.state is not self.shown or self.curves_after == 0.0:
            self.ask()

    def draw(self) -> None:
        """Send what differs from the last frame."""
        self.is_waiting = False
        state = self.state
        columns = self.without_curves_of_just_now(drawn(state))
        changes = changed(self.columns, columns)
        self.columns = columns
        if "image" in changes:
            self.figures.sources["image"].data.update(changes.pop("image"))
        self.is_setting = True
        try:
            show_settings(self.widgets, state, self.subjects)
            self.show_texts(state)
        finally:
            self.is_setting = False
        self.shown = state
        self.sent += 1
        self.sent_at = time.monotonic()
        send(self.frames, self.sent, changes)

    def without_curves_of_just_now(self, columns: Mapping[str, Columns]) -> Mapping[str, Columns]:
        """Return columns in which the losses stay as they are, if they were drawn just now."""
        now = time.monotonic()
        if now >= self.curves_after:
            self.curves_after = now + _CURVES / 1000
            return columns
        if not self.are_curves_due:
            self.are_curves_due = True
            self.document.add_timeout_callback(self.draw_curves, _CURVES)
        return {**columns, **{name: self.columns[name] for name in _OF_LOSSES}}

    def draw_curves(self) -> None:
        """Draw the losses of the state that is there by now."""
        self.are_curves_due, self.curves_after = False, 0.0
        self.ask()

    def show_texts(self, state: State) -> None:
        """Show texts, the table and the graph."""
        w, figures, language = self.widgets, self.figures, state.language
        names = [state.subject.names[axis] for axis in state.axes]
        is_above = least_loss(state) != 0
        height = text("loss_above" if is_above else "loss", language)
        put(figures.map.xaxis[0], axis_label=names[0])
        put(figures.map.yaxis[0], axis_label=names[1] if names[1:] else text("loss", language))
        put(figures.losses.xaxis[0], axis_label=text("iteration", language))
        put(figures.losses.yaxis[0], axis_label=height)
        put(w.lead, text=wording.lead(state))
        put(w.note, text=wording.note(state))
        self.show_numbers(state)

    def show_numbers(self, state: State) -> None:
        """Show table and graph, or have them shown a little later if that was done just now."""
        now = time.monotonic()
        if now < self.numbers_after:
            if not self.are_numbers_due:
                self.are_numbers_due = True
                self.document.add_timeout_callback(self.show_numbers_later, _NUMBERS)
            return
        put(self.widgets.table, text=wording.table(state))
        put(self.widgets.graph_title, text=wording.graph_title(state))
        put(self.widgets.graph, text=wording.graph(state))
        self.numbers_after = now + _NUMBERS / 1000

    def show_numbers_later(self) -> None:
        """Show the numbers of the state that is there by now."""
        self.are_numbers_due = False
        self.numbers_after = 0.0
        self.show_numbers(self.state)


def of_one(
    change: Callable[[State, Any, Any], State], which: Any
) -> Callable[[State, Any], State]:
    """Return what changes the setting of one of several methods or parameters."""
    return lambda state, value: change(state, which, value)


def with_limit(state: State, limit: Any) -> State:
    """Return the state with another limit of iterations, of those that can be chosen."""
    numbers = {str(number): number for number in states.LIMITS}
    return replace(state, limit=numbers.get(str(limit), state.limit), now=None)


def with_fixed(state: State, number: int, value: float) -> State:
    """Return the state with another value of a parameter that the map does not vary."""
    others = [axis for axis in range(state.subject.size) if axis not in state.axes]
    return states.moved_along(state, others[number], value) if number < len(others) else state


def with_cursor(state: State, x: Any, y: Any) -> State:
    """Return the state with the cursor at a point of the map."""
    is_known = isinstance(x, int | float) and isinstance(y, int | float)
    return replace(state, cursor=(float(x), float(y)) if is_known else None)


def with_window(state: State, event: Any) -> State:
    """Return the state with the window that the map shows."""
    seen = Window(event.x0, event.x1, event.y0, event.y1)
    if not all(isinstance(value, int | float) for value in seen):
        return state
    if state.subject.size == 1:
        seen = seen._replace(bottom=state.window.bottom, top=state.window.top)
    is_open = seen.right > seen.left and seen.top > seen.bottom
    return replace(state, window=seen) if is_open else state
