"""Right-hand sides that jump at a time: their derivatives are those of the true solution."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import steepest as st
from steepest.errors import FiniteDifferenceWarning, UnsupportedError

K, SWITCH, END = 0.8, 1.0, 2.0


def exact(k, end=END):
    """Return the solution of y' = -k y + u from y(0) = 1, where u is 0 before 1, and then 2."""
    return np.exp(-k * end) + 2.0 / k * (1.0 - np.exp(-k * (end - SWITCH)))


def by_if(t):
    if t < SWITCH:
        u = 0
    else:
        u = 2.0
    return u


def by_several(t):
    if t < 0.5:
        return 0.0
    if t < SWITCH:
        return 0.0
    return 2.0 if t < 99.0 else 5.0


JUMPS = {
    "if": by_if,
    "several": by_several,
    "where": lambda t: np.where(t < SWITCH, 0.0, 2.0),
    "heaviside": lambda t: 2.0 * np.heaviside(t - SWITCH, 1.0),
    "steps": lambda t: 2.0 * np.minimum(np.floor(t / SWITCH), 1.0),
    "interp": lambda t: np.interp(t, [0.0, SWITCH, SWITCH + 1e-9, 9.0], [0.0, 0.0, 2.0, 2.0]),
}


@pytest.mark.parametrize("name", JUMPS)
def test_slopes_by_a_parameter(name):
    jump = JUMPS[name]

    def solution(k):
        rhs = lambda t, y: -k * y + jump(t)
        return scipy.integrate.solve_ivp(rhs, (0.0, END), [1.0], rtol=1e-7, atol=1e-9).y[0, -1]

    value, slope = st.pushforward(solution, (K,), (1.0,))
    np.testing.assert_allclose(value, exact(K), rtol=1e-6)
    np.testing.assert_allclose(slope, (exact(K + 1e-6) - exact(K - 1e-6)) / 2e-6, rtol=1e-5)


@pytest.mark.parametrize("solver", ["DOP853", "Radau", "LSODA"])
def test_slopes_of_other_methods(solver):
    def solution(k):
        rhs = lambda t, y: -k * y + by_if(t)
        found = scipy.integrate.solve_ivp(
            rhs, (0.0, END), [1.0], method=solver, rtol=1e-7, atol=1e-9
        )
        return found.y[0, -1]

    slope = st.pushforward(solution, (K,), (1.0,))[1]
    np.testing.assert_allclose(slope, (exact(K + 1e-6) - exact(K - 1e-6)) / 2e-6, rtol=1e-5)


def test_slopes_by_the_end():
    def solution(end):
        rhs = lambda t, y: -K * y + by_if(t)
        return scipy.integrate.solve_ivp(rhs, (0.0, end), [1.0], rtol=1e-7, atol=1e-9).y[0, -1]

    slope = st.pushforward(solution, (END,), (1.0,))[1]
    np.testing.assert_allclose(slope, -K * exact(K) + 2.0, rtol=1e-5)


def test_a_time_that_is_a_parameter_is_refused_and_differenced():
    """The jump moves with it: neither arm of the branch shows the slope."""
    times = np.linspace(0.0, END, 5)

    def model(t, k, switch):
        def rhs(y, t):
            if t < switch:
                return -k * y
            return -k * y + 2.0

        return scipy.integrate.odeint(rhs, 1.0, t)[:, 0]

    with pytest.raises(UnsupportedError, match="not known while it is recorded"):
        st.gradient(lambda p: model(times, *p)[-1])(np.array([K, SWITCH]))
    with pytest.warns(FiniteDifferenceWarning, match="of model"):
        st.curve_fit(model, times, model(times, K, SWITCH), [K, SWITCH])


def test_an_integrand_may_branch_on_its_place():
    def integral(a):
        def integrand(x):
            if x > 0.5:
                return a * x
            return a * a

        return scipy.integrate.quad(integrand, 0.0, 2.0, points=[0.5])[0]

    value, slope = st.pushforward(integral, (1.5,), (1.0,))
    np.testing.assert_allclose(value, 0.5 * 1.5**2 + 1.5 * 1.875, rtol=1e-10)
    np.testing.assert_allclose(slope, 1.5 + 1.875, rtol=1e-10)


def test_equations_and_steps_may_branch_on_what_they_are_given():
    def equation(u, a):
        if u > 1.0:
            return u**3 - a
        return u - a

    root = lambda a: scipy.optimize.brentq(equation, 0.0, 5.0, args=(a,))
    for a in (0.4, 2.5):
        value, slope = st.pushforward(root, (a,), (1.0,))
        np.testing.assert_allclose(value, root(a), rtol=1e-12)
        np.testing.assert_allclose(slope, 1.0 if a < 1 else a ** (-2 / 3) / 3, rtol=1e-9)

    def step(carry, x):
        if carry > 1.0:
            carry = carry * 0.5
        else:
            carry += x
        return carry, carry

    xs = np.array([0.7, 0.8, 0.3, 0.9])
    f = lambda x: st.scan(step, 0.0, x)[0]
    np.testing.assert_allclose(st.compile(f)(xs), 1.65)  # 0.7, 1.5, 0.75, 1.65
    np.testing.assert_allclose(st.gradient(f)(xs), [0.5, 0.5, 0.0, 1.0])
