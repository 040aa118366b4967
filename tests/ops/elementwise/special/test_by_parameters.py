"""Slopes by parameters and orders, for parameters large and small, against mpmath."""

import mpmath
import numpy as np
import pytest
import scipy.special

import steepest as st

CASES = {
    "hyp2f1": [
        (0.7, 1.2, 2.9, 0.95), (-2.3, 1.2, 2.9, 0.3), (4.9, 4.4, 0.4, -2.1), (20, 30, 70, 0.9),
        (0.1, 0.06, 30, 0.99), (1.5, 2.5, 4.0, -60.0), (1.2, 3.857, 3.871, 0.59),
        (844.0, 91.0, 4.0, 0.0006),
    ],
    "hyp1f1": [
        (0.7, 2.0, 30.0), (0.7, 2.0, -30.0), (5.7, 1.9, -4.4), (3.5, 0.8, -20.0),
        (-1.7, 2.5, 6.0), (200, 300, 100.0), (1.0, 1.0, -3.0),
    ],
    "hyp0f1": [(0.3, 200.0), (4.0, -20.0), (2.0, 1e-3)],
    "hyperu": [(0.2, 5.7, 12.0), (8.0, -3.0, 0.01), (1.5, 0.5, 200.0)],
    "iv": [(0.0, 1.0), (49.0, 400.0), (-3.6, 2.0), (0.5, 1e-3), (120.0, 5.0)],
    "ive": [(0.3, 60.0), (10.0, 1e4), (-0.5, 2.0)],
}  # fmt: skip
OWN = {"iv": mpmath.besseli, "ive": lambda v, x: mpmath.besseli(v, x) * mpmath.exp(-x)}


@pytest.mark.parametrize("name", CASES)
def test_slopes_by_parameters(name):
    ours, exact = getattr(scipy.special, name), OWN.get(name) or getattr(mpmath, name)
    count = ours.nin
    gradient = st.gradient(lambda p: ours(*(p[i] for i in range(count))))
    for operands in CASES[name]:
        found = gradient(np.array(operands, float))
        with mpmath.workdps(30):
            wanted = [
                float(mpmath.diff(exact, operands, tuple(int(i == j) for j in range(count))))
                for i in range(count)
            ]
            size = abs(float(exact(*operands)))
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11 * size)


def test_where_no_series_keeps_its_digits_the_slope_is_nan():
    slope = st.gradient(lambda a: scipy.special.hyp2f1(a, 0.3, 0.2, 0.97))(0.5)
    assert np.isnan(slope)
    assert np.isnan(st.gradient(lambda a: scipy.special.hyperu(a, 0.3, 2.0))(-0.5))
