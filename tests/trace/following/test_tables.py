"""Data frames with traced values: pandas' own results, and derivatives against differences."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

import steepest as st
from steepest.errors import UnsupportedError

X = np.linspace(0.1, 5.0, 24)
FRAME = pd.DataFrame(
    {
        "x": X,
        "y": 2 * np.exp(-0.5 * X) + 0.01 * np.sin(9 * X),
        "w": np.where(X > 4, np.nan, X),
        "n": np.arange(24) % 4,
    }
)
NUMBERS = FRAME[["x", "y"]]
P = np.array([1.5, 0.4])

LOSSES = {
    "operators": lambda p: p[0] * np.exp(-p[1] * FRAME["x"]) - FRAME["y"],
    "reversed": lambda p: (FRAME.x - p[0]) / (p[1] + FRAME.y) - 2 * (p[0] / FRAME["x"]),
    "powers": lambda p: FRAME.x ** p[0] + p[1] ** FRAME.x + (FRAME.x * p[0]).pow(2),
    "comparisons": lambda p: (FRAME.x * p[0] > FRAME.y * p[1]) * (p[0] * FRAME.x),
    "mean": lambda p: ((FRAME.y - p[0] * FRAME.x.values) ** 2).mean(),
    "spread": lambda p: (FRAME.y - p[0] * FRAME.x).std() + np.exp(FRAME.x * p[1]).var(),
    "spread by NumPy": lambda p: np.std(FRAME.y * p[1]) + np.var(FRAME.y - p[0] * FRAME.x),
    "population": lambda p: (FRAME.y * p[1]).std(ddof=0) * p[0],
    "missing": lambda p: (FRAME.w * p[0]).sum() + (p[1] * FRAME.w).mean(),
    "missing by NumPy": lambda p: np.sum(FRAME.w * p[0]) + np.mean(p[1] * FRAME.w),
    "missing extremes": lambda p: (FRAME.w * p[0]).max() + (FRAME.w * p[1]).min(),
    "median": lambda p: (FRAME.w * p[0]).median() + p[1],
    "mask": lambda p: (p[0] * FRAME.x)[FRAME.x > 2].sum() + p[1],
    "rows": lambda p: (p[0] * FRAME.loc[FRAME.n == 1, "x"]).sum() + p[1],
    "where": lambda p: np.where(FRAME.x > 2, p[0] * FRAME.x, p[1]),
    "ufunc of two": lambda p: np.maximum(FRAME.x, p[0]) + np.hypot(p[1], FRAME.y),
    "products": lambda p: FRAME.x @ (FRAME.y * p[0]) + np.dot(FRAME.x * p[1], FRAME.y),
    "differences": lambda p: (
        ((FRAME.x ** p[0]).diff() ** 2).sum() + (FRAME.x * p[1]).shift(2).mean()
    ),
    "computed": lambda p: (FRAME.x * 2 + 1) * p[0] + FRAME.x.rolling(3).mean().fillna(0) * p[1],
    "frame and vector": lambda p: NUMBERS @ p,
    "arrays": lambda p: FRAME[["x", "y"]].to_numpy() @ p + FRAME.x.values * p[0],
    "copy": lambda p: (FRAME.copy()["x"] * p[0]).to_numpy() + (FRAME.y * p[1]).values,
    "tuples": lambda p: sum((r.x * p[0] - r.y * p[1]) ** 2 for r in FRAME.itertuples()),
    "joined": lambda p: np.concatenate([FRAME.x * p[0], FRAME.y - p[1]]),
    "columns": lambda p: FRAME.iloc[:, 1] - p[0] * np.exp(-p[1] * FRAME.iloc[:, 0]),
    "elements": lambda p: (FRAME.x * p[0])[3] + (FRAME.x * p[1]).iloc[-1],
    "parts": lambda p: (FRAME.x * p[0]).head(3).sum() + (FRAME.x * p[1]).iloc[2:9].sum(),
    "clipped": lambda p: (FRAME.x * p[0] - 2).abs().clip(upper=3.0) + p[1],
    "other functions": lambda p: (
        np.interp(p[0], FRAME.x, FRAME.y) + np.trapezoid(p[1] * FRAME.y, FRAME.x)
    ),
    "helper": lambda p: helper(FRAME.x * p[0], FRAME.y) + p[1],
}


def helper(series, other):
    return ((series - other) ** 2).sum() / len(series)


@pytest.mark.parametrize("name", LOSSES)
def test_values_are_those_of_pandas_and_slopes_those_of_differences(name):
    function = LOSSES[name]
    plain = np.asarray(function(P), float)
    found = st.compile(function)(P)
    assert type(found) in (np.ndarray, np.float64, float)
    assert_allclose(found, plain, rtol=1e-12, atol=1e-13)
    weights = np.cos(np.arange(plain.size)).reshape(plain.shape)
    total = lambda p: float(np.sum(np.asarray(function(p)) * weights))
    slopes = st.gradient(lambda p: np.sum(function(p) * weights))(P)
    steps = 1e-6 * np.eye(2)
    expected = [(total(P + h) - total(P - h)) / 2e-6 for h in steps]
    assert_allclose(slopes, expected, rtol=1e-6, atol=1e-7)


REFUSED = {
    "Series.groupby": lambda p: (FRAME.y * p[0]).groupby(FRAME.n).mean().sum(),
    "Series.rolling": lambda p: (FRAME.x * p[0]).rolling(3).mean().sum(),
    "Series.corr": lambda p: (FRAME.x * p[0] + p[1] * FRAME.x**2).corr(FRAME.y),
    "DataFrame.multiply": lambda p: (FRAME * p[0]).sum().sum(),
    "DataFrame.assign": lambda p: FRAME.assign(m=p[0] * FRAME.x)["m"].sum(),
    "Series.sum": lambda p: (FRAME.x * p[0]).sum(skipna=False),
    "different indices": lambda p: (FRAME.x * p[0] + FRAME.y[::-1] * p[1]).sum(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_recorded_is_refused_by_its_own_name(name):
    with pytest.raises(UnsupportedError, match=name) as caught:
        st.gradient(REFUSED[name])(P)
    assert "test_tables.py:" in str(caught.value)
    assert ".to_numpy()" in str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_differenced_in_a_fit(name):
    function = REFUSED[name]
    loss = lambda p: (function(p) - 1.0) ** 2 + np.sum((p - 2.0) ** 2)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = scipy.optimize.minimize(loss, P, tol=1e-9)
        run = st.minimize(loss, P)
    assert_allclose(run.loss, expected.fun, rtol=1e-6, atol=1e-9)


def test_fits_to_columns_are_scipys():
    model = lambda x, a, b: a * np.exp(-b * x)
    popt, _ = st.curve_fit(model, FRAME["x"], FRAME["y"], [1.0, 1.0])
    expected, _ = scipy.optimize.curve_fit(model, FRAME["x"], FRAME["y"], [1.0, 1.0])
    assert_allclose(popt, expected, rtol=1e-6)
    residuals = lambda p: p[0] * np.exp(-p[1] * FRAME["x"]) - FRAME["y"]
    assert_allclose(st.least_squares(residuals, [1.0, 1.0]).x, expected, rtol=1e-6)


def test_a_column_that_changes_is_seen():
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    f = st.compile(lambda a: (frame["x"] * a).sum())
    assert f(2.0) == 6.0
    frame["x"] = [5.0, 6.0]
    assert f(2.0) == 22.0
