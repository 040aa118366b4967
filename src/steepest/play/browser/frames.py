"""Frames: all numbers that change from one picture to the next, as one message to the browser.

If each column were a message of its own, as Bokeh sends them, the browser would draw the page
several times for a single change.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from bokeh.core.properties import Any as AnyValue
from bokeh.core.properties import Int
from bokeh.model import DataModel
from bokeh.models import ColumnDataSource, CustomJS

from steepest.play.drawing import Columns

Place = tuple[str, str, bool, list[int]]
"""Source, column, whether it holds lines rather than numbers, and lengths."""


class Frames(DataModel):  # type: ignore[misc]
    """What is sent to the browser, and the number of the last frame that it has drawn.

    Frames wait for the browser to draw earlier ones: a slow browser gets fewer frames, and none
    that is out of date.
    """

    frame = AnyValue(default=None)
    drawn = Int(default=0)


def packed(changes: Mapping[str, Columns]) -> tuple[list[Place], np.ndarray]:
    """Return columns as one array, and where each is in it, in order."""
    places: list[Place] = []
    parts: list[np.ndarray] = [np.zeros(0, np.float32)]
    for source, columns in changes.items():
        for column, values in columns.items():
            has_lines = isinstance(values, list) and any(np.ndim(value) for value in values)
            arrays = values if has_lines else [values]
            found = [np.asarray(array, np.float32) for array in arrays]
            places.append((source, column, has_lines, [len(array) for array in found]))
            parts += found
    return places, np.concatenate(parts)


_SHOW = """
const [number, places, numbers] = frames.frame
const changes = new Map()
let at = numbers.byteOffset
for (const [source, column, has_lines, lengths] of places) {
  const arrays = lengths.map((length) => {
    const array = new Float32Array(numbers.buffer, at, length)
    at += 4 * length
    return array
  })
  if (!changes.has(source)) changes.set(source, {})
  changes.get(source)[column] = has_lines ? arrays : arrays[0]
}
for (const [name, columns] of changes) {
  const source = sources[name]
  source.setv({data: {...source.data, ...columns}}, {sync: false})
}
requestAnimationFrame(() => { frames.drawn = number })
"""


def frames_for(sources: Mapping[str, ColumnDataSource]) -> Frames:
    """Return frames that change the columns of sources in the browser."""
    frames = Frames(name="frames")
    shown = CustomJS(args={"frames": frames, "sources": dict(sources)}, code=_SHOW)
    frames.js_on_change("frame", shown)
    return frames


def send(frames: Frames, number: int, changes: Mapping[str, Columns]) -> None:
    """Send a frame."""
    places, numbers = packed(changes)
    frames.frame = [number, [list(place) for place in places], numbers]
