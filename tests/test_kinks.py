"""The conventions at kinks and edges are what docs/kinks.md says, in both modes, everywhere."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.ops import TABLE
from steepest.trace import trace_function

PAGE = (Path(__file__).parents[1] / "docs" / "kinks.md").read_text()
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


def test_the_page_has_lines():
    assert len(LINES) >= 45


def test_every_op_with_a_kink_says_so_in_its_row():
    silent = [
        row.name
        for row in TABLE.values()
        if not row.domain.smooth and not row.kink and row.derivative.__class__.__name__ != "Zero"
    ]
    assert not silent


def test_the_side_that_is_not_chosen_has_no_say_in_long_chains_either():
    def f(x):
        y = np.where(x > 0, x, 1.0)
        unsafe = np.log(np.sqrt(x) / x) * np.exp(1.0 / x)
        safe = np.log(np.sqrt(y) / y) * np.exp(1.0 / y)
        return np.sum(np.where(x > 0, unsafe, 0.0)) - np.sum(np.where(x > 0, safe, 0.0))

    x = np.array([0.0, -1.0, 2.0, 0.5])
    np.testing.assert_allclose(st.gradient(f)(x), np.zeros(4), atol=1e-12)
    np.testing.assert_array_equal(st.hessian(f)(x).round(9), np.zeros((4, 4)))
