"""The computation graph with values and gradients at a point."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.play.subject import Subject
from steepest.play.texts import BOX_WORDS
from steepest.show.graphs.picture import svg_of
from steepest.trace import trace


def brief(value: Any) -> str:
    """Return a number with four digits, or an array of such on one line."""
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array[()]:.4g}" if array.dtype.kind == "f" else str(array[()])
    text = np.array2string(array, separator=", ", threshold=4, edgeitems=1, precision=3)
    return " ".join(text.split())


@functools.lru_cache(maxsize=16)
def _at(subject: Subject, language: str) -> tuple[bool, Callable[[Sequence[Any]], str]]:
    """Return whether a graph holds everywhere, and its picture as a function of arguments."""
    graph = trace(subject.original, *subject.arguments(subject.start))
    words = BOX_WORDS if language == "zh" else {}
    return not graph.guards, svg_of(graph, brief, words)


def graph_at(subject: Subject, point: tuple[float, ...], language: str) -> str | None:
    """Return the picture of a function's graph at a point as SVG; None if it has none there.

    A function with branches on values is recorded at each point.
    """
    arguments = subject.arguments(point)
    try:
        with np.errstate(all="ignore"):
            is_everywhere, picture = _at(subject, language)
            if not is_everywhere:
                words = BOX_WORDS if language == "zh" else {}
                picture = svg_of(trace(subject.original, *arguments), brief, words)
            return _fitting(picture(arguments))
    except Exception:  # a user's function may raise anything outside of its domain
        return None


def _fitting(svg: str) -> str:
    """Return a picture that is as wide as the page allows, and not as high as itself."""
    return re.sub(r'(<svg[^>]*?) width="\d+" height="\d+"', r"\1", svg, count=1)
