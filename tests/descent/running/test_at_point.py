"""Loss and gradient at the point where a run ended without meeting a goal."""

import numpy as np

import steepest as st

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
