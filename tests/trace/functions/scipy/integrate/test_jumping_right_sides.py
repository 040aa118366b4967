"""Right-hand sides that jump at a time: their derivatives are those of the true solution."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import steepest as st
from steepest.errors import FiniteDifferenceWarning, UnsupportedError

K, SWITCH, END = 0.8, 1.0, 2.0


def slope_of(function):
    """Return the derivative of a function of a number."""
    return lambda x: st.pushforward(function, (x,), (1.0,))[1]


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


def summed(x):
    """Return x below 0.5 and 3 x above, by a loop that branches."""
    step = lambda carry, place: (carry + (x if x < place else 0.0), 0.0)
    return 3.0 * x - 2.0 * st.scan(step, 0.0, np.array([0.5]))[0]


INTEGRANDS = {
    "if": lambda x: x if x < 0.5 else 3.0 * x,
    "where": lambda x: np.where(x < 0.5, x, 3.0 * x),
    "in a loop": summed,
}


@pytest.mark.parametrize("name", INTEGRANDS)
def test_slopes_by_the_ends_of_an_integral_are_the_integrand_there(name):
    f = INTEGRANDS[name]

    def integral(p):
        return scipy.integrate.quad(lambda x: p[2] * f(x), p[0], p[1])[0]

    direction = np.array([0.3, 0.5, 0.7])
    value, slope = st.pushforward(integral, (np.array([0.2, 0.9, 2.0]),), (direction,))
    np.testing.assert_allclose(value, 2.0 * (0.105 + 0.84), rtol=1e-7)
    np.testing.assert_allclose(slope, direction @ [-0.4, 5.4, 0.945], rtol=1e-7)


def test_higher_slopes_by_an_end():
    integral = lambda b: scipy.integrate.quad(
        lambda x: b * np.where(x < 0.5, 0.0, x**4), 0.0, b, epsabs=1e-12
    )[0]
    slope = slope_of(integral)
    third = slope_of(slope_of(slope))
    polynomial = np.polynomial.Polynomial([0, -(0.5**5) / 5, 0, 0, 0, 0, 0.2])
    for k, found in ((1, slope), (3, third)):
        np.testing.assert_allclose(found(0.9), polynomial.deriv(k)(0.9), rtol=1e-8)


def test_slopes_of_other_integrals_by_their_ends():
    half_line = lambda a: scipy.integrate.quad(
        lambda x: np.where(x < 0.5, 2.0, 1.0) * np.exp(-x), a, np.inf
    )[0]
    np.testing.assert_allclose(slope_of(half_line)(0.2), -2.0 * np.exp(-0.2), rtol=1e-7)

    step = lambda y, x: 1.0 if y < 0.5 else 3.0
    double = lambda p: scipy.integrate.dblquad(step, 0.0, 1.0, 0.0, lambda x: p + 0.0 * x)[0]
    np.testing.assert_allclose(slope_of(double)(0.9), 3.0, rtol=1e-6)


def test_an_infinite_slope_by_an_end_leaves_the_others():
    integrand = lambda x: np.where(x < 1.0, 1.0 / np.sqrt(x), 1.0)
    integral = lambda p: scipy.integrate.quad(lambda x: p[1] * integrand(x), p[0], 2.0)[0]
    value, slopes = st.value_and_gradient(integral)(np.array([0.0, 2.0]))
    np.testing.assert_allclose(value, 6.0, rtol=1e-7)
    np.testing.assert_allclose(slopes, [-np.inf, 3.0], rtol=1e-7)


def test_a_range_that_a_parameter_divides_is_refused():
    integral = lambda p: scipy.integrate.quad(lambda x: 1.0 if x < p else 3.0, 0.0, 1.0)[0]
    with pytest.raises(UnsupportedError, match="split the range there"):
        slope_of(integral)(0.4)
    parts = lambda p: (
        scipy.integrate.quad(lambda x: 1.0 + 0.0 * x, 0.0, p)[0]
        + scipy.integrate.quad(lambda x: 3.0 + 0.0 * x, p, 1.0)[0]
    )
    np.testing.assert_allclose(slope_of(parts)(0.4), -2.0, rtol=1e-7)


@pytest.mark.parametrize("where", ["time", "state"])
def test_what_the_refusal_of_a_moving_jump_says_is_right(where):
    """y' is 1, then 3 from the time 0.4, or from the state 0.4 p on."""

    def branching(p):
        def rhs(t, y):
            if (t if where == "time" else y[0] / p) < p:
                return [1.0]
            return [3.0]

        return scipy.integrate.solve_ivp(rhs, (0.0, 1.0), [0.0], rtol=1e-9, atol=1e-9).y[0, -1]

    with pytest.raises(UnsupportedError, match=r"end the span there .* st\.black_box"):
        slope_of(branching)(0.4)

    def crossing(t, y, p):
        return y[0] - (p if where == "time" else p * p)

    crossing.terminal = True

    def divided(p):
        solve, rhs = scipy.integrate.solve_ivp, lambda t, y, p: [1.0 + 0.0 * p]
        first = solve(rhs, (0.0, 1.0), [0.0], events=crossing, args=(p,))
        return solve(lambda t, y: [3.0], (first.t[-1], 1.0), first.y[:, -1]).y[0, -1]

    expected = -2.0 if where == "time" else -2.0 * 2 * 0.4
    np.testing.assert_allclose(slope_of(divided)(0.4), expected, rtol=1e-6)
    differenced = slope_of(st.black_box(branching))(0.4)
    np.testing.assert_allclose(differenced, expected, rtol=1e-3)


CHOICES = {
    "where": lambda v: np.where(v > 0.0, v, 0.0),
    "mask": lambda v: v * (v > 0.0),
}


@pytest.mark.parametrize("name", CHOICES)
def test_choices_by_the_state_leave_the_slopes_of_the_steps(name):
    """Those agree with small differences at any tolerance, which a search for a minimum needs."""

    def solution(choice):
        def of(k):
            def rhs(t, y):
                prey, hunter = choice(y[0]), choice(y[1])
                return [k * prey - prey * hunter, 0.5 * prey * hunter - hunter]

            return scipy.integrate.solve_ivp(rhs, (0.0, 3.0), [1.5, 1.0]).y[0, -1]

        return st.pushforward(of, (1.1,), (1.0,))

    found, plain = solution(CHOICES[name]), solution(lambda v: v)
    np.testing.assert_allclose(found, plain, rtol=1e-12)


@pytest.mark.parametrize("name", ["brentq", "brenth", "bisect", "ridder", "toms748"])
def test_a_root_that_may_be_a_jump_is_refused(name):
    def found(a):
        def equation(u):
            if u < a:
                return u - 2.0
            return u + 2.0

        return getattr(scipy.optimize, name)(equation, 0.0, 1.0)

    with pytest.raises(UnsupportedError, match=r"depends on the unknown.* st\.black_box"):
        slope_of(found)(0.3)


def test_a_minimum_that_may_be_a_jump_is_refused():
    def found(a):
        def loss(u):
            return u + 1.0 if u > a else 2.0 - u

        return scipy.optimize.minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded").x

    with pytest.raises(UnsupportedError, match=r"depends on the unknown.* st\.black_box"):
        slope_of(found)(0.3)


def test_equations_and_steps_may_branch_on_what_they_are_given():
    def equation(u, a):
        if u > 1.0:
            return u**3 - a
        return u - a

    root = lambda a: scipy.optimize.newton(equation, 1.2, args=(a,))
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
