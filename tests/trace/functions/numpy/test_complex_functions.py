"""NumPy's functions of complex numbers."""

import mpmath
import numpy as np
import pytest

import steepest as st
from steepest.trace.arrays.complex import UFUNCS
from tests.support.agreement import computed, recorded

POINTS = [
    scale * (a + 1j * b)
    for scale in (1e-9, 0.3, 1.0, 1.7, 40.0)
    for a, b in ((1, 0.5), (-1, 0.5), (1, -0.5), (-1, -0.5), (0.1, 1), (-0.1, -1))
]


@pytest.mark.parametrize("ufunc", [u for u in UFUNCS if u.nin == 1], ids=lambda u: u.__name__)
def test_functions_of_complex_numbers_are_numpys(ufunc):
    points = np.array(POINTS)

    def parts(x, y):
        result = ufunc(x + 1j * y)
        return np.real(result) * 1, np.imag(result) * 1

    expected = computed(ufunc, (points,))
    if ufunc is np.log1p:  # NumPy's own loses the digits that it is there for
        expected = np.array([complex(mpmath.log1p(mpmath.mpc(point))) for point in POINTS])
    real, imag = recorded(parts)(points.real, points.imag)
    assert np.all(np.isfinite(expected) == np.isfinite(real + 1j * imag))
    with np.errstate(invalid="ignore"):
        apart = np.abs(real + 1j * imag - expected) / np.abs(expected)
    assert np.nanmax(apart, initial=0) < 1e-12


def test_complex_systems_are_solved(random):
    a, b, c, d = random.standard_normal((4, 3, 3))

    def function(a, b, c, d):
        x = np.linalg.solve(a + 1j * b, c + 1j * d)
        y = np.linalg.solve(a + 1j * b, c[0] + 0j)
        z = np.linalg.inv(a + 1j * b)
        return x.real, x.imag, y.real, y.imag, z.real, z.imag

    for found, expected in zip(recorded(function)(a, b, c, d), function(a, b, c, d), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["svd", "eigh", "eig", "det", "cholesky", "qr", "pinv"])
def test_complex_decompositions_are_refused_by_name(name):
    with pytest.raises(
        TypeError, match=rf"np.(linalg.)?{name} of complex numbers at test_complex_functions"
    ):
        st.trace(lambda a: getattr(np.linalg, name)(a + 1j), np.eye(2))


def test_complex_arguments_are_refused_with_a_way_out():
    with pytest.raises(TypeError, match="real and imaginary parts as two arrays"):
        st.gradient(lambda z: np.sum(np.abs(z)))(np.array([1 + 2j]))


def test_complex_further_arguments_are_data():
    z = np.array([1 + 2j, 3 - 1j])
    run = st.minimize(lambda x, z: np.sum(np.abs(z * x - 2 * z) ** 2), np.ones(1), args=(z,))
    np.testing.assert_allclose(run.x, [2.0], rtol=1e-6)
