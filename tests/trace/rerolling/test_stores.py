"""Loops that fill an array row by row become loops of the graph, and compute the same bits."""

import random

import numpy as np
import pytest

import steepest as st
from steepest.graph import order
from steepest.trace import tracing

N = 24
Y = np.random.default_rng(0).normal(size=N)
PICKS = np.random.default_rng(1).integers(0, 2, size=N)
MIX = np.array([[0.9, 0.1], [-0.2, 0.8]])


def flow(y, x):
    return np.array([x[0] * y[0] - y[0] * y[1], y[0] * y[1] - x[1] * y[1]])


def rows(x, n=N):
    y = np.zeros((n, 2))
    y[0] = 1.0, 0.5
    for i in range(n - 1):
        now = y[i]
        half = now + 0.05 * flow(now, x)
        y[i + 1] = now + 0.1 * flow(half, x)
    return np.sum(y**2)


def columns(x, n=N):
    y = np.zeros((2, n))
    y[:, 0] = x
    for i in range(1, n):
        y[:, i] = MIX @ y[:, i - 1] + 0.1 * Y[i % N]
    return np.sum(np.sin(y))


def backwards(x, n=N):
    y = np.zeros((n, 2))
    y[-1] = x
    for i in range(n - 2, -1, -1):
        y[i] = np.tanh(x[0] * y[i + 1] + Y[i % N])
    return np.sum(y**2)


def two_before(x, n=N):
    y = np.ones((n, 3))
    for i in range(2, n):
        y[i] = x[0] * y[i - 1] - x[1] * y[i - 2] + 0.1
    return np.sum(y**2)


def two_arrays(x, n=N):
    place, speed = np.zeros((n, 2)), np.zeros((n, 2))
    place[0], speed[0] = x, x[::-1]
    for i in range(n - 1):
        speed[i + 1] = speed[i] - 0.1 * x[0] * place[i]
        place[i + 1] = place[i] + 0.1 * speed[i + 1]
    return np.sum(place**2) + np.sum(speed**3)


def matrices(x, n=N):
    p = np.zeros((n + 1, 2, 2))
    p[0] = np.eye(2)
    for t in range(n):
        ahead = MIX @ p[t] @ MIX.T + x[0] ** 2 * np.eye(2)
        p[t + 1] = ahead - np.outer(ahead[:, 0], ahead[0]) / (ahead[0, 0] + x[1] ** 2)
    return np.sum(p)


def parts_of_rows(x, n=N):
    u = np.zeros((n, 6))
    u[0] = np.sin(np.arange(6))
    for k in range(n - 1):
        u[k + 1, 1:-1] = u[k, 1:-1] + x[0] * (u[k, 2:] - 2 * u[k, 1:-1] + u[k, :-2])
        u[k + 1, 0] = 0.0
        u[k + 1, -1] = x[1]
    return np.sum((u - 1) ** 2)


def rows_changed_again(x, n=N):
    y = np.zeros((n, 2))
    y[0] = x
    for i in range(n - 1):
        y[i + 1] = 0.5 * y[i]
        y[i + 1] += np.sin(x[0] * y[i])
    return np.sum(y)


def an_element_of_each_row(x, n=N):
    q = np.zeros((n, 2))
    for t in range(n - 1):
        q[t + 1] = q[t]
        q[t + 1, PICKS[t % N]] = q[t, PICKS[t % N]] + x[0] * (Y[t % N] - q[t, PICKS[t % N]])
    return np.sum(np.exp(x[1] * q))


LOOPS = {
    f.__name__: f
    for f in (
        *(rows, columns, backwards, two_before, two_arrays, matrices),
        *(parts_of_rows, rows_changed_again, an_element_of_each_row),
    )
}
START = np.array([0.3, 0.2])


def unrolled(monkeypatch, function):
    with monkeypatch.context() as patch:
        patch.setattr(tracing, "reroll", lambda outputs, *_: list(outputs))
        return function()


@pytest.mark.parametrize("name", LOOPS)
def test_loops_that_fill_an_array_are_found_and_right(name, monkeypatch):
    loop = LOOPS[name]
    graph = st.trace(loop, START)
    assert graph(START) == loop(START)
    assert graph(2 * START) == loop(2 * START)
    np.testing.assert_allclose(st.compile(loop)(START), loop(START), rtol=1e-12)
    twice = st.trace(lambda x: loop(x, n=2 * N), START)
    more = len(order(twice.outputs)) - len(order(graph.outputs))
    assert more < 0.25 * len(order(unrolled(monkeypatch, lambda: st.trace(loop, START)).outputs))
    expected = unrolled(monkeypatch, lambda: st.gradient(loop)(START))
    np.testing.assert_allclose(st.gradient(loop)(START), expected, rtol=1e-11, atol=1e-13)


READS = ("y[i]", "y[i - 1]", "y[i][::-1]", "y[0]", "y[:2].sum(axis=0)", "y[i:i + 1].sum(axis=0)")
WRITES = (
    *("y[i + 1] = {}", "y[i + 1, 1:] = ({})[1:]", "y[i + 1, 0] = ({})[1]", "y[i + 1] *= {}"),
    *("y[i + 1:i + 3] = {}", "y[i + 1, PICKS[i]] = ({})[0]", "y[i] = {}", "z[i] = ({})[2]"),
    *("y[:, 1] = z[i] + Y[i]", "total = total + np.sum({})", "y[i + 1, [2, 0]] = ({})[:2]"),
)


def random_loop(seed):
    draw = random.Random(seed)
    lines = []
    for _ in range(draw.randint(1, 4)):
        one, two = draw.choice(READS), draw.choice(READS)
        value = f"np.tanh(x[{draw.randrange(2)}] * {one} + 0.3 * {two} + Y[i])"
        lines.append("        " + draw.choice(WRITES).format(value))
    code = ["def loop(x):", "    y, z, total = np.ones((N + 3, 3)), np.zeros(N + 3), 0.0"]
    code += ["    y[0] = x[0]", "    for i in range(1, N):", *lines]
    code += ["    return np.sum(y * np.arange(3)) + np.sum(z) + total"]
    names = {"np": np, "N": N, "Y": Y, "PICKS": PICKS}
    exec("\n".join(code), names)  # the program is the test's own
    return names["loop"]


@pytest.mark.parametrize("seed", range(12))
def test_random_loops_that_fill_arrays_are_right(seed, monkeypatch):
    loop = random_loop(seed)
    for x in (START, np.array([0.9, -0.4])):
        assert st.trace(loop, START)(x) == loop(x)
    expected = unrolled(monkeypatch, lambda: st.gradient(loop)(START))
    np.testing.assert_allclose(st.gradient(loop)(START), expected, rtol=1e-9, atol=1e-11)
