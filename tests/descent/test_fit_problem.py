"""Fits of fewer residuals than parameters: they reach the minimum, in any unit."""

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

import steepest as st
from steepest.descent.methods import LevenbergMarquardt, NewtonCG, TrustRegion

T = np.linspace(0.0, 4.0, 20)
WAVE = 2 * np.sin(1.3 * T + 0.4) + 0.05 * np.cos(9 * T)
MATRIX = np.random.default_rng(0).normal(size=(3, 6))


def wave_error(p):
    return p[0] * np.sin(p[1] * T + p[2]) - WAVE


FEW = {
    "sum of squares": (lambda p: np.sum(wave_error(p) ** 2), [1.5, 1.2, 0.2]),
    "root mean square": (lambda p: np.sqrt(np.mean(wave_error(p) ** 2)), [1.5, 1.2, 0.2]),
    "sum that vanishes": (
        lambda p: np.sum(100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2),
        [-1.2, 1.0, 0.5],
    ),
    "distance": (lambda p: np.linalg.norm(p - np.array([1.0, 2.0])), [0.0, 0.0]),
    "equation": (lambda p: [p[0] ** 2 + p[1] ** 2 - 1], [0.1, 0.1]),
    "two equations": (lambda p: [p @ p - 4, p[0] * p[1] - 1], [3.0, 0.1, 2.0]),
    "linear": (lambda p: MATRIX @ p - 1.0, np.ones(6)),
}


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", FEW)
def test_few_residuals_reach_the_minimum(name, unit):
    residuals, start = FEW[name]
    start = np.array(start)
    fit = st.least_squares(lambda p: unit * np.asarray(residuals(p)), start)
    assert fit.converged
    assert isinstance(fit.run.method, TrustRegion)
    best = min(
        scipy.optimize.least_squares(residuals, fit.x, xtol=1e-15, ftol=1e-15).cost,
        scipy.optimize.least_squares(residuals, start, xtol=1e-15, ftol=1e-15).cost,
    )
    first = 0.5 * np.sum(np.square(residuals(start)))
    assert fit.loss / unit**2 <= best * (1 + 1e-9) + 1e-20 * first


def test_bounds_hold_for_few_residuals():
    start, ends = [1.5, 1.5, 0.2], ([0, 1.4, 0], [3, 2, 3])
    fit = st.least_squares(FEW["sum of squares"][0], start, bounds=ends)
    by_residual = st.least_squares(wave_error, start, bounds=ends)
    assert isinstance(fit.run.method, TrustRegion)
    assert fit.x[1] == 1.4
    assert_allclose(fit.x, by_residual.x, rtol=1e-5)


def test_other_fits_keep_their_method():
    by_rule = st.least_squares(wave_error, [1.5, 1.2, 0.2])
    asked = st.least_squares(*FEW["equation"], method="lm")
    assert {type(by_rule.run.method), type(asked.run.method)} == {LevenbergMarquardt}
    many = st.least_squares(lambda p: [np.sum(p**2) - 1], np.full(120, 0.3))
    assert isinstance(many.run.method, NewtonCG)
    assert many.converged


def test_few_residuals_again():
    def distance(p, center):
        return np.linalg.norm(p - center)

    for center in (np.array([1.0, 2.0]), np.array([-3.0, 0.5])):
        assert_allclose(st.least_squares(distance, np.zeros(2), args=(center,)).x, center)
