"""``scan``, ``while_loop`` and ``cond``, against Python's own loops and branches."""

import numpy as np
import pytest

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.trace import trace_function

ENGINES = (Interpreter(), Native(), Torch())
X = np.array([0.7, 0.3, 0.4])
DRIVE = np.linspace(0.0, 1.0, 12)


def check(function, plain, x=X, order=2):
    """Compare values and derivatives with those of a Python loop, on every engine."""
    np.testing.assert_allclose(function(x), plain(x), rtol=1e-14)
    np.testing.assert_allclose(st.compile(function)(x), plain(x), rtol=1e-13)
    expected = st.gradient(plain)(x)
    trace = trace_function(st.value_and_gradient(function), (x,))
    for engine in ENGINES:
        _, (value, gradient) = engine.compile([trace.graph])([x, *trace.captured_arrays()])
        np.testing.assert_allclose(value, plain(x), rtol=1e-13)
        np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-13)
    direction = np.cos(np.arange(x.size)).reshape(x.shape)
    pushed = st.pushforward(function, (x,), (direction,))[1]
    np.testing.assert_allclose(pushed, np.sum(expected * direction), rtol=1e-11)
    witness = trace_function(function, (x,))
    arrays = [x, *witness.captured_arrays()]
    np.testing.assert_allclose(
        Torch().value_and_gradient(witness.graph)(arrays)[1], expected, rtol=1e-11
    )
    if order == 2:
        np.testing.assert_allclose(
            st.hvp(function, x, direction), st.hvp(plain, x, direction), rtol=1e-10, atol=1e-12
        )
        second = st.gradient(lambda u: np.sum(st.gradient(function)(u) * direction))
        np.testing.assert_allclose(second(x), st.hvp(plain, x, direction), rtol=1e-10, atol=1e-12)


def oscillator(x):
    def step(state, push):
        position, velocity = state["position"], state["velocity"]
        force = push * x[2] - x[0] * position - x[1] * velocity
        velocity = velocity + 0.1 * force
        return {"position": position + 0.1 * velocity, "velocity": velocity}, position * x[0]

    last, path = st.scan(step, {"position": 1.0, "velocity": np.zeros(2)}, DRIVE)
    return np.sum(last["velocity"]) + np.sum(path**2) + np.sum(last["position"])


def test_a_carry_that_changes_its_shape_is_named():
    with pytest.raises(ValueError, match=r"test_control_flow\.py:\d+ must return what it carries"):
        st.trace(oscillator, X)


def accumulated(x):
    def step(state, row):
        level, steps = state
        level = np.tanh(level * x[0] + row["in"] * x[1:])
        return (level, steps + 1), (level[0], np.sum(level) * row["weight"])

    rows = {"in": np.outer(DRIVE, [1.0, -0.5]), "weight": DRIVE}
    (level, steps), (firsts, sums) = st.scan(step, (np.zeros(2), 0), rows)
    return level[0] * level[1] + np.sum(firsts) + np.sum(sums**2) + steps * x[0]


def accumulated_in_python(x):
    level, total, steps = np.zeros(2), 0.0, 0
    for push in DRIVE:
        level = np.tanh(level * x[0] + push * np.array([1.0, -0.5]) * x[1:])
        total = total + level[0] + (np.sum(level) * push) ** 2
        steps += 1
    return level[0] * level[1] + total + steps * x[0]


def test_scan():
    check(accumulated, accumulated_in_python)


def newton(x):
    def root(a):
        return st.while_loop(
            lambda y: abs(y * y - a) > 1e-13, lambda y: 0.5 * (y + a / y), 1.0, max_steps=40
        )

    return root(x[0] + 1.0) * x[1] + root(x[2])


def newton_in_python(x):
    def root(a):
        y = 1.0
        while abs(y * y - a) > 1e-13:
            y = 0.5 * (y + a / y)
        return y

    return root(x[0] + 1.0) * x[1] + root(x[2])


def test_while_loop():
    check(newton, newton_in_python)


def test_a_loop_without_a_limit_goes_forward_only():
    def f(x):
        return st.while_loop(lambda y: y < 10.0, lambda y: y * x[0] + 2.0, x[1])

    def plain(x):
        y = x[1]
        while y < 10.0:
            y = y * x[0] + 2.0
        return y

    x = np.array([0.9, 0.3])
    assert st.compile(f)(x) == plain(x)
    pushed = st.pushforward(f, (x,), (np.array([1.0, 2.0]),))[1]
    np.testing.assert_allclose(pushed, st.gradient(plain)(x) @ [1.0, 2.0])
    with pytest.raises(TypeError, match=r"max_steps"):
        st.gradient(f)(x)


@pytest.mark.parametrize("x", [X, -X], ids=["yes", "no"])
def test_cond(x):
    def f(x):
        made = st.cond(
            x[0] > 0,
            lambda u, v: {"a": np.sin(u) * x[1], "b": v},
            lambda u, v: {"a": u * u, "b": v * x[2]},
            x,
            x[0] * 2.0,
        )
        return np.sum(made["a"]) + made["b"] ** 2

    def plain(x):
        if x[0] > 0:
            return np.sum(np.sin(x) * x[1]) + (x[0] * 2.0) ** 2
        return np.sum(x * x) + (x[0] * 2.0 * x[2]) ** 2

    check(f, plain, x)


def test_the_other_side_of_a_cond_has_no_slope():
    f = st.compile(st.gradient(lambda x: st.cond(x > 0, np.sqrt, lambda v: v * 2.0, x)))
    assert f(0.0) == 2.0
    assert f(0.25) == 1.0


def test_loops_nest():
    def f(x):
        def outer(total, a):
            def inner(y, b):
                return y * b + x[0], np.sin(y)

            last, seen = st.scan(inner, total * 0.1, x)
            kept = st.cond(last > 0.5, lambda v: v * a, lambda v: v + a, last)
            return total + kept, np.sum(seen)

        last, sums = st.scan(outer, 0.0, x)
        return last + np.sum(sums)

    def plain(x):
        total, sums = 0.0, 0.0
        for a in x:
            y = total * 0.1
            for b in x:
                sums = sums + np.sin(y)
                y = y * b + x[0]
            total = total + (y * a if y > 0.5 else y + a)
        return total + sums

    check(f, plain, order=1)


@pytest.mark.parametrize("kind", ["scan", "while", "cond"])
def test_loops_around_large_arrays_nest(kind):
    """What a step makes is in its graph, however large: a step has no arrays of its own."""
    X = np.random.default_rng(0).normal(size=(400, 3))

    def inner(s, w):
        z = lambda s: np.mean(np.sin(X @ (s * w)))
        if kind == "scan":
            return st.scan(lambda s, c: (s + c * z(s), s), s, np.ones(2))[0]
        if kind == "while":
            return st.while_loop(lambda s: s < 2.0, lambda s: s + 0.9 + z(s), s, max_steps=4)
        return st.cond(s > 0, lambda s: s + z(s), lambda s: s - z(s), s)

    def loss(w):
        outer = lambda s, c: (0.5 * inner(s, w) + c * np.mean((X @ w) ** 2), s)
        return st.scan(outer, np.sum(w), np.array([0.1, 0.2]))[0]

    w = np.array([0.3, -0.2, 0.4])
    assert st.check_gradient(loss, w)
    np.testing.assert_allclose(st.gradient(st.compile(loss))(w), st.gradient(loss)(w), rtol=1e-12)


def test_a_long_scan_is_one_node_and_compiles_fast():
    def f(x):
        last, _ = st.scan(lambda c, _: (c * x[0] + x[1], None), 0.0, None, length=100_000)
        return last

    graph = st.trace(st.value_and_gradient(f), np.array([0.999, 0.001]))
    assert len(graph.nodes) < 100
    compiled = st.compile(st.value_and_gradient(f))
    value, gradient = compiled(np.array([0.999, 0.001]))
    np.testing.assert_allclose(value, 1.0, rtol=1e-9)
    np.testing.assert_allclose(gradient, [1000.0, 1000.0], rtol=1e-9)


def test_single_precision_stays_single():
    def f(x):
        last, ys = st.scan(lambda c, v: (c * 0.5 + v, c), 0.0, x)
        return last, ys

    x = np.arange(4, dtype=np.float32)
    for call in (f, st.compile(f)):
        last, ys = call(x)
        assert np.asarray(last).dtype == np.float32
        assert np.asarray(ys).shape == (4,)


def test_descents_run_through_loops():
    settings = {"method": st.GradientDescent(0.05), "stop": st.MaxIterations(40), "record": "all"}
    runs = [
        st.minimize(accumulated, X, engine=engine, **settings)
        for engine in ("native", "numpy", "torch")
    ]
    for run in runs[1:]:
        np.testing.assert_allclose(run.history.x, runs[0].history.x, rtol=1e-10)


def halved(c, v):
    while c > 1:
        c = c * 0.5
    return c + v, v


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: st.scan(lambda c, v: (c, v), 0.0, None), "length="),
        (lambda x: st.scan(lambda c, v: (c, v), 0.0, (x, x[:2])), "equally many rows"),
        (lambda x: st.while_loop(lambda c: c, lambda c: c, x), "one truth value"),
        (lambda x: st.cond(x[0] > 0, lambda: x, lambda: x[0]), "same structure"),
        (
            lambda x: st.scan(halved, 0.0, x),
            r"test_control_flow\.py:\d+ is not known while .* use st\.cond",
        ),
        (lambda x: st.scan(lambda c, v: (c + v, v), np.int64(0), x), "start with float64"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        st.trace(call, X)
