"""``st.least_squares`` against SciPy's, and what theory says of its methods."""

import itertools

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.descent.fit_problem import FitOptions
from steepest.descent.least_squares import descend_squares
from steepest.errors import InputError
from tests.cases.decay import T, Y, decay, residuals


@pytest.mark.parametrize("loss", ["linear", "huber", "soft_l1", "cauchy", "arctan"])
def test_robust_losses_are_scipys(loss):
    y = Y.copy()
    y[::6] += 2.0

    def shifted(p):
        return decay(T, *p) - y

    start = np.array([2.5, 1.0, 0.3])
    fit = st.least_squares(shifted, start, loss=loss, f_scale=0.1)
    theirs = scipy.optimize.least_squares(
        shifted, start, loss=loss, f_scale=0.1, ftol=1e-15, xtol=1e-15, gtol=1e-12
    )
    assert fit.converged, fit.message
    np.testing.assert_allclose(fit.x, theirs.x, rtol=1e-5)
    assert fit.cost == pytest.approx(theirs.cost, rel=1e-9)
    np.testing.assert_allclose(fit.fun, theirs.fun, atol=1e-6)


def test_a_users_robust_loss():
    fit = st.least_squares(residuals, np.ones(3), loss=lambda z: np.log1p(z), f_scale=0.1)
    named = st.least_squares(residuals, np.ones(3), loss="cauchy", f_scale=0.1)
    np.testing.assert_allclose(fit.x, named.x, rtol=1e-12)


@pytest.mark.parametrize("method", [None, st.Dogleg(), st.GaussNewton(), st.LBFGS()])
def test_bounds_are_scipys(method):
    low, high = [0, 0, 0.55], [2.8, 5, 2]
    start = np.array([1.0, 1.0, 0.6])
    fit = st.least_squares(residuals, start, bounds=(low, high), method=method)
    theirs = scipy.optimize.least_squares(
        residuals, start, bounds=(low, high), ftol=1e-15, xtol=1e-15, gtol=1e-13
    )
    np.testing.assert_allclose(fit.x, theirs.x, atol=1e-5)
    assert fit.cost == pytest.approx(theirs.cost, rel=1e-7)
    assert fit.active_mask.tolist() == [1, 0, -1]
    assert fit.x[0] == 2.8
    assert "x[0] is on its upper bound" in fit.message
    assert "x[2] is on its lower bound" in fit.message
    assert np.isnan(fit.standard_errors[0])
    assert fit.standard_errors[1] > 0


def test_scipys_names_and_tolerances():
    fit = st.least_squares(residuals, np.ones(3), ftol=1e-6, xtol=1e-6, gtol=None, max_nfev=50)
    theirs = scipy.optimize.least_squares(residuals, fit.x)
    np.testing.assert_allclose(fit.jac, st.jacobian(residuals)(fit.x), rtol=1e-12)
    np.testing.assert_allclose(fit.jac, theirs.jac, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(fit.grad, fit.jac.T @ fit.fun, atol=1e-10)
    assert fit.success
    assert fit.nfev == fit.njev == fit.evaluations
    assert fit.optimality == np.max(np.abs(fit.grad))


def test_nested_parameters_and_residuals():
    def parts(p, scale):
        return [scale * (p["a"] - 1.0), {"rest": p["b"] - np.arange(3.0)}]

    fit = st.least_squares(parts, {"a": 0.0, "b": np.zeros(3)}, args=(2.0,))
    assert fit.x["a"] == pytest.approx(1)
    np.testing.assert_allclose(fit.x["b"], np.arange(3.0), atol=1e-12)


def test_fewer_residuals_than_parameters_still_descend():
    fit = st.least_squares(lambda p: np.array([p[0] + p[1] - 3.0]), np.zeros(2))
    assert fit.cost == pytest.approx(0, abs=1e-20)
    assert fit.rank == 1


# Theory.


def test_levenberg_marquardt_is_quadratic_where_residuals_vanish():
    exact = decay(T, 3.0, 1.3, 0.5)
    fit = st.least_squares(
        lambda p: decay(T, *p) - exact, np.array([2.5, 1.0, 0.3]), stop=st.LossBelow(1e-28)
    )
    errors = np.linalg.norm(fit.history.x - [3.0, 1.3, 0.5], axis=1)
    tail = [(a, b) for a, b in itertools.pairwise(errors) if 1e-7 < a < 3e-2]
    assert len(tail) >= 2
    rates = [np.log(b) / np.log(a) for a, b in tail if b > 1e-15]
    assert min(rates) > 1.5


def test_one_gauss_newton_step_solves_a_linear_problem():
    matrix = np.random.default_rng(0).normal(size=(9, 4))
    for method in (st.GaussNewton(), st.Dogleg(radius=1e6)):
        fit = st.least_squares(lambda p: matrix @ p - 1.0, np.ones(4), method=method)
        expected, *_ = np.linalg.lstsq(matrix, np.ones(9))
        assert fit.history.loss[1] == pytest.approx(fit.cost, rel=1e-12)
        np.testing.assert_allclose(fit.x, expected, rtol=1e-9)


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_limit_on_iterations_is_no_success(engine):
    rule = st.DecrementBelow(1e-20) | st.StepBelow(1e-12) | st.MaxIterations(3)
    with pytest.warns(st.FitWarning, match="before any goal was met"):
        fit = st.least_squares(residuals, np.array([9.0, 9, 9]), stop=rule, engine=engine)
    assert fit.status is st.Status.ITERATION_LIMIT
    assert fit.iterations == 3
    assert fit.message.startswith("MaxIterations(limit=3) was reached after 3 iterations")
    assert not fit.converged
    met = st.least_squares(residuals, np.ones(3), stop=st.StepBelow(1e-3) & st.LossBelow(1.0))
    assert met.message.startswith("StepBelow(relative=0.001, absolute=0.0) and LossBelow(")


def test_a_jacobian_of_zeros_is_reported():
    with pytest.warns(st.FitWarning, match="rank 0 for 2 parameters"):
        fit = st.least_squares(lambda p: 0 * p + 2.0, np.ones(2))
    assert fit.rank == 0
    assert fit.cost == pytest.approx(4)
    assert "rank 0" in fit.message


def exponential(p, t, y):
    return p[0] * np.exp(-p[1] * t) - y


def test_a_fit_whose_captured_arrays_have_changed_says_so():
    t, y = np.linspace(0, 4, 30), np.exp(-np.linspace(0, 4, 30)) + 0.01 * np.cos(np.arange(30))
    fit = st.least_squares(lambda p: exponential(p, t, y), np.ones(2))
    for change in (3.0, np.nan):
        y *= change
        with pytest.raises(InputError, match="what the fit reads has changed since"):
            fit.residuals  # noqa: B018 - it is computed when it is looked at


def test_numbers_in_a_list_are_an_array():
    residuals = lambda p: np.array([np.sum(2 * p) - 4, p[0] - 1])
    for start in ([1.0, 2.0], (1, 2)):
        found = st.least_squares(residuals, start)
        np.testing.assert_allclose(found.x, [1, 1])
        assert isinstance(found.x, np.ndarray)
    nested = st.minimize(lambda p: np.sum((p[0] - p[1]) ** 2), [np.ones(2), 3.0], method="BFGS")
    assert isinstance(nested.x, list)


@pytest.mark.parametrize("args", [np.arange(5.0), [np.arange(5.0)], (np.arange(5.0),)])
def test_a_single_argument_need_not_be_put_into_a_tuple(args):
    fit = st.least_squares(lambda p, t: p[0] * t - 2 * t, np.ones(1), args)
    np.testing.assert_allclose(fit.x, 2)


@pytest.mark.parametrize("reason", [None, "as asked"])
@pytest.mark.parametrize("may_be_singular", [False, True])
def test_a_reason_says_nothing_of_the_end(reason, may_be_singular):
    """A peak that reaches no datum has no slopes at its end, whoever chose the method."""
    x = np.linspace(0, 10, 40)
    y = np.exp(-(((x - 5) / 2) ** 2))
    peak = lambda p: p[0] * np.exp(-(((x - p[1]) / p[2]) ** 2)) - y
    options = FitOptions(None, None, "linear", 1.0, None, (None,) * 4, "native")
    fit = descend_squares(
        peak, np.array([14.3146, 2.2, 0.02]), (), options, "auto", None, False,
        reason=reason, may_be_singular=may_be_singular,
    )  # fmt: skip
    assert (fit.status is st.Status.SINGULAR) == (not may_be_singular), fit.message
    assert fit.converged == may_be_singular
    if reason is not None:
        assert fit.reason == reason
