"""Statistics of a linear fit beside NIST's certified values."""

import numpy as np
import pytest

import steepest as st
from tests.cases.longley import (
    ESTIMATES,
    R_SQUARED,
    RESIDUAL_DEVIATION,
    STANDARD_ERRORS,
    F,
    X,
    Y,
    constant,
    employment,
)


def test_the_statistics_of_longley_are_nists():
    fit = st.curve_fit(employment, X, Y)
    np.testing.assert_allclose(fit.values, ESTIMATES, rtol=1e-10)
    np.testing.assert_allclose(fit.standard_errors, STANDARD_ERRORS, rtol=1e-10)
    assert fit.residual_standard_deviation == pytest.approx(RESIDUAL_DEVIATION, rel=1e-10)
    assert fit.r_squared == pytest.approx(R_SQUARED, rel=1e-13)
    (test,) = st.compare_fits(st.curve_fit(constant, X, Y, [6e4]), fit).tests
    assert test.statistic == pytest.approx(F, rel=1e-10)
    intervals = fit.confidence_intervals()
    profiled = fit.confidence_intervals(method="profile")  # the model is linear
    np.testing.assert_allclose(profiled, intervals, rtol=1e-5)
