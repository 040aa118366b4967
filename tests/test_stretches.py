"""Stretches of arrays at places that are computed: looked at, and put, where they are."""

from collections import OrderedDict

import numpy as np
import pytest
from safetensors.numpy import load_file

import steepest as st
from steepest.descent import prepare
from steepest.engines.native import program, workspace

RNG = np.random.default_rng(20)
TABLE = RNG.integers(-9, 9, (5, 40)).astype(float)
CUBE = RNG.integers(-9, 9, (3, 5, 40)).astype(float)


def neighbors(table, i):
    return np.sum(table[i] * table[(i + 1) % 5]) + np.cumsum(table[i])


def replaced(table, i):
    after = table.copy()
    after[i] = table[(i + 2) % 5] - 1.0
    return np.sum(after[i] * table[i]) + after[(i + 3) % 5]


def columns(table, i):
    return table.T[:, i] + table[i][::-1]


@pytest.mark.parametrize("function", [neighbors, replaced, columns])
@pytest.mark.parametrize("table", [TABLE, np.repeat(TABLE, 2, axis=1)[:, ::2], TABLE[::-1]])
def test_a_stretch_at_a_computed_place(function, table):
    compiled = st.compile(function)
    for i in range(-5, 5):
        np.testing.assert_array_equal(compiled(table, np.array(i)), function(table, i))


def test_a_stretch_at_two_computed_indices():
    def function(cube, i, j):
        return cube[i, j] + cube[j % 3, (i * 2) % 5] * np.sum(cube[i, j])

    compiled = st.compile(function)
    for i in range(-3, 3):
        for j in range(-5, 5):
            expected = function(CUBE, i, j)
            np.testing.assert_array_equal(compiled(CUBE, np.array(i), np.array(j)), expected)


@pytest.mark.parametrize("i", [5, -6, 2**40])
@pytest.mark.parametrize("function", [neighbors, replaced])
def test_a_stretch_out_of_bounds_is_refused(function, i):
    compiled = st.compile(function)
    compiled(TABLE, np.array(0))
    with pytest.raises(IndexError, match=r"test_stretches\.py:\d+ is out of bounds"):
        compiled(TABLE, np.array(i))


def test_every_index_is_checked_where_only_the_last_is_known():
    def function(table, i):
        return table[i, np.array([0, 1])]

    compiled = st.compile(function)
    np.testing.assert_array_equal(compiled(TABLE, np.array([1, -5])), function(TABLE, [1, -5]))
    with pytest.raises(IndexError, match="out of bounds"):
        compiled(TABLE, np.array([3, 10**9]))


class Averaging:
    """Moves by the mean of the last steps, which stand in a ring; some are not counted."""

    memory = 5

    def init(self, x):
        return {"ring": np.zeros((self.memory, x.size)), "newest": np.zeros((), np.int64)}

    def update(self, x, gradient, state, iteration):
        ring, newest = state["ring"], state["newest"]
        counts = np.sum(gradient) > -1e3
        place = (newest + 1) % self.memory
        after = ring.copy()
        after[place] = np.where(counts, 0.0625 * gradient, ring[place])
        newest = np.where(counts, place, newest)
        step = 0.5 * after[newest] + 0.25 * after[newest - 1] + 0.125 * ring[place]
        return x - step, {"ring": after, "newest": newest}


class Twice(Averaging):
    """Keeps the same ring twice, and one that is replaced as a whole."""

    def init(self, x):
        state = Averaging.init(self, x)
        return {**state, "again": state["ring"], "old": state["ring"]}

    def update(self, x, gradient, state, iteration):
        mine = {"ring": state["ring"], "newest": state["newest"]}
        x, after = Averaging.update(self, x, gradient, mine, iteration)
        return x + 0.125 * state["old"][1], {**after, "again": after["ring"], "old": state["ring"]}


def bowl(x):
    return np.sum((x - np.arange(x.size)) ** 2)


def kinked(x):
    if np.sum(x) > 300:
        return np.sum((x - np.arange(x.size)) ** 2)
    return np.sum(x * x) - 60.0 * np.sum(x)


def assert_same_state(first, second, folder):
    saved = []
    for number, run in enumerate((first, second)):
        run.save(folder / f"run{number}")
        arrays = load_file(folder / f"run{number}")
        saved.append({name: array for name, array in arrays.items() if "state" in name})
    assert saved[0]
    assert saved[0].keys() == saved[1].keys()
    for name, array in saved[0].items():
        np.testing.assert_array_equal(saved[1][name], array)


@pytest.mark.parametrize("method", [Averaging(), Twice()], ids=["once", "twice"])
@pytest.mark.parametrize("loss", [bowl, kinked])
@pytest.mark.parametrize("rows", [None, 1, 3])
def test_a_ring_that_a_method_carries(method, loss, rows, monkeypatch, tmp_path):
    if rows is not None:  # the machine code returns after so many iterations
        monkeypatch.setattr(workspace, "_HISTORY_ROWS", rows)
        monkeypatch.setattr(prepare, "_prepared", OrderedDict())
        monkeypatch.setattr(program, "_programs", OrderedDict())
    settings = {"method": method, "stop": st.MaxIterations(13), "record": "all"}
    runs = [st.minimize(loss, np.ones(20), engine=e, **settings) for e in ("numpy", "native")]
    np.testing.assert_array_equal(runs[0].history.x, runs[1].history.x)
    assert_same_state(*runs, tmp_path)


def test_a_ring_goes_on_where_a_run_was_stopped(tmp_path):
    settings = {"method": Twice(), "record": "all"}
    whole = st.minimize(bowl, np.ones(20), stop=st.MaxIterations(17), **settings)
    part = st.minimize(bowl, np.ones(20), stop=st.MaxIterations(8), **settings)
    part.save(tmp_path / "run")
    after = st.resume(tmp_path / "run", bowl, method=Twice(), stop=st.MaxIterations(17))
    np.testing.assert_array_equal(after.x, whole.x)
    assert_same_state(whole, after, tmp_path)
