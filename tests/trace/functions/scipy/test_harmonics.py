"""Legendre functions and spherical harmonics: SciPy's values, and slopes at the poles."""

import numpy as np
import pytest
import scipy.special

import steepest as st

POLAR, AZIMUTH = np.linspace(0.0, np.pi, 7), np.linspace(-2.0, 3.0, 7)
DEGREES = ((0, 0), (3, 1), (3, -2), (5, 5), (4, 0), (2, 3), (60, -31))


def parts(function):
    """Return a function whose complex result is given as two real rows."""
    return lambda *operands: np.stack([function(*operands).real, function(*operands).imag])


@pytest.mark.parametrize(("n", "m"), DEGREES)
def test_values_are_scipys(n, m):
    harmonics = parts(lambda t, p: scipy.special.sph_harm_y(n, m, t, p))
    found = st.trace(harmonics, POLAR, AZIMUTH)(POLAR, AZIMUTH)
    np.testing.assert_allclose(found, harmonics(POLAR, AZIMUTH), rtol=1e-11, atol=1e-14)
    for function, x in (
        (lambda t: scipy.special.sph_legendre_p(n, m, t), POLAR),
        (lambda x: scipy.special.assoc_legendre_p(n, m, x, norm=True), np.cos(POLAR[1:-1])),
        (lambda x: scipy.special.legendre_p(n, x), np.cos(POLAR)),
        (lambda x: scipy.special.lpmv(m, n, x), np.cos(POLAR)),
    ):
        found, wanted = st.trace(function, x)(x), function(x)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-13 * np.max(np.abs(wanted)))


def test_slopes_have_no_singularity_at_the_poles():
    power = lambda t: np.sum(np.abs(scipy.special.sph_harm_y(3, 2, t, AZIMUTH)) ** 2)
    t = POLAR
    square = 105 / (32 * np.pi)  # of sin(t)**2 * cos(t)
    slope = square * (4 * np.sin(t) ** 3 * np.cos(t) ** 3 - 2 * np.sin(t) ** 5 * np.cos(t))
    np.testing.assert_allclose(st.gradient(power)(t), slope, rtol=1e-12, atol=1e-15)
    slopes = st.gradient(lambda x: np.sum(scipy.special.lpmv(2, 4, x)))(np.array([-1.0, 0.3, 1]))
    np.testing.assert_allclose(slopes, [90.0, 30.33, -90.0], rtol=1e-13)


def spherical(n, m, theta):
    return scipy.special.sph_legendre_p(n, m, theta)[0]


@pytest.mark.parametrize(("n", "m"), [(n, m) for n in range(6) for m in range(-n, n + 1)])
def test_derivatives_at_the_poles_are_those_from_inside(n, m):
    # Polynomials of the distance from a pole, through values inside: exact, but for rounding.
    steps = np.linspace(0.0, 0.6, 15)
    for pole, inward in ((0.0, 1.0), (np.pi, -1.0)):
        fit = np.polynomial.Polynomial.fit(steps, spherical(n, m, pole + inward * steps), 14)
        call = lambda t: spherical(n, m, t)
        for order in (1, 2):
            call = st.gradient(call)
            wanted = inward**order * fit.deriv(order)(0.0)
            np.testing.assert_allclose(call(pole), wanted, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("m", "n"), [(m, n) for n in range(6) for m in range(-n, n + 1)])
def test_derivatives_by_the_cosine_at_its_ends(m, n):
    order = abs(m)
    for end in (-1.0, 1.0):
        slope = st.gradient(lambda x: scipy.special.lpmv(m, n, x))
        if order == 1:
            assert np.isinf(slope(end))
            continue
        legendre = np.polynomial.legendre.Legendre.basis(n).deriv(order)
        factorials = scipy.special.factorial([n - order, n + order])
        norm = factorials[0] / factorials[1] if m < 0 else (-1.0) ** m
        # (1 - x**2)**(m / 2) has the slope -2 x at an end for the order 2, and 0 above it.
        wanted = {0: legendre.deriv()(end), 2: -2.0 * end * legendre(end)}.get(order, 0.0)
        np.testing.assert_allclose(slope(end), norm * wanted, rtol=1e-12, atol=1e-12)
        if order in (0, 2, 4):
            assert np.isfinite(st.gradient(slope)(end))


def test_degrees_may_be_arrays_or_no_whole_numbers():
    n = np.arange(4)[:, None]
    harmonics = parts(lambda t: scipy.special.sph_harm_y(n, 1, t, 0.3))
    np.testing.assert_allclose(st.trace(harmonics, POLAR)(POLAR), harmonics(POLAR), atol=1e-15)
    slope = st.gradient(lambda x: scipy.special.lpmv(1, 2.5, x))(0.3)
    step = 1e-5
    ahead, behind = (scipy.special.lpmv(1, 2.5, 0.3 + s) for s in (step, -step))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-9)


def test_what_is_left_out_is_refused_by_name():
    with pytest.raises(st.errors.UnsupportedError, match=r"sph_harm_y with diff_n=.*harmonics"):
        st.trace(lambda t: scipy.special.sph_harm_y(2, 1, t, 0.3, diff_n=1)[0].real, 0.5)
