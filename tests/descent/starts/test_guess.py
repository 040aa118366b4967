"""Start values guessed from the data."""

import math

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.descent.fit_problem import FitOptions, squares_problem
from steepest.descent.problem.model import Model, Residuals
from steepest.descent.problem.parameters import ravel_parameters
from steepest.descent.starts.guess import linear_parameters
from tests.cases import nist

X = np.linspace(0.05, 10, 60)
NOISE = np.random.default_rng(2).normal(size=60)


def peak(x, a, center, width, b):
    return a * np.exp(-0.5 * ((x - center) / width) ** 2) + b


def wave(x, a, frequency, phase, b):
    return a * np.sin(frequency * x + phase) + b


def growth(x, top, rate, middle):
    return top / (1 + np.exp(-rate * (x - middle)))


def noisy(model, x, truth):
    y = model(x, *truth)
    return y + 0.02 * np.ptp(y) * NOISE


@pytest.mark.parametrize(
    ("model", "x", "truth"),
    [
        (peak, 1e3 * X, (-5e-4, 3000, 200, 1e-3)),
        (wave, X, (2, 16.0, 1, 30)),  # 25 periods
        (wave, 1e-6 * X, (2, 3e6, 4, 0)),
        (lambda x, top, half, n: top * x**n / (half**n + x**n), X, (100, 3, 2.5)),
        (lambda x, a, b: a + b * x, X, (3e5, -2)),
    ],
)
def test_the_best_fit_is_found(model, x, truth):
    y = noisy(model, x, truth)
    fit = st.curve_fit(model, x, y, "guess")
    known = st.curve_fit(model, x, y, np.array(truth, float))
    assert fit.cost == pytest.approx(known.cost, rel=1e-6)
    if model is wave:  # and not one of its aliases
        assert fit.x[1] == pytest.approx(known.x[1], rel=1e-6)


@pytest.mark.parametrize("name", ["MGH09", pytest.param("ENSO", marks=pytest.mark.slow)])
def test_certified_fits_are_found_without_start_values(name):
    case = nist.read(name)
    fit = st.curve_fit(case.model, case.x, case.y, "guess")
    rest = np.sum((case.y - case.model(case.x, *case.certified)) ** 2)
    assert fit.chi_square == pytest.approx(rest, rel=1e-4)


def test_bounds_sigma_and_missing_data():
    y = noisy(peak, X, (5, 7, 0.3, 1))
    y[5] = np.nan
    bounds = {"width": 0.0}, {"width": 2.0}
    fit = st.curve_fit(peak, X, y, "guess", sigma=0.1 + X, bounds=bounds, nan_policy="omit")
    assert fit.x[2] == pytest.approx(0.3, abs=0.05)
    assert 0 < fit.x[2] < 2


def test_the_guess_is_the_same_each_time():
    y = noisy(wave, X, (2, 16.0, 1, 30))
    fits = [st.curve_fit(wave, X, y, "guess") for _ in range(2)]
    np.testing.assert_array_equal(fits[0].x, fits[1].x)


@pytest.mark.parametrize(
    ("model", "linear"),
    [
        (peak, [True, False, False, True]),
        (growth, [True, False, False]),
        (lambda x, a, b, c: a * b * x + c, [True, False, True]),
        (lambda x, a, b: a + b * x, [True, True]),
        (lambda x, a, b: np.exp(a * x) + b**2, [False, False]),
    ],
)
def test_linear_parameters_are_noticed(model, linear):
    number = len(linear)
    layout, _ = ravel_parameters(np.ones(number))
    options = FitOptions(None, None, "linear", 1.0, None, (None,) * 4, "native")
    problem, _ = squares_problem(Residuals(Model(model)), layout, (X, X**2), None, options)
    points = np.random.default_rng(0).normal(size=(3, number))
    assert linear_parameters(problem, points).tolist() == linear


def test_what_cannot_be_guessed():
    with pytest.raises(ValueError, match="p0 must be real numbers, or 'guess': got 'best'"):
        st.curve_fit(peak, X, X, "best")
    with pytest.raises(ValueError, match="any number of parameters: give start values"):
        st.curve_fit(lambda x, *p: p[0] * x, X, X, "guess")
    with pytest.raises(ValueError, match="no start values were found at which the model is fin"):
        st.curve_fit(lambda x, a, b: np.log(-1 - (a * x) ** 2) * b, X, X, "guess")
    for x in (np.zeros(0), np.full(5, np.nan)):
        for y in (x, np.zeros(x.size)):
            with pytest.raises(ValueError, match="no datum is finite: there is nothing to guess"):
                st.curve_fit(peak, x, y, "guess", check_finite=False)
    failing = {
        "math domain": lambda x, a, b: math.log(a) * np.exp(b * x),
        "Singular matrix": lambda x, a, b: np.linalg.solve(np.diag([1, 0 * a]), [1, b])[0] * x,
        "different signs": lambda x, a, b: (
            b * scipy.optimize.brentq(lambda z: z**3 - a, 0, 1) * np.exp(a * x)
        ),
    }
    for reason, model in failing.items():
        message = f"fails at values that were tried for p0='guess': .*{reason}.*start values, p0"
        with pytest.raises(ValueError, match=message):
            st.curve_fit(model, X, X, "guess")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("place", [1e-9, 1e-6, 1.0, 1e3])
@pytest.mark.parametrize("level", [1e-12, 1.0, 1e9, 1e12])
def test_units_of_the_data_do_not_matter(place, level):
    def two_decays(t, a, k, b, m, c):
        return a * np.exp(-k * t) + b * np.exp(-m * t) + c

    y = two_decays(X, 5, 2.5, 3, 0.4, 0.5)
    sigma = 0.02 + 0.02 * y
    y = y + sigma * NOISE
    fit = st.curve_fit(two_decays, place * X, level * y, "guess", level * sigma)
    known = st.curve_fit(two_decays, X, y, [5, 2.5, 3, 0.4, 0.5], sigma)
    assert fit.chi_square == pytest.approx(known.chi_square, rel=1e-6)


@pytest.mark.filterwarnings("ignore:of simulate at .* the derivative comes from differences")
@pytest.mark.parametrize("is_marked", [True, False])
def test_black_boxes_are_called_some_thousand_times(is_marked):
    calls = []

    def simulate(rate):
        calls.append(rate)
        return np.exp(-np.array([float(str(float(rate))) * x for x in X]))

    boxed = st.black_box(simulate) if is_marked else simulate
    model = lambda x, a, rate, b: a * boxed(rate) + b
    y = noisy(lambda x, a, rate, b: a * np.exp(-rate * x) + b, X, (3, 0.7, 1))
    fit = st.curve_fit(model, X, y, "guess")
    assert fit.x[1] == pytest.approx(0.7, abs=0.1)
    assert len(calls) < 4000
