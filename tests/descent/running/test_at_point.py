"""Loss and gradient at the point where a run ended without meeting a goal."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.descent.running import compile as compile_module
from steepest.ops.arrays import loops

RETURNS = np.random.default_rng(0).normal(size=1_100)


def volatility(p):
    variance = np.empty(RETURNS.size)
    variance[0] = 1.0
    for day in range(1, RETURNS.size):
        variance[day] = p[0] + 0.1 * RETURNS[day - 1] ** 2 + p[1] * variance[day - 1]
    return np.sum(np.log(variance) + RETURNS**2 / variance)


def test_a_loss_with_a_loop_over_large_arrays():
    never = st.GradientNormBelow(-1.0)
    run = st.minimize(volatility, [0.5, 0.4], method=st.LBFGS(), stop=never)
    assert run.status is st.Status.PRECISION  # its last point is evaluated by itself
    np.testing.assert_allclose(run.loss, volatility(run.x), rtol=1e-12)
    expected = st.gradient(volatility)(run.x)
    np.testing.assert_allclose(run.gradient, expected, rtol=0, atol=1e-9)


def growth(carry, x):
    return carry * 0.9 + x, carry


def guarded(p):
    total = st.scan(growth, p[0], X * p[1])[0]
    if total < -1e9:  # a branch on the result of a loop
        return np.inf
    return np.cosh(total - 3.0) + np.cosh(p[0] - 1.3) + 0.1 * p[1] ** 2


X = np.linspace(0.0, 1.0, 40)


def test_guards_on_loops_are_not_computed_in_numpy(monkeypatch):
    never = st.GradientNormBelow(-1.0) | st.MaxIterations(500)
    settings = {"method": st.LBFGS(), "stop": never}
    first = st.minimize(guarded, [0.5, 0.4], **settings)
    assert first.status is st.Status.PRECISION
    calls, run_step = [], loops.run_step
    monkeypatch.setattr(loops, "run_step", lambda *args: calls.append(1) or run_step(*args))
    again = st.minimize(guarded, [0.5, 0.4], **settings)
    assert not calls
    assert again.loss == first.loss
    np.testing.assert_array_equal(again.gradient, first.gradient)


CALLS = {
    "numbers": {"k": 2.0},
    "arrays": {"k": np.array([1.0, 2.0])},
    "lists of arrays": {"k": 1.0, "more": [np.array([1.0, 0.5]), np.array([0.2, 0.1])]},
}


@pytest.mark.parametrize("name", CALLS)
def test_residuals_with_arguments_by_name_are_traced_once(name, monkeypatch):
    def residuals(p, y, k, more=()):
        return np.concatenate([k * p - y, *[p * one for one in more]])

    y = np.array([1.0, 2.0])
    expected = scipy.optimize.least_squares(residuals, [0.1, 0.2], args=(y,), kwargs=CALLS[name])
    fits = []
    for _ in range(2):
        fits.append(st.least_squares(residuals, [0.1, 0.2], args=(y,), kwargs=CALLS[name]))
        np.testing.assert_allclose(fits[-1].x, expected.x, rtol=1e-7)
        monkeypatch.setattr(compile_module, "_trace", lambda *args: pytest.fail("traced anew"))
    y[0] = 5.0
    expected = scipy.optimize.least_squares(residuals, [0.1, 0.2], args=(y,), kwargs=CALLS[name])
    found = st.least_squares(residuals, [0.1, 0.2], args=(y,), kwargs=CALLS[name])
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-7)
