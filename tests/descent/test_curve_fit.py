"""``st.curve_fit`` against NIST's certified values and SciPy, and what goes wrong."""

import math
import warnings

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.errors import InputError
from tests.cases.decay import T, Y, decay, residuals
from tests.cases.nist import CASES

# NIST's data: 27 sets, each from two starts, with default settings.


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nists_certified_values_are_found(case, start):
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


@pytest.mark.parametrize("columns", [3, 4])
def test_data_of_two_axes_take_a_sigma_of_their_shape(columns):
    random, x, w = np.random.default_rng(0), np.linspace(0, 1, 4), np.arange(1.0, columns + 1)
    plane = lambda x, a, b: a * np.outer(x, w) + b
    y = plane(x, 2.0, 1.0) + random.normal(size=(4, columns))
    sigma = random.uniform(0.1, 1, y.shape)
    fit = st.curve_fit(plane, x, y, sigma=sigma)
    flat = st.curve_fit(lambda x, a, b: plane(x, a, b).ravel(), x, y.ravel(), sigma=sigma.ravel())
    np.testing.assert_allclose(fit.x, flat.x, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, flat.covariance, rtol=1e-7)
    many = st.multistart(plane, [[1.0, 0.0], [3.0, 2.0]], x=x, y=y, sigma=sigma)
    np.testing.assert_allclose(many.best.x, flat.x, rtol=1e-7)


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


def test_as_many_data_as_parameters():
    with pytest.warns(st.FitWarning, match="scatter cannot be estimated"):
        fit = st.curve_fit(lambda x, a, b: a * x + b, np.array([1.0, 2.0]), np.array([3.0, 5.0]))
    np.testing.assert_allclose(fit.x, [2, 1])
    assert np.all(np.isinf(fit.covariance))


def test_second_fits_of_a_model_compile_nothing():
    st.curve_fit(decay, T, Y)
    again = st.curve_fit(decay, T, Y + 0.1)
    assert again.timings.trace == again.timings.compile == 0


# What goes wrong.


BAD = {
    "start values": (lambda: st.curve_fit(decay, T, Y, [1.0, 1.0]), r"decay.*3 parameters"),
    "unknown name": (
        lambda: st.curve_fit(decay, T, Y, {"amplitude": 1, "rate": 1, "ofset": 0}),
        "no parameter 'ofset'",
    ),
    "missing name": (
        lambda: st.curve_fit(decay, T, Y, {"amplitude": 1, "rate": 1}),
        "no value for 'offset'",
    ),
    "crossed bounds": (
        lambda: st.curve_fit(decay, T, Y, bounds=([0, 2, 0], [1, 1, 1])),
        "bounds of rate cross: 2 is above 1",
    ),
    "start outside": (
        lambda: st.curve_fit(decay, T, Y, [1, 1, 1], bounds=(2.0, 3.0)),
        "amplitude is 1, outside of its bounds 2 and 3",
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
        r"test_curve_fit.py.*returns shape \(24,\) where y has shape \(25,\)",
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


def test_missing_data_can_be_left_out():
    y = np.where((T > 1) & (T < 1.5), np.nan, Y)
    keep = np.isfinite(y)
    fit = st.curve_fit(decay, T, y, sigma=np.ones(25), nan_policy="omit")
    same = st.curve_fit(decay, T[keep], y[keep])
    np.testing.assert_allclose(fit.x, same.x, rtol=1e-9)
    assert fit.observations == keep.sum()


def test_a_singular_jacobian_is_reported():
    with pytest.warns(st.FitWarning, match="rank 1 for 2.*do not determine a and b"):
        fit = st.curve_fit(lambda x, a, b: (a + b) * x, T, Y)
    assert fit.rank == 1
    assert np.all(np.isinf(fit.covariance))
    assert "unknown" in fit.report()


def test_a_parameter_without_effect_is_named():
    with pytest.warns(st.FitWarning, match="do not determine unused"):
        fit = st.curve_fit(lambda x, a, unused: a * x + 0 * unused, T, Y)
    assert np.isfinite(fit.x).all()


def test_nothing_is_warned_about_a_good_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        st.curve_fit(decay, T, Y)


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


def test_idioms_of_scipys_users():
    t = np.linspace(0, 2, 9)
    fit = st.curve_fit(line_of, t, 2 * t + 1, bounds=scipy.optimize.Bounds(0, 5))
    np.testing.assert_allclose(fit[0], [2, 1])
    np.testing.assert_array_equal(fit[1], fit.covariance)
    popt, pcov = st.curve_fit_many(line_of, t, np.stack([2 * t + 1, 3 * t]))
    np.testing.assert_allclose(popt, [[2, 1], [3, 0]], atol=1e-9)
    assert pcov.shape == (2, 2, 2)


def decaying(t, a, b):
    return a * np.exp(-b * t)


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


def test_a_fit_does_not_go_back_and_forth_between_neighbors():
    t = np.linspace(0, 4, 30)
    for k in range(60, 140):
        fit = st.curve_fit(decaying, t, np.exp(-t) + k * 1e-9)
        assert fit.converged
        assert fit.iterations < 30
