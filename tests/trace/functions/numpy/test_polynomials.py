"""Polynomials."""

import numpy as np
import pytest

from steepest import gradient
from tests.support.agreement import assert_agrees

MATRIX = np.array([[0.4, 1.7], [-0.3, 0.9]])

POLYNOMIALS = (
    lambda p: np.polyder(p), lambda p: np.polyder(p, 0), lambda p: np.polyder(p, 3),
    lambda p: np.polyder(p, -1), lambda p: np.polyint(p), lambda p: np.polyint(p, 0),
    lambda p: np.polyint(p, -1), lambda p: np.polyint(p, 2, [1.0, 2.0, 3.0]),
    lambda p: np.polyint(p, 2, [1.0]), lambda p: np.polymul(p, [1.0, 2.0]),
    lambda p: np.polyadd(p, [1.0, 2.0]), lambda p: np.polyval(p, 2.0),
    lambda p: np.vander(p), lambda p: np.vander(p, 0), lambda p: np.vander(p, -1),
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(POLYNOMIALS)))
def test_coefficients_may_be_a_number_none_or_zeros(number):
    zeros = np.zeros(2)
    for p in (1.5, np.array(1.5), MATRIX[0], MATRIX, MATRIX[0, :0], zeros, -zeros, zeros > 1):
        assert_agrees(POLYNOMIALS[number], p)


def test_a_polynomial_of_zeros_keeps_its_slope():
    p = np.array([1.0, -2.0])
    slopes = gradient(lambda x: np.sum(np.polymul(x, p) * p))(np.zeros(1))
    np.testing.assert_allclose(slopes, [p @ p])
