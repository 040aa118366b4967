"""The page's buttons, sliders and texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bokeh.models import (
    Button,
    Column,
    CustomJSTickFormatter,
    Div,
    InlineStyleSheet,
    RadioButtonGroup,
    Row,
    Select,
    Slider,
    Toggle,
)

from steepest.play.browser.look import DIV_CSS, GROUP_CSS, INK, WIDGET_CSS, chip_css
from steepest.play.choices import CHOICES
from steepest.play.state import LIMITS
from steepest.play.texts import LANGUAGES

_MOST_SLIDERS = 8
"""Largest number of sliders for parameters that the map does not vary."""

_POWER_OF_TEN = "return (10 ** tick).toPrecision(3).replace(/\\.?0+($|e)/, '$1')"


@dataclass(frozen=True)
class Widgets:
    """The widgets of a page.

    Attributes
    ----------
    lead, table, graph_title, graph, methods_title, note
        Texts.
    language, function, limit, follow, across, up
        Choices: of the language, the function, the number of iterations, the method that the graph
        follows, and the parameters of the two axes.
    chips
        A button for each method.
    steps, momenta
        Sliders for each method that has such a setting.
    fixed
        Sliders for parameters that the map does not vary.
    play, reset, now
        The player: its buttons, and the slider of the step shown.
    tools, player, graph_part
        Groups of these.
    """

    lead: Div
    table: Div
    graph_title: Div
    graph: Div
    methods_title: Div
    note: Div
    language: RadioButtonGroup
    function: Select
    limit: Select
    follow: Select
    across: Select
    up: Select
    chips: Mapping[str, Toggle]
    steps: Mapping[str, Slider]
    momenta: Mapping[str, Slider]
    fixed: tuple[Slider, ...]
    play: Button
    reset: Button
    now: Slider
    tools: Column
    player: Column
    graph_part: Column


def make_widgets() -> Widgets:
    """Return the widgets, without texts and values."""
    chips = {
        c.name: Toggle(
            name=f"chip-{c.name}", label=c.name, stylesheets=_styles(chip_css(c.color)),
            margin=(0, 6, 6, 0),
        )
        for c in CHOICES
    }  # fmt: skip
    steps = {
        c.name: _slider(f"step-{c.name}", 0.01, c.color, CustomJSTickFormatter(code=_POWER_OF_TEN))
        for c in CHOICES
        if c.has_step
    }
    momenta = {
        c.name: _slider(f"momentum-{c.name}", 0.005, c.color, "0[.]000", end=0.995)
        for c in CHOICES
        if c.momentum is not None
    }
    fixed = tuple(_slider(f"fixed-{i}", 0.01, INK, "0.000") for i in range(_MOST_SLIDERS))
    function, limit = _select("function"), _select("limit")
    limit.options = [str(number) for number in LIMITS]
    across, up, follow = _select("across"), _select("up"), _select("follow")
    methods_title, note, graph_title = _div("methods-title"), _div("note"), _div("graph-title")
    graph, table, lead = _div("graph-svg"), _div("table"), _div("lead")
    settings = [kinds[c.name] for c in CHOICES for kinds in (steps, momenta) if c.name in kinds]
    play = Button(
        name="play", button_type="primary", stylesheets=_styles(), width=104, margin=(8, 8, 0, 0)
    )
    reset = Button(name="reset", stylesheets=_styles(), width=74, margin=(8, 0, 0, 8))
    now = _slider("now", 1, INK, "0")
    now.margin = (2, 6, 0, 6)
    chip_row = Row(
        children=list(chips.values()), sizing_mode="stretch_width", margin=(4, 0, 4, 0),
        styles={"flex-wrap": "wrap"},
    )  # fmt: skip
    axes = Row(children=[across, up], sizing_mode="stretch_width")
    return Widgets(
        lead=lead,
        table=table,
        graph_title=graph_title,
        graph=graph,
        methods_title=methods_title,
        note=note,
        language=RadioButtonGroup(
            name="language", labels=list(LANGUAGES.values()), stylesheets=_styles(GROUP_CSS),
        ),
        function=function,
        limit=limit,
        follow=follow,
        across=across,
        up=up,
        chips=chips,
        steps=steps,
        momenta=momenta,
        fixed=fixed,
        play=play,
        reset=reset,
        now=now,
        tools=_group(
            "tools", [function, axes, *fixed, methods_title, chip_row, *settings, limit]
        ),
        player=_group("player", [Row(children=[play, now, reset], sizing_mode="stretch_width"),
                                 note]),
        graph_part=_group("graph", [graph_title, graph, follow]),
    )  # fmt: skip


def _styles(*more: str) -> list[Any]:
    return [InlineStyleSheet(css=css) for css in (WIDGET_CSS, *more)]


def _slider(name: str, step: float, color: str, form: Any, end: float = 1.0) -> Slider:
    return Slider(
        name=name, start=0, end=end, value=0, step=step, bar_color=color, format=form,
        sizing_mode="stretch_width", stylesheets=_styles(), margin=(2, 6, 8, 6), visible=True,
    )  # fmt: skip


def _select(name: str) -> Select:
    return Select(
        name=name, sizing_mode="stretch_width", stylesheets=_styles(), margin=(0, 4, 8, 0)
    )


def _div(name: str) -> Div:
    return Div(
        name=name, sizing_mode="stretch_width", stylesheets=[InlineStyleSheet(css=DIV_CSS)],
        margin=0, disable_math=True,
    )  # fmt: skip


def _group(name: str, children: list[Any]) -> Column:
    return Column(name=name, children=children, sizing_mode="stretch_width")
