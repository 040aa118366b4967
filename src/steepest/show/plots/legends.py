"""Legends that hide nothing and fit in their figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_STYLE: dict[str, Any] = {
    "frameon": False,
    "fontsize": 8,
    "columnspacing": 1.2,
    "handletextpad": 0.5,
    "borderaxespad": 0.3,
}


def legend_above(ax: Any, entries: Sequence[Any]) -> None:
    """Put a legend above the axes, in as many columns as are not wider than they are."""

    def drawn(columns: int) -> Any:
        return ax.legend(
            handles=list(entries), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns,
            **_STYLE,
        )  # fmt: skip

    _fitted(drawn, len(entries), ax.get_window_extent().width)


def legend_of_figure(figure: Any, entries: Sequence[Any]) -> None:
    """Put a legend above all axes of a figure, in as many columns as fit."""

    def drawn(columns: int) -> Any:
        figure.legends.clear()
        return figure.legend(
            handles=list(entries), loc="outside upper center", ncols=columns, **_STYLE
        )

    _fitted(drawn, len(entries), 0.95 * figure.bbox.width)


def _fitted(drawn: Callable[[int], Any], number: int, width: float) -> None:
    """Draw a legend of so many entries in as few lines as are no wider than that."""
    for lines in range(1, number + 1):
        if drawn(-(-number // lines)).get_window_extent().width <= width:
            return
