"""NumPy's BLAS runs on one thread while a function is recorded."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

import steepest as st
from steepest.engines.native.jit.host_calls import HostCall
from steepest.trace.recording.blas_threads import while_recording

LARGE = np.ones(100_000)


def threads():
    """Return how many threads NumPy's products may use; other libraries are not looked after."""
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return min(library.num_threads for library in libraries)


@pytest.fixture(autouse=True)
def two_threads():
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        yield


@pytest.mark.filterwarnings("ignore::steepest.TraceWarning")
def test_a_recorded_function_runs_on_one_thread_if_its_arrays_are_large():
    seen = []

    def loss(x):
        seen.append(threads())
        return np.sum(x * x)

    st.value_and_gradient(loss)(LARGE)
    st.value_and_gradient(loss)(LARGE[:10])
    assert [seen[0], seen[-1], threads()] == [1, 2, 2]


def test_recordings_may_overlap():
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(while_recording([LARGE]))
    second.enter_context(while_recording([LARGE]))
    first.close()
    assert threads() == 1
    second.close()
    assert threads() == 2


def test_a_loss_that_raises_leaves_the_threads_as_they_were():
    def loss(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        st.gradient(loss)(LARGE)
    assert threads() == 2


def test_what_a_descent_calls_back_runs_on_one_thread(monkeypatch):
    seen, original = [], HostCall._call

    def look(self, table):
        seen.append(threads())
        return original(self, table)

    monkeypatch.setattr(HostCall, "_call", look)
    loss = lambda x: np.sum(x**4) + np.sum(np.fft.rfft(x).real ** 2)
    st.minimize(loss, np.ones(23))
    assert set(seen) == {1}
    assert threads() == 2
