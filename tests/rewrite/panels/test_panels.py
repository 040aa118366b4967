"""Computation by panels of rows gives the same bits for any number of threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

import steepest as st
from steepest.engines.native import ir
from steepest.engines.native.kernels import row_panels as native_panels
from steepest.engines.native.programs import function as native_program
from steepest.engines.native.runtime import thread_pool as threads
from steepest.graph import evaluate, order
from steepest.rewrite import simplify
from steepest.rewrite.panels import tiling as divide
from steepest.rewrite.panels import with_panels
from steepest.rewrite.panels.loops import is_loop
from tests.cases.random_graphs import RELAXED, programs, run

TINY = divide.Limits(
    worth_it=1, shared=1, panel=64, fewest_rows=1, most_rows=4, strips=5, sums=100, flops=1e9
)
"""Panels of one to four rows, so that small arrays have many."""


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(divide, "LIMITS", TINY)
    monkeypatch.setattr(native_program, "_programs", type(native_program._programs)())


@pytest.fixture(autouse=True)
def as_many_threads_as_before():
    before = st.get_num_threads()
    yield
    st.set_num_threads(before)


def flat(result):
    return list(result) if isinstance(result, tuple) else [result]


def check(function, *arguments, rtol=1e-12):
    """Compare with NumPy: the rewritten graph interpreted, and machine code."""
    graph = st.trace(function, *arguments)
    outputs = simplify(graph.outputs)
    new, report = with_panels(outputs)
    known = graph.bind(graph.flatten(arguments))
    expected = evaluate(graph.outputs, dict(known))
    for name, found in (
        ("interpreted", evaluate(new, dict(known))),
        ("native", flat(st.compile(function)(*arguments))),
    ):
        for a, b in zip(expected, found, strict=True):
            scale = max(np.max(np.abs(a), initial=0), 1e-300)
            np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * scale, err_msg=name)
    return report


@pytest.mark.slow
@RELAXED
@given(programs())
def test_random_programs_give_the_same_by_panels(program):
    shape, steps, seed = program
    x = np.random.default_rng(seed).uniform(-1, 1, shape)
    graph = st.trace(st.value_and_gradient(lambda u: run(steps, u)), x)
    outputs = simplify(graph.outputs)
    before = divide.LIMITS
    divide.LIMITS = TINY
    try:
        new, _ = with_panels(outputs)
    finally:
        divide.LIMITS = before
    known = graph.bind([x])
    expected = evaluate(outputs, dict(known))
    for a, b in zip(expected, evaluate(new, dict(known)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-12)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
@RELAXED.__class__(RELAXED, max_examples=60)
@given(programs(), some.integers(1, 3))
def test_machine_code_of_random_programs_by_panels(program, number):
    shape, steps, seed = program
    x = np.random.default_rng(seed).uniform(-1, 1, shape)
    st.set_num_threads(number)
    function = st.value_and_gradient(lambda u: run(steps, u))
    for a, b in zip(function(x), st.compile(function)(x), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-10)


def squares(w, X, y):
    return np.mean((X @ w - y) ** 2)


def logistic(w, X, y):
    z = X @ w
    return np.mean(np.logaddexp(0.0, z) - y * z)


def network(p, X, y):
    hidden = np.tanh(X @ p["a"] + p["b"])
    scores = hidden @ p["c"]
    top = np.max(scores, axis=1, keepdims=True)
    total = np.log(np.sum(np.exp(scores - top), axis=1)) + top[:, 0]
    return np.mean(total - np.sum(scores * y, axis=1))


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def smooth(x):  # a stencil that reaches two to each side
    return np.sum((x[4:] - 4 * x[3:-1] + 6 * x[2:-2] - 4 * x[1:-3] + x[:-4]) ** 2)


def data(rows, columns=5, seed=0):
    random = np.random.default_rng(seed)
    X, w = random.normal(size=(rows, columns)), random.normal(size=columns)
    return X, w, X @ w + random.normal(size=rows)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("rows", [64, 65, 67, 200])
def test_losses_over_rows(rows):
    X, w, y = data(rows)
    for loss, target in ((squares, y), (logistic, (y > 0).astype(float))):
        report = check(st.value_and_gradient(loss), w, X, target)
        assert report.rows == rows
        assert len(report.rounds) == 1, "value and gradient read the data once"
        assert not report.obstacles


@pytest.mark.usefixtures("tiny")
def test_a_network_reads_its_data_once():
    X, _, _ = data(100, 4)
    random = np.random.default_rng(1)
    p = {"a": random.normal(size=(4, 6)), "b": np.zeros(6), "c": random.normal(size=(6, 3))}
    y = np.eye(3)[random.integers(0, 3, 100)]

    def value_and_gradients(a, b, c, X, y):
        value, slopes = st.value_and_gradient(network)({"a": a, "b": b, "c": c}, X, y)
        return value, slopes["a"], slopes["b"], slopes["c"]

    report = check(value_and_gradients, p["a"], p["b"], p["c"], X, y)
    assert len(report.rounds) == 1


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("size", [64, 71, 100])
@pytest.mark.parametrize("loss", [rosenbrock, lambda x: np.sum(x[1:] * x[:-1])])
def test_neighbors(loss, size):
    x = np.random.default_rng(size).normal(size=size)
    report = check(st.value_and_gradient(loss), x)
    assert len(report.rounds) == 1
    assert not report.obstacles


@pytest.mark.usefixtures("tiny")
def test_too_many_neighbors_are_left_alone():
    x = np.random.default_rng(0).normal(size=90)
    report = check(st.value_and_gradient(smooth), x)
    assert report.reason == "rows are looked at from too many distances"


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("function", "rounds"),
    [
        (lambda x: x / np.sqrt(np.sum(x * x)), 2),
        (lambda x: (x - np.mean(x)) / np.std(x), 3),
        (lambda x: np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))), 3),
        (lambda x: np.concatenate([np.sin(x), x[:3] * 2]), 1),
        (lambda x: np.concatenate([x, x]), 1),
        (lambda x: np.concatenate([x[5:], x, x[:7]]) * 2.0, 1),
        (lambda x: np.sum(np.sin(x) * np.cumsum(np.cos(x))), 2),
        (lambda x: (np.min(x), np.max(np.sin(x)), np.prod(1 + 0.01 * x), np.sin(x)), 1),
        (lambda x: np.where(np.arange(x.size) < 10, x, np.exp(x)), 1),
    ],
)
def test_sums_that_others_wait_for(function, rounds):
    report = check(function, np.random.default_rng(0).normal(size=77))
    assert len(report.rounds) == rounds


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    "function",
    [
        lambda X: X.T @ X,
        lambda X: np.pad(X, ((2, 3), (1, 0))),
        lambda X: np.concatenate([X, X[:2], X * 2]),
        lambda X: np.roll(X, 3, axis=0) + X,
        lambda X: np.sum(X, axis=0),
        lambda X: np.sum(X, axis=1),
        lambda X: X[:, ::-1] * np.arange(5.0),
        lambda X: np.cumsum(X, axis=1)[:, 1:3],
        lambda X: np.concatenate([X, X * 2], axis=1),
        lambda X: np.argmax(X, axis=1),
        lambda X: np.stack([X[:, 0], X[:, 1]], axis=0) * 2.0,
        lambda X: np.einsum("ni,nj->nij", X, X).sum(0),
        lambda X: (X.reshape(-1, 5, 1) @ X.reshape(-1, 1, 5)).sum(0),
        lambda X: X.astype(np.float32) * np.float32(2),
        lambda X: X > 0,
        lambda X: np.any(X > 2, axis=0),
    ],
)
def test_shapes(function):
    check(function, np.random.default_rng(0).normal(size=(70, 5)))


@pytest.mark.parametrize("rows", [100_003, 131_072])
def test_the_same_bits_for_any_number_of_threads(rows):
    X, w, y = data(rows, 7)
    function = st.compile(st.value_and_gradient(squares))
    path = st.compile(lambda x: np.exp(np.sin(x)) / np.sum(x))
    results = []
    for number in (1, 2, 3, 5):
        st.set_num_threads(number)
        results += [[*function(w, X, y), path(y)] for _ in range(5)]
    for result in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], result, strict=True))


def test_a_descent_over_rows_is_the_interpreters():
    X, w, y = data(30_000, 8)
    settings = {"args": (X, y), "method": st.Adam(0.05), "stop": st.MaxIterations(20)}
    native = st.minimize(squares, w * 0, **settings)
    interpreted = st.minimize(squares, w * 0, **settings, engine="numpy")
    np.testing.assert_allclose(native.x, interpreted.x, rtol=1e-12)
    np.testing.assert_allclose(native.history.loss, interpreted.history.loss, rtol=1e-12)


def test_a_descent_over_many_parameters_is_the_interpreters_bit_for_bit():
    start = np.random.default_rng(0).normal(size=100_000) * 0.1
    settings = {"method": st.Adam(0.01), "stop": st.MaxIterations(5), "record": None}
    native = st.minimize(rosenbrock, start, **settings)
    interpreted = st.minimize(rosenbrock, start, **settings, engine="numpy")
    assert np.array_equal(native.x, interpreted.x)


def test_threads_of_the_caller_share_the_workers():
    X, w, y = data(100_000)
    function = st.compile(st.value_and_gradient(squares))
    expected, failures = function(w, X, y), []

    def call():
        for _ in range(20):
            value, gradient = function(w, X, y)
            if value != expected[0] or not np.array_equal(gradient, expected[1]):
                failures.append(value)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


def test_the_number_of_threads_is_checked():
    for wrong in (0, -1, 1.5, True, "2"):
        with pytest.raises(st.SteepestError, match="positive whole number"):
            st.set_num_threads(wrong)


def test_the_plan_says_what_is_done():
    X, w, y = data(100_000, 8)
    st.set_num_threads(2)
    plan = st.compile(st.value_and_gradient(squares)).plan(w, X, y)
    text = str(plan)
    assert "data axis: 100,000 rows of X, y, in 1 pass" in text
    assert "shared by 2 threads" in text
    assert plan.bytes_moved < 1.01 * (X.nbytes + y.nbytes), "the data is read once"
    assert plan.flops > 4 * X.size
    assert plan.arena_bytes < 100_000


def test_the_plan_names_what_stands_in_the_way():
    def running(x):
        return np.sum(np.cumsum(np.sin(x)) * x)

    text = str(st.compile(running).plan(np.zeros(100_000)))
    assert "in 2 passes" in text
    assert "cumsum at test_panels.py:" in text
    assert "sees all rows at once" in text


def test_the_plan_of_small_arrays_and_branches():
    small = st.compile(squares).plan(np.zeros(2), np.zeros((4, 2)), np.zeros(4))
    assert "data axis: none, because no array is large" in str(small)
    branching = st.compile(lambda x: np.sum(x) if x[0] > 0 else np.sum(x * x))
    branching(np.ones(3))
    branching(-np.ones(3))
    assert "paths: 2" in str(branching.plan(np.ones(3)))
    with pytest.raises(st.SteepestError, match="is interpreted"):
        st.gradient(squares).plan(np.zeros(2), np.zeros((4, 2)), np.zeros(4))


def test_rosenbrock_needs_no_memory_but_its_result():
    plan = st.compile(st.value_and_gradient(rosenbrock)).plan(np.zeros(1_000_000))
    assert plan.result_bytes == 8_000_008
    assert plan.arena_bytes < 100_000


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(400_000,), (100_000, 8), (300,), (9,)])
def test_a_sum_that_overflows_is_infinite(shape, dtype):
    x = np.full(shape, np.finfo(dtype).max / 1000, dtype)
    assert st.compile(lambda x: np.sum(x * dtype(200)))(x) == np.inf
    assert st.compile(lambda x: np.sum(x * dtype(-200)))(x) == -np.inf


def test_wide_rows_do_not_overflow_the_stack():
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 300, 400)).astype(np.float32)
    y = random.normal(size=(200, 70_000)).astype(np.float32)

    def wide(x, y):
        z = np.cumsum(np.exp(x), axis=2)
        return np.sum(np.cumsum(z, axis=1) * z) + np.sum(y)

    function = st.compile(wide)
    np.testing.assert_allclose(function(x, y), wide(x, y), rtol=1e-3)
    assert "so wide" in str(function.plan(x, y))


def test_what_is_too_much_for_the_stack_lies_in_the_arena(monkeypatch):
    in_arena, replace_by = [], ir.Room.replace_by
    monkeypatch.setattr(native_panels, "_STACK", 0)
    monkeypatch.setattr(
        ir.Room, "replace_by", lambda *room: (in_arena.append(room), replace_by(*room))
    )
    X, w, y = data(20_011, 8)  # as many rows as in no other test, whose code would be found
    check(st.value_and_gradient(logistic), w, X, (y > 0).astype(float))
    assert in_arena
    in_arena.clear()
    check(lambda x: np.sum(np.cumsum(np.sin(x), axis=1) * x, axis=0), X)
    assert in_arena


def test_where_no_thread_can_be_started_the_caller_works_alone(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    pool = threads._ThreadPool(3)
    monkeypatch.setattr(threads, "_pool", pool)
    X, w, y = data(50_000, 8)
    expected = squares(w, X, y)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        function = st.compile(squares)
        np.testing.assert_allclose([function(w, X, y), function(w, X, y)], expected, rtol=1e-12)
    assert pool.queue[threads.RUNNING] == 0
    np.testing.assert_allclose(function(w, X, y), expected, rtol=1e-12)
    assert len(pool._workers) == 2
    pool.end()


def test_the_plan_of_one_path_that_branches_claims_no_panels():
    def branching(x):
        return np.sum(x) if x[0] > 0 else np.sum(x * x)

    plan = st.compile(branching).plan(np.ones(100_000))
    assert "not looked for, because the function branches on values" in str(plan)


def test_rows_that_cost_little_are_computed_again():
    x = np.random.default_rng(3).normal(size=100_000)
    function = st.compile(st.value_and_gradient(np.var))
    plan = function.plan(x)
    assert [panels.backwards for panels in plan.report.rounds] == [False, True, False]
    assert plan.arena_bytes < 10_000
    value, gradient = function(x)
    assert value == pytest.approx(np.var(x), rel=1e-14)
    np.testing.assert_allclose(gradient, 2 * (x - x.mean()) / x.size, rtol=1e-9, atol=1e-18)


def test_updates_are_shared_where_rows_of_data_are_not():
    random = np.random.default_rng(4)
    X, y = random.normal(size=(64, 300)), random.integers(0, 5, 64)

    def loss(w, X, y):
        hidden = np.tanh(X @ w["first"])
        scores = hidden @ w["second"]
        return np.mean((scores - y[:, None]) ** 2)

    start = {"first": random.normal(size=(300, 200)) * 0.01, "second": np.zeros((200, 3))}
    runs = [
        st.minimize(
            loss, start, args=(X, y), method=st.Momentum(0.01), engine=engine,
            stop=st.MaxIterations(5),
        )
        for engine in ("native", "numpy")
    ]  # fmt: skip
    for key in start:
        np.testing.assert_allclose(runs[0].x[key], runs[1].x[key], rtol=1e-12, atol=1e-15)


def differences(x):
    return np.sum(np.sqrt((x[2:] - x[:-2]) ** 2 + 1e-3) * np.exp(-x[1:-1]))


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("size", [20, 67, 1000])
def test_what_is_hard_is_computed_once_for_all_distances(size):
    x = np.random.default_rng(5).normal(size=size)
    function = st.compile(st.value_and_gradient(differences))
    value, gradient = function(x)
    (panels,) = function.plan(x).report.rounds
    roots = [n for s in panels.segments for n in order(s.step.outputs) if n.op.name == "sqrt"]
    assert len(roots) <= len(panels.segments) + 4  # twice at the ends alone
    assert value == pytest.approx(differences(x), rel=1e-13)
    step = np.random.default_rng(6).normal(size=size) * 1e-6
    slope = (differences(x + step) - differences(x - step)) / 2
    assert np.dot(gradient, step) == pytest.approx(slope, rel=1e-6)
    expected = st.gradient(differences)(x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-13)


def in_a_scan(w, X):
    around = X[1:] @ w
    step = lambda s, c: (0.5 * s + np.sum((X @ (s * w)) ** 2) + np.sum(c * around), s)
    carry, _ = st.scan(step, np.sum(w), np.array([0.1, 0.2]))
    return carry


def in_a_while(w, X):
    step = lambda d: 0.5 * d + 1e-3 * (X.T @ np.tanh(X @ d))
    return st.while_loop(lambda d: np.sum((X @ d) ** 2) > 1, step, w, max_steps=4)


def in_a_loop_of_loops(w, X):
    inner = lambda s, c: (s + np.mean(np.sin(X @ (s * w)) + c), s)
    outer = lambda s, c: (0.1 * st.scan(inner, s, np.ones(2))[0] + np.mean(X @ (c * w)), s)
    return st.scan(outer, np.sum(w), np.array([0.1, 0.2]))[0]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("function", [in_a_scan, in_a_while, in_a_loop_of_loops])
def test_the_steps_of_loops_are_divided(function):
    X = np.random.default_rng(0).normal(size=(30, 2))
    w = np.array([0.3, -0.2])
    check(function, w, X)
    new, _ = with_panels(simplify(st.trace(function, w, X).outputs))
    loops = [node for node in order(new) if is_loop(node)]
    while any(is_loop(x) for x in order(loops[-1].attributes["step"].outputs)):
        loops += [x for x in order(loops[-1].attributes["step"].outputs) if is_loop(x)]
    inside = order(loops[-1].attributes["step"].outputs)
    assert any(node.op is divide.PANELS for node in inside)
    assert X.T.shape not in [operand.shape for operand in loops[0].operands], "no view is copied"
