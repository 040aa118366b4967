"""Data in tables of pandas and tensors of torch: fits end where SciPy's fits do."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

import steepest as st

T = np.linspace(0.1, 5.0, 40)
FRAME = pd.DataFrame(
    {
        "t": T,
        "y": 2 * np.exp(-0.5 * T) + 0.01 * np.sin(9 * T),
        "s": 0.1 + 0.01 * T,
        "text": ["a", "b"] * 20,
    }
)


def decay(t, a, b):
    return a * np.exp(-b * t)


def of_arguments(p, t, y):
    return p[0] * np.exp(-p[1] * t) - y


def of_frame(p, frame):
    return p[0] * np.exp(-p[1] * frame["t"]) - frame.y


def scaled(p, scale, frame, power):
    return (scale * of_frame(p, frame)) ** power


FITS = {
    "columns": lambda lib: lib.curve_fit(decay, FRAME.t, FRAME["y"], [1.0, 1.0])[0],
    "sigma": lambda lib: lib.curve_fit(decay, FRAME.t, FRAME.y, [1.0, 1.0], sigma=FRAME.s)[0],
    "start": lambda lib: lib.curve_fit(decay, FRAME.t, FRAME.y, pd.Series([1.0, 1.0]))[0],
    "rows": lambda lib: lib.curve_fit(
        lambda x, a, b: decay(x[0], a, b) * x[1] / x[1], FRAME[["t", "s"]].T.values, FRAME.y
    )[0],
    "frame": lambda lib: lib.curve_fit(
        lambda x, a, b: decay(x["t"], a, b) * (x.s / x.s.mean()) ** 0, FRAME, FRAME.y
    )[0],
    "frame as array": lambda lib: lib.curve_fit(
        lambda x, a, b: decay(x[["t", "s"]].to_numpy()[:, 0], a, b) + 0 * len(x), FRAME, FRAME.y
    )[0],
    "arguments": lambda lib: (
        lib.least_squares(of_arguments, [1.0, 1.0], args=(FRAME.t, FRAME.y)).x
    ),
    "frame in arguments": lambda lib: lib.least_squares(of_frame, [1.0, 1.0], args=(FRAME,)).x,
    "between others": lambda lib: (
        lib.least_squares(scaled, [1.0, 1.0], args=(np.float64(2.0), FRAME, 1)).x
    ),
    "loss": lambda lib: (
        lib.minimize(lambda p, frame: (of_frame(p, frame) ** 2).sum(), [1.0, 1.0], args=(FRAME,)).x
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_tables_are_data(name):
    expected = FITS[name](scipy.optimize)
    assert_allclose(FITS[name](st), expected, rtol=1e-5)


def test_a_table_that_changed_is_fitted_anew():
    frame = FRAME.copy()
    first = st.least_squares(of_frame, [1.0, 1.0], args=(frame,)).x
    frame["y"] = 2 * frame["y"]
    second = st.least_squares(of_frame, [1.0, 1.0], args=(frame,)).x
    assert_allclose(second, [2 * first[0], first[1]], rtol=1e-6)


def test_predictions_for_another_frame():
    model = lambda x, a, b: decay(x["t"], a, b)
    fit = st.curve_fit(model, FRAME, FRAME.y, [1.0, 1.0])
    other = pd.DataFrame({"t": [0.0, 1.0]})
    assert_allclose(fit.predict(other), decay(other.t, *fit.x))
    low, high = fit.band(other)
    assert (low < fit.predict(other)).all()
    assert (fit.predict(other) < high).all()


def test_a_column_that_is_missing_is_the_users_own_error():
    with pytest.raises(KeyError, match="missing"):
        st.curve_fit(lambda x, a: a * x["missing"], FRAME, FRAME.y, [1.0])


def test_tensors_are_data():
    torch = pytest.importorskip("torch")
    t, y = torch.tensor(T), torch.tensor(FRAME.y.to_numpy())
    expected, _ = scipy.optimize.curve_fit(decay, T, FRAME.y, [1.0, 1.0])
    assert_allclose(st.curve_fit(decay, t, y, [1.0, 1.0])[0], expected, rtol=1e-6)
    residuals = lambda p, t, y: of_arguments(p, np.asarray(t), y.numpy())
    assert_allclose(st.least_squares(residuals, [1.0, 1.0], args=(t, y)).x, expected, rtol=1e-6)
    inside = lambda p: float(torch.sum((p[0] * torch.exp(-p[1] * t) - y) ** 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", st.FiniteDifferenceWarning)
        run = st.minimize(inside, [1.0, 1.0])
    assert_allclose(run.x, expected, rtol=1e-5)
