"""At kinks and edges, derivatives are what docs/kinks.md says, in both modes, on every engine."""

import re

import numpy as np
import pytest
import scipy.special

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.ops import TABLE
from steepest.trace import trace_function
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "kinks.md").read_text()
NAMES = {"np": np, "st": st, "scipy": scipy}
LINES = [
    (expression, at, slope)
    for expressions, at, slope in re.findall(r"^\| (`.*`) \| `(.*)` \| `(.*)` \|$", PAGE, re.M)
    for expression in re.findall(r"`([^`]*)`", expressions)
]


@pytest.mark.parametrize(("expression", "at", "slope"), LINES)
def test_slope_is_what_the_page_says(expression, at, slope):
    function = eval(f"lambda x: {expression}", dict(NAMES))
    x, expected = (
        float(eval(at, dict(NAMES))),
        eval(slope, {**NAMES, "inf": np.inf, "nan": np.nan}),
    )
    np.testing.assert_allclose(st.gradient(function)(x), expected, rtol=1e-14)
    np.testing.assert_allclose(st.pushforward(function, (x,), (1.0,))[1], expected, rtol=1e-14)
    trace = trace_function(st.gradient(function), (x,))
    arrays = [np.asarray(x), *trace.captured_arrays()]
    for engine in (Interpreter(), Native(), Torch()):
        _, (found,) = engine.compile([trace.graph])(arrays)
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_the_page_lists_kinks():
    assert len(LINES) >= 45


def test_every_op_with_a_kink_says_so_in_its_row():
    silent = [
        row.name
        for row in TABLE.values()
        if not row.domain.smooth and not row.kink and row.derivative.__class__.__name__ != "Zero"
    ]
    assert not silent


def test_the_side_not_chosen_has_no_slope_in_long_chains():
    def f(x):
        y = np.where(x > 0, x, 1.0)
        unsafe = np.log(np.sqrt(x) / x) * np.exp(1.0 / x)
        safe = np.log(np.sqrt(y) / y) * np.exp(1.0 / y)
        return np.sum(np.where(x > 0, unsafe, 0.0)) - np.sum(np.where(x > 0, safe, 0.0))

    x = np.array([0.0, -1.0, 2.0, 0.5])
    np.testing.assert_allclose(st.gradient(f)(x), np.zeros(4), atol=1e-12)
    np.testing.assert_array_equal(st.hessian(f)(x).round(9), np.zeros((4, 4)))


# Smooth functions that are written with kinks, which cancel each other.


def logistic(z):
    return 1 / (1 + np.exp(-z))


def softplus(z):
    return np.log1p(np.exp(z))


SMOOTH = {
    "stable cross entropy": (
        lambda z: np.maximum(z, 0) - 0.3 * z + np.log1p(np.exp(-np.abs(z))),
        lambda z: softplus(z) - 0.3 * z,
    ),
    "other spellings": (
        lambda z: np.maximum(0, z) - 0.3 * z + np.log1p(np.exp(-np.abs(-z))),
        lambda z: softplus(z) - 0.3 * z,
    ),
    "mixed extremes": (
        lambda z: np.maximum(z, 0) + np.log1p(np.exp(np.minimum(0, z) - np.maximum(0, z))),
        softplus,
    ),
    "squares of parts": (
        lambda z: np.maximum(0, z) ** 2 + np.maximum(-z, 0) ** 2 + np.minimum(0, -z) ** 3,
        lambda z: z**2 + np.where(z > 0, -(z**3), 0),
    ),
    "two of them": (
        lambda z: np.maximum(z, z[::-1]) + np.log1p(np.exp(-np.abs(z[::-1] - z))),
        lambda z: np.logaddexp(z, z[::-1]),
    ),
    "half of each": (lambda z: (z + np.abs(z)) / 2 + np.log1p(np.exp(-np.abs(z))), softplus),
    "logarithm of cosh": (
        lambda z: np.abs(z) + np.log1p(np.exp(-2 * np.abs(z))),
        lambda z: np.log(2 * np.cosh(z)),
    ),
    "minimum in place of minus the size": (
        lambda z: np.maximum(z, 0) + np.log1p(np.exp(np.minimum(z, 0) - np.maximum(z, 0))),
        softplus,
    ),
    "even power": (
        lambda z: np.abs(z) * z * z * np.abs(z) + np.cos(np.abs(z)),
        lambda z: z**4 + np.cos(z),
    ),
    "even function": (
        lambda z: np.cosh(np.abs(z)) * np.exp(-np.abs(z) * np.abs(z)),
        lambda z: np.cosh(z) * np.exp(-z * z),
    ),
    "where >=, size": (
        lambda z: np.where(
            z >= 0,
            1 / (1 + np.exp(-np.abs(z))),
            np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))),
        ),
        logistic,
    ),
    "where >, size": (
        lambda z: np.where(
            z > 0,
            1 / (1 + np.exp(-np.abs(z))),
            np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))),
        ),
        logistic,
    ),
    "where <, extremes": (
        lambda z: np.where(
            z < 0,
            np.exp(np.minimum(z, 0)) / (1 + np.exp(np.minimum(z, 0))),
            1 / (1 + np.exp(-np.maximum(z, 0))),
        ),
        logistic,
    ),
    "where 0 <=, clipped": (
        lambda z: np.where(
            np.less_equal(0, z),
            1 / (1 + np.exp(-np.clip(z, 0, None))),
            1 - logistic(-np.clip(z, None, 0)),
        ),
        logistic,
    ),
    "harmless numbers": (
        lambda z: np.where(
            z > 0,
            1 / (1 + np.exp(-np.abs(np.where(z > 0, z, 1.0)))),
            1 - 1 / (1 + np.exp(-np.abs(np.where(z > 0, -1.0, z)))),
        ),
        logistic,
    ),
    "other comparisons": (
        lambda z: (
            np.where(z >= 0, np.abs(z), -np.abs(z))
            + 0.0 * (z > 0)
            + np.where(z > 0, 1.0, 0.0) * np.cos(z) * 0.0
        ),
        lambda z: z,
    ),
    "where, clipped between": (
        lambda z: np.where(z <= 0.25, np.clip(z, -9, 0.25) ** 2, z / 2 - 0.0625),
        lambda z: np.where(z <= 0.25, z**2, z / 2 - 0.0625),
    ),
    "piecewise": (
        lambda z: np.piecewise(
            z,
            [z >= 0],
            [
                lambda v: 1 / (1 + np.exp(-np.abs(v))),
                lambda v: np.exp(-np.abs(v)) / (1 + np.exp(-np.abs(v))),
            ],
        ),
        logistic,
    ),
    "of two": (
        lambda z: np.where(z >= 0.25, np.maximum(z, 0.25), 2 * np.minimum(z, 0.25) - z) ** 2,
        lambda z: z**2,
    ),
}
POINTS = np.array([0.0, 0.25, -0.5, 1.5])
WEIGHTS = np.array([1.0, -2.0, 0.5, 3.0])


@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_function_has_its_slopes_where_kinks_cancel(name):
    kinked, smooth = SMOOTH[name]
    loss, plain = (lambda z, f=f: np.sum(WEIGHTS * f(z)) for f in (kinked, smooth))
    expected = st.gradient(plain)(POINTS)
    for found in (st.gradient(loss)(POINTS), st.compile(st.gradient(loss))(POINTS)):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    pushed = st.pushforward(loss, (POINTS,), (np.ones(4),))[1]
    np.testing.assert_allclose(pushed, expected.sum(), rtol=1e-12)
    curved = st.hessian(plain)(POINTS)
    np.testing.assert_allclose(st.hessian(loss)(POINTS), curved, rtol=1e-11, atol=1e-12)
    twice = st.gradient(lambda z: np.sum(st.gradient(loss)(z)))(POINTS)
    np.testing.assert_allclose(twice, curved.sum(axis=0), rtol=1e-11, atol=1e-12)
    pushed = lambda f: lambda z: st.pushforward(f, (z,), (np.ones(4),))[1]
    for found in (pushed(pushed(loss)), pushed(lambda z: np.sum(st.gradient(loss)(z)))):
        np.testing.assert_allclose(found(POINTS), curved.sum(), rtol=1e-11, atol=1e-12)
    found = st.gradient(pushed(loss))(POINTS)
    np.testing.assert_allclose(found, curved.sum(axis=0), rtol=1e-11, atol=1e-12)
    step = {"method": st.GradientDescent(1.0), "stop": st.MaxIterations(1)}
    for engine in ("native", "numpy", "torch"):
        run = st.minimize(loss, POINTS, engine=engine, **step)
        np.testing.assert_allclose(POINTS - run.x, expected, rtol=1e-12, atol=1e-13)


KEPT = {
    "a comparison that selects nothing": lambda x: np.abs(x[0]) + 0.0 * (x[0] > 0),
    "another element": lambda x: np.where(x[1] > 0, x[2], np.abs(x[0])),
    "a branch": lambda x: np.abs(x[0]) if x[1] > 0 else x[0],
    "interpolation": lambda x: np.abs(x[0]) + 0.0 * np.interp(x[0], [-1.0, 0.0, 1.0], [0, 1, 2]),
    "a use elsewhere": lambda x: np.where(x[0] >= 0, 0.0 * np.abs(x[0]), 0.0) + np.abs(x[0]),
    "a kink of a kink": lambda x: np.maximum(np.abs(x[0]), 0) + np.clip(np.abs(x[0]), 0, 1),
    "contradictions": lambda x: (
        np.where(x[0] >= 0, np.abs(x[0]), 0.0) + np.where(x[0] > 0, np.abs(x[0]), 0.0)
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_no_side_is_taken_without_a_selection(name):
    function, at_zero = KEPT[name], np.array([0.0, 1.0, 1.0])
    assert st.gradient(function)(at_zero)[0] == 0
    for engine in ("native", "numpy", "torch"):
        run = st.minimize(function, at_zero, engine=engine, method=st.GradientDescent(1.0),
                          stop=st.MaxIterations(1))  # fmt: skip
        assert run.x[0] == 0
        assert run.history.loss[0] == function(at_zero)
