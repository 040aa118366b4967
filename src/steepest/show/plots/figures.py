"""Figures: how they are made, shown and written. Only this module imports matplotlib."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steepest.errors import EngineUnavailableError, InputError
from steepest.files import write_atomically

try:
    import matplotlib.animation
    import matplotlib.backend_bases
    import matplotlib.backends.backend_agg
    import matplotlib.figure
    import matplotlib.lines
    import matplotlib.patches
    import matplotlib.path
    import matplotlib.ticker
except ImportError as error:
    raise EngineUnavailableError(
        "plots need matplotlib, which is not installed: pip install 'steepest[plot]'"
    ) from error

BLUE, RED, GRAY, GREEN, BLACK = "#1f5fa8", "#c23b22", "#8a8a8a", "#2b7a4b", "#333333"
COLORS = (
    RED,
    BLUE,
    "#e08a00",
    GREEN,
    "#7a4fa3",
    "#008b8b",
    "#a0522d",
    "#d1498b",
    BLACK,
    "#7f9a00",
)
"""Colors of lines that are told apart."""

OTHER_COLORS = tuple(color for color in COLORS if color not in (BLUE, BLACK))
"""Those of lines beside a fitted curve and its data."""

Line, Patch, MaxNLocator = (
    matplotlib.lines.Line2D,
    matplotlib.patches.Patch,
    matplotlib.ticker.MaxNLocator,
)
Curve, PathPatch, Polygon, RoundedBox = (
    matplotlib.path.Path,
    matplotlib.patches.PathPatch,
    matplotlib.patches.Polygon,
    matplotlib.patches.FancyBboxPatch,
)
animation, rc_context = matplotlib.animation, matplotlib.rc_context


class Figure(matplotlib.figure.Figure):
    """A figure that a notebook shows, whether or not pyplot is used there."""

    def _repr_png_(self) -> bytes:
        return rendered(self, "png")

    def _ipython_display_(self) -> None:
        """Let a notebook show the figure once: take it from pyplot, which would show it, too."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None and "inline" in matplotlib.get_backend():
            pyplot.close(self)
        raise NotImplementedError  # so that IPython goes on to _repr_png_


def new_figure(width: float, height: float, path: Any = None) -> Any:
    """Return a figure of a size in inches.

    If pyplot is imported and the figure is not for a file, ``plt.show()`` shows it.
    """
    pyplot = sys.modules.get("matplotlib.pyplot")
    settings: dict[str, Any] = {"figsize": (width, height), "layout": "constrained"}
    if pyplot is None or path is not None:
        return Figure(**settings)
    return pyplot.figure(FigureClass=Figure, **settings)


def axes_of(ax: Any, path: Any = None, width: float = 5, height: float = 4) -> Any:
    """Return axes to draw in: those that a user gave, or those of a new figure."""
    if ax is None:
        return new_figure(width, height, path).subplots()
    if not hasattr(ax, "fill_between"):
        raise InputError(f"ax must be axes of matplotlib, such as plt.gca(), got {ax!r}")
    return ax


def panels_of(ax: Any, path: Any = None) -> tuple[Any, Any]:
    """Return axes for a plot and for a lower one below it, None for the latter if `ax` is one."""
    if isinstance(ax, list | tuple | np.ndarray):
        if len(ax) != 2:
            raise InputError(f"ax must be axes, or a pair of axes: got {len(ax)} of them")
        above, below = axes_of(ax[0]), axes_of(ax[1])
        return above, below
    if ax is not None:
        return axes_of(ax), None
    above, below = new_figure(7, 5.6, path).subplots(2, 1, sharex=True, height_ratios=(3, 1))
    return above, below


MOST = 200
"""Powers of ten up to this one, and down to its negative, are drawn on an axis.

Matplotlib computes a few ticks beyond them, which must not overflow.
"""


def set_log_y(ax: Any) -> None:
    """Give axes a logarithmic y axis whose labels keep apart also on small panels.

    Limits that matplotlib would find by itself overflow for numbers near the largest float.
    """
    low, high = ax.dataLim.minposy, ax.dataLim.y1
    if 0 < low < high < np.inf and not (low > 10.0**-MOST and high < 10.0**MOST):
        ax.set_autoscaley_on(False)
        ax.set_ylim(*10.0 ** np.clip(np.log10([low, high]), -MOST, MOST))
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(matplotlib.ticker.LogLocator(subs=(2, 5)))


def few_ticks(ax: Any) -> None:
    """Give axes as many ticks along y as their height has room for, as low ones below others."""
    height = ax.get_window_extent().height * 72 / ax.figure.dpi
    ax.locator_params(axis="y", nbins=int(np.clip(height / 28, 1, 4)))
    ax.tick_params(axis="y", labelsize=8)


def figure_of(ax: Any) -> Any:
    """Return the figure that axes lie in, also if they lie in a part of it."""
    return ax.figure.figure


def rendered(figure: Any, suffix: str) -> bytes:
    """Return a figure as the bytes of a file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix)
    return buffer.getvalue()


def keep_still(figure: Any, moving: Sequence[Any]) -> None:
    """Replace all of a figure but some lines and texts by an image, which is drawn fast.

    The layout of the figure is that of this moment from then on.
    """
    canvas: Any = matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for artist in moving:
        artist.set_visible(False)
    canvas.draw()
    image = np.array(canvas.buffer_rgba())
    for ax in figure.axes:
        ax.autoscale(False)
        for child in ax.get_children():
            child.set_visible(False)
    for artist in moving:
        artist.set_visible(True)
    figure.figimage(image, zorder=-1)
    matplotlib.backend_bases.FigureCanvasBase(figure)  # which does not draw between frames


def suffix_of(path: Any, formats: Sequence[str] | None = None) -> str:
    """Return the format that a path asks for, by its suffix; PNG if it has none.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    suffix = Path(path).suffix.lower().lstrip(".") or "png"
    known = matplotlib.backend_bases.FigureCanvasBase.filetypes if formats is None else formats
    if suffix not in known:
        listed = ", ".join(f".{name}" for name in known)
        raise InputError(f"cannot write {path}: its name may end in {listed}")
    return suffix


def save(figure: Any, path: Any) -> Any:
    """Write a figure to a file in the format of its suffix, if there is a path; return it."""
    if path is not None:
        write_atomically(Path(path), rendered(figure, suffix_of(path)))
    return figure
