"""What a replayed loop must see: other iterations, shared memory, ends, errors."""

import numpy as np
import pytest

import steepest as st
from steepest.trace.recording.session import Session
from steepest.trace.replaying import log, replay

DATA = np.linspace(0.0, 1.0, 70)
START = np.array([0.3, -0.7])


@pytest.fixture
def replayed(monkeypatch):
    """Numbers of iterations of the loops that were built."""
    rounds = []
    made = replay.made_loop

    def noting(what):
        nodes = made(what)
        if nodes is not None:
            rounds.append(what.rounds)
        return nodes

    monkeypatch.setattr(replay, "made_loop", noting)
    return rounds


def running_mean(p):
    level = 0.0
    for i in range(70):
        level = 0.9 * level + np.tanh(p[0] * DATA[i])
    return level


def two_before(p):
    a, b, c = p[0], p[1], p[0] * p[1]
    for _ in range(80):
        a, b, c = b, c, np.tanh(a + b * c)
    return a + b + c


def written_and_read_back(p):
    x = np.zeros(90)
    x[0] = p[0]
    for i in range(1, 90):
        x[i] = np.tanh(1.1 * x[i - 1] + p[1])
    return np.sum(x)


def collected(p):
    level, levels, pairs = p[0], [], []
    for i in range(80):
        level = np.sin(level) + 0.1 * i
        levels.append(level)
        pairs.append(np.array([level, p[1]]))
    return np.sum(np.array(levels) ** 2) + np.sum(pairs[3] * pairs[-1]) + levels[40]


def summed_in_place(p):
    total = np.zeros(2)
    for i in range(80):
        total += np.tanh(p * i)
    return np.sum(total)


def filled_in_each(p):
    total = 0.0
    for i in range(80):
        made = np.zeros(3)
        made[0], made[i % 3] = p[0] * i, np.tanh(total)
        total = 0.5 * total + np.sum(made)
    return total


def rows_of_a_matrix(p):
    weights, total = np.outer(p, [1.0, 2.0, 3.0]), 0.0
    table = DATA[:60].reshape(20, 3)
    for row, goal in zip(table, DATA, strict=False):
        total = total + np.sum((weights @ row - goal) ** 2)
    return total


def gradients(p):
    slope = st.gradient(lambda z: np.sum(np.tanh(z * p[0])))
    z = p * 1.0
    for _ in range(60):
        z = z - 0.1 * np.sin(z)
    return np.sum(z) + np.sum(slope(z))


def single_precision(p):
    t = p[0].astype(np.float32)
    for i in range(80):
        t = t * np.float32(0.9) + 0.1 * i
    return t.astype(float)


LOOPS = [
    running_mean, two_before, written_and_read_back, collected, summed_in_place, filled_in_each,
    rows_of_a_matrix, gradients, single_precision,
]  # fmt: skip


@pytest.mark.parametrize("function", LOOPS, ids=lambda f: f.__name__)
def test_a_long_loop_is_replayed_and_is_right(function, replayed):
    graph = st.trace(function, START)
    assert replayed, "it was recorded call by call"
    for x in (START, np.array([0.9, 0.4])):
        assert graph(x) == function(x)


def a_view_is_written(p):
    state, total = np.zeros(3), 0.0
    for _ in range(60):
        view = state[:2]
        state = state * 0.9 + p[0]
        view[0] = 7.0
        total = total + np.sum(view)
    return total


def the_base_of_a_view_is_written(p):
    state, total = np.zeros(3), 0.0
    for _ in range(60):
        view = state[:2]
        state[0] = np.tanh(total + p[0])
        total = 0.9 * total + view[0]
    return total


def a_view_is_written_afterwards(p):
    views, state = [], np.zeros(3)
    for _ in range(60):
        state = np.tanh(state + p[0])
        views.append(state[1:])
    views[50][0] = 100.0
    return sum(np.sum(view) for view in views) + np.sum(state)


def one_array_is_kept_again_and_again(p):
    kept, state = [], np.zeros(3)
    for _ in range(60):
        state += 0.1 * p[0]
        kept.append(state)
    return sum(np.sum(x) for x in kept)


def an_array_with_an_older_view(p):
    x, total = np.zeros(60), 0.0
    view = x[10:20]
    for i in range(1, 60):
        x[i] = np.tanh(p[0] + total)
        total = 0.5 * total + x[i]
    return np.sum(x) + np.sum(view * view)


def elements_set_twice(p):
    x, total = np.zeros(7), 0.0
    for i in range(1, 60):
        x[i % 7] = np.tanh(p[0] + total)
        total = 0.5 * total + 0.1 * i
    return np.sum(x)


def the_last_iteration_fails(p):
    total = p[0]
    try:
        for i in range(100):
            total = np.tanh(total) + DATA[i]
    except IndexError:
        total = 2.0 * total
    return total


def one_iteration_is_another(p):
    total = p[0]
    for i in range(90):
        total = np.tanh(total) + (DATA[i % 70] if i != 60 else p[1])
    return total


def exponents_differ(p):
    total = 0.0
    for i in range(80):
        total = total + p[i % 2] ** (i % 3)
    return total


def a_constant_happens_to_repeat(p):
    total, weights = p[0], [1.0] * 30 + [0.0, -0.0, 2.0, float("inf")] + [1.0] * 30
    for weight in weights:
        total = np.tanh(total) + p[1] / (1.0 + weight)
    return total


def a_number_becomes_an_array(p):
    total = p[0]
    for i in range(80):
        total = np.tanh(total) + (p[1] if i < 40 else p)
    return np.sum(total)


def two_stores_take_turns(p):
    x, total = np.zeros(90), 0.0
    for i in range(80):
        total = np.tanh(total + p[0])
        x[i] = total
        x[i + 1] = 2.0 * total
    return np.sum(x)


def one_element_by_two_indices(p):
    x, total, read = np.zeros((90, 3)), 0.0, 0.0
    for i in range(80):
        total = np.tanh(total + p[0])
        x[i, -1] = total
        x[i, i % 3] = 2.0 * total
        read = read + x[i, -1]
    return np.sum(x) + read


def a_read_only_view_is_kept(p):
    x, total = np.ones(3) * p[0], 0.0
    for _ in range(80):
        wide = np.broadcast_to(x, (2, 3))
        total = np.tanh(total + wide[0, 1])
    x[1] = 100.0
    return total + np.sum(wide)


def the_diagonal_is_read(p):
    x, total = np.outer(p, p), 0.0
    for i in range(80):
        total = np.tanh(total + np.diagonal(x)[1])
        if i == 60:
            x[1, 1] = 2.0
    return total


def every_error_is_caught(p):
    x, views = np.ones(3) * p[0], []
    for _ in range(80):
        x = np.tanh(x + p[1])
        views.append(x[1:])
    try:
        views[60][0] = 100.0
        flag = 5.0
    except:  # noqa: E722
        flag = 1.0
    return flag + p[0]


def a_divisor_becomes_zero(p):
    total = 0.0
    try:
        for i in range(80):
            total = total * 0.5 + float(i) / (60 - i) + p[0]
    except ZeroDivisionError:
        return p[1]
    return total


def a_number_is_stored_in_rows(p):
    x, total = np.zeros((100, 74)), 0.0
    for i in range(80):
        total = np.tanh(total + p[0])
        x[i] = total
    return np.sum(x * np.arange(74.0))


def a_row_is_stored_in_matrices(p):
    x, row = np.zeros((90, 2, 3)), np.zeros(3)
    for i in range(80):
        row = np.tanh(row + p[0])
        x[i] = row
    return np.sum(x * np.arange(6.0).reshape(2, 3))


def calls_that_return_nothing(p):
    x, total = np.ones(3) * p[1], p[0]
    for _ in range(80):
        x.fill(total)
        x[0] = p[1]
        x.sort()
        total = np.tanh(total + x[1])
    return total


def keys_of_two_lengths(p):
    x, total = np.zeros((3, 3)), p[0]
    for i in range(80):
        total = np.tanh(total + p[1])
        x[(0,) if i % 2 else (0, 1)] = total
    return np.sum(x)


def keywords_come_and_go(p):
    x, total = np.outer(p, p), 0.0
    for i in range(80):
        options = {"axis": 0} if i < 50 else {}
        total = 0.5 * total + np.sum(np.sum(np.tanh(x + total), **options) ** 2)
    return total


def a_small_integer_overflows(p):
    total, small = p[0], np.array([1], np.uint8)
    try:
        for i in range(250, 330):
            total = np.tanh(total) + 0.1 * (small + i)[0]
    except OverflowError:
        total = total + 10.0
    return total


def a_counted_index_passes_the_end(p):
    total, k, table = p[0], np.int64(0), np.linspace(0.0, 1.0, 60)
    try:
        for _ in range(80):
            total = np.tanh(total) + table[k]
            k = k + np.int64(1)
    except IndexError:
        total = total + 10.0
    return total


EDGES = [
    two_stores_take_turns, one_element_by_two_indices, a_read_only_view_is_kept,
    the_diagonal_is_read, every_error_is_caught, a_divisor_becomes_zero,
    a_number_is_stored_in_rows, a_row_is_stored_in_matrices, calls_that_return_nothing,
    keys_of_two_lengths, keywords_come_and_go, a_small_integer_overflows,
    a_counted_index_passes_the_end,
    a_view_is_written, the_base_of_a_view_is_written, a_view_is_written_afterwards,
    one_array_is_kept_again_and_again, an_array_with_an_older_view, elements_set_twice,
    the_last_iteration_fails, one_iteration_is_another, exponents_differ,
    a_constant_happens_to_repeat, a_number_becomes_an_array,
]  # fmt: skip


@pytest.mark.parametrize("function", EDGES, ids=lambda f: f.__name__)
def test_what_a_template_does_not_describe_is_right_too(function):
    assert st.trace(function, START)(START) == function(START)
    compiled = st.compile(function)
    for x in (START, np.array([0.9, 0.4])):
        assert compiled(x) == pytest.approx(function(x), rel=1e-14)


def test_an_error_is_raised_at_its_own_line():
    def loop(x):
        total = x[0]
        for i in range(80):
            total = np.tanh(total) + np.sum(x[: 2 if i < 50 else 9] * np.ones(2 if i < 50 else 3))
        return total

    line = loop.__code__.co_firstlineno + 3
    with pytest.raises(ValueError, match=f"test_replaying.py:{line}"):
        st.trace(loop, START)


def test_values_can_be_looked_at_on_the_way(capsys):
    def loop(x):
        total = x[0]
        for i in range(80):
            total = np.tanh(total) + x[1]
            if i in (20, 60):
                print(f"{total:.12f}")
        return total

    st.trace(loop, START)
    traced = capsys.readouterr().out
    loop(START)
    assert traced == capsys.readouterr().out


def test_state_of_an_object_is_followed(replayed):
    class Filter:
        def __init__(self, level):
            self.level, self.seen = level, 0

        def step(self, value, gain):
            self.level = self.level + gain * (value - self.level)
            self.seen += 1
            return self.level

    def loop(x):
        filtered, total = Filter(0.0), 0.0
        for i in range(70):
            total = total + (filtered.step(DATA[i], x[0]) - DATA[i]) ** 2
        return total + filtered.seen

    assert st.trace(loop, START)(START) == loop(START)
    assert replayed


def test_an_error_of_pythons_numbers_is_raised():
    def loop(start):
        total = 0.0
        try:
            for i in range(80):
                total = 0.5 * total + start / (60 - i)
        except ZeroDivisionError:
            return -1.0
        return total

    assert st.compile(loop)(0.5) == loop(0.5) == -1.0


def test_an_argument_that_is_written_stays_written_if_the_loop_is_recorded_anew():
    def loop(p):
        x, views = np.ones(3) * p[0], []
        for _ in range(80):
            x = np.tanh(x + p[1])
            views.append(x[1:])
        views[60][0] = 100.0
        p[0] = 2.0
        return np.sum(x)

    plain, traced = START.copy(), START.copy()
    assert st.compile(loop)(traced) == pytest.approx(loop(plain), rel=1e-14)
    np.testing.assert_array_equal(traced, plain)


def test_what_is_read_back_keeps_numpys_type():
    def loop(start, x):
        out, total = np.zeros(90), start
        for i in range(1, 80):
            out[i] = start
            total = total * 0.5 + np.sum(x * out[i])
        return total

    x = np.linspace(0.1, 0.7, 3).astype(np.float32)
    assert st.trace(loop, 0.3, x)(0.3, x) == loop(0.3, x)


def test_many_short_loops_are_given_up(monkeypatch):
    learned = []
    learn = log.learn
    monkeypatch.setattr(log, "learn", lambda *args: learned.append(1) or learn(*args))

    def loop(x):
        total = x[0]
        for i in range(60):
            for k in range(9):
                total = np.tanh(total * x[1]) + k
            total = np.sum(x) * total + np.linalg.norm(x[: 1 + i % 2])
        return total

    assert st.trace(loop, START)(START) == loop(START)
    assert 1 < len(learned) < 30


def test_the_time_to_trace_a_loop_is_that_of_comparing_calls(monkeypatch):
    recorded = []
    record = Session.record
    monkeypatch.setattr(
        Session, "record", lambda *args, **kw: recorded.append(1) or record(*args, **kw)
    )

    def recordings(rounds):
        def loop(x):
            level, total = 0.0, 0.0
            for i in range(rounds):
                level = 0.9 * level + x[0] * np.sin(0.1 * i)
                total = total + level * level
            return total + x[1]

        recorded.clear()
        st.trace(loop, START)
        return len(recorded)

    assert recordings(2000) <= recordings(200) + 10
