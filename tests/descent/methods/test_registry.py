"""Names of methods, and the method that is chosen where none is named."""

import numpy as np
import pytest

import steepest as st

CURVATURE = np.array([1.0, 4.0, 25.0])
START = np.array([1.0, -2.0, 0.5])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * (x - 1) ** 2) + 0.1 * np.sum(x**4)


def test_the_method_is_chosen_and_the_choice_explained():
    small = st.minimize(quadratic, START)
    assert isinstance(small.method, st.BFGS)
    assert "3 parameters" in small.reason
    assert "BFGS (3 parameters" in str(small)
    large = st.minimize(lambda x: np.sum((x - 1) ** 2), np.zeros(500))
    assert isinstance(large.method, st.LBFGS)
    bounded = st.minimize(quadratic, START, bounds=(-3, 3))
    assert isinstance(bounded.method, st.LBFGS)
    X, y = np.arange(8.0), 2 * np.arange(8.0)
    batches = st.Batches(size=4)
    batched = st.minimize(lambda w, X, y: np.mean((w * X - y) ** 2), 0.0, (X, y), batches=batches)
    assert isinstance(batched.method, st.Adam)


@pytest.mark.parametrize(
    "name", ["BFGS", "L-BFGS-B", "CG", "Newton-CG", "trust-exact", "trust-ncg", "adam", "lbfgs"]
)
def test_names_of_methods(name):
    assert st.minimize(quadratic, START, method=name).loss < quadratic(START)


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"unknown method 'L-BFG' \(did you mean 'lbfgs'\?\)"):
        st.minimize(quadratic, START, method="L-BFG")


def test_methods_for_residuals_say_so_where_there_is_a_loss():
    with pytest.raises(ValueError, match=r"LevenbergMarquardt needs residuals.*least_squares"):
        st.minimize(quadratic, START, method="lm")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("lbgfs", "did you mean 'lbfgs'"),
        ("SLSQ", "did you mean 'SLSQP'"),
        ("LBFGSB", "did you mean 'L-BFGS-B'"),
        ("foo", "unknown method 'foo': choose one of"),
    ],
)
def test_unknown_methods_are_refused(name, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        st.minimize(lambda x: np.sum(x * x), np.ones(2), method=name)
    assert "levenberg" not in str(caught.value)
