"""Calls of compiled functions from Python: fast, and only for the arguments compiled for."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.engines.native.runtime import c_entry as entry

SCALE = 2.0
TABLE = np.arange(3.0)


def loss(x):
    return SCALE * np.sum(x * x)


def is_direct(function):
    """Whether calls go straight into machine code."""
    return type(function._entry).__name__ == "builtin_function_or_method"


def test_a_call_goes_straight_into_machine_code():
    function = st.compile(st.value_and_gradient(loss))
    x = np.arange(4.0)
    first = function(x)
    assert is_direct(function)
    for value, gradient in (first, function(x), function(x)):
        assert type(value) is np.float64
        assert value == 28.0
        assert np.array_equal(gradient, 4 * x)
    assert isinstance(function(x), tuple)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
def test_scalars_have_numpys_types(dtype):
    function = st.compile(lambda x: (np.max(x), x[:1], np.any(x)))
    x = np.array([1, 0, 1], dtype)
    function(x)
    largest, one, some = function(x)
    assert is_direct(function)
    assert type(largest) is dtype
    assert type(some) is np.bool_
    assert one.dtype == dtype
    assert (largest, some) == (1, True)


def test_other_kinds_of_arguments_are_noticed():
    function = st.compile(lambda x: x * 2)
    x = np.arange(6.0)
    kinds = [
        x,
        x.astype(np.float32),
        x.reshape(2, 3),
        x[:4],
        x[::2],
        x.reshape(2, 3).T,
        np.array(3.0),
        np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float64),  # not aligned
        2.5,
        np.float64(2.5),
        np.float32(2.5),
    ]
    for _ in range(3):
        for kind in kinds:
            found, expected = function(kind), np.asarray(kind) * 2
            assert np.array_equal(found, expected)
    with pytest.raises(TypeError):
        function()
    with pytest.raises(TypeError):
        function(x, x)


def test_what_is_read_from_outside_is_looked_at_in_every_call(monkeypatch):
    function = st.compile(loss)
    x = np.ones(3)
    assert [function(x), function(x)] == [6.0, 6.0]
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert [function(x), function(x)] == [9.0, 9.0]
    table = st.compile(lambda x: x + TABLE)
    assert np.array_equal(table(x), x + np.array([0, 1, 2]))
    monkeypatch.setitem(globals(), "TABLE", np.arange(3.0) * 10)
    assert np.array_equal(table(x), x + np.array([0, 10, 20]))
    TABLE[0] = 5
    assert np.array_equal(table(x), x + np.array([5, 10, 20]))


def test_while_something_is_traced_a_call_is_recorded():
    inner = st.compile(lambda x: x * SCALE)
    x = np.ones(3)
    inner(x)
    graph = st.trace(lambda u: np.sum(inner(x) * u), x)
    assert "multiply" in str(graph)
    assert graph(x * 2) == 12.0


def test_paths_and_errors_go_through_python():
    def piecewise(x):
        return np.sum(x) if x[0] > 0 else -np.sum(x)

    function = st.compile(piecewise)
    for x in (np.ones(3), -np.ones(3), np.ones(3)):
        assert function(x) == 3.0

    picked = st.compile(lambda x, i: x[i])
    x = np.arange(4.0)
    picked(x, np.array([1]))
    assert is_direct(picked)
    with pytest.raises(IndexError, match="out of bounds"):
        picked(x, np.array([7]))
    assert picked(x, np.array([2])) == 2.0


def test_many_threads_get_their_own_results():
    function = st.compile(st.value_and_gradient(lambda x: np.sum(np.sin(x) * np.cumsum(x))))
    xs = [np.random.default_rng(i).normal(size=2000) for i in range(4)]
    expected = [function(x) for x in xs]
    wrong = []

    def work(i):
        for _ in range(300):
            value, gradient = function(xs[i])
            if value != expected[i][0] or not np.array_equal(gradient, expected[i][1]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_nothing_is_leaked():
    function = st.compile(st.value_and_gradient(loss))
    x = np.arange(5.0)
    function(x)
    before = sys.getrefcount(x), sys.getrefcount(np.ndarray), sys.getrefcount(x.dtype)
    blocks = sys.getallocatedblocks()
    for _ in range(5000):
        function(x)
    after = sys.getrefcount(x), sys.getrefcount(np.ndarray), sys.getrefcount(x.dtype)
    assert after == before
    assert sys.getallocatedblocks() - blocks < 500


def test_a_function_goes_away_with_its_machine_code():
    function = st.compile(lambda x: x + 1)
    function(np.ones(3))
    function(np.ones(3))
    seen = weakref.ref(function)
    del function
    gc.collect()
    assert seen() is None


def test_without_knowledge_of_the_layout_calls_still_work(monkeypatch):
    monkeypatch.setattr(entry, "_shared", lambda: None)
    function = st.compile(st.value_and_gradient(loss))
    x = np.arange(4.0)
    assert not is_direct(function)
    assert function(x)[0] == function(x)[0] == 28.0


def test_large_results_are_the_callers_own():
    function = st.compile(lambda x: x + 1.0)
    x = np.zeros(200_000)
    kept = [function(x) for _ in range(5)]
    assert len({array.__array_interface__["data"][0] for array in kept}) == 5
    part = kept.pop()[10:20]
    kept[0][:] = 7
    again = function(x)
    assert np.all(part == 1)
    assert np.all(again == 1)
    assert np.all(kept[1] == 1)


def test_scipy_takes_a_compiled_function():
    def rosenbrock(x):
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    fun = st.compile(st.value_and_gradient(rosenbrock))
    found = scipy.optimize.minimize(fun, np.zeros(5), jac=True, method="L-BFGS-B")
    assert found.success
    np.testing.assert_allclose(found.x, np.ones(5), rtol=1e-4)
