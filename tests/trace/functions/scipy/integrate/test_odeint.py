"""``odeint`` in traced functions."""

import numpy as np
import pytest
from scipy.integrate import odeint, solve_ivp

import steepest as st
from tests.cases.initial_value_problems import SMOOTH, STIFF

TIMES = np.linspace(0.0, 60.0, 13)


def epidemic(y, t, infection, recovery):
    susceptible, infected, _ = y
    new = infection * susceptible * infected
    return -new, new - recovery * infected, recovery * infected


def solve(p, **options):
    return odeint(epidemic, [1 - p[2], p[2], 0.0], TIMES, args=(p[0], p[1]), **options)


P = np.array([0.5, 0.1, 1e-3])


def exact(p):
    rhs = lambda t, y: epidemic(y, t, p[0], p[1])
    tight = {"rtol": 1e-12, "atol": 1e-14}
    start = [1 - p[2], p[2], 0.0]
    return solve_ivp(rhs, (0.0, 60.0), start, "DOP853", t_eval=TIMES, **tight).y.T


def test_an_epidemic_is_as_accurate_as_scipys():
    mine = st.compile(solve)(P)
    assert mine.shape == solve(P).shape
    error, scipys = (np.abs(y - exact(P)).max() for y in (mine, solve(P)))
    assert error < max(scipys, 1e-7)


def test_its_gradient():
    weights = np.cos(np.arange(3 * TIMES.size)).reshape(-1, 3)
    tight = {"rtol": 1e-10, "atol": 1e-12}
    loss = lambda q: np.sum(weights * solve(P * np.exp(q), **tight))
    plain = lambda q: np.sum(weights * exact(P * np.exp(q)))
    h = 2e-3
    expected = [
        (8 * (plain(h * e) - plain(-h * e)) - (plain(2 * h * e) - plain(-2 * h * e))) / (12 * h)
        for e in np.eye(3)
    ]
    np.testing.assert_allclose(st.gradient(loss)(np.zeros(3)), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("problem", STIFF.values(), ids=STIFF)
def test_stiff_problems(problem):
    times = np.append(0.0, problem.times)
    tolerance = {"rtol": 1e-7, "atol": 1e-10}

    def solved(p):
        return odeint(lambda t, y: problem.rhs(t, y, p), problem.start(p), times, tfirst=True,
                      **tolerance)  # fmt: skip

    expected, scale = problem.solution.T, problem.scale.T
    mine, plain = (np.abs((y[1:] - expected) / scale).max() for y in (
        st.compile(solved)(problem.p), solved(problem.p)))  # fmt: skip
    assert mine < max(1.5 * plain, 1e-7)


def test_backwards_in_time_with_limited_steps():
    problem = SMOOTH["forced, backwards in time"]
    times = np.append(problem.span[0], problem.times)
    solved = lambda p: odeint(
        problem.rhs, problem.start(p), times, args=(p,), tfirst=True, hmax=0.1, h0=1e-3
    )
    np.testing.assert_allclose(
        st.compile(solved)(problem.p)[1:].T, problem.solution, rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("option", ["full_output", "tcrit", "hmin"])
def test_what_cannot_be_recorded_is_named(option):
    value = {"full_output": True, "tcrit": [1.0], "hmin": 1e-3}[option]
    with pytest.raises(TypeError, match=rf"odeint with {option}=.*test_odeint\.py:\d+"):
        st.compile(lambda p: solve(p, **{option: value}))(P)


def test_plain_problems_are_left_to_scipy():
    f = lambda x: x * odeint(epidemic, [0.9, 0.1, 0.0], np.arange(9.0), args=(0.5, 0.1))[-1]
    np.testing.assert_array_equal(st.compile(f)(2.0), f(2.0))
