"""Functions written in plain NumPy, not for us: values, gradients and engines."""

import inspect
import math
import types

import mpmath
import numpy as np
import pytest

import steepest as st
from steepest.engines import Interpreter, Native, Torch
from steepest.trace import trace_function
from tests.cases import plain_numpy

X = np.array([0.31, 0.62, 0.27, 0.83, 0.48, 0.55])
ENGINES = {"numpy": Interpreter(), "native": Native(), "torch": Torch()}


def differences(function, x):
    """Richardson's extrapolation of central differences, of sixth order."""
    slope = np.zeros(x.size)
    for i in range(x.size):
        for weight, step in ((3 / 2, 1e-3), (-3 / 5, 2e-3), (1 / 10, 3e-3)):
            ahead, behind = x.copy(), x.copy()
            ahead[i] += step
            behind[i] -= step
            slope[i] += weight * (function(ahead) - function(behind)) / (2 * step)
    return slope


def names(functions):
    return [function.__name__ for function in functions]


def test_there_are_many_functions_with_names_of_their_own():
    assert len(plain_numpy.FUNCTIONS) >= 40


@pytest.mark.parametrize("function", plain_numpy.FUNCTIONS, ids=names(plain_numpy.FUNCTIONS))
def test_value_is_numpys(function):
    given = X.copy()
    expected = function(X.copy())
    for value in (st.trace(function, given)(given), st.compile(function)(given)):
        if function.__name__ in plain_numpy.EXACT:
            assert value == expected
        else:
            np.testing.assert_allclose(value, expected, rtol=1e-14)
    np.testing.assert_array_equal(given, X)


@pytest.mark.parametrize("function", plain_numpy.FUNCTIONS, ids=names(plain_numpy.FUNCTIONS))
def test_gradient_is_right_on_every_engine(function):
    given = X.copy()
    expected = differences(function, X)
    scale = {"rtol": 1e-8, "atol": 1e-8}
    np.testing.assert_allclose(st.gradient(function)(given), expected, **scale)
    np.testing.assert_array_equal(given, X)
    trace = trace_function(st.value_and_gradient(function), (given,))
    arrays = [given, *trace.captured_arrays()]
    for engine in ENGINES.values():
        number, (value, gradient) = engine.compile([trace.graph])(arrays)
        assert number == 0
        np.testing.assert_allclose(value, function(X.copy()), rtol=1e-13)
        np.testing.assert_allclose(gradient, st.gradient(function)(given), rtol=1e-12, atol=1e-13)
    torch_value, torch_gradient = torch_witness(function, given)
    np.testing.assert_allclose(torch_value, function(X.copy()), rtol=1e-13)
    np.testing.assert_allclose(torch_gradient, expected, **scale)


def torch_witness(function, x):
    trace = trace_function(function, (x,))
    return ENGINES["torch"].value_and_gradient(trace.graph)([x, *trace.captured_arrays()])


@pytest.mark.parametrize("function", plain_numpy.FUNCTIONS, ids=names(plain_numpy.FUNCTIONS))
def test_forward_is_reverse(function):
    direction = np.array([0.3, -0.2, 0.5, 0.7, -0.4, 0.1])
    _, slope = st.pushforward(function, (X.copy(),), (direction,))
    np.testing.assert_allclose(slope, st.gradient(function)(X) @ direction, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("function", plain_numpy.FUNCTIONS, ids=names(plain_numpy.FUNCTIONS))
def test_other_paths_are_found_and_kept(function):
    compiled, gradient = st.compile(function), st.compile(st.gradient(function))
    random = np.random.default_rng(0)
    for _ in range(8):
        x = X + random.uniform(-0.25, 0.25, X.size)
        np.testing.assert_allclose(compiled(x), function(x.copy()), rtol=1e-13)
        np.testing.assert_allclose(gradient(x), st.gradient(function)(x), rtol=1e-11, atol=1e-12)


# NumPy turns mpmath's numbers into floats in some of these; classes keep their own names.
FLOATS_ONLY = {
    "finite_differences", "imports_inside", "inheritance", "interpolates", "loss", "makes_grids",
    "mathematics", "methods", "named_tuples_and_dataclasses", "try_and_except",
}  # fmt: skip
PRECISE = [function for function in plain_numpy.FUNCTIONS if function.__name__ not in FLOATS_ONLY]


def in_high_precision(function):
    """Return a function of the file with mpmath's numbers in place of floats."""

    def filled(value):
        def make(shape, *_, **__):
            made = np.empty(shape, object)
            made[...] = mpmath.mpf(value)
            return made

        return make

    numpy, mathematics = (types.SimpleNamespace(**vars(m)) for m in (np, math))
    for name in ("sin", "cos", "exp", "log", "sqrt", "tanh"):
        setattr(mathematics, name, getattr(mpmath, name))
        elementwise = np.frompyfunc(getattr(mpmath, name), 1, 1)
        setattr(numpy, name, lambda x, *args, f=elementwise, **kwargs: f(x, *args, **kwargs))
    mathematics.fsum = lambda values: mpmath.fsum(list(values))
    numpy.zeros, numpy.empty, numpy.ones = filled(0), filled(0), filled(1)
    numpy.full = lambda shape, value: numpy.zeros(shape) + value
    numpy.zeros_like = numpy.empty_like = lambda x: numpy.zeros(np.shape(x))
    names = {**vars(plain_numpy), "np": numpy, "math": mathematics, "make_zeros": numpy.zeros}
    names |= {"exp": mpmath.exp, "sqrt": mpmath.sqrt, "float": mpmath.mpf}
    for name, value in list(names.items()):
        if isinstance(value, types.FunctionType) and value.__module__ == plain_numpy.__name__:
            names[name] = types.FunctionType(value.__code__, names, name, value.__defaults__)
    return names[function.__name__]


@pytest.mark.parametrize("function", PRECISE, ids=names(PRECISE))
def test_gradient_against_high_precision(function):
    """The same file, run in 40 digits: mpmath's numbers in NumPy's object arrays."""
    precise = in_high_precision(function)
    with mpmath.workdps(40):
        x = [mpmath.mpf(float(value)) for value in X]
        step = mpmath.mpf(10) ** -13
        slopes = []
        for i in range(len(x)):
            ahead, behind = (np.array(x, object) for _ in range(2))
            ahead[i] += step
            behind[i] -= step
            slopes.append(float((precise(ahead) - precise(behind)) / (2 * step)))
    np.testing.assert_allclose(st.gradient(function)(X), slopes, rtol=1e-12, atol=1e-14)


def test_most_are_checked_in_high_precision():
    assert len(PRECISE) >= 40


def test_the_functions_do_not_mention_steepest():
    assert "steepest" not in inspect.getsource(plain_numpy).split('"""', 2)[2]
