"""What is sent to the browser, and when, without a browser."""

import numpy as np
import pytest

pytest.importorskip("bokeh")

from bokeh.document import Document

from steepest.play import state as states
from steepest.play.browser import page as pages
from steepest.play.classics import CLASSICS
from steepest.play.drawing import drawn


class Sent:
    """The columns that frames have changed."""

    def __init__(self, monkeypatch):
        self.frames = []
        monkeypatch.setattr(pages, "send", lambda frames, number, changes: self.add(changes))

    def add(self, changes):
        self.frames.append(dict(changes))


def with_other_steps(page, number):
    (name, *_) = page.state.chosen
    for i in range(number):
        state = states.with_step(page.state, name, -4.0 + 0.01 * i)
        page.state = state
        page.draw()


def test_losses_are_drawn_less_often_than_paths_and_in_the_end(monkeypatch):
    sent = Sent(monkeypatch)
    page = pages.Page(Document(), [CLASSICS[0]], "en")
    page.curves_after, sent.frames[:] = 0.0, []
    monkeypatch.setattr(pages.time, "monotonic", lambda: 100.0)  # all in one moment
    with_other_steps(page, 5)
    assert sum("walked" in changes for changes in sent.frames) == 5
    assert sum("losses" in changes for changes in sent.frames) == 1
    page.draw_curves()
    page.draw()
    expected = drawn(page.state)["losses"]
    for name, values in expected.items():
        for one, other in zip(page.columns["losses"][name], values, strict=True):
            np.testing.assert_array_equal(one, other)
    assert "losses" in sent.frames[-1]
