"""Functions of fitted parameters and their standard errors."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import steepest as st
from steepest.errors import InputError
from tests.cases.decay import T, Y, decay, residuals


def test_derived_quantities_are_those_of_uncertainties():
    import uncertainties
    from uncertainties import unumpy

    fit = st.curve_fit(decay, T, Y)
    a, k, c = uncertainties.correlated_values(fit.x, fit.covariance)
    value, error = fit.derive(lambda p: p["amplitude"] * np.exp(-p["rate"]) / p["offset"])
    theirs = a * unumpy.exp([-k])[0] / c
    assert (value, error) == pytest.approx((theirs.n, theirs.s), rel=1e-7)
    # A reparametrized fit has the derived quantity as a parameter.
    by_life = st.curve_fit(lambda t, a, life, c: decay(t, a, 1 / life, c), T, Y, [3, 1, 0.5])
    value, error = fit.derive(lambda p: 1 / p[1])
    assert (value, error) == pytest.approx((by_life.x[1], by_life.standard_errors[1]), rel=1e-6)


def test_vectors_and_nested_values():
    fit = st.curve_fit(decay, T, Y, {"amplitude": 2.0, "rate": st.Positive(1.0), "offset": 0.1})
    at = np.array([0.3, 2.0])
    value, error = fit.derive(lambda p: {"curve": decay(at, **p), "rate": [p["rate"], 2]})
    np.testing.assert_allclose(value["curve"], fit.predict(at))
    low, high = fit.band(at)
    np.testing.assert_allclose(error["curve"] * fit.quantile(0.95), (high - low) / 2)
    assert error["rate"][0] == pytest.approx(fit.standard_errors["rate"])
    assert (value["rate"][1], error["rate"][1]) == (2, 0)


def test_fixed_parameters_have_no_error_and_unknown_ones_an_infinite_one():
    fit = st.curve_fit(decay, T, Y, {"amplitude": 2.0, "rate": 1.0, "offset": st.Fixed(0.5)})
    assert fit.derive(lambda p: p["offset"] ** 2) == (0.25, 0)
    with pytest.warns(st.FitWarning):
        fit = st.curve_fit(lambda x, a, b, c: (a + b) * x + c, T, Y)
    assert fit.derive(lambda p: p["a"])[1] == np.inf
    assert np.isfinite(fit.derive(lambda p: p["c"] * 0 + 1)[1])


def test_of_residuals_by_position_and_by_name():
    fit = st.least_squares(residuals, np.ones(3))
    both = [fit.derive(lambda p: p[0] / p[2]), fit.derive(lambda p: p["x[0]"] / p["x[2]"])]
    assert both[0] == both[1]


def test_wrong_functions_are_named():
    fit = st.curve_fit(decay, T, Y)
    with pytest.raises(ValueError, match="their names are amplitude, rate, offset"):
        fit.derive(lambda p: p["width"])
    wrong = {
        "KeyError for the fitted parameters: 'width'": lambda p: p["width"],
        "IndexError for the fitted parameters: index 7 is out": lambda p: p[7],
        "KeyError for the fitted parameters: 'x'": lambda p: p[0] + {}["x"],
        "TypeError for the fitted parameters: unsupported operand": lambda p: p["rate"] + None,
        "TypeError for the fitted parameters: unsupported": lambda p: p[0] + None,
        "AttributeError for the fitted parameters: module 'numpy.linalg'": (
            lambda p: np.linalg.nope(p.sum())
        ),
    }
    for reason, function in wrong.items():
        with pytest.raises(ValueError, match=f"the function raised {reason}"):
            fit.derive(function)
    with pytest.raises(ValueError, match="must be real numbers"):
        fit.derive(lambda p: "rate")
    with pytest.raises(TypeError, match="needs a function"):
        fit.derive(3)


SOLVED = {  # with what the library's solver finds, and a formula for it
    "brentq": (
        lambda p: scipy.optimize.brentq(lambda z: p["amplitude"] - p["rate"] * z, 0, 10),
        lambda p: p["amplitude"] / p["rate"],
    ),
    "newton": (
        lambda p: scipy.optimize.newton(lambda z: z**2 - p["amplitude"], 1.0),
        lambda p: np.sqrt(p["amplitude"]),
    ),
    "quad": (
        lambda p: scipy.integrate.quad(lambda z: p["offset"] + p["rate"] * z, 0, 1)[0],
        lambda p: p["offset"] + p["rate"] / 2,
    ),
    "odeint": (
        lambda p: scipy.integrate.odeint(
            lambda s, t: -p["rate"] * s, [p["amplitude"]], [0, 1.0], rtol=1e-10, atol=1e-10
        )[1, 0],
        lambda p: p["amplitude"] * np.exp(-p["rate"]),
    ),
}


@pytest.mark.parametrize(
    "start", [None, {"amplitude": st.Positive(2.0), "rate": 1.0, "offset": 0}]
)
@pytest.mark.parametrize("solver", SOLVED)
def test_what_solvers_find_has_the_errors_of_its_formula(solver, start):
    fit = st.curve_fit(decay, T, Y, start)
    found, expected = (fit.derive(function) for function in SOLVED[solver])
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("result", [None, [], "text", 1j])
def test_what_is_no_real_number_is_refused(result):
    with pytest.raises(InputError, match="must be real numbers"):
        st.curve_fit(decay, T, Y).derive(lambda p: result)
