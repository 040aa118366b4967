"""Integrals in traced functions, against closed forms and SciPy."""

import math
import warnings

import numpy as np
import pytest
from scipy import special
from scipy.integrate import IntegrationWarning, dblquad, quad, quad_vec

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.trace import trace_function
from steepest.trace.functions.scipy.integrate import kronrod

P = np.array([1.3, 0.4])

# An integral, and its value in closed form.
CLOSED = {
    "from minus infinity to infinity": (
        lambda p: quad(lambda x: math.exp(-p[0] * x * x), -np.inf, np.inf)[0],
        lambda p: np.sqrt(np.pi / p[0]),
    ),
    "to infinity": (
        lambda p: quad(lambda x: np.exp(-p[0] * x), p[1], np.inf)[0],
        lambda p: np.exp(-p[0] * p[1]) / p[0],
    ),
    "from minus infinity": (
        lambda p: quad(lambda x, a: np.exp(a * x), -np.inf, p[1], args=(p[0],))[0],
        lambda p: np.exp(p[0] * p[1]) / p[0],
    ),
    "from infinity": (
        lambda p: quad(lambda x: p[0] / (1 + x * x), np.inf, 0.0)[0],
        lambda p: -p[0] * np.pi / 2,
    ),
    "limits": (
        lambda p: quad(lambda x: np.sin(p[0] * x), p[1], p[0] * p[1] + 2)[0],
        lambda p: (np.cos(p[0] * p[1]) - np.cos(p[0] * (p[0] * p[1] + 2))) / p[0],
    ),
    "limits in reverse order": (
        lambda p: quad(lambda x, a, b: a * x**2 + b, 2, p[0], args=(p[0], p[1]))[0],
        lambda p: p[0] * (p[0] ** 3 - 8) / 3 + p[1] * (p[0] - 2),
    ),
    "an infinite integrand at an end": (
        lambda p: quad(lambda x: p[0] * x ** (-0.5), 0, p[1])[0],
        lambda p: 2 * p[0] * np.sqrt(p[1]),
    ),
    "a logarithm": (
        lambda p: quad(lambda x: np.log(p[0] * x), 0, 1)[0],
        lambda p: np.log(p[0]) - 1,
    ),
    "a narrow peak": (
        lambda p: quad(lambda x: 1 / (1e-6 + (x - p[1]) ** 2), 0, 1)[0],
        lambda p: 1e3 * (np.arctan(1e3 * (1 - p[1])) + np.arctan(1e3 * p[1])),
    ),
    "waves": (
        lambda p: quad(lambda x: np.cos(60 * p[0] * x) + 1, 0, 3, limit=200)[0],
        lambda p: np.sin(180 * p[0]) / (60 * p[0]) + 3,
    ),
    "kinks at points": (
        lambda p: quad(lambda x: p[0] * np.abs(x - 0.3), 0, 1, points=[0.3, 0.9])[0],
        lambda p: p[0] * (0.3**2 + 0.7**2) / 2,
    ),
    "two variables": (
        lambda p: dblquad(lambda y, x: p[0] * x * y + p[1], 0, 2, 0, lambda x: p[0] * x)[0],
        lambda p: 2 * p[0] ** 3 + 2 * p[1] * p[0],
    ),
    "a vector": (
        lambda p: quad_vec(lambda x: np.array([[np.exp(-p[0] * x)], [p[1] * x]]), 0, 1)[0][:, 0]
        @ np.array([1.0, 2.0]),
        lambda p: (1 - np.exp(-p[0])) / p[0] + p[1],
    ),
}  # fmt: skip


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("integral", "closed"), CLOSED.values(), ids=CLOSED)
def test_values_and_derivatives(integral, closed):
    np.testing.assert_allclose(st.compile(integral)(P), closed(P), rtol=1.5e-8)
    np.testing.assert_allclose(integral(P), closed(P), rtol=1.5e-8)
    expected = st.gradient(closed)(P)
    np.testing.assert_allclose(st.gradient(integral)(P), expected, rtol=1e-6, atol=1e-8)
    direction = np.array([0.7, -0.3])
    pushed = st.pushforward(integral, (P,), (direction,))[1]
    np.testing.assert_allclose(pushed, expected @ direction, rtol=1e-6)


@pytest.mark.parametrize("name", ["limits", "to infinity", "from minus infinity to infinity"])
def test_second_derivatives_and_engines(name):
    integral, closed = CLOSED[name]
    np.testing.assert_allclose(
        st.hessian(integral)(P), st.hessian(closed)(P), rtol=1e-6, atol=1e-8
    )
    trace = trace_function(st.value_and_gradient(integral), (P,))
    for engine in (Interpreter(), Native(), Torch()):
        _, (value, gradient) = engine.compile([trace.graph])([P, *trace.captured_arrays()])
        np.testing.assert_allclose(value, closed(P), rtol=1e-10)
        np.testing.assert_allclose(gradient, st.gradient(closed)(P), rtol=1e-8, atol=1e-12)


def test_harder_integrands_get_more_intervals():
    integral = lambda a: quad(lambda x: 1 / (a + (x - 0.4) ** 2), -1, 1, limit=500)
    compiled = st.compile(integral)
    for a in (1.0, 1e-4, 1e-10, 1e-2):
        value, error = compiled(a)
        root = np.sqrt(a)
        np.testing.assert_allclose(
            value, (np.arctan(0.6 / root) + np.arctan(1.4 / root)) / root, rtol=1.5e-8
        )
        assert error <= 1.49e-8 * max(1.0, value)


def test_integrands_at_random(random):
    # Sums of waves and bumps, with closed forms of their integrals.
    for _ in range(5):
        rates, places, widths = random.uniform(0.1, 9, 3), random.uniform(0, 2, 3), [0.05, 0.3, 2]

        def value(x, weights, rates=rates, places=places, widths=widths):
            bumps = np.exp(-(((x - places) / widths) ** 2))
            return np.sum(weights * (np.sin(rates * x) + bumps))

        ends = np.sort(random.uniform(-1, 3, 2))
        integral = lambda w, value=value, ends=ends: quad(value, *ends, args=(w,))[0]
        waves = (np.cos(rates * ends[0]) - np.cos(rates * ends[1])) / rates
        sides = [special.erf((end - places) / widths) for end in ends]
        bumps = np.sqrt(np.pi) / 2 * np.array(widths) * (sides[1] - sides[0])
        weights = random.normal(size=3)
        np.testing.assert_allclose(
            st.compile(integral)(weights), weights @ (waves + bumps), rtol=1e-8, atol=1e-8
        )
        np.testing.assert_allclose(st.gradient(integral)(weights), waves + bumps, rtol=1e-8)


def test_the_rules_are_exact_for_polynomials():
    for power in range(32):
        exact = 2 / (power + 1) if power % 2 == 0 else 0.0
        np.testing.assert_allclose(kronrod.WEIGHTS @ kronrod.NODES**power, exact, atol=1e-14)
        if power < 20:
            np.testing.assert_allclose(kronrod.GAUSS @ kronrod.NODES**power, exact, atol=1e-14)


def test_a_tolerance_that_is_not_met_warns():
    integral = lambda p: quad(lambda x: p / np.abs(x - 0.3), 0, 1)[0]
    with pytest.warns(IntegrationWarning, match=r"less accurate than asked for"):
        st.compile(integral)(1.0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"weight": "cos", "wvar": 2.0}, "weight='cos'"),
        ({"full_output": True}, "full_output=True"),
        ({"complex_func": True}, "complex_func=True"),
    ],
)
def test_what_cannot_be_recorded_is_named(options, text):
    with pytest.raises(TypeError, match=rf"scipy\.integrate\.quad with {text}.*test_quad\.py"):
        st.compile(lambda p: quad(lambda x: p * x, 0, 1, **options)[0])(1.0)


def test_plain_integrals_are_left_to_scipy():
    f = lambda x: x * quad(lambda y: np.exp(-y), 0, np.inf)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert st.compile(f)(2.0) == f(2.0)
