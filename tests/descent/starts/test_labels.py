"""Start values in a pandas Series."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import steepest as st
from tests.cases.decay import T, Y, decay

START = {"offset": 0.4, "amplitude": 2.5, "rate": 1.2}


@pytest.mark.filterwarnings("ignore:MaxIterations.*before any goal was met")
def test_a_series_is_read_by_its_labels():
    by_name = st.curve_fit(decay, T, Y, START)
    fit = st.curve_fit(decay, T, Y, pd.Series(START), stop=st.MaxIterations(0))
    np.testing.assert_array_equal(fit.x, [START[name] for name in ("amplitude", "rate", "offset")])
    fit = st.curve_fit(decay, T, Y, pd.Series(START))
    np.testing.assert_allclose(fit.x, [by_name.x[name] for name in fit.names], rtol=1e-9)
    likely = st.maximum_likelihood(
        lambda d, m, s: scipy.stats.norm.logpdf(d, m, s), Y, pd.Series({"s": 1.0, "m": 0.0})
    )
    assert likely.x[0] == pytest.approx(Y.mean())


@pytest.mark.filterwarnings("ignore:MaxIterations.*before any goal was met")
def test_a_series_without_names_is_read_by_place():
    places = pd.Series([2.5, 1.2, 0.4])
    fit = st.curve_fit(decay, T, Y, places[::-1][::-1], stop=st.MaxIterations(0))
    np.testing.assert_array_equal(fit.x, places)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["amplitude", "rate", "level"], "label 'level', but the parameters are amplitude, rate"),
        (["amplitude", "rate"], "has no label 'offset'"),
        (["amplitude", "rate", "offset", "rate"], "the label 'rate' 2 times"),
    ],
)
def test_labels_must_be_the_parameters(labels, message):
    with pytest.raises(ValueError, match=message):
        st.curve_fit(decay, T, Y, pd.Series(1.0, labels))
