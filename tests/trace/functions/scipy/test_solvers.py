"""SciPy's solvers inside a function: errors, failures, and fits."""

import numpy as np
import pytest
import scipy.optimize as so

import steepest as st
from steepest.errors import UnsupportedError

P = np.array([1.0, 2.0])
OUTSIDE = np.array([1.0, 1e5])


def root(p):
    return so.brentq(lambda u: np.exp(u) * p[0] + u - p[1], -5, 5)


def test_ends_of_one_sign_raise_scipys_error_also_in_compiled_code():
    slope = st.compile(st.gradient(root))
    slope(P)
    with pytest.raises(ValueError, match="different signs"):
        slope(OUTSIDE)


def test_an_error_that_is_caught_chooses_the_path():
    def safe(p):
        try:
            return root(p)
        except ValueError:
            return 7.0 * p[0]

    value = st.compile(safe)
    for p in (P, OUTSIDE, P):
        np.testing.assert_allclose(value(p), safe(p), rtol=1e-14)
    np.testing.assert_allclose(st.gradient(safe)(OUTSIDE), [7.0, 0.0])


def test_a_search_that_does_not_converge_raises_scipys_error():
    with pytest.raises(RuntimeError, match="has not converged"):
        st.gradient(lambda p: so.newton(lambda u: u**2 + p[0], 0.3))(P)


def test_slopes_where_no_solution_was_found_are_not_a_number():
    function = lambda p: so.root(lambda u: u**2 + p[0], [0.3]).x[0]
    assert np.isnan(st.gradient(function)(P)[0])


def test_a_branch_in_the_function_and_traced_settings_are_refused():
    with pytest.raises(UnsupportedError, match=r"st\.cond or np\.where"):
        st.gradient(lambda p: so.brentq(lambda u: u - p[0] if u > 0 else u, -1, 2))(P)
    with pytest.raises(UnsupportedError, match="settings of a solver must be plain numbers"):
        st.gradient(lambda p: so.brentq(lambda u: p[0] - u, -5, 5, xtol=p[1]))(P)


def test_an_implicit_model_is_fitted():
    voltages = np.linspace(0.0, 1.0, 30)

    def current(v, a, b):
        return so.newton(lambda i: i - a * np.exp(-i * b) - v, np.full(30, 0.1), maxiter=90)

    measured = current(voltages, 1.3, 0.7)
    fit = st.curve_fit(current, voltages, measured, p0=[1.0, 1.0])
    np.testing.assert_allclose(fit.x, [1.3, 0.7], rtol=1e-6)
