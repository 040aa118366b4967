"""Least squares and curve fits against NIST's certified values, SciPy, and what goes wrong."""

import itertools
import math
import pickle
import warnings

import numpy as np
import pytest
import scipy.optimize
from nist_cases import CASES

import steepest as st
from steepest.descent.iteration.fit_report import (
    covariance_full_rank,
    diagonal_ratio,
    least_diagonal_ratio,
)
from steepest.descent.results.covariance import covariance_from_r
from steepest.errors import InputError

T = np.linspace(0, 4, 25)
RANDOM = np.random.default_rng(7)
Y = 3.0 * np.exp(-1.3 * T) + 0.5 + 0.05 * RANDOM.normal(size=T.size)


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


def residuals(p):
    return decay(T, *p) - Y


# NIST's data: 27 sets, each from two starts, with default settings.


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nist(case, start):
    fit = st.curve_fit(case.model, case.x, case.y, case.starts[start])
    assert fit.converged, fit.message
    assert case.digits(fit.x) >= 9
    # The residuals of Lanczos1 are rounding errors of its data, and so are its standard errors.
    enough = 2.5 if case.name == "Lanczos1" else 5
    assert case.digits(fit.standard_errors, case.standard_errors) >= enough
    assert fit.chi_square == pytest.approx(case.sum_of_squares, rel=1e-2 if enough < 5 else 1e-7)


@pytest.mark.parametrize("method", [st.Dogleg(), st.GaussNewton(), st.LBFGS(), st.TrustRegion()])
def test_other_methods_reach_nists_minimum_from_the_near_start(method):
    for case in CASES:
        if case.name in ("Misra1b", "DanWood", "Rat42"):
            fit = st.curve_fit(case.model, case.x, case.y, case.certified * 1.01, method=method)
            assert case.digits(fit.x) >= 5, (case.name, fit.message)


# SciPy.


def test_curve_fit_is_scipys():
    popt, pcov = st.curve_fit(decay, T, Y, [1.0, 1.0, 0.0])
    theirs, covariance = scipy.optimize.curve_fit(decay, T, Y, [1.0, 1.0, 0.0], xtol=1e-14)
    np.testing.assert_allclose(popt, theirs, rtol=1e-7)
    np.testing.assert_allclose(pcov, covariance, rtol=1e-5)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("kind", ["each", "number", "matrix"])
def test_sigma_is_scipys(kind, absolute):
    each = np.linspace(0.02, 0.2, T.size)
    near = np.exp(-np.abs(T[:, None] - T)) * np.outer(each, each)
    sigma = {"each": each, "number": 0.1, "matrix": near}[kind]
    start = [1.0, 1.0, 0.0]
    fit = st.curve_fit(decay, T, Y, start, sigma=sigma, absolute_sigma=absolute)
    scipys = np.full(T.size, sigma) if kind == "number" else sigma
    theirs, covariance = scipy.optimize.curve_fit(
        decay, T, Y, start, sigma=scipys, absolute_sigma=absolute, xtol=1e-14
    )
    np.testing.assert_allclose(fit.x, theirs, rtol=1e-5)  # SciPy differentiates numerically
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-4)


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


def test_a_robust_loss_of_ones_own():
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


# Statistics.


def test_statistics():
    import scipy.stats

    fit = st.curve_fit(decay, T, Y)
    assert fit.names == ("amplitude", "rate", "offset")
    assert fit.observations == 25
    assert fit.degrees_of_freedom == 22
    rest = Y - decay(T, *fit.x)
    assert fit.chi_square == pytest.approx(rest @ rest, rel=1e-12)
    assert fit.residual_standard_deviation == pytest.approx(np.sqrt(rest @ rest / 22), rel=1e-12)
    assert fit.r_squared == pytest.approx(1 - rest @ rest / np.sum((Y - Y.mean()) ** 2))
    reach = scipy.stats.t.ppf(0.95, 22) * fit.standard_errors
    np.testing.assert_allclose(
        fit.confidence_intervals(0.9), np.stack([fit.x - reach, fit.x + reach], 1), rtol=1e-10
    )
    np.testing.assert_allclose(np.diag(fit.correlation), 1)
    absolute = st.curve_fit(decay, T, Y, sigma=0.05, absolute_sigma=True)
    reach = scipy.stats.norm.ppf(0.95) * absolute.standard_errors
    np.testing.assert_allclose(absolute.confidence_intervals(0.9)[:, 1] - absolute.x, reach)


def test_a_band_covers_the_curve_as_often_as_it_says():
    random = np.random.default_rng(3)
    inside_mean, inside_new, runs = 0, 0, 300
    truth, at = np.array([3.0, 1.3, 0.5]), np.array([0.7, 2.0])
    for _ in range(runs):
        y = decay(T, *truth) + 0.05 * random.normal(size=T.size)
        fit = st.curve_fit(decay, T, y, [2.0, 1.0, 0.3])
        low, high = fit.band(at, 0.9)
        inside_mean += np.mean((low < decay(at, *truth)) & (decay(at, *truth) < high))
        low, high = fit.band(at, 0.9, kind="prediction")
        new = decay(at, *truth) + 0.05 * random.normal(size=2)
        inside_new += np.mean((low < new) & (new < high))
    assert inside_mean / runs == pytest.approx(0.9, abs=0.05)
    assert inside_new / runs == pytest.approx(0.9, abs=0.05)


def test_a_linear_fit_is_the_textbooks():
    x = np.arange(10.0)
    y = 2.0 * x + 1.0 + np.sin(5 * x)
    fit = st.curve_fit(lambda x, slope, intercept: slope * x + intercept, x, y)
    theirs, covariance = np.polyfit(x, y, 1, cov=True)
    np.testing.assert_allclose(fit.x, theirs, rtol=1e-10)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-8)


def test_the_report_says_what_a_notebook_wants():
    fit = st.curve_fit(decay, T, Y)
    report = fit.report()
    for word in ("amplitude", "standard error", "chi-square", "R2", "95% interval", "22"):
        assert word in report
    assert str(fit) == report
    page = fit._repr_html_()
    assert page.count("<tr>") >= 8
    assert "amplitude" in page


# Parameters.


def test_parameters_by_name():
    fit = st.curve_fit(decay, T, Y, {"offset": 0.0, "rate": 1.0, "amplitude": 1.0})
    plain = st.curve_fit(decay, T, Y)
    assert list(fit.x) == list(fit.standard_errors) == ["amplitude", "rate", "offset"]
    np.testing.assert_allclose(list(fit.x.values()), plain.x, rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, plain.covariance, rtol=1e-6)
    np.testing.assert_allclose(fit.x["rate"], plain.x[1], rtol=1e-10)
    assert fit.names == ("amplitude", "rate", "offset")
    assert dict(zip(fit.names, fit.vector, strict=True)) == fit.x
    bounds = ({"offset": 0.6}, {"amplitude": 5.0})
    start = {"offset": 0.7, "rate": 1.0, "amplitude": 1.0}
    with pytest.warns(st.FitWarning, match="offset is on its lower bound") as caught:
        bounded = st.curve_fit(decay, T, Y, start, bounds=bounds)
    assert [warning.filename for warning in caught] == [__file__]
    assert bounded.x["offset"] == 0.6


def test_nested_parameters_and_residuals():
    def parts(p, scale):
        return [scale * (p["a"] - 1.0), {"rest": p["b"] - np.arange(3.0)}]

    fit = st.least_squares(parts, {"a": 0.0, "b": np.zeros(3)}, args=(2.0,))
    assert fit.x["a"] == pytest.approx(1)
    np.testing.assert_allclose(fit.x["b"], np.arange(3.0), atol=1e-12)


def test_as_many_data_as_parameters():
    with pytest.warns(st.FitWarning, match="scatter cannot be estimated"):
        fit = st.curve_fit(lambda x, a, b: a * x + b, np.array([1.0, 2.0]), np.array([3.0, 5.0]))
    np.testing.assert_allclose(fit.x, [2, 1])
    assert np.all(np.isinf(fit.covariance))


def test_fewer_residuals_than_parameters_still_descend():
    fit = st.least_squares(lambda p: np.array([p[0] + p[1] - 3.0]), np.zeros(2))
    assert fit.cost == pytest.approx(0, abs=1e-20)
    assert fit.rank == 1


def test_second_fits_of_a_model_compile_nothing():
    st.curve_fit(decay, T, Y)
    again = st.curve_fit(decay, T, Y + 0.1)
    assert again.timings.trace == again.timings.compile == 0


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


# What goes wrong.


BAD = {
    "start values": (lambda: st.curve_fit(decay, T, Y, [1.0, 1.0]), r"decay.*3 parameters"),
    "unknown name": (
        lambda: st.curve_fit(decay, T, Y, {"amplitude": 1, "rate": 1, "ofset": 0}),
        "no parameter 'ofset'",
    ),
    "missing name": (
        lambda: st.curve_fit(decay, T, Y, {"amplitude": 1, "rate": 1}),
        "no start for 'offset'",
    ),
    "crossed bounds": (
        lambda: st.curve_fit(decay, T, Y, bounds=([0, 2, 0], [1, 1, 1])),
        r"bounds of x0\[1\] cross: 2 is above 1",
    ),
    "start outside": (
        lambda: st.curve_fit(decay, T, Y, [1, 1, 1], bounds=(2.0, 3.0)),
        r"x0\[0\] is 1, outside of its bounds 2 and 3",
    ),
    "bounds of wrong length": (
        lambda: st.curve_fit(decay, T, Y, bounds=([0, 0], 1)),
        "lower bounds must be one number or 3",
    ),
    "no pair of bounds": (lambda: st.curve_fit(decay, T, Y, bounds=(1, 2, 3)), "two ends"),
    "sigma of wrong length": (
        lambda: st.curve_fit(decay, T, Y, sigma=np.ones(4)),
        r"sigma must have the shape of y, \(25,\)",
    ),
    "sigma of zero": (
        lambda: st.curve_fit(decay, T, Y, sigma=np.where(T > 1, 1, 0.0)),
        r"sigma\[0\] is 0: standard deviations must be positive",
    ),
    "no covariance": (
        lambda: st.curve_fit(decay, T, Y, sigma=-np.eye(25)),
        "must be positive definite",
    ),
    "few points": (
        lambda: st.curve_fit(decay, T[:2], Y[:2]),
        "2 data points cannot determine 3 parameters of decay",
    ),
    "NaN in y": (
        lambda: st.curve_fit(decay, T, np.where(T > 3.9, np.nan, Y)),
        r"y\[24\] is nan.*nan_policy='omit'",
    ),
    "NaN in x": (lambda: st.curve_fit(decay, np.where(T < 0.1, np.nan, T), Y), r"x\[0\] is nan"),
    "wrong shape": (
        lambda: st.curve_fit(lambda x, a: a * x[:-1], T, Y),
        r"test_fits.py.*returns shape \(24,\) where y has shape \(25,\)",
    ),
    "complex residuals": (
        lambda: st.least_squares(lambda p: p * 1j * np.ones(3), np.ones(3)),
        r"(?s)complex|real",
    ),
    "no residuals": (lambda: st.least_squares(lambda p: p[:0], np.ones(3)), "nothing to fit"),
    "f_scale": (
        lambda: st.least_squares(residuals, np.ones(3), f_scale=0),
        "f_scale must be a positive number",
    ),
    "loss": (
        lambda: st.least_squares(residuals, np.ones(3), loss="hubber"),
        "did you mean 'huber'",
    ),
    "level": (lambda: st.curve_fit(decay, T, Y).confidence_intervals(95), "between 0 and 1"),
    "kind": (lambda: st.curve_fit(decay, T, Y).band(T, kind="all"), "'mean' or 'prediction'"),
    "nan_policy": (lambda: st.curve_fit(decay, T, Y, nan_policy="skip"), "nan_policy must be"),
    "NaN at the start": (
        lambda: st.least_squares(residuals, np.array([1, np.nan, 1])),
        r"x0\[1\] is nan",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_its_sentence(name):
    call, message = BAD[name]
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        call()
    assert isinstance(caught.value, st.SteepestError)


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_limit_on_iterations_is_no_success(engine):
    rule = st.DecrementBelow(1e-20) | st.StepBelow(1e-12) | st.MaxIterations(3)
    fit = st.least_squares(residuals, np.array([9.0, 9, 9]), stop=rule, engine=engine)
    assert fit.status is st.Status.ITERATION_LIMIT
    assert fit.iterations == 3
    assert fit.message.startswith("MaxIterations(limit=3) was reached after 3 iterations")
    assert not fit.converged
    met = st.least_squares(residuals, np.ones(3), stop=st.StepBelow(1e-3) & st.LossBelow(1.0))
    assert met.message.startswith("StepBelow(relative=0.001, absolute=0.0) and LossBelow(")


def test_missing_data_can_be_left_out():
    y = np.where((T > 1) & (T < 1.5), np.nan, Y)
    keep = np.isfinite(y)
    fit = st.curve_fit(decay, T, y, sigma=np.ones(25), nan_policy="omit")
    same = st.curve_fit(decay, T[keep], y[keep])
    np.testing.assert_allclose(fit.x, same.x, rtol=1e-9)
    assert fit.observations == keep.sum()


def test_a_singular_jacobian_is_said():
    with pytest.warns(st.FitWarning, match="rank 1 for 2.*do not determine a and b"):
        fit = st.curve_fit(lambda x, a, b: (a + b) * x, T, Y)
    assert fit.rank == 1
    assert np.all(np.isinf(fit.covariance))
    assert "unknown" in fit.report()


def test_a_parameter_without_effect_is_named():
    with pytest.warns(st.FitWarning, match="do not determine unused"):
        fit = st.curve_fit(lambda x, a, unused: a * x + 0 * unused, T, Y)
    assert np.isfinite(fit.x).all()


def test_a_jacobian_of_zeros_is_said():
    fit = st.least_squares(lambda p: 0 * p + 2.0, np.ones(2))
    assert fit.rank == 0
    assert fit.cost == pytest.approx(4)
    assert "rank 0" in fit.message


def test_nothing_is_warned_about_a_good_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        st.curve_fit(decay, T, Y)


def test_a_fit_is_plotted(tmp_path):
    fit = st.curve_fit(decay, T, Y)
    figure = fit.plot(tmp_path / "fit.png")
    assert len(figure.axes) == 2
    assert (tmp_path / "fit.png").stat().st_size > 5000
    swapped = st.curve_fit(lambda x, a: a * x[0] + x[1], np.stack([T, Y]), Y)
    with pytest.raises(ValueError, match="needs x of the shape of y"):
        swapped.plot()
    descent = st.least_squares(residuals, np.ones(3)).plot()
    assert len(descent.axes) == 1


@pytest.mark.filterwarnings("ignore:.* is on its .* bound")
def test_bounds_in_an_array_are_in_the_order_of_the_signature():
    def line(t, slope, level):
        return slope * t + level

    t = np.linspace(0, 1, 9)
    start = {"slope": 500.0, "level": 0.5}
    from scipy.optimize import Bounds

    for bounds in (([0, 0], [550, 1]), Bounds([0, 0], [550, 1])):
        fit = st.curve_fit(line, t, 600 * t + 0.7, start, bounds=bounds)
        assert fit.x["slope"] == 550
        assert fit.x["level"] == 1


POWER = 1


def power(t, a, b):
    out = np.zeros(len(t))
    for i in range(len(t)):
        out[i] = a * t[i] ** POWER + b * math.exp(0.0)
    return out


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
@pytest.mark.parametrize("is_named", [False, True])
def test_models_are_plain_numpy_code_and_never_stale(engine, is_named, monkeypatch):
    t = np.linspace(0, 2, 9)
    start = {"a": 1.0, "b": 1.0} if is_named else [1.0, 1.0]
    for exponent in (1, 2, 3, 1):
        monkeypatch.setitem(globals(), "POWER", exponent)
        y = 2 * t**exponent - 1
        fit = st.curve_fit(power, t, y, start, engine=engine)
        np.testing.assert_allclose(fit.vector, [2, -1], rtol=1e-9)
        if not is_named and engine == "native":
            many = st.curve_fit_many(power, t, np.stack([y, 2 * y]), start)
            np.testing.assert_allclose(many.x, [[2, -1], [4, -2]], rtol=1e-9)
        lower, upper = fit.band(t)
        assert np.all(lower <= y + 1e-9)
        assert np.all(y - 1e-9 <= upper)


def test_arrays_that_a_model_reads_are_bound_anew():
    t, weights = np.linspace(0, 2, 9), np.ones(9)
    model = lambda t, a: a * t * weights
    assert st.curve_fit(model, t, 6 * t).x == pytest.approx(6)
    weights[:] = 3.0
    assert st.curve_fit(model, t, 6 * t).x == pytest.approx(2)


def test_a_fit_that_did_not_converge_warns():
    t = np.linspace(0, 2, 9)
    with pytest.warns(st.FitWarning, match="before any goal was met"):
        st.curve_fit(lambda t, a, b: a * np.exp(-b * t), t, 3 * np.exp(-t), [1, 1], max_nfev=1)


@pytest.mark.filterwarnings("ignore:.* is on its .* bound")
def test_bounds_by_name_serve_start_values_in_a_list():
    t = np.linspace(0, 2, 9)
    fit = st.curve_fit(line_of, t, 5 * t + 7, [1, 1], bounds=({"b": 0}, {"b": 3}))
    assert fit.x[1] == 3
    assert fit.x[0] > 5
    with pytest.raises(ValueError, match="bounds for 'q', which is no parameter"):
        st.curve_fit(line_of, t, 5 * t + 7, [1, 1], bounds=({"q": 0}, {"q": 3}))


def test_a_fit_keeps_its_data_whatever_becomes_of_the_arrays():
    t, buffer = np.linspace(0, 4, 30), np.empty(30)
    fits = []
    for scale in (1.0, 2.0, 3.0) * 20:
        buffer[:] = scale * np.exp(-t) + 0.01 * np.sin(40 * t)
        fits.append(st.curve_fit(lambda t, a, b: a * np.exp(-b * t), t, buffer, [1, 1]))
        fits.append(st.least_squares(exponential, np.ones(2), (t, buffer)))
    buffer[:], t[:] = 0.0, 1.0
    for fit in fits:
        np.testing.assert_allclose(np.sum(np.square(fit.residuals)), fit.chi_square, rtol=1e-9)
        assert fit.jacobian.shape == (30, 2)
    assert all(fit.r_squared > 0.99 for fit in fits[::2])


def exponential(p, t, y):
    return p[0] * np.exp(-p[1] * t) - y


def test_a_fit_whose_captured_arrays_have_changed_says_so():
    t, y = np.linspace(0, 4, 30), np.exp(-np.linspace(0, 4, 30)) + 0.01 * np.cos(np.arange(30))
    fit = st.least_squares(lambda p: exponential(p, t, y), np.ones(2))
    for change in (3.0, np.nan):
        y *= change
        with pytest.raises(InputError, match="what the fit reads has changed since"):
            fit.residuals  # noqa: B018 - it is computed when it is looked at


def test_what_models_of_scipys_users_return():
    t = np.linspace(0, 2, 9)
    y = 2 * t + 1
    fit = st.curve_fit(lambda t, a, b: [a * one + b for one in t], t, y)
    np.testing.assert_allclose(fit.popt, [2, 1])
    constant = st.curve_fit(lambda t, a: a, t, y)
    np.testing.assert_allclose(constant.popt, [np.mean(y)])
    for model, x in (
        (lambda x, a: a, t),
        (lambda x, a: np.array([a]), t),
        (lambda x, a: [a], t),
        (lambda x, a: a, np.stack([t, t * t])),
        (lambda x, a: a, {"t": t}),
    ):
        constant = st.curve_fit(model, x, y)
        np.testing.assert_array_equal(constant.predict(x), np.full(9, constant.popt[0]))
        assert [end.shape for end in constant.band(x)] == [(9,), (9,)]
        np.testing.assert_allclose(constant.r_squared, 0.0, atol=1e-12)
    _, covariance = scipy.optimize.curve_fit(lambda t, a: a + 0 * t, t, y)
    np.testing.assert_allclose(constant.pcov, covariance, rtol=1e-6)
    with pytest.raises(InputError, match="returns None where y has shape"):
        st.curve_fit(lambda t, a: None, t, y)


def test_start_values_of_scipys_users():
    def power(t, a, exponent=2.0):
        return a * t**exponent

    t = np.linspace(0.5, 2, 9)
    for p0 in ([1.0], 1.0, np.ones((1, 1)), {"a": 1.0}):
        fit = st.curve_fit(power, t, 3 * t**2, p0)
        assert fit.free_names == ("a",)
        np.testing.assert_allclose(fit.popt["a"] if isinstance(p0, dict) else fit.popt, 3.0)
    np.testing.assert_allclose(st.curve_fit(power, t, 3 * t**2, [[1.0, 1.0]]).popt, [3, 2])
    np.testing.assert_allclose(st.curve_fit(power, t, 3 * t**2).popt, [3, 2])
    with pytest.raises(InputError, match="takes 2 parameters, a, exponent: got 3"):
        st.curve_fit(power, t, t, [1, 2, 3])
    for wrong in ([1, [2, 3]], [None, 1.0], "ab", [1j, 1]):
        with pytest.raises(InputError, match="p0 must be real numbers"):
            st.curve_fit(power, t, t, wrong)
    with pytest.raises(InputError, match="give start values"):
        st.curve_fit(np.vectorize(power), t, t)


@pytest.mark.parametrize("kind", [">f8", ">i4", "float16", "longdouble"])
def test_data_of_any_real_dtype(kind):
    t = np.arange(9.0)
    fit = st.curve_fit(line_of, t.astype(kind), (2 * t + 1).astype(kind))
    np.testing.assert_allclose(fit.popt, [2, 1])


def line_of(t, a, b):
    return a * t + b


def test_models_without_a_hash_and_many_parameters():
    class Model:
        __hash__ = None

        def __eq__(self, other):
            return True

        def __call__(self, t, a, b):
            return a * t + b

    t = np.linspace(0, 2, 9)
    np.testing.assert_allclose(st.curve_fit(Model(), t, 2 * t + 1).x, [2, 1])


@pytest.mark.parametrize("seed", range(20))
def test_what_is_regular_beyond_doubt_has_full_rank(seed):
    random = np.random.default_rng(seed)
    number = random.integers(1, 9)
    scales = 10.0 ** random.integers(-6, 7, number)
    factor = np.triu(random.normal(size=(number, number))) * scales
    least = least_diagonal_ratio(factor.dtype, int(number), 100)
    if diagonal_ratio(factor) > least:
        inverse, rank = covariance_from_r(factor, 100)
        assert rank == number
        np.testing.assert_allclose(covariance_full_rank(factor), inverse, rtol=1e-6)
    factor[-1, -1] = 0.0
    assert not diagonal_ratio(factor) > least
    assert diagonal_ratio(np.eye(number)) > least


def test_idioms_of_scipys_users():
    t = np.linspace(0, 2, 9)
    fit = st.curve_fit(line_of, t, 2 * t + 1, bounds=scipy.optimize.Bounds(0, 5))
    np.testing.assert_allclose(fit[0], [2, 1])
    np.testing.assert_array_equal(fit[1], fit.covariance)
    popt, pcov = st.curve_fit_many(line_of, t, np.stack([2 * t + 1, 3 * t]))
    np.testing.assert_allclose(popt, [[2, 1], [3, 0]], atol=1e-9)
    assert pcov.shape == (2, 2, 2)


# Elsewhere.


@pytest.mark.parametrize("calls", [1, 40])
def test_fits_go_through_pickles(calls, tmp_path):
    t = np.linspace(0, 2, 30)
    y = 2 * np.exp(-t) + 0.01 * np.sin(40 * t)
    for _ in range(calls):
        fit = st.curve_fit(decaying, t, y, [1, 1], sigma=None if calls > 1 else 0.1 + t)
    copy = pickle.loads(pickle.dumps(fit))
    assert str(copy) == str(fit)
    np.testing.assert_array_equal(copy.covariance, fit.covariance)
    np.testing.assert_array_equal(copy.predict(t), fit.predict(t))
    np.testing.assert_array_equal(copy.residuals, fit.residuals)
    np.testing.assert_array_equal(copy.band(t), fit.band(t))
    np.testing.assert_array_equal(copy.history.loss, fit.history.loss)
    assert copy.message == fit.message
    assert pickle.loads(pickle.dumps(copy)).x.tobytes() == fit.x.tobytes()
    with pytest.raises(ValueError, match="save the run before pickling it"):
        copy.save(tmp_path / "fit")


def decaying(t, a, b):
    return a * np.exp(-b * t)


def test_runs_go_through_pickles():
    run = st.minimize(lambda p: (p["a"] - 1) ** 2, {"a": 3.0}, method=st.BFGS())
    copy = pickle.loads(pickle.dumps(run))
    assert (copy.x, copy.loss, copy.message) == (run.x, run.loss, run.message)
    np.testing.assert_array_equal(copy.history.x["a"], run.history.x["a"])


def test_masked_data_are_not_taken_for_whole():
    t = np.linspace(0, 2, 9)
    y = np.ma.array(2 * t + 1, mask=t > 1)
    with pytest.raises(ValueError, match=r"y is a masked array.*nan_policy='omit'"):
        st.curve_fit(line_of, t, y)
    fit = st.curve_fit(line_of, t, y.filled(np.nan), nan_policy="omit")
    np.testing.assert_allclose(fit.x, [2, 1])
    np.testing.assert_allclose(st.curve_fit(line_of, t, np.ma.array(2 * t + 1)).x, [2, 1])


def test_a_covariance_must_be_symmetric():
    t = np.linspace(0, 2, 3)
    with pytest.raises(ValueError, match="symmetric"):
        st.curve_fit(line_of, t, 2 * t + 1, sigma=np.eye(3) + np.triu(np.ones((3, 3))))


# SciPy's ways.


def test_scipys_names_and_settings_are_taken():
    fit = st.curve_fit(
        f=line_of, xdata=[0, 1, 2.5], ydata=[1, 3, 6], jac="3-point", full_output=False
    )
    np.testing.assert_allclose(fit.x, [2, 1])
    fit = st.least_squares(fun=lambda p: p - 3, x0=[1, 2], jac="2-point", x_scale="jac", verbose=0)
    np.testing.assert_allclose(fit.x, [3, 3])
    run = st.minimize(
        fun=lambda p: np.sum((2 * p - 3) ** 2), x0=[1.0, 2.0], jac=None, tol=1e-9,
        options={"maxiter": 500, "disp": False},
    )  # fmt: skip
    np.testing.assert_allclose(run.x, [1.5, 1.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: st.minimize(lambda p: p[0] ** 2, [1.0], jac=True), "returns something else"),
        (lambda: st.minimize(lambda p: p[0] ** 2, [1.0], options={"eps": 1}), "options has 'eps'"),
        (lambda: st.minimize(lambda p: p[0], [1.0], constraints=[{}]), "constraints are not"),
        (lambda: st.least_squares(lambda p: p, [1.0], lambda p: p), "third argument .* is args"),
        (lambda: st.least_squares(lambda p: p, [1.0], "2-point"), "third argument .* is args"),
    ],
)
def test_what_scipys_arguments_cannot_mean_here_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        st.curve_fit(line_of, [1, 2, 3], [1, 2, 3], nonsense=1)


def test_numbers_in_a_list_are_an_array():
    residuals = lambda p: np.array([np.sum(2 * p) - 4, p[0] - 1])
    for start in ([1.0, 2.0], (1, 2)):
        found = st.least_squares(residuals, start)
        np.testing.assert_allclose(found.x, [1, 1])
        assert isinstance(found.x, np.ndarray)
    nested = st.minimize(lambda p: np.sum((p[0] - p[1]) ** 2), [np.ones(2), 3.0], method="BFGS")
    assert isinstance(nested.x, list)


@pytest.mark.filterwarnings("ignore:.* is on its .* bound")
def test_start_values_are_made_between_bounds_as_scipy_makes_them():
    t = np.linspace(0, 2, 9)
    for bounds in [
        ([0, 0], [5, 0.5]),
        ([2, -np.inf], [4, 2]),
        ([3, 3], [np.inf, np.inf]),
        scipy.optimize.Bounds([2, 0], [5, 4]),
    ]:
        ours = st.curve_fit(line_of, t, 3 * t + 1, bounds=bounds).x
        theirs, _ = scipy.optimize.curve_fit(line_of, t, 3 * t + 1, bounds=bounds)
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_data_are_made_double_as_by_scipy():
    x = np.linspace(1e-4, 5e-4, 20, dtype="f4")
    bowl = lambda x, a, b: 1e6 * a * (1 - np.cos(x)) + b
    y = 7e6 * (1 - np.cos(x.astype(float)))
    np.testing.assert_allclose(st.curve_fit(bowl, x, y).x, [7, 0], atol=1e-6)
    many = st.curve_fit_many(bowl, x, np.stack([y, 2 * y]), [1.0, 1.0])
    np.testing.assert_allclose(many.x[:, 0], [7, 14], atol=1e-6)


def test_names_of_scipys_results():
    fit = st.curve_fit(line_of, [0, 1, 2.5], [1, 3, 6.5])
    np.testing.assert_array_equal(fit.popt, fit.x)
    np.testing.assert_array_equal(fit.pcov, fit.covariance)


def test_a_fit_does_not_go_back_and_forth_between_neighbors():
    t = np.linspace(0, 4, 30)
    for k in range(60, 140):
        fit = st.curve_fit(decaying, t, np.exp(-t) + k * 1e-9)
        assert fit.converged
        assert fit.iterations < 30


@pytest.mark.parametrize("args", [np.arange(5.0), [np.arange(5.0)], (np.arange(5.0),)])
def test_a_single_argument_need_not_be_put_into_a_tuple(args):
    fit = st.least_squares(lambda p, t: p[0] * t - 2 * t, np.ones(1), args)
    np.testing.assert_allclose(fit.x, 2)
