"""What lies where in a figure: texts that overlap, and what is cut off at its edge."""

import itertools

from matplotlib.text import Text

ROOM = 1.0
"""Pixels by which boxes may overlap, or stick out: those of antialiasing."""


def drawn_texts(figure):
    """Draw a figure; return its texts with their boxes."""
    found = []
    draw = Text.draw

    def noted(self, renderer):
        draw(self, renderer)
        if self.get_visible() and self.get_text().strip():
            found.append((self, self.get_window_extent(renderer)))

    Text.draw = noted
    try:
        figure.draw_without_rendering()
    finally:
        Text.draw = draw
    return [(text.get_text(), box) for text, box in found]


def flaws(figure):
    """Return sentences on texts that overlap, and on artists that stick out of the figure."""
    texts, found = drawn_texts(figure), []
    for (one, box), (other, second) in itertools.combinations(texts, 2):
        wide = min(box.x1, second.x1) - max(box.x0, second.x0)
        high = min(box.y1, second.y1) - max(box.y0, second.y0)
        if wide > ROOM and high > ROOM:
            found.append(f"{one!r} and {other!r} overlap by {wide:.0f} x {high:.0f} pixels")
    legends = [ax.get_legend() for ax in figure.axes] + list(figure.legends)
    boxes = [("a legend", one.get_window_extent()) for one in legends if one is not None]
    boxes += [(f"{ax.get_xlabel()!r}, axes", ax.get_tightbbox()) for ax in figure.axes]
    for name, box in [*((repr(text), box) for text, box in texts), *boxes]:
        if box is None:
            continue
        out = max(-box.x0, -box.y0, box.x1 - figure.bbox.x1, box.y1 - figure.bbox.y1)
        if out > ROOM:
            found.append(f"{name} sticks out by {out:.0f} pixels")
    return found
