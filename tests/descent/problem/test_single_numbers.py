"""A start that is a number: both the number and SciPy's array of one element can be used."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st

T = np.arange(5.0)

LOSSES = {
    "a number": lambda k: (k - 2) ** 2,
    "any shape": lambda k: np.sum((k - 2) ** 2),
    "an element": lambda k: (k[0] - 2) ** 2,
    "unpacked": lambda k: sum((each - 2) ** 2 for each in k),
    "its length": lambda k: len(k) * np.sum((k - 2) ** 2),
    "its shape": lambda k: k.shape[0] * np.sum((k - 2) ** 2),
}
STARTS = [0.5, 1, np.float32(0.5), np.array(0.5)]


@pytest.mark.parametrize("start", STARTS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("name", LOSSES)
def test_results_of_a_number_can_be_indexed(name, start):
    loss = LOSSES[name]
    expected = scipy.optimize.minimize(loss, np.float64(start)).x
    for _ in range(2):
        run = st.minimize(loss, x0=start)
        assert run.converged
        assert len(run.x) == 1
        (unpacked,) = run.x
        np.testing.assert_allclose([run.x[0], run["x"][0], unpacked], 2.0, atol=1e-3)
        np.testing.assert_allclose(run.x, expected[0], atol=1e-3)
    np.testing.assert_allclose(st.minimize(loss, start, bounds=[(0, 1.5)]).x[0], 1.5)


@pytest.mark.parametrize("name", ["an element", "a number"])
def test_fits_from_a_number(name):
    def residuals(k, y):
        return np.exp(-(k[0] if name == "an element" else k) * T) - y

    fit = st.least_squares(residuals, 0.5, args=(np.exp(-0.7 * T),))
    np.testing.assert_allclose(fit.x[0], 0.7)
    assert fit.jac.shape == (5, 1)


def test_a_number_stays_a_number():
    run = st.minimize(LOSSES["a number"], 0.5)
    assert isinstance(run.x, np.float64)
    assert run.x.shape == ()
    assert type(run.x * 2) is np.float64
    assert run.x[-1] == run.x[:][0] == run.x
    with pytest.raises(IndexError):
        run.x[1]


def test_errors_of_functions_are_their_own():
    def loss(k):
        return (k - list(T)[5]) ** 2

    with pytest.raises(IndexError, match="list index"):
        st.minimize(loss, 0.5)
    with pytest.raises(IndexError, match="too many indices"):
        st.minimize(lambda k: k[0, 1, 2] ** 2, 0.5)
