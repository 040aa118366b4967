"""What steepest does is told to Python's logging, and to a display."""

import logging

import numpy as np
import pytest

import steepest as st
from steepest.activity import doing, told_to
from steepest.errors import SettingError


@pytest.fixture(autouse=True)
def level():
    logger = logging.getLogger("steepest")
    yield
    logger.setLevel(logging.NOTSET)


def hinge(x):
    return np.sum(x**2) if x[0] > 0.5 else np.sum((x - 0.13) ** 2)


def test_a_descent_tells_what_is_traced_and_compiled(caplog):
    st.set_log_level("info")
    st.minimize(hinge, np.array([1.0, 0.7]), method=st.GradientDescent(0.1))
    texts = [record.getMessage() for record in caplog.records]
    assert any(text.startswith("tracing hinge took") for text in texts)
    assert any(text.startswith("compiling hinge took") for text in texts)
    assert any("tracing path 2 of hinge, met at iteration" in text for text in texts)


def test_each_piece_of_machine_code_is_told_at_level_debug(caplog):
    st.set_log_level(logging.DEBUG)
    st.compile(lambda x: np.sum(np.exp(0.271 * x)))(np.ones(3))
    texts = [record.getMessage() for record in caplog.records]
    assert any("run_graph of" in text for text in texts)


def test_nothing_is_told_unless_asked(caplog):
    st.minimize(lambda x: np.sum((x - 0.77) ** 2), np.ones(3))
    assert not caplog.records


@pytest.mark.parametrize("level", ["loud", None, True, 1.5])
def test_an_unknown_level_is_refused(level):
    with pytest.raises(SettingError, match="level must be one of 'debug'"):
        st.set_log_level(level)


def test_a_display_hears_what_is_done_while_it_is_open():
    heard = []
    with told_to(heard.append), doing("tracing f"):
        pass
    with doing("tracing g"):
        pass
    assert heard == ["tracing f"]


def test_timings_say_what_ran():
    run = st.minimize(lambda x: np.sum((x - 0.123) ** 4), np.ones(3))
    assert sum(run.timings.tiers.values()) <= run.timings.run
    assert set(run.timings.tiers) <= {"baseline", "optimized", "fused"}
    other = st.minimize(lambda x: np.sum((x - 0.123) ** 4), np.ones(3), engine="numpy")
    assert set(other.timings.tiers) == {"numpy"}
