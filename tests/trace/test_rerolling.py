"""Python loops become loops of the graph: found, right, and of a size that does not grow."""

import contextlib
import importlib
import math

import numpy as np
import pytest
import scipy.special

import steepest as st
from steepest.errors import UnsupportedError
from steepest.graph import order
from steepest.trace import tracing
from steepest.trace.branching import retrace

N = 40
DATA = np.random.default_rng(5).normal(size=(4, N, 3))
Y, Z = DATA[0, :, 0], np.abs(DATA[1, :, 1]) + 0.5
PICKS = np.random.default_rng(6).integers(0, 7, size=N)
TABLE = np.linspace(0.5, 1.5, 7)


def recurrence(x):
    h = 0.3
    for t in range(N):
        h = np.tanh(x[0] * h + Y[t])
    return h


def two_carries(x):
    m, p, total = 0.0, 1.0, 0.0
    for t in range(N):
        p = p + np.exp(x[0])
        gain = p / (p + np.exp(x[1]))
        error = Y[t] - m
        total = total + error * error / p
        m, p = m + gain * error, (1 - gain) * p
    return total


def lag_of_three(x):
    values = [x[0], x[1], x[0] * x[1]]
    for t in range(N):
        values.append(0.5 * values[-1] - 0.25 * values[-3] + x[1] * Y[t])
    return values[-1]


def appended(x):
    values, h = [], x[0]
    for t in range(N):
        h = 0.9 * h + np.sin(x[1] * Y[t])
        values.append(h)
    return np.sum(np.array(values) ** 2)


def every_value_used_later(x):
    values, h = [], x[0]
    for t in range(N):
        h = 0.9 * h + x[1] * Y[t]
        values.append(h)
    total = 0.0
    for t in range(N):
        total = total + values[t] * Z[t]
    return total


def reversed_use(x):
    values, h = [], x[0]
    for t in range(N):
        h = 0.9 * h + x[1] * Y[t]
        values.append(h)
    back = 0.0
    for t in reversed(range(N)):
        back = 0.5 * back + values[t]
    return back


def constants_that_differ(x):
    total = x[0]
    for t in range(N):
        total = total * 0.99 + (0.1 * t - 0.3) * x[1]
    return total


def rows(x):
    state = np.zeros(3)
    for t in range(N):
        state = 0.5 * state + x[0] * DATA[2, t] - x[1]
    return np.sum(state * state)


def picked(x):
    total = 0.0
    for t in range(N):
        total = total + x[0] * TABLE[PICKS[t]] + x[1] * x[0]
    return total


def nested(x):
    total = 0.0
    for t in range(N):
        h = x[0]
        for k in range(9):
            h = np.sin(h) + 0.1 * k * x[1]
        total = total + h * Y[t]
    return total


def straight_line(x):
    y = np.sin(np.sin(np.sin(np.sin(np.sin(np.sin(np.sin(np.sin(x))))))))
    for _ in range(N):
        y = np.sin(y) + 0.1
    return np.sum(y)


def first_and_last_differ(x):
    h = x[0]
    for t in range(N):
        if t == 0:
            h = np.cos(h)
        elif t == N - 1:
            h = h * h
        h = 0.5 * h + x[1] * Y[t]
    return h


def put_into_an_array(x):
    path = np.zeros(N)
    path[0] = x[0]
    for t in range(1, N):
        path[t] = 0.9 * path[t - 1] + x[1] * Y[t]
    return np.sum(path * Z)


def euler(x):
    s = np.array([1.0, 0.5])
    for _ in range(N):
        s = s + 0.05 * np.array([x[0] * s[0] - s[0] * s[1], s[0] * s[1] - x[1] * s[1]])
    return s[0] + s[1]


LOOPS = {
    f.__name__: f
    for f in (
        *(recurrence, two_carries, lag_of_three, appended, every_value_used_later),
        *(reversed_use, constants_that_differ, rows, picked, nested, straight_line),
        *(first_and_last_differ, put_into_an_array, euler),
    )
}
START = np.array([0.4, -0.3])


@pytest.fixture
def unrolled(monkeypatch):
    """Return a function that calls another with loops left as they were recorded."""

    def call(function):
        with monkeypatch.context() as patch:
            patch.setattr(tracing, "reroll", lambda outputs, *_: list(outputs))
            patch.setattr(retrace, "replaying", lambda session: contextlib.nullcontext())
            return function()

    return call


@pytest.mark.parametrize("name", LOOPS)
def test_loops_compute_what_python_computes(name, unrolled):
    loop = LOOPS[name]
    graph, native = st.trace(loop, START), st.compile(loop)
    plain = unrolled(lambda: (compiled := st.compile(loop), compiled(START))[0])
    for x in (START, np.array([0.7, 0.2])):
        assert graph(x) == loop(x)
        assert native(x) == plain(x)  # whose functions differ from NumPy's in the last bits


@pytest.mark.parametrize("name", LOOPS)
def test_loops_have_the_slopes_of_their_unrolled_graphs(name, unrolled):
    loop = LOOPS[name]
    expected = unrolled(lambda: st.gradient(loop)(START))
    np.testing.assert_allclose(st.gradient(loop)(START), expected, rtol=1e-12, atol=1e-14)
    native = st.compile(st.gradient(loop))(START)
    np.testing.assert_allclose(native, expected, rtol=1e-12, atol=1e-14)
    curvature = unrolled(lambda: st.hessian(loop)(START))
    np.testing.assert_allclose(st.hessian(loop)(START), curvature, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_one_node_however_often_it_runs(name, unrolled):
    loop = LOOPS[name]
    nodes = len(order(st.trace(loop, START).outputs))
    assert nodes < 0.5 * len(order(unrolled(lambda: st.trace(loop, START)).outputs))


VIEWS = {
    "rows": lambda a, i: a[i],
    "columns": lambda a, i: a[:, i],
    "elements": lambda a, i: a[i, 2],
    "backwards": lambda a, i: a[-1 - i, ::-1],
    "steps": lambda a, i: a[::2].ravel()[i],
    "transposed": lambda a, i: a.T[i],
    "reshaped": lambda a, i: a.reshape(-1, 2, 3)[i],
    "of a copy of columns": lambda a, i: a[:, 1:4].reshape(-1)[i],
    "pairs": lambda a, i: a[i : i + 2],
    "corners": lambda a, i: a[i : i + 2, i : i + 2],
    "picked": lambda a, i: a[PICKS[i]],
}


@pytest.mark.parametrize("name", VIEWS)
def test_iterations_read_any_part_of_an_array(name, unrolled):
    array = np.random.default_rng(3).normal(size=(12, 12))

    def loop(x):
        total = x[0]
        for i in range(10):
            total = 0.9 * total + x[1] * np.sum(np.sin(x[0] * VIEWS[name](array, i)))
        return total

    assert st.trace(loop, START)(START) == loop(START)
    expected = unrolled(lambda: st.gradient(loop)(START))
    np.testing.assert_allclose(st.gradient(loop)(START), expected, rtol=1e-12)


BIG = 2**53 + np.arange(N, dtype=np.int64) ** 2
SMALL = np.arange(N, dtype=np.int32) % 5


def whole_numbers(x):
    total, last = x[0], BIG[0]
    for i in range(1, N):
        total = total + x[1] * (BIG[i] - last)
        last = BIG[i]
    return total


def small_whole_numbers(x):
    total, count = x[0], SMALL[0]
    for i in range(N):
        count = count * np.int32(3) % np.int32(7) + SMALL[i]
        total = total + x[1] * count
    return total


def truth_values(x):
    was_above, total = x[0] > 0, 0.0
    for i in range(N):
        is_above = x[1] * Y[i] > 0
        total = total + np.where(is_above & was_above, x[0] * Y[i], x[1])
        was_above = is_above
    return total


def single_precision(x):
    h = x.astype(np.float32)
    for i in range(N):
        h = np.float32(0.5) * h + np.float32(Y[i])
    return np.sum(h.astype(np.float64))


def numpys_own_algebra(x):
    h = np.eye(2) * x[0]
    for i in range(N):
        h = np.linalg.inv(np.eye(2) * (2 + Y[i] ** 2) + 0.1 * h)
    return np.sum(h) + x[1]


@st.custom_derivative(pullback=lambda cotangent, value, x: (3.0 * cotangent,))
def own_slope(x):
    return np.sin(x)


def own_derivative(x):
    h = x[0]
    for i in range(N):
        h = own_slope(0.1 * h) + x[1] * Y[i]
    return h


def computed_index(x):
    table, total = np.exp(x[0] * TABLE), 0.0
    for i in range(N):
        place = (np.abs(Y[i]) * 2 + 0 * x[1]).astype(np.int64)
        total = total + table[place]
    return total


MIXED = {
    f.__name__: f
    for f in (
        *(whole_numbers, small_whole_numbers, truth_values, single_precision),
        *(numpys_own_algebra, own_derivative, computed_index),
    )
}


@pytest.mark.parametrize("name", MIXED)
def test_other_dtypes_and_ops_keep_their_values(name, unrolled):
    loop = MIXED[name]
    plain = unrolled(lambda: (compiled := st.compile(loop), compiled(START))[0])
    for x in (START, np.array([0.7, 0.2])):
        assert st.trace(loop, START)(x) == loop(x)
        assert st.compile(loop)(x) == plain(x)
    expected = unrolled(lambda: st.gradient(loop)(START))
    for gradient in (st.gradient(loop), st.compile(st.gradient(loop))):
        np.testing.assert_allclose(gradient(START), expected, rtol=1e-6)


def test_loops_that_branch_stay_unrolled():
    def loop(x):
        total = x[0]
        for i in range(N):
            if x[1] * Y[i] > 0:
                total = total * 0.9
            total = total + Y[i]
        return total

    for x in (START, np.array([0.7, 0.2])):
        assert st.compile(loop)(x) == loop(x)


BRANCHES = {
    "penalty before": lambda x, h: x[1] > 0.6,
    "penalty after": lambda x, h: h > 0.9,
    "whole number": lambda x, h: int(np.round(10 * x[1])) == 6,
}


@pytest.mark.parametrize("name", BRANCHES)
def test_loops_of_functions_that_branch_elsewhere_are_right(name, unrolled):
    def loop(x):
        rows = np.zeros((N + 1, 2))
        rows[0] = x
        for t in range(N):
            rows[t + 1] = np.tanh(x[0] * rows[t][::-1] + Y[t])
        return 10.0 * x[1] if BRANCHES[name](x, rows[-1, 0]) else np.sum(rows**2) * x[1]

    graph = st.trace(loop, START)
    nodes = len(order(unrolled(lambda: st.trace(loop, START)).outputs))
    # A condition that depends on the loop is a node that other paths have in common.
    assert (len(order(graph.outputs)) < 0.5 * nodes) is (name != "penalty after")
    native, slope = st.compile(loop), st.compile(st.gradient(loop))
    for x in (START, np.array([0.7, 0.62]), np.array([2.0, -0.9])):
        np.testing.assert_allclose(native(x), loop(x), rtol=1e-12)
        expected = unrolled(lambda x=x: st.gradient(loop)(x))
        np.testing.assert_allclose(slope(x), expected, rtol=1e-10)


def test_an_index_out_of_bounds_names_its_line():
    def loop(x):
        total = 0.0
        for i in range(N):
            total = total + TABLE[(x[0] * i).astype(np.int64)]  # here
        return total

    compiled = st.compile(loop)
    assert compiled(np.array([0.1])) == loop(np.array([0.1]))
    line = loop.__code__.co_firstlineno + 3
    with pytest.raises(IndexError, match=f"test_rerolling.py:{line}"):
        compiled(np.array([3.0]))


def test_fits_of_many_sets_stay_side_by_side():
    t = np.linspace(0.0, 2.0, 25)

    def model(t, rate, level):
        h, values = level, []
        for i in range(25):
            values.append(h)
            h = h - 0.1 * rate * h + 0.01 * np.sin(t[i])
        return np.stack(values)

    starts = np.array([[1.0, 1.0], [1.2, 0.8], [0.7, 1.5]])
    y = np.array([model(t, *p) for p in 1.1 * starts])
    many = st.curve_fit_many(model, t, y, [1.0, 1.0])
    assert many.side_by_side
    np.testing.assert_allclose(many.x, 1.1 * starts, rtol=1e-6)
    single = st.curve_fit(model, t, y[1], [1.0, 1.0], stop=None)
    np.testing.assert_allclose(single.x, many.x[1], rtol=1e-8)


def overlapping_windows(x):
    values, total = np.sin(x[0] * np.concatenate([Y, Y])), x[1]
    for i in range(N):
        total = 0.9 * total + np.mean(values[i : i + 5])
    return total


def lists_in_another_order(x):
    a, b = [x[0]], [x[1]]
    for i in range(N):
        a.append(0.5 * np.sin(b[-1]) + Y[i])
        b.append(0.3 * a[-2] - b[-1] * 0.1)
    total = 0.0
    for i in range(N):
        total = total + a[i] * b[N - i] - a[i] * b[(7 * i) % N]
    return total


def numbers_put_into_whole_numbers(x):
    total = x[0]
    for i in range(N - 1):
        places = np.array([0, 2]) + (np.abs(x[0]) * 0).astype(np.int64)
        row = np.zeros(4, np.int64)
        row[places] = BIG[i : i + 2]
        total = 0.5 * total + x[1] * (row[0] - np.int64(2**53))
    return total


def one_element_by_two_ways(x):
    matrix, total = x.reshape(1, -1), 0.0
    for i in range(N):
        total = 0.9 * total + (x[0] if i % 2 else matrix[0, 0]) * (0.1 * i)
    return total


AWKWARD = [
    *(overlapping_windows, lists_in_another_order),
    *(numbers_put_into_whole_numbers, one_element_by_two_ways),
]


@pytest.mark.parametrize("loop", AWKWARD, ids=lambda f: f.__name__)
def test_awkward_loops_are_right_whether_found_or_not(loop, unrolled):
    assert st.trace(loop, START)(START) == loop(START)
    for derivative in (st.gradient, st.hessian):
        expected = unrolled(lambda d=derivative: d(loop)(START))
        np.testing.assert_allclose(derivative(loop)(START), expected, rtol=1e-9, atol=1e-12)


def test_the_search_ends_and_takes_time_in_proportion_to_the_graph():
    def collected(x):
        values, h = [], x[0]
        for _ in range(5000):
            h = 0.9 * h + x[1] * 0.1
            values.append(h)
        return np.sum(np.array(values) ** 2)

    def different(x):
        total = 0.0
        for k in range(30):
            h = x[0]
            for i in range(12):
                h = np.sin(h) * (0.1 * k + 0.5) ** (k % 3) + 0.1 * i
            total = total + h * k
        return total

    for loop in (collected, different):
        nodes = order(st.trace(loop, START).outputs)
        assert len(nodes) < 20_000


def test_an_argument_written_in_a_loop_is_computed_once():
    def loop(x):
        for i in range(1, 60):
            x[i] = 0.5 * x[i - 1] + np.sin(x[i])
        return np.sum(x)

    start = np.linspace(-1.0, 1.0, 60)
    plain, traced = start.copy(), start.copy()
    assert st.compile(loop)(traced) == pytest.approx(loop(plain), rel=1e-14)
    np.testing.assert_allclose(traced, plain, rtol=1e-14)
    nodes = order(st.trace(loop, start.copy()).outputs)
    assert sum(node.op.name == "sin" for node in nodes) in (0, 1, 59)  # in one form


LONG = np.random.default_rng(8).normal(size=400)


def variances(x):
    h = np.zeros(400)
    h[0] = 1.0
    for t in range(1, 400):
        h[t] = x[0] ** 2 + 0.1 * LONG[t - 1] ** 2 + 0.5 * x[1] ** 2 * h[t - 1]
    return np.sum(np.log(h) + LONG**2 / h)


def errors(x):
    e = np.zeros(400)
    for t in range(1, 400):
        e[t] = LONG[t] - x[0] * LONG[t - 1] - x[1] * e[t - 1]
    return np.sum(e**2)


def epidemic(x):
    healthy, ill = [0.99], [0.01]
    for _ in range(400):
        new = 0.2 * np.exp(x[0]) * healthy[-1] * ill[-1]
        healthy.append(healthy[-1] - new)
        ill.append(ill[-1] + new - 0.1 * np.exp(x[1]) * ill[-1])
    return np.sum(np.array(ill) ** 2) + np.sum(np.stack(healthy))


def columns_of_states(x):
    state, states = np.array([1.0, 0.5]), []
    for _ in range(400):
        state = state + 0.01 * np.stack([state[1] * x[0], -state[0] * x[1]])
        states.append(state)
    return np.sum(np.stack(states, axis=1) ** 2) + np.sum(np.concatenate(states))


COLLECTING = [variances, errors, epidemic, columns_of_states]


@pytest.mark.parametrize("loop", COLLECTING, ids=lambda f: f.__name__)
def test_what_a_loop_collects_is_one_slice_of_its_results(loop, unrolled):
    graph = st.trace(loop, START)
    if loop is not columns_of_states:  # pieces stacked along another axis stay apart
        assert len(order(graph.outputs)) < 60
    for x in (START, np.array([0.7, 0.2])):
        assert graph(x) == loop(x)
    expected = unrolled(lambda: st.gradient(loop)(START))
    np.testing.assert_allclose(st.gradient(loop)(START), expected, rtol=1e-10)


def test_functions_of_math_in_a_loop_are_one_guard_and_one_loop():
    x = np.linspace(0.1, 2.0, 300)

    def listed(p):
        return np.sum(np.array([p[0] / math.sqrt(p[1] + t) for t in x]))

    graph = st.trace(listed, np.array([2.0, 1.3]))
    assert len(graph.guards) == 1
    assert len(graph.nodes) < 60
    compiled = st.compile(st.value_and_gradient(listed))
    for p in ([2.0, 1.3], [0.5, 0.01]):
        value, slopes = compiled(np.array(p))
        np.testing.assert_allclose(value, listed(np.array(p)), rtol=1e-13)
        step = 1e-20
        for i in range(2):
            moved = np.array(p, complex)
            moved[i] += 1j * step
            found = np.sum(moved[0] / np.sqrt(moved[1] + x)).imag / step
            np.testing.assert_allclose(slopes[i], found, rtol=1e-12)
    with pytest.raises(ValueError, match="math domain error"):
        compiled(np.array([2.0, -1.0]))


def test_what_loops_compute_of_data_alone_is_computed_once_by_machine_code(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(40, 8))

    def loss(p):
        hidden = np.full(8, 0.1)
        for i in range(40):
            hidden = np.tanh(hidden * 0.5 + rows[i])
        return np.sum((p - hidden) ** 4) + p @ p

    expected = st.minimize(loss, np.zeros(8), engine="numpy").x
    interpreted = []
    loops = importlib.import_module("steepest.ops.arrays.loops")
    monkeypatch.setattr(loops, "run_step", lambda *rest: interpreted.append(1))
    np.testing.assert_allclose(st.minimize(loss, np.zeros(8)).x, expected, rtol=1e-6)
    assert not interpreted


@pytest.mark.parametrize(("variables", "is_loop"), [(1, True), (100, False)])
def test_a_loop_that_picks_what_is_computed_of_few_variables_stays_a_loop(variables, is_loop):
    data = np.sin(np.arange(100.0))

    def loss(x):
        shocks = data - (x[0] if variables == 1 else x[4:])
        variance = np.ones(100)
        for i in range(1, 100):
            variance[i] = x[1] + x[2] * shocks[i - 1] ** 2 + x[3] * variance[i - 1]
        return np.sum(variance)

    x = np.array([0.3, 0.1, 0.2, 0.7, *np.full(variables, 0.3)])
    gradient = st.trace(st.gradient(loss), x)
    assert (len(gradient.nodes) < 200) is is_loop
    direction = np.cos(np.arange(x.size))
    change = loss(x + 1e-5 * direction) - loss(x - 1e-5 * direction)
    np.testing.assert_allclose(gradient(x) @ direction, change / 2e-5, rtol=1e-8)


def test_an_unknown_slope_inside_a_loop_names_the_line_and_the_function():
    x = np.linspace(0.1, 2.0, 40)

    def model(order):
        total = 0.0
        for i in range(40):
            total = total + scipy.special.jv(order * 0.1, x[i]) * np.sin(x[i] * order)
        return total

    line = model.__code__.co_firstlineno + 3
    with pytest.raises(UnsupportedError, match=rf"in model at test_rerolling\.py:{line}, is not"):
        st.gradient(lambda order: model(order))(1.5)
