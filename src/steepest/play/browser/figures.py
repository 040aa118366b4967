"""The map with the paths on it, and the plot of losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bokeh.models import (
    ColumnDataSource,
    LinearColorMapper,
    PanTool,
    Range1d,
    WheelZoomTool,
)
from bokeh.plotting import figure

from steepest.play.browser.look import INK, LINE, PAPER, QUIET, map_colors
from steepest.play.choices import CHOICES
from steepest.play.drawing import BANDS, NOWHERE, SHADES, Columns
from steepest.play.state import Window

_COLORS = [choice.color for choice in CHOICES]
_DASHES = [choice.dash for choice in CHOICES]
_MARKERS = [choice.marker for choice in CHOICES]


@dataclass(frozen=True)
class Figures:
    """The figures of a page.

    Attributes
    ----------
    map, losses
        The figures.
    sources
        What their glyphs are drawn from, by name.
    """

    map: Any
    losses: Any
    sources: Mapping[str, ColumnDataSource]


def figures_of(columns: Mapping[str, Columns], window: Window) -> Figures:
    """Return the figures, with columns drawn."""
    fixed = {
        "whole": {"color": _COLORS, "dash": _DASHES},
        "walked": {"color": _COLORS, "dash": _DASHES},
        "losses": {"color": _COLORS, "dash": _DASHES},
        "heads": {"color": _COLORS, "marker": _MARKERS},
        "loss_heads": {"color": _COLORS, "marker": _MARKERS},
    }
    sources = {
        name: ColumnDataSource({**found, **fixed.get(name, {})}, name=f"{name}-columns")
        for name, found in columns.items()
    }
    return Figures(_map(sources, window), _losses(sources), sources)


def _map(sources: Mapping[str, ColumnDataSource], window: Window) -> Any:
    plot = figure(
        name="map",
        sizing_mode="stretch_both",
        x_range=Range1d(window.left, window.right),
        y_range=Range1d(window.bottom, window.top),
        tools=[PanTool(), WheelZoomTool()],
        active_drag=None,
        active_scroll=None,
        toolbar_location="above",
        min_border_left=44,
        lod_threshold=None,
    )
    plot.toolbar.logo = None
    plot.toolbar.autohide = False
    _style(plot)
    plot.grid.visible = False
    colors = LinearColorMapper(
        palette=[*map_colors(BANDS, SHADES), "#e9e4da"], low=-0.5, high=NOWHERE + 0.5
    )
    methods = LinearColorMapper(palette=_COLORS, low=-0.5, high=len(_COLORS) - 0.5)
    plot.image(
        "image", "x", "y", "dw", "dh", source=sources["image"], color_mapper=colors, level="image"
    )
    plot.line("x", "y", source=sources["curve"], line_color=QUIET, line_width=2)
    plot.multi_line(
        "xs", "ys", source=sources["whole"], line_color="color", line_width=1.2, line_alpha=0.55,
        line_dash="dash",
    )  # fmt: skip
    plot.multi_line(
        "xs", "ys", source=sources["walked"], line_color="white", line_width=5, line_alpha=0.75,
        line_join="round",
    )  # fmt: skip
    plot.multi_line(
        "xs", "ys", source=sources["walked"], line_color="color", line_width=2.6,
        line_dash="dash", line_join="round",
    )  # fmt: skip
    plot.scatter(
        "x", "y", source=sources["dots"], size=5, line_color="white", line_width=0.6,
        fill_color={"field": "method", "transform": methods},
    )  # fmt: skip
    plot.scatter(
        "x", "y", source=sources["start"], size=13, marker="x", line_color="white", line_width=6
    )
    plot.scatter(
        "x", "y", source=sources["start"], size=12, marker="x", line_color=INK, line_width=2.6
    )
    plot.scatter(
        "x", "y", source=sources["heads"], size=13, marker="marker", fill_color="color",
        line_color="white", line_width=1.6,
    )  # fmt: skip
    return plot


def _losses(sources: Mapping[str, ColumnDataSource]) -> Any:
    plot = figure(
        name="losses",
        sizing_mode="stretch_both",
        y_axis_type="log",
        tools=[],
        toolbar_location=None,
        lod_threshold=None,
    )
    _style(plot)
    plot.x_range.range_padding = 0.02
    plot.multi_line(
        "xs", "ys", source=sources["losses"], line_color="color", line_width=2, line_dash="dash"
    )
    plot.scatter(
        "x", "y", source=sources["loss_heads"], size=10, marker="marker", fill_color="color",
        line_color="white", line_width=1.2,
    )  # fmt: skip
    return plot


def _style(plot: Any) -> None:
    plot.background_fill_color = PAPER
    plot.border_fill_color = PAPER
    plot.outline_line_color = LINE
    plot.grid.grid_line_color = LINE
    plot.grid.grid_line_alpha = 0.5
    plot.axis.axis_line_color = LINE
    plot.axis.ticker.desired_num_ticks = 5  # to measure labels takes a good part of a frame
    plot.axis.ticker.num_minor_ticks = 0
    plot.axis.major_tick_line_color = LINE
    plot.axis.minor_tick_line_color = None
    plot.axis.major_label_text_color = QUIET
    plot.axis.major_label_text_font_size = "12px"
    plot.axis.axis_label_text_color = INK
    plot.axis.axis_label_text_font_size = "13px"
    plot.axis.axis_label_text_font_style = "normal"
