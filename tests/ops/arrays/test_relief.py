"""Long loops that NumPy begins and machine code completes, wherever it takes over."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import steepest as st
from steepest.ops.arrays import relief


def scanned(x):
    rows = np.linspace(0.0, 1.0, 60)

    def step(carry, row):
        after = carry * 0.9 + np.sin(row * x)
        return after, after**2

    end, squares = st.scan(step, x, rows)
    return end + np.sum(squares)


def searched(x):
    def halved(ends):
        low, high = ends
        middle = 0.5 * (low + high)
        is_left = np.cos(middle) * x > 0.1
        return np.where(is_left, middle, low), np.where(is_left, high, middle)

    start = (0.0 * x, 2.0 + 0.0 * x)
    low, high = st.while_loop(lambda ends: ends[1] - ends[0] > 1e-12, halved, start)
    return low + high


def solved(x):
    found = solve_ivp(
        lambda t, y: [y[1], -x * y[0]], (0.0, 9.0), [1.0, 0.0], t_eval=[2.0, 9.0], rtol=1e-5
    )
    return np.sum(found.y)


@pytest.mark.parametrize("function", [scanned, searched, solved])
def test_machine_code_completes_a_loop_with_the_same_bits(function, monkeypatch):
    graph = st.trace(function, 1.7)
    alone = graph(1.7)
    used = []

    def run(node, arrays):
        used.append(node.op.name)
        return offered(node, arrays)

    offered = relief.OFFERED[0]
    monkeypatch.setattr(relief, "OFFERED", [run])
    for calls in (30, 100, 300, 700):  # after more and more steps
        monkeypatch.setattr(relief, "_CALLS", calls)
        with relief.machine_code_allowed():
            assert graph(1.7) == alone
    assert used
    monkeypatch.setattr(relief, "_CALLS", 10**9)
    used.clear()
    with relief.machine_code_allowed():
        assert graph(1.7) == alone
    assert not used


def test_machine_code_needs_leave(monkeypatch):
    monkeypatch.setattr(relief, "_CALLS", 1)
    monkeypatch.setattr(relief, "OFFERED", [])
    with relief.machine_code_allowed():
        assert relief.steps_in_numpy() == np.inf
    graph = st.trace(scanned, 0.3)
    monkeypatch.setattr(relief, "OFFERED", [None])  # would raise if it were called
    assert graph(0.3) == pytest.approx(scanned(0.3))


def test_a_trace_that_needs_a_long_loop_gets_help(monkeypatch):
    # The number of steps of a solution is needed while the function is recorded.
    used = []
    offered = relief.OFFERED[0]
    monkeypatch.setattr(
        relief, "OFFERED", [lambda node, arrays: used.append(node) or offered(node, arrays)]
    )
    monkeypatch.setattr(relief, "_CALLS", 50)
    assert st.compile(lambda x: solved(x) + 0.0)(1.7) == pytest.approx(solved(1.7), rel=1e-10)
    assert used
