"""What is computed of a model with loops, after the fit, has the slopes of the loops."""

import numpy as np
import pytest

import steepest as st

T = np.arange(30.0)
DATA = 2.0 * 0.87**T + 0.01 * np.sin(9 * T)
START = {"rate": 1.0, "start": 1.0}


def in_a_formula(t, rate, start):
    return start * (1 - 0.1 * rate) ** t


def in_a_scan(t, rate, start):
    return st.scan(lambda level, _: (level * (1 - 0.1 * rate), level), 1.0 * start, t)[1]


def in_python(t, rate, start):
    levels = np.empty(t.size)
    levels[0] = start
    for i in range(1, t.size):
        levels[i] = levels[i - 1] * (1 - 0.1 * rate)
    return levels


@pytest.mark.parametrize("model", [in_a_scan, in_python])
def test_jacobian_band_and_standard_errors(model):
    fit, expected = (st.curve_fit(f, T, DATA, START) for f in (model, in_a_formula))
    np.testing.assert_allclose(fit.jacobian, expected.jacobian, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fit.band(T), expected.band(T), rtol=1e-6)
    np.testing.assert_allclose(
        list(fit.standard_errors.values()), list(expected.standard_errors.values()), rtol=1e-6
    )


def test_hessian_of_a_loss():
    def looped(p):
        last, _ = st.scan(lambda c, u: (c * p[0] + u * p[1] ** 2, u), 1.0, np.arange(5.0) / 5)
        return (last - 2.0) ** 2 + np.sum(p**2)

    def unrolled(p):
        last = p[0] ** 5 + p[1] ** 2 * np.sum(p[0] ** np.arange(4, -1, -1) * np.arange(5.0) / 5)
        return (last - 2.0) ** 2 + np.sum(p**2)

    run, expected = (
        st.minimize(loss, np.array([0.3, 0.4]), method="trust-exact")
        for loss in (looped, unrolled)
    )
    np.testing.assert_allclose(run.x, expected.x, atol=1e-6)
    np.testing.assert_allclose(run.hess, expected.hess, rtol=1e-4, atol=1e-6)
