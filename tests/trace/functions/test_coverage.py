"""Every function that can be recorded: values, both modes of derivatives, every engine."""

import cmath
import importlib
import math

import numpy as np
import optree
import pytest

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.show.coverage import rows
from steepest.trace import trace_function
from tests.cases.functions import CASES, X

ENGINES = {"numpy": Interpreter(), "native": Native(), "torch": Torch()}
FLAT = {row.name for row in rows() if row.slopes == "0"}
NUMBERED = [
    pytest.param(name, case, id=f"{name}-{number}")
    for name, cases in CASES.items()
    for number, case in enumerate(cases)
]


def numbers(value):
    """Return everything that a call returned as one vector of floats."""
    return np.concatenate(
        [np.asarray(leaf, float).ravel() for leaf in optree.tree_leaves(value)] or [np.zeros(0)]
    )


def flat(case):
    """Return a case as a function with one vector as its result, recorded as one."""

    def function(x):
        leaves = optree.tree_leaves(case(x))
        return np.concatenate([np.ravel(np.asarray(leaf) * 1.0) for leaf in leaves])

    return function


def test_the_table_lists_what_is_proved_and_nothing_else():
    assert {row.name for row in rows()} == set(CASES)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("name", "case"), NUMBERED)
def test_value_is_the_librarys_on_every_engine(name, case):
    with np.errstate(all="ignore"):
        expected = case(X.copy())
    trace = trace_function(case, (X,))
    arrays = [X, *trace.captured_arrays()]
    for engine in ENGINES.values():
        number, values = engine.compile([trace.graph])(arrays)
        assert number == 0
        found = trace.graph.result(values)
        leaves = zip(optree.tree_leaves(found), optree.tree_leaves(expected), strict=True)
        for value, wanted in leaves:
            assert np.shape(value) == np.shape(wanted)
            if isinstance(wanted, np.ndarray | np.generic):
                assert value.dtype == wanted.dtype
            np.testing.assert_allclose(value, wanted, rtol=1e-11, atol=1e-13)


def differences(function, x, direction):
    total = 0.0
    for weight, step in ((3 / 2, 1e-4), (-3 / 5, 2e-4), (1 / 10, 3e-4)):
        ahead, behind = function(x + step * direction), function(x - step * direction)
        total = total + weight * (ahead - behind) / (2 * step)
    return total


@pytest.mark.sampled(4)
@pytest.mark.filterwarnings("ignore::steepest.TraceWarning")  # array_equal is announced
@pytest.mark.parametrize(("name", "case"), NUMBERED)
def test_both_modes_give_the_slope(name, case, random):
    function, direction = flat(case), random.uniform(0.5, 1.0, X.size)
    value, pushed = st.pushforward(function, (X,), (direction,))
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(value, numbers(case(X.copy())), rtol=1e-11, atol=1e-13)
        expected = differences(lambda u: numbers(case(u)), X, direction)
    np.testing.assert_allclose(pushed, expected, rtol=1e-6, atol=1e-7)
    weights = random.uniform(0.5, 1.0, value.size)
    _, pull = st.pullback(function, X)
    (cotangent,) = pull(weights)
    np.testing.assert_allclose(cotangent @ direction, pushed @ weights, rtol=1e-10, atol=1e-11)
    if name in FLAT:
        assert not pushed.any()


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "name", [name for name in CASES if name not in FLAT and not name.startswith("math.is")]
)
def test_slopes_have_slopes(name, random):
    case = CASES[name][0]
    weights = random.uniform(0.5, 1.0, numbers(case(X.copy())).size)
    if not weights.size:
        pytest.skip("returns nothing")
    direction = random.uniform(0.5, 1.0, X.size)

    def loss(x):
        return np.sum(flat(case)(x) * weights)

    slope = st.gradient(loss)
    expected = differences(lambda u: slope(u), X, direction)
    np.testing.assert_allclose(st.hvp(loss, X, direction), expected, rtol=1e-5, atol=1e-6)


def test_names_are_the_libraries_own():
    for row in rows():
        module, _, name = row.name.rpartition(".")
        owner = {"": np, "linalg": np.linalg, "fft": np.fft, "math": math, "cmath": cmath}
        owner["lib.stride_tricks"] = np.lib.stride_tricks
        found = owner[module] if module in owner else importlib.import_module(module)
        assert hasattr(found, name) or name in ("max", "min"), row.name
