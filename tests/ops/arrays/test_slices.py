"""Slices whose position is computed: read, and written to."""

from collections import OrderedDict

import numpy as np
import pytest
from safetensors.numpy import load_file

import steepest as st
from steepest.descent.running import compile as prepare
from steepest.engines.native.programs import function as program
from steepest.engines.native.runs import workspace

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


def results(table, i):
    """Return stretches as they are, of arrays whose memory others could use afterwards."""
    first = np.cumsum(table * 2.0, axis=0)
    stretch = first[i]
    second = np.cumsum(table * 3.0 + stretch, axis=1)
    third = np.cumsum(second * 0.5, axis=0)
    return stretch, np.sum(np.cumsum(third * 0.25 + second, axis=1)), third[i]


def results_of_puts(table, i):
    after = table.copy()
    after[i] = table[i] * 2.0
    stretch = after[(i + 1) % 5]
    second = np.cumsum(after * 3.0 + stretch, axis=1)
    return stretch, after[i], np.sum(np.cumsum(second * 0.5, axis=0)), second[i]


def carried(table, i):
    step = lambda carry, row: (carry + 0.5 * row, np.cumsum(table + carry, axis=0)[i])
    last, rows = st.scan(step, table[0], table)
    return rows, last, st.while_loop(lambda x: np.sum(x) < 900.0, lambda x: x + 40.0, table[i])


@pytest.mark.parametrize(
    "function", [neighbors, replaced, columns, results, results_of_puts, carried]
)
@pytest.mark.parametrize("table", [TABLE, np.repeat(TABLE, 2, axis=1)[:, ::2], TABLE[::-1]])
def test_a_slice_at_a_computed_index(function, table):
    compiled = st.compile(function)
    for i in range(-5, 5):
        found, expected = compiled(table, np.array(i)), function(table, i)
        for one, other in zip(_tuple(found), _tuple(expected), strict=True):
            np.testing.assert_array_equal(one, other)


def _tuple(value):
    return value if isinstance(value, tuple) else (value,)


def test_a_slice_at_two_computed_indices():
    def function(cube, i, j):
        return cube[i, j] + cube[j % 3, (i * 2) % 5] * np.sum(cube[i, j])

    compiled = st.compile(function)
    for i in range(-3, 3):
        for j in range(-5, 5):
            expected = function(CUBE, i, j)
            np.testing.assert_array_equal(compiled(CUBE, np.array(i), np.array(j)), expected)


@pytest.mark.parametrize("i", [5, -6, 2**40])
@pytest.mark.parametrize("function", [neighbors, replaced])
def test_a_slice_out_of_bounds_is_refused(function, i):
    compiled = st.compile(function)
    compiled(TABLE, np.array(0))
    with pytest.raises(IndexError, match=r"test_slices\.py:\d+ is out of bounds"):
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


class Worst(Averaging):
    """Replaces the row of the lowest score, which a search over them finds."""

    memory = 20

    def init(self, x):
        return {"ring": np.zeros((self.memory, x.size)), "scores": np.zeros(self.memory)}

    def update(self, x, gradient, state, iteration):
        ring, scores = state["ring"], state["scores"]
        worst = np.argmin(scores)
        after = ring.copy()
        after[worst] = 0.0625 * gradient
        following = scores.copy()
        following[worst] = np.max(scores) + 1.0
        best = np.argmax(following)
        other = np.argmax(after[best] * after[best])
        step = after[best] + 0.25 * after[(best + 3) % self.memory] + 0.125 * other
        return x - step, {"ring": after, "scores": following}


class Branching(Averaging):
    """Hands on one of two rings, and reads another one that it makes on the way."""

    def update(self, x, gradient, state, iteration):
        ring, newest = state["ring"], state["newest"]
        made = ring.copy()
        made[newest % self.memory] = 0.0625 * gradient
        if np.sum(x) > 60:
            after = ring.copy()
            after[(newest + 2) % self.memory] = -0.0625 * gradient
            step = 0.125 * made[(newest + 1) % self.memory]
        else:
            after, step = made, made[newest % self.memory]
        return x - step, {"ring": after, "newest": newest + 1}


class InParts(Averaging):
    """Puts a row on one path, and a single number on another."""

    def update(self, x, gradient, state, iteration):
        ring, newest = state["ring"], state["newest"]
        after, place = ring.copy(), newest % self.memory
        if np.sum(x) > 60:
            after[place] = 0.0625 * gradient
        else:
            after[place, newest % 20] = 0.25
        return x - 0.5 * after[place], {"ring": after, "newest": newest + 1}


class Coordinate(Averaging):
    """Moves along one axis after the other: x itself is what is put into."""

    def update(self, x, gradient, state, iteration):
        place = state["newest"] % x.size
        after = x.copy()
        after[place] = x[place] - 0.25 * gradient[place]
        return after, {"ring": state["ring"], "newest": state["newest"] + 1}


METHODS = [Averaging(), Twice(), Worst(), Branching(), InParts(), Coordinate()]


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


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
@pytest.mark.parametrize("loss", [bowl, kinked])
@pytest.mark.parametrize("rows", [None, 1, 3])
def test_a_method_may_carry_a_ring_buffer(method, loss, rows, monkeypatch, tmp_path):
    if rows is not None:  # the machine code returns after so many iterations
        monkeypatch.setattr(workspace, "_HISTORY_ROWS", rows)
        monkeypatch.setattr(prepare, "_prepared", OrderedDict())
        monkeypatch.setattr(program, "_programs", OrderedDict())
    settings = {"method": method, "stop": st.MaxIterations(43), "record": "all"}
    runs = [st.minimize(loss, np.ones(20), engine=e, **settings) for e in ("numpy", "native")]
    np.testing.assert_array_equal(runs[0].history.x, runs[1].history.x)
    assert_same_state(*runs, tmp_path)


def test_a_ring_buffer_is_saved_and_resumed(tmp_path):
    settings = {"method": Twice(), "record": "all"}
    whole = st.minimize(bowl, np.ones(20), stop=st.MaxIterations(17), **settings)
    part = st.minimize(bowl, np.ones(20), stop=st.MaxIterations(8), **settings)
    part.save(tmp_path / "run")
    after = st.resume(tmp_path / "run", bowl, method=Twice(), stop=st.MaxIterations(17))
    np.testing.assert_array_equal(after.x, whole.x)
    assert_same_state(whole, after, tmp_path)


class Doubling(Coordinate):
    def update(self, x, gradient, state, iteration):
        after, place = x.copy(), state["newest"] % x.size
        after[place] = 2.0 * x[place]
        return after, {"ring": state["ring"], "newest": state["newest"] + 1}


@pytest.mark.parametrize("callback", [None, lambda state: None])
def test_the_last_finite_point_is_kept_where_x_is_updated_in_place(callback):
    loss = lambda x: np.log(100.0 - np.sum(x))
    runs = [
        st.minimize(loss, np.full(20, 3.8), method=Doubling(), callback=callback, engine=engine)
        for engine in ("numpy", "native")
    ]
    assert runs[0].status is runs[1].status is st.Status.DIVERGED
    np.testing.assert_array_equal(runs[0].x, runs[1].x)
    assert loss(runs[1].x) == runs[1].loss


class Beyond(Averaging):
    def update(self, x, gradient, state, iteration):
        after = state["ring"].copy()
        after[state["newest"]] = gradient
        return x - 0.0625 * gradient, {"ring": after, "newest": state["newest"] + 1}


@pytest.mark.parametrize("rows", [None, 1, 5])
@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_an_update_out_of_bounds_is_refused(engine, rows, monkeypatch):
    if rows is not None:
        monkeypatch.setattr(workspace, "_HISTORY_ROWS", rows)
        monkeypatch.setattr(prepare, "_prepared", OrderedDict())
        monkeypatch.setattr(program, "_programs", OrderedDict())
    settings = {"method": Beyond(), "engine": engine}
    st.minimize(bowl, np.ones(20), stop=st.MaxIterations(5), **settings)
    with pytest.raises(IndexError, match="out of bounds"):
        st.minimize(bowl, np.ones(20), stop=st.MaxIterations(50), **settings)
