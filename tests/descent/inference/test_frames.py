"""Tables of data and parameters, and parameters with uncertainties."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import steepest as st
from steepest.descent.inference.frames import normal_quantiles
from tests.cases.decay import T, Y, decay, residuals
from tests.cases.published_fits import DISTANCE, SPEED, line


def test_the_data_and_what_the_fit_makes_of_them():
    fit = st.curve_fit(line, SPEED, DISTANCE)
    frame = fit.to_frame()
    assert list(frame) == [
        *("x", "y", "fitted", "residual"),
        *("leverage", "standardized_residual", "normal_quantile"),
    ]
    np.testing.assert_array_equal(frame["y"], DISTANCE)
    np.testing.assert_allclose(frame["fitted"] + frame["residual"], DISTANCE)
    # hatvalues and rstandard of lm(dist ~ speed, cars) for the first and the 49th car.
    np.testing.assert_allclose(frame["leverage"][[0, 48]], [0.11486131, 0.07398540], atol=1e-7)
    deviations = frame["standardized_residual"][[0, 48]]
    np.testing.assert_allclose(deviations, [0.26604155, 2.91906003], atol=2e-6)
    assert frame.sort_values("normal_quantile")["standardized_residual"].is_monotonic_increasing
    quantiles = scipy.stats.norm.ppf((np.arange(50) + 0.5) / 50)
    np.testing.assert_allclose(np.sort(frame["normal_quantile"]), quantiles)


def test_columns_follow_x():
    x = pd.DataFrame({"speed": SPEED, "cube": SPEED**3})
    fit = st.curve_fit(lambda x, a, b: a * x["speed"] + b * x["cube"], x, DISTANCE, sigma=SPEED)
    frame = fit.to_frame()
    assert list(frame)[:6] == ["speed", "cube", "y", "sigma", "fitted", "residual"]
    np.testing.assert_allclose(frame["leverage"].sum(), 2)
    both = st.curve_fit(lambda x, a, b: a * x[0] + b * x[1], np.stack([SPEED, SPEED**3]), DISTANCE)
    assert list(both.to_frame())[:3] == ["x[0]", "x[1]", "y"]
    by_residuals = st.least_squares(residuals, np.ones(3)).to_frame()
    whole = st.curve_fit(decay, T, Y).to_frame()
    assert list(by_residuals) == list(whole)[3:]
    np.testing.assert_allclose(by_residuals["residual"], whole["residual"], atol=1e-9)


@pytest.mark.parametrize("kind", ["none", "each", "matrix"])
@pytest.mark.parametrize("absolute", [False, True])
def test_leverages_and_standardized_residuals_are_those_of_the_hat_matrix(kind, absolute):
    spread = 0.05 * (1 + T)
    near = np.exp(-np.abs(T[:, None] - T))
    covariance = {
        "none": np.eye(len(T)),
        "each": np.diag(spread**2),
        "matrix": near * np.outer(spread, spread),
    }[kind]
    sigma = {"none": None, "each": spread, "matrix": covariance}[kind]
    fit = st.curve_fit(decay, T, Y, sigma=sigma, absolute_sigma=absolute)
    a, k, _ = fit.x
    slopes = np.stack([np.exp(-k * T), -a * T * np.exp(-k * T), np.ones_like(T)], axis=1)
    inverse = np.linalg.inv(covariance)
    hat = slopes @ np.linalg.inv(slopes.T @ inverse @ slopes) @ slopes.T @ inverse
    rest = np.eye(len(T)) - hat
    of_residuals = rest @ covariance @ rest.T * (1 if absolute else fit.reduced_chi_square)
    expected = (Y - fit.predict(T)) / np.sqrt(np.diag(of_residuals))
    frame = fit.to_frame()
    np.testing.assert_allclose(frame["leverage"], np.diag(hat), rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(frame["standardized_residual"], expected, rtol=1e-7, atol=1e-9)


def test_unknown_values_have_no_quantile():
    values = np.array([2.0, np.nan, -1.0, 0.5, np.nan, 7.0])
    found = normal_quantiles(values)
    assert np.isnan(found).tolist() == np.isnan(values).tolist()
    known = ~np.isnan(values)
    np.testing.assert_array_equal(found[known], normal_quantiles(values[known]))
    exact = st.curve_fit(lambda t, a: a * t, T, 2 * T).to_frame()
    assert np.isnan(exact["normal_quantile"]).all()


def test_parameters_and_their_intervals():
    fit = st.curve_fit(decay, T, Y)
    frame = fit.parameters_frame()
    columns = ["value", "standard_error", "relative", "t", "p_value", "2.5%", "97.5%", "kind"]
    assert list(frame) == columns
    assert list(frame.index) == ["amplitude", "rate", "offset"]
    np.testing.assert_array_equal(frame[["2.5%", "97.5%"]], fit.confidence_intervals())
    # summary(lm(dist ~ speed, cars)), as R prints it.
    cars = st.curve_fit(line, SPEED, DISTANCE).parameters_frame()
    np.testing.assert_allclose(cars["t"], [9.464, -2.601], atol=5e-4)
    np.testing.assert_allclose(cars["p_value"], [1.49e-12, 0.0123], rtol=3e-3)
    known = st.curve_fit(line, SPEED, DISTANCE, sigma=15.0, absolute_sigma=True)
    p_values = 2 * scipy.stats.norm.sf(np.abs(known.x / known.standard_errors))
    np.testing.assert_allclose(known.parameters_frame()["p_value"], p_values)
    assert "95% profile interval" in fit.report(method="profile")
    profiled = fit.parameters_frame(0.9, "profile")
    np.testing.assert_array_equal(profiled["95%"], fit.confidence_intervals(0.9, "profile")[:, 1])


def test_restricted_parameters_are_marked():
    start = {
        "amplitude": 2.0,
        "rate": st.Tied(lambda p: p["amplitude"] / 2.3),
        "offset": st.Fixed(0.5),
    }
    fit = st.curve_fit(decay, T, Y, start, bounds=({"amplitude": 0.0}, {}))
    assert fit.kinds == ("at least 0", "tied", "fixed")
    lines = fit.report().splitlines()
    (offset,) = [line for line in lines if line.startswith("offset")]
    assert offset.endswith(" fixed")
    assert ">tied</td>" in fit._repr_html_()
    marked = st.curve_fit(decay, T, Y, {"amplitude": st.Positive(2.0), "rate": 1.0, "offset": 0.0})
    assert marked.kinds == ("positive", "", "")
    with pytest.warns(st.FitWarning):
        bounded = st.curve_fit(decay, T, Y, [2, 1, 0.3], bounds=([0, 0, 0.1], [9, 9, 0.4]))
    assert bounded.kinds == ("within 0 to 9", "within 0 to 9", "on its upper bound")
    with pytest.warns(st.FitWarning, match="interval of offset ends on its upper bound"):
        lines = bounded.report(method="profile").splitlines()
    with pytest.warns(st.FitWarning):
        low, _ = bounded.confidence_intervals(method="profile")[2]
    (offset,) = [line for line in lines if line.startswith("offset")]
    assert offset.split()[2:6] == ["unknown", f"{low:.6g}", "to", "0.4"]
    plain = st.curve_fit(decay, T, Y)
    assert plain.kinds == ("", "", "")
    assert "kind" not in plain.report()


def test_parameters_as_uncertain_numbers():
    fit = st.curve_fit(decay, T, Y)
    numbers = fit.uncertain
    product = numbers["amplitude"] * numbers["rate"]
    value, error = fit.derive(lambda p: p["amplitude"] * p["rate"])
    assert (product.n, product.s) == pytest.approx((value, error))
    fixed = {"amplitude": 2.0, "rate": 1.0, "offset": st.Fixed(0.5)}
    offset = st.curve_fit(decay, T, Y, fixed).uncertain["offset"]
    assert (offset.n, offset.s) == (0.5, 0)
    with pytest.warns(st.FitWarning):
        vague = st.curve_fit(lambda x, a, b: (a + b) * x, T, Y)
    with pytest.raises(ValueError, match="some standard errors are unknown: The Jacobian"):
        _ = vague.uncertain


def test_missing_packages_are_named(monkeypatch):
    fit = st.curve_fit(decay, T, Y)
    for package in ("pandas", "uncertainties"):
        monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match="to_frame needs pandas, which is not installed"):
        fit.to_frame()
    with pytest.raises(ImportError, match="pip install uncertainties"):
        _ = fit.uncertain


def test_rows_keep_the_labels_of_the_data():
    days = pd.date_range("2024-01-01", periods=len(T))
    table = pd.DataFrame({"t": T, "y": Y}, index=days)
    assert st.curve_fit(decay, table.t, table.y).to_frame().index.equals(days)
    assert st.curve_fit(decay, table.t, Y).to_frame().index.equals(days)
    assert st.curve_fit(decay, T, table.y).to_frame().index.equals(days)
    gaps = table.copy()
    gaps.iloc[[2, 5], [1, 0]] = np.nan
    kept = gaps.dropna().index
    fit = st.curve_fit(decay, gaps.t, gaps.y, nan_policy="omit")
    assert fit.to_frame().index.equals(kept)
    joined = gaps.assign(fitted=fit.to_frame()["fitted"])
    np.testing.assert_allclose(joined.fitted[kept], decay(gaps.t[kept], *fit.x))
    assert joined.fitted.isna().sum() == len(table) - len(kept)
    plain = st.curve_fit(decay, gaps.t.to_numpy(), gaps.y.to_numpy(), nan_policy="omit")
    assert plain.to_frame().index.tolist() == np.flatnonzero(days.isin(kept)).tolist()
    assert st.curve_fit(decay, T, Y).to_frame().index.equals(pd.RangeIndex(len(T)))
