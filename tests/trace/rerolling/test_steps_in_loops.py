"""What calls a function of the user's in a Python loop: one step for all iterations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize

import steepest as st
from steepest.graph import Graph, Node, order

TIMES = np.array([0.0, 0.5, 1.0])

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "quad of a closure": lambda a, k: integrate.quad(
        lambda x: np.exp(-a * x) * np.cos(k * x) + k, 0.0, 1.0
    )[0],
    "quad to other ends": lambda a, k: integrate.quad(
        lambda x, a: np.exp(-a * x), 0.0, k, args=(a,)
    )[0],
    "quad to infinity": lambda a, k: integrate.quad(lambda x: np.exp(-(a + k) * x), 0.0, np.inf)[
        0
    ],
    "quad_vec": lambda a, k: integrate.quad_vec(
        lambda x: np.exp(-a * x) * np.array([k, x]), 0.0, 1.0
    )[0][0],
    "odeint": lambda a, k: integrate.odeint(lambda y, t: -a * k * y, 1.0, TIMES)[-1, 0],
    "solve_ivp": lambda a, k: integrate.solve_ivp(
        lambda t, y: -a * k * y, (0.0, 1.0), [1.0], t_eval=TIMES
    ).y[0, -1],
    "brentq": lambda a, k: optimize.brentq(lambda x: x**3 + a * x - k, 0.0, 9.0),
    "newton": lambda a, k: optimize.newton(lambda x: x**3 + a * x - k, 1.0),
    "fsolve": lambda a, k: optimize.fsolve(lambda x: x**3 + a * x - k, np.ones(1))[0],
    "fixed_point": lambda a, k: optimize.fixed_point(lambda x: np.exp(-a * x / (1 + k)), 0.5),
    "minimize_scalar": lambda a, k: (
        optimize.minimize_scalar(
            lambda x: (x - a) ** 2 + k * np.exp(x) / 9, bounds=(-9, 9), method="bounded"
        ).x
    ),
    "scan": lambda a, k: st.scan(lambda c, x: (k * np.sin(c) + a * x, c), 0.3, TIMES)[0],
    "while_loop": lambda a, k: st.while_loop(
        lambda c: abs(c * c - a - k) > 1e-12, lambda c: 0.5 * (c + (a + k) / c), 1.0, max_steps=50
    ),
    "cond": lambda a, k: st.cond(a < k, lambda x: np.sin(k * x), lambda x: np.exp(-k * x), a),
}


def _appended(f: Callable[[Any], Any], ks: np.ndarray) -> Any:
    found: list[Any] = []
    for k in ks:
        value = f(k)
        found.append(value)
    return np.array(found)


def _assigned(f: Callable[[Any], Any], ks: np.ndarray) -> Any:
    found = np.zeros(len(ks))
    for i in range(len(ks)):
        found[i] = f(ks[i])
    return found


WAYS: dict[str, Callable[[Callable[[Any], Any], np.ndarray], Any]] = {
    "a list": lambda f, ks: np.array([f(k) for k in ks]),
    "append": _appended,
    "assignment": _assigned,
    "np.vectorize": lambda f, ks: np.vectorize(f)(ks),
    "map": lambda f, ks: np.array(list(map(f, ks.tolist()))),
    "a generator": lambda f, ks: sum(f(k) for k in ks),
}


def loops_of(graph: Graph) -> tuple[int, int]:
    """Return the numbers of steps that differ, and of nodes that hold steps, in a graph."""
    steps: set[Graph] = set()
    holding = 0

    def walk(outputs: Sequence[Node]) -> None:
        nonlocal holding
        for node in order(outputs):
            own = [x for x in node.attributes.values() if isinstance(x, Graph)]
            holding += bool(own)
            for step in own:
                if step not in steps:
                    steps.add(step)
                    walk(step.outputs)

    walk([*graph.outputs, *(guard.condition for guard in graph.guards)])
    return len(steps), holding


def traced(call: str, way: str, number: int) -> tuple[Graph, Callable[[Any], Any]]:
    """Return a loop of some iterations, and its graph."""
    ks = np.linspace(0.5, 2.0, number)
    loop = lambda a: WAYS[way](lambda k: CALLS[call](a, k), ks)
    return st.trace(loop, 0.3), loop


@pytest.mark.sampled(10)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("call", CALLS)
def test_the_number_of_steps_does_not_grow_with_iterations(call: str, way: str) -> None:
    graph, loop = traced(call, way, 7)
    longer, _ = traced(call, way, 10)
    assert loops_of(graph) == loops_of(longer)
    np.testing.assert_allclose(graph(0.3), loop(0.3), rtol=1e-6)


def test_three_quadratures_are_one_loop() -> None:
    graph, _ = traced("quad of a closure", "a list", 3)
    single, _ = traced("quad of a closure", "a list", 1)
    assert loops_of(graph)[0] == loops_of(single)[0] + 2  # with the loops over the iterations


def test_a_number_that_is_the_same_in_all_iterations_stays_a_constant() -> None:
    def loop(a: Any) -> Any:
        rows = np.arange(3.0)
        return [st.scan(lambda c, x, k=k: (k * c + 0.25 * x * a, c), 1.0, rows)[0] for k in KS]

    graph = st.trace(loop, 2.0)
    (scan,) = [node for node in graph.nodes if node.op.name == "scan"]
    (inner,) = [node for node in order(scan.attributes["step"].outputs) if node.op.name == "scan"]
    step = inner.attributes["step"]
    constants = [n for n in order(step.outputs) if n.op.name == "constant" and n.dtype == float]
    assert [float(node.op.evaluate(**node.attributes)) for node in constants] == [0.25]
    np.testing.assert_array_equal(graph(2.0), loop(2.0))


KS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


def test_branches_and_powers_with_known_numbers_stay() -> None:
    def loop(a: Any) -> Any:
        def integrand(x: Any, n: int, k: float) -> Any:
            return (a * x) ** n if k > 0.3 else np.exp(-a * k * x)

        return np.array([integrate.quad(integrand, 0.0, 1.0, args=(2, k))[0] for k in KS])

    graph = st.trace(loop, 0.7)
    np.testing.assert_allclose(graph(0.7), loop(0.7), rtol=1e-12)
    assert loops_of(graph) == loops_of(st.trace(lambda a: loop(a)[::-1], 0.7))


def test_the_slope_of_quadratures_in_a_loop() -> None:
    ks = np.linspace(0.5, 2.0, 9)

    def loop(a: Any) -> Any:
        return np.array(
            [integrate.quad(lambda x, k: np.cos(a * k * x), 0.0, 1.0, (k,))[0] for k in ks]
        )

    a = 0.8
    exact = (a * ks * np.cos(a * ks) - np.sin(a * ks)) / (a * a * ks)
    np.testing.assert_allclose(st.jacobian(st.compile(loop))(a), exact, rtol=1e-9)
    backward = st.pullback(loop, a)[1](np.ones(9))
    np.testing.assert_allclose(backward, exact.sum(), rtol=1e-9)


def test_an_integral_of_the_loop_that_is_less_accurate_warns() -> None:
    def loop(a: Any) -> Any:
        return sum(
            integrate.quad(lambda x, k: a * abs(x - 0.3) ** -k, 0.0, 1.0, (k,))[0] for k in POWERS
        )

    with pytest.warns(integrate.IntegrationWarning, match="less accurate"):
        st.compile(loop)(2.0)


POWERS = [0.1, 0.15, 0.2, 0.25, 1.3]


def test_an_integral_of_the_loop_that_needs_more_room() -> None:
    def loop(a: Any) -> Any:
        return np.array(
            [integrate.quad(lambda x, k: np.cos(a * k * x), 0.0, 1.0, (k,))[0] for k in WAVES]
        )

    expected = np.sin(2.0 * WAVES) / (2.0 * WAVES)
    np.testing.assert_allclose(st.compile(loop)(2.0), expected, atol=1e-9)


WAVES = np.array([1.0, 2.0, 3.0, 4.0, 2000.0])
