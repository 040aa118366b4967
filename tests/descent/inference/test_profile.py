"""Profiles and their confidence intervals, beside published ones and lmfit's."""

import functools
import pickle
import warnings

import lmfit
import numpy as np
import pytest

import steepest as st
from steepest.descent.inference import sides
from steepest.descent.inference.refits import refit_restricted
from tests.cases import nist
from tests.cases.decay import T, Y, decay, residuals
from tests.cases.published_fits import (
    CONCENTRATION,
    DEMAND,
    DENSITY,
    DENSITY_AT,
    DISTANCE,
    RATE,
    SPEED,
    TIME,
    line,
    logistic,
    michaelis_menten,
    oxygen_demand,
)


@pytest.mark.parametrize(
    ("model", "x", "y", "start", "published"),
    [
        # What R's confint prints for these fits of nls.
        (
            *(michaelis_menten, CONCENTRATION, RATE, [200, 0.05]),
            [[197.30212848, 229.29006490], [0.04692517, 0.08615995]],
        ),
        (
            *(logistic, DENSITY_AT, DENSITY, [2, 1, 1]),
            [[2.1935437, 2.539039], [1.3214540, 1.678751], [0.9743072, 1.114939]],
        ),
    ],
)
def test_intervals_are_rs(model, x, y, start, published):
    fit = st.curve_fit(model, x, y, start)
    # R interpolates, which is good to four or five digits.
    found = fit.confidence_intervals(method="profile")
    np.testing.assert_allclose(found, published, rtol=1.5e-4)


@pytest.mark.parametrize("name", ["Misra1a", "MGH09"])
def test_intervals_are_lmfits(name):
    case = nist.read(name)
    fit = st.curve_fit(case.model, case.x, case.y, case.starts[1])
    model = lmfit.Model(case.model)
    start = dict(zip(fit.names, fit.x, strict=True))
    theirs = model.fit(case.y, x=case.x, **start, fit_kws={"xtol": 1e-13, "ftol": 1e-13})
    found = lmfit.conf_interval(theirs, theirs, sigmas=[0.95])
    expected = [[found[n][0][1], found[n][2][1]] for n in fit.names]
    intervals = fit.confidence_intervals(method="profile")
    np.testing.assert_allclose(intervals, expected, rtol=1e-4)


def test_the_profile_of_a_linear_model_is_straight():
    fit = st.curve_fit(line, SPEED, DISTANCE)
    profile = fit.profile("slope", 0.999)
    straight = (profile.values - fit.x[0]) / fit.standard_errors[0]
    np.testing.assert_allclose(profile.tau, straight, rtol=1e-6, atol=1e-9)
    both = [fit.confidence_intervals(0.9, method=m) for m in ("linear", "profile")]
    np.testing.assert_allclose(*both, rtol=1e-8)
    known = st.curve_fit(line, SPEED, DISTANCE, sigma=10.0, absolute_sigma=True)
    both = [known.confidence_intervals(method=m) for m in ("linear", "profile")]
    np.testing.assert_allclose(*both, rtol=1e-8)


def test_the_ends_lie_where_the_sum_of_squares_says():
    import scipy.optimize

    fit = st.curve_fit(decay, T, Y)
    low, high = fit.profile("rate").interval(0.95)
    for end in (low, high):
        model = functools.partial(decay, rate=end)
        others, _ = scipy.optimize.curve_fit(
            lambda t, a, c, model=model: model(t, amplitude=a, offset=c), T, Y, [3, 0.5]
        )
        rest = np.sum((Y - decay(T, others[0], end, others[1])) ** 2)
        tau = np.sqrt((rest - fit.chi_square) / fit.reduced_chi_square)
        assert tau == pytest.approx(fit.quantile(0.95), rel=1e-6)


def test_open_intervals_are_infinite_and_said():
    fit = st.curve_fit(oxygen_demand, TIME, DEMAND, [20, 0.5])
    with pytest.warns(st.FitWarning, match="interval of k has no upper end: tau stays below 3.5"):
        ends = fit.confidence_intervals(0.99, method="profile")
    assert np.isinf(ends[:, 1]).all()
    assert np.isfinite(ends[:, 0]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(fit.confidence_intervals(0.95, method="profile")).all()


def test_bounds_are_kept_by_all_parameters():
    bounds = ([0, 0], [25, 1.5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = st.curve_fit(oxygen_demand, TIME, DEMAND, [20, 0.5], bounds=bounds)
    with pytest.warns(st.FitWarning, match="interval of A ends on its upper bound, 25"):
        ends = fit.confidence_intervals(0.95, method="profile")
    assert ends[0, 1] == 25
    assert ends[1, 1] == 1.5
    profile = fit.profile("k")
    assert (profile.parameters[:, 0] <= 25).all()
    # With A on its bound, a parameter less is free.
    free = st.curve_fit(oxygen_demand, TIME, DEMAND, [20, 0.5]).confidence_intervals(
        method="profile"
    )
    assert ends[1, 0] > free[1, 0]


def test_a_parameter_on_its_bound_has_a_profile_on_one_side():
    bounds = ([0, 0, 0], [9, 9, 0.42])
    with pytest.warns(st.FitWarning, match="offset is on its upper bound"):
        fit = st.curve_fit(decay, T, Y, [3, 1, 0.3], bounds=bounds)
    with pytest.warns(st.FitWarning, match="interval of offset ends on its upper bound, 0.42"):
        ends = fit.confidence_intervals(method="profile")
    assert ends[2, 1] == 0.42
    profile = fit.profile("offset")
    assert profile.values[-1] == 0.42
    assert len(profile.values) > 5
    rest = lambda offset: (
        st.curve_fit(
            decay, T, Y, {"amplitude": 3.0, "rate": 1.0, "offset": st.Fixed(offset)}
        ).chi_square
    )
    growth = (rest(ends[2, 0]) - rest(0.42)) / fit.reduced_chi_square
    assert np.sqrt(growth) == pytest.approx(fit.quantile(0.95), rel=1e-6)


def test_marked_parameters():
    start = {"Vm": st.Positive(200.0), "K": st.Positive(0.05)}
    fit = st.curve_fit(michaelis_menten, CONCENTRATION, RATE, start)
    plain = st.curve_fit(michaelis_menten, CONCENTRATION, RATE, [200, 0.05])
    both = [one.confidence_intervals(method="profile") for one in (fit, plain)]
    np.testing.assert_allclose(*both, rtol=1e-7)  # whatever the parametrization
    start = {"amplitude": 2.0, "rate": st.Tied(lambda p: p["amplitude"] - 3 * p["offset"])}
    tied = st.curve_fit(decay, T, Y, start | {"offset": 0.5})
    ends = tied.confidence_intervals(method="profile")
    assert np.isnan(ends[1]).all()
    with pytest.raises(ValueError, match="rate is computed from amplitude and offset"):
        tied.profile("rate")
    fixed = st.curve_fit(decay, T, Y, {"amplitude": 2.0, "rate": 1.3, "offset": st.Fixed(0.5)})
    assert fixed.confidence_intervals(method="profile")[2].tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="offset is fixed"):
        fixed.profile("offset")


def test_a_better_fit_is_said():
    x = np.linspace(0, 10, 60)
    y = np.sin(2 * x) + 0.1 * np.sin(60 * x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = st.curve_fit(lambda x, a, w: a * np.sin(w * x), x, y, [0.3, 1.2])
        assert abs(fit.x[1] - 2) > 0.1
    with pytest.warns(st.FitWarning, match=r"not the best one: at a = -.*, w = -2\."):
        fit.confidence_intervals(0.9999, method="profile")


def test_models_with_branches_and_of_one_parameter():
    def broken(t, a, b):
        return a * t if b > 0 else -a * t

    y = 2 * T + 0.1 * np.sin(40 * T)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = st.least_squares(lambda p: p[0] * T - y if p[0] > -9 else p[0] * T + y, np.ones(1))
    one = st.curve_fit(lambda t, a: a * t, T, y)
    both = [f.confidence_intervals(method=m) for f in (fit, one) for m in ("profile", "linear")]
    for ends in both[1:]:
        np.testing.assert_allclose(ends, both[0], rtol=1e-8)


def test_what_has_no_profile():
    fit = st.curve_fit(decay, T, Y)
    with pytest.raises(ValueError, match="no parameter 'width': there are amplitude, rate"):
        fit.profile("width")
    with pytest.raises(ValueError, match="no parameter 3: there are amplitude, rate"):
        fit.profile(3)
    assert fit.profile(1).name == "rate"
    with pytest.raises(ValueError, match="method must be 'linear' or 'profile'"):
        fit.confidence_intervals(method="exact")
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        fit.profile("rate", level=95)
    with pytest.warns(st.FitWarning):
        exact = st.curve_fit(line, np.arange(2.0), np.arange(2.0))
    with pytest.raises(ValueError, match="their scatter is unknown"):
        exact.profile("slope")
    exact = st.curve_fit(line, np.arange(3.0), np.arange(3.0) * 0)
    with pytest.raises(ValueError, match="fits the data exactly"):
        exact.profile("slope")
    exact = st.curve_fit(lambda t, a, k: a * np.exp(-k * t), T, 2 * np.exp(-T))
    assert exact.chi_square > 0
    with pytest.raises(ValueError, match="fits the data exactly"):
        exact.profile("k")
    with pytest.warns(st.FitWarning):
        vague = st.curve_fit(lambda x, a, b, c: (a + b) * x + c, T, Y)
    with pytest.raises(ValueError, match="there is no profile: The Jacobian has rank 2"):
        vague.profile("a")
    single = st.curve_fit(decay, T, Y, np.ones(3, np.float32))
    both = [f.confidence_intervals(method="profile") for f in (single, fit)]
    np.testing.assert_allclose(*both, rtol=1e-3)
    assert st.least_squares(residuals, np.ones(3)).profile("x[1]").interval() == pytest.approx(
        both[1][1], rel=1e-6
    )


def test_tied_parameters_have_the_mapped_intervals_of_the_free_one():
    ties = {
        "double": lambda a: 2 * a,
        "turned": lambda a: -a,
        "inverse": lambda a: 1 / a,
        "share": lambda a: a / (1 + a),
    }
    model = lambda t, A, k, double, turned, inverse, share: oxygen_demand(t, A, k)
    for A in (20.0, st.Positive(20.0)):
        tied = {n: st.Tied(lambda p, f=f: f(p["A"])) for n, f in ties.items()}
        fit = st.curve_fit(model, TIME, DEMAND, {"A": A, "k": st.Positive(0.5)} | tied)
        ends = fit.confidence_intervals(0.9, method="profile")
        at = dict(zip(fit.names, ends, strict=True))
        plain = st.curve_fit(oxygen_demand, TIME, DEMAND, [20, 0.5]).profile("A").interval(0.9)
        np.testing.assert_allclose(at["A"], plain, rtol=1e-7)
        for name, function in ties.items():
            np.testing.assert_allclose(at[name], sorted(map(function, plain)), rtol=1e-7)
        # The region of A is open at 0.99: the others go to their limits, whatever A is marked as.
        with pytest.warns(st.FitWarning, match="interval of inverse reaches its limit, 0: tau"):
            ends = fit.confidence_intervals(0.99, method="profile")
        at = dict(zip(fit.names, ends, strict=True))
        assert at["A"][1] == at["double"][1] == at["k"][1] == np.inf
        assert at["turned"][0] == -np.inf
        assert (at["inverse"][0], at["share"][1], at["k"][0]) == (0, 1, 0)
    square = {"rate": 1.3, "offset": 0.5, "even": st.Tied(lambda p: (p["rate"] - 1.24) ** 2)}
    model = lambda t, rate, offset, even: decay(t, 3, rate, offset)
    fit = st.curve_fit(model, T, Y, square)
    with pytest.warns(st.FitWarning, match="even is no monotonic function of the free parameter"):
        ends = fit.confidence_intervals(method="profile")
    assert np.isnan(ends).all(axis=1).tolist() == [False, False, True]
    fit.profile("rate", 0.999)
    low, high = fit.profile("rate").interval(0.1)  # short of the turn, whatever is known beyond
    ends = fit.confidence_intervals(0.1, method="profile")[2]
    np.testing.assert_allclose(ends, sorted([(low - 1.24) ** 2, (high - 1.24) ** 2]), rtol=1e-6)


def test_ends_that_refits_do_not_reach_are_unknown(monkeypatch):
    fit = st.curve_fit(decay, T, Y, {"amplitude": st.Positive(3.0), "rate": 1.0, "offset": 0.5})
    whole = fit.confidence_intervals(method="profile")
    limit = float(np.log(fit.x["amplitude"] + 0.5 * fit.standard_errors["amplitude"]))

    def failing(fit, is_pinned, pinned, starts):
        found = refit_restricted(fit, is_pinned, pinned, starts)
        is_far = is_pinned[:, 0] & (pinned[:, 0] > limit)
        return found._replace(converged=found.converged & ~is_far)

    monkeypatch.setattr(sides, "refit_restricted", failing)
    again = st.curve_fit(decay, T, Y, {"amplitude": st.Positive(3.0), "rate": 1.0, "offset": 0.5})
    message = r"upper end of the 0.95 interval of amplitude is unknown: the refits beyond 3\.\d+ f"
    with pytest.warns(st.FitWarning, match=message):
        ends = again.confidence_intervals(method="profile")
    assert np.isnan(ends[0, 1])
    rest = np.arange(6) != 1
    np.testing.assert_allclose(ends.ravel()[rest], whole.ravel()[rest], rtol=1e-7)
    edge = again.contour("amplitude", "rate").edge(0.9)
    assert np.isfinite(edge).all()


def test_a_profile_is_pickled_with_its_questions():
    profile = st.curve_fit(decay, T, Y).profile("rate")
    again = pickle.loads(pickle.dumps(profile))
    assert again.interval(0.8) == pytest.approx(profile.interval(0.8), rel=1e-9)
    assert again.remarks() == []


def test_a_profile_shows_its_intervals():
    profile = st.curve_fit(decay, T, Y).profile(1)
    low, high = profile.interval(0.95)
    assert f"{profile.name}={profile.estimate:.6g}, 95%: {low:.6g} to {high:.6g}, " in str(profile)
