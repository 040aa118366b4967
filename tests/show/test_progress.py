"""The progress line."""

import sys
import time

import numpy as np
import pytest

import steepest as st
from steepest.show import progress

CURVATURE = np.array([1.0, 4.0, 9.0])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * x**2)


def test_progress_goes_to_stderr_and_away(capsys):
    st.minimize(
        quadratic, np.ones(3), stop=st.MaxIterations(2_000_000), progress=True, record=None
    )
    assert capsys.readouterr().out == ""


class Fake:
    """A display that notes when it begins and ends."""

    def __init__(self):
        self.seen = []

    def start(self):
        self.seen.append("start")

    def stop(self):
        self.seen.append("stop")


@pytest.mark.parametrize(("delay", "seen"), [(0.0, ["start", "stop"]), (60.0, ["stop"])])
def test_a_display_begins_after_its_delay(delay, seen):
    fake = Fake()
    with progress._begun_after(delay, fake):
        deadline = time.monotonic() + 10
        while not delay and not fake.seen and time.monotonic() < deadline:
            time.sleep(0.001)
    assert fake.seen == seen


@pytest.mark.parametrize(("is_live", "delays"), [(True, [0.5, 0.0]), (False, [0.0])])
def test_a_notebook_that_can_show_it_shows_what_takes_long(is_live, delays, monkeypatch):
    wanted = []
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    monkeypatch.setitem(sys.modules, "ipywidgets", sys if is_live else None)
    original = progress.display
    monkeypatch.setattr(
        progress, "display", lambda limit, delay: (wanted.append(delay), original(limit, delay))[1]
    )
    st.minimize(quadratic, np.ones(3))
    st.minimize(quadratic, np.ones(3), progress=True)
    assert wanted == delays
