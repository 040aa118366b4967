"""Least squares with constraints: the fit, and its statistics along what is active."""

import pickle

import numpy as np
import pytest

import steepest as st

T = np.linspace(0, 3, 25)
Y = 2.0 * np.exp(-0.7 * T) + 0.5 + 0.05 * np.sin(25 * T)


def residuals(p, t, y):
    return p[0] * np.exp(-p[1] * t) + p[2] - y


def at_zero(p):
    return p[0] + p[2]


ON_START = st.Constraint(at_zero, lower=2.4, upper=2.4)


def test_an_equation_is_the_fit_with_a_parameter_less():
    fit = st.least_squares(residuals, np.ones(3), (T, Y), constraints=ON_START)
    of_two = lambda q, t, y: residuals(np.stack([q[0], q[1], 2.4 - q[0]]), t, y)
    two = st.least_squares(of_two, np.ones(2), (T, Y))
    np.testing.assert_allclose(fit.x[:2], two.x, rtol=1e-7)
    assert fit.degrees_of_freedom == two.degrees_of_freedom
    assert fit.rank == 2
    np.testing.assert_allclose(fit.covariance[:2, :2], two.covariance, rtol=1e-6)
    np.testing.assert_allclose(fit.standard_errors[2], two.standard_errors[0], rtol=1e-6)
    assert fit.kkt_residual < 1e-8
    assert fit.constraint_violation < 1e-12
    assert {"multipliers", "cost", "covariance"} <= set(fit.keys())
    np.testing.assert_allclose(pickle.loads(pickle.dumps(fit)).multipliers, fit.multipliers)


def test_an_inequality_counts_where_it_is_active():
    free = st.least_squares(residuals, np.ones(3), (T, Y))
    beyond = st.Constraint(at_zero, upper=10.0)
    fit = st.least_squares(residuals, np.ones(3), (T, Y), constraints=beyond)
    np.testing.assert_allclose(fit.x, free.x, rtol=1e-6)
    np.testing.assert_allclose(fit.covariance, free.covariance, rtol=1e-5)
    assert fit.multipliers == 0
    active = st.Constraint(at_zero, upper=2.4)
    fit = st.least_squares(residuals, np.ones(3), (T, Y), constraints=[active])
    assert fit.active_constraints == [1]
    assert fit.multipliers[0] < 0
    assert fit.degrees_of_freedom == free.degrees_of_freedom + 1


def test_bounds_and_constraints():
    fit = st.least_squares(
        residuals, np.ones(3), (T, Y), bounds=([0, 0, 0.6], 5), constraints=ON_START
    )
    np.testing.assert_allclose(fit.x[[0, 2]], [1.8, 0.6], atol=1e-9)
    assert np.isnan(fit.standard_errors[2])
    assert fit.standard_errors[0] == pytest.approx(0.0, abs=1e-12)
    assert fit.bound_multipliers[2] != 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precisions_and_units(dtype):
    unit = 1e-3  # whose gradients are below the usual goals of losses
    data = (T, unit * Y)
    start = np.array([unit, 1.0, unit], dtype)
    scaled = st.Constraint(lambda p: (p[0] + p[2]) / unit, lower=2.4, upper=2.4)
    fit = st.least_squares(residuals, start, data, constraints=scaled)
    plain = st.least_squares(residuals, np.ones(3), (T, Y), constraints=ON_START)
    assert fit.converged
    assert fit.x.dtype == dtype
    np.testing.assert_allclose(fit.x / [unit, 1.0, unit], plain.x, rtol=1e-6)


def test_robust_losses_and_nested_parameters():
    outlier = Y + 3.0 * (np.arange(25) == 4)
    nested = lambda p, t, y: residuals(np.stack([p["a"], p["b"][0], p["b"][1]]), t, y)
    line = st.Constraint(lambda p: p["a"] + p["b"][1], lower=2.4, upper=2.4)
    fit = st.least_squares(
        nested, {"a": 1.0, "b": np.ones(2)}, (T, outlier), loss="soft_l1", f_scale=0.05,
        constraints=line,
    )  # fmt: skip
    clean = st.least_squares(residuals, np.ones(3), (T, Y), constraints=ON_START)
    assert fit.x["a"] == pytest.approx(clean.x[0], abs=0.02)
    assert fit.standard_errors["b"].shape == (2,)


def test_linear_constraints_hold_on_the_way():
    start = np.array([1.0, 1.0, 0.2])
    below = st.Constraint(at_zero, upper=2.0)
    fit = st.least_squares(residuals, start, (T, Y), constraints=below, record="all")
    assert np.all(at_zero(fit.history.x.T) <= 2.0 + 1e-12)
    assert fit.active_constraints == 1


def test_what_would_leave_the_constraints_is_refused():
    fit = st.least_squares(residuals, np.ones(3), (T, Y), constraints=ON_START)
    with pytest.raises(ValueError, match="profiles, contours and the bootstrap do not take"):
        fit.bootstrap(10)
    with pytest.raises(ValueError, match="profiles, contours and the bootstrap do not take"):
        fit.confidence_intervals(method="profile")
