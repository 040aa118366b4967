"""Differences against derivatives that are known, for functions that are hard to difference."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from steepest.derivative.opaque.differences import (
    complex_jacobian,
    jacobian,
    noise_of,
    slope,
    slopes_by_element,
)

EPSILON = float(np.finfo(float).eps)


def line_of(function, x):
    return lambda step: np.atleast_1d(np.asarray(function(x + step), float))


EASY = {
    "exp": (np.exp, np.exp, [-3.0, 0.0, 1e-9, 2.0, 30.0]),
    "sin": (np.sin, np.cos, [0.0, 1.0, 100.0]),
    "cube": (lambda x: x**3, lambda x: 3 * x**2, [1e-6, 0.1, 1e4]),
    "log": (np.log, lambda x: 1 / x, [1e-12, 1e-3, 1.0, 1e8]),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), [1e-10, 1.0, 1e10]),
    "far": (lambda x: np.sin(x - 1e6), lambda x: np.cos(x - 1e6), [1e6 + 0.3, 1e6 + 1.0]),
    "offset": (lambda x: 1e3 + x**2, lambda x: 2 * x, [0.3, 5.0]),
    "small": (lambda x: np.tanh(1e7 * x), lambda x: 1e7 / np.cosh(1e7 * x) ** 2, [1e-8, 1e-7]),
}


@pytest.mark.parametrize(
    ("name", "x"), [(name, x) for name, (_, _, points) in EASY.items() for x in points]
)
def test_the_step_fits_the_function(name, x):
    function, derivative, _ = EASY[name]
    line = line_of(function, x)
    found = slope(line, line(0.0), abs(x) or 1.0, EPSILON)
    rounding = 1e2 * EPSILON ** (2 / 3) * abs(function(x)) / (abs(x) or 1.0)
    assert_allclose(found, derivative(x), rtol=1e-6, atol=rounding)


def test_all_elements_have_their_own_step():
    for name, (function, derivative, points) in EASY.items():
        x = np.array(points)
        found = slopes_by_element(function, function(x), x, EPSILON)
        rounding = 1e2 * EPSILON ** (2 / 3) * np.abs(function(x)) / np.where(x == 0, 1, np.abs(x))
        assert (np.abs(found - derivative(x)) <= 1e-6 * np.abs(derivative(x)) + rounding).all(), (
            name
        )


def test_a_minimum_has_no_slope():
    line = line_of(lambda x: (x - 3.0) ** 2 + 5.0, 3.0)
    assert abs(slope(line, line(0.0), 3.0, EPSILON)[0]) < 1e-8


@pytest.mark.parametrize("size", [1e-12, 1e-9, 1e-6])
def test_the_noise_is_measured_and_sets_the_step(size):
    def noisy(x):
        bits = np.frombuffer(np.float64(x).tobytes(), np.uint32)
        draw = np.random.default_rng(bits.tolist()).standard_normal()
        return np.exp(0.5 * x) * (1 + size * draw)

    noise = noise_of(line_of(noisy, 1.3), 1.3, EPSILON)
    assert size / 8 < noise < 8 * size
    line = line_of(noisy, 1.3)
    with_noise = abs(slope(line, line(0.0), 1.3, noise)[0] - 0.5 * np.exp(0.65))
    without = abs(slope(line, line(0.0), 1.3, EPSILON)[0] - 0.5 * np.exp(0.65))
    assert with_noise < 20 * size ** (2 / 3)
    assert with_noise < without


@pytest.mark.parametrize("name", EASY)
def test_smooth_functions_have_no_noise_but_rounding(name):
    function, _, points = EASY[name]
    for x in points:
        assert noise_of(line_of(function, x), abs(x) or 1.0, EPSILON) < 1e-9


def test_a_function_is_not_needed_outside_of_its_domain():
    def root(x):
        if x < 2:
            raise ValueError("outside")
        return math.sqrt(x)

    line = line_of(root, 2.0)
    assert_allclose(slope(line, line(0.0), 2.0, EPSILON), 0.5 / math.sqrt(2), rtol=1e-5)
    with np.errstate(invalid="ignore"):
        line = line_of(lambda x: np.sqrt(x - 2), 2.25)
        assert_allclose(slope(line, line(0.0), 2.25, EPSILON), 1.0, rtol=1e-6)


def test_an_error_on_both_sides_is_raised():
    def function(x):
        if x != 1.0:
            raise ValueError("nowhere")
        return x

    line = line_of(function, 1.0)
    with pytest.raises(ValueError, match="nowhere"):
        slope(line, line(0.0), 1.0, EPSILON)


def rosenbrock(x):
    return np.stack([10 * (x[1] - x[0] ** 2), 1 - x[0], np.exp(-x[2])])


def test_jacobian_by_differences_and_complex_steps():
    x = np.array([0.5, -2.0, 1e-3])
    exact = np.array([[-10.0, 10.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -np.exp(-1e-3)]])
    assert_allclose(jacobian(rosenbrock, x, rosenbrock(x), EPSILON), exact, atol=1e-7)
    found = complex_jacobian(rosenbrock, x, rosenbrock(x), EPSILON)
    assert_allclose(found, exact, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.abs(x) + x,
        lambda x: np.real(x) * 2.0,
        lambda x: x * np.conjugate(x),
    ],
)
def test_what_is_not_analytic_is_found_out(function):
    x = np.array([0.7, 1.5])
    value = np.asarray(function(x), float)
    with np.errstate(all="ignore"):
        found = complex_jacobian(function, x, value, EPSILON)
    if found is not None:
        assert_allclose(found, jacobian(function, x, value, EPSILON), rtol=1e-6, atol=1e-9)
