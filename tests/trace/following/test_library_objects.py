"""Objects of SciPy's classes that a function reads from outside."""

import numpy as np
import pytest
import scipy.interpolate as si
import scipy.sparse as sp
import scipy.sparse.linalg

import steepest as st
from steepest.errors import UnsupportedError
from steepest.trace import trace_function

T = np.linspace(0.0, 1.0, 6)
POINTS = np.array([0.15, 0.5, 0.77])


def test_a_change_in_place_is_seen():
    spline = si.CubicSpline(T, np.sin(T))
    value = st.compile(lambda x: spline(x))
    for _ in range(2):
        np.testing.assert_allclose(value(POINTS), spline(POINTS), rtol=1e-14)
    spline.c[...] *= 3.0
    np.testing.assert_allclose(value(POINTS), spline(POINTS), rtol=1e-14)


def test_a_sparse_matrix_changed_in_place_is_seen():
    matrix = sp.csc_matrix(np.diag([2.0, 3.0, 4.0]) + 0.5)
    solve = st.compile(lambda x: matrix @ x + scipy.sparse.linalg.spsolve(matrix, x))
    for factor in (1.0, 3.0, 0.5):
        matrix.data[...] *= factor
        expected = matrix @ POINTS + scipy.sparse.linalg.spsolve(matrix, POINTS)
        np.testing.assert_allclose(solve(POINTS), expected, rtol=1e-13)


def test_another_object_is_traced_anew():
    splines = [si.CubicSpline(T, np.sin(T)), si.PchipInterpolator(T, np.cos(T))]
    value = st.compile(lambda x: splines[0](x))
    np.testing.assert_allclose(value(POINTS), splines[0](POINTS), rtol=1e-14)
    splines.reverse()
    np.testing.assert_allclose(value(POINTS), splines[0](POINTS), rtol=1e-14)


def test_an_object_that_was_read_lets_the_trace_hold():
    spline = si.make_interp_spline(T, np.sin(T))
    trace = trace_function(lambda x: spline(x), (POINTS,))
    assert not trace.captures.opaque


def test_what_is_not_known_of_an_object_is_refused_by_name():
    spline = si.CubicSpline(T, np.sin(T))
    with pytest.raises(UnsupportedError, match=r"roots of a spline"):
        st.gradient(lambda x: x * spline.roots()[0])(0.3)
    with pytest.raises(UnsupportedError, match=r"\.from_spline of CubicSpline"):
        st.gradient(lambda x: x * spline.from_spline(x))(0.3)


def test_objects_have_their_types():
    spline, matrix = si.CubicSpline(T, np.sin(T)), sp.csr_matrix(np.eye(3))

    def function(x):
        assert isinstance(spline, si.CubicSpline)
        assert not isinstance(spline, si.BSpline)
        assert isinstance(matrix, sp.csr_matrix)
        assert sp.issparse(matrix)
        assert isinstance(si.CubicSpline(T, np.cos(T) * x[0]), si.CubicSpline)
        return np.sum(matrix @ spline(x))

    np.testing.assert_allclose(st.compile(function)(POINTS), np.sum(spline(POINTS)), rtol=1e-14)


def test_an_object_in_a_plain_array_is_refused():
    matrix = sp.csr_matrix(np.eye(3))
    with pytest.raises(UnsupportedError, match="put into a plain NumPy array"):
        st.gradient(lambda x: np.sum(np.asarray(matrix) @ x))(POINTS)


def test_an_object_is_a_function_to_differentiate():
    spline = si.CubicSpline(T, np.sin(T))
    slope = st.gradient(lambda x: np.sum(spline(x)))(POINTS)
    np.testing.assert_allclose(slope, spline(POINTS, 1), rtol=1e-13)
    for function in (spline, spline.derivative(), spline.__call__):
        expected = function(0.3 + 1e-6), function(0.3 - 1e-6)
        np.testing.assert_allclose(
            st.gradient(function)(0.3), (expected[0] - expected[1]) / 2e-6, rtol=1e-6
        )
    assert st.minimize(si.CubicSpline([0, 1, 2, 3], [4, 1, 0, 1]), 0.5).x == pytest.approx(2.0)
