"""Python's operators and functions on Python's own numbers, made of traced values."""

import itertools
import math
import operator

import numpy as np
import pytest

import steepest as st
from steepest.errors import SteepestError
from tests.support.outcomes import outcomes, plain

COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]

# Python's own numbers. A compiled function has floats as arguments; ints are made of them.

NUMBERS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.0,
    0.5,
    -2.5,
    7.0,
    64.0,
    1e10,
    -1e10,
    1e200,
    2.0**62,
    math.inf,
    math.nan,
]
BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow, divmod, *COMPARISONS, math.pow, math.fmod, math.remainder, math.atan2,
    math.copysign, math.nextafter, math.isclose, math.hypot, max, min,
]  # fmt: skip
OF_INTS = [operator.lshift, operator.rshift, operator.and_, operator.or_, operator.xor]
ALONE = [
    operator.neg, operator.pos, abs, int, float, bool, round, math.floor, math.ceil, math.trunc,
    *(getattr(math, name) for name in (
        "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "fabs", "sin",
        "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
        "degrees", "radians", "gamma", "lgamma", "erf", "erfc", "modf", "frexp",
        "ulp", "isnan", "isinf",
        "isfinite",
    )),
]  # fmt: skip
ALONE_OF_INTS = [operator.neg, operator.invert, abs, float, bool, round, math.floor, math.sqrt]


def assert_python(function, *arguments, engines=("numpy",)):
    """Assert that a function of Python numbers gives Python's number, or raises its error."""
    expected = plain(function, *arguments)
    if isinstance(expected, complex) or (
        isinstance(expected, int) and not isinstance(expected, bool) and abs(expected) > 2**53
    ):  # float64 is not asked to hold it
        expected = None
    for value in outcomes(function, *arguments, engines=engines):
        if isinstance(value, SteepestError):  # refused
            assert "test_python.py" in str(value)
        elif isinstance(expected, Exception):
            assert isinstance(value, type(expected)), (value, expected)
            assert "test_python.py" in str(value)
        elif expected is not None:
            assert not isinstance(value, Exception), (arguments, value, expected)
            value, expected = np.ravel(value).astype(float), np.ravel(expected).astype(float)
            np.testing.assert_allclose(value, expected, rtol=1e-14, atol=0)
            signs = np.signbit(np.where(np.isnan(value), 0, [value, expected]))
            np.testing.assert_array_equal(*signs)


def some(pairs, random):
    return [pairs[i] for i in random.permutation(len(pairs))[:24]]


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
def test_floats_are_pythons(function, random):
    for pair in [*some(list(itertools.product(NUMBERS, repeat=2)), random), (-0.0, 0.5)]:
        assert_python(lambda a, b: function(a, b), *pair)


@pytest.mark.parametrize("function", BINARY[:14] + OF_INTS, ids=lambda f: f.__name__)
def test_ints_are_pythons_or_refused(function, random):
    huge = function in (operator.pow, operator.lshift)  # Python itself would compute for ever
    for pair in some(list(itertools.product(NUMBERS[:-2], repeat=2)), random):
        if not huge or pair[1] < 1e4:
            assert_python(lambda a, b: function(int(a), int(b)), *pair)


@pytest.mark.parametrize("function", BINARY[:14], ids=lambda f: f.__name__)
def test_ints_among_floats_are_pythons(function, random):
    for pair in some(list(itertools.product(NUMBERS[:-2], repeat=2)), random)[:12]:
        assert_python(lambda a, b: function(int(a), b), *pair)
        assert_python(lambda a, b: function(b, int(a)), *pair)
        assert_python(lambda a: function(a, 3), pair[0])
        if function is not operator.pow or pair[0] < 1e4:
            assert_python(lambda a: function(3, int(a)), pair[0])


@pytest.mark.parametrize("function", ALONE, ids=lambda f: f.__name__)
def test_functions_of_one_float_are_pythons(function):
    for number in [*NUMBERS, 1e-300, -0.3, 171.7, 710.0]:
        assert_python(lambda a: function(a), number)


@pytest.mark.parametrize("function", ALONE_OF_INTS, ids=lambda f: f.__name__)
def test_functions_of_one_int_are_pythons(function):
    for number in NUMBERS:
        assert_python(lambda a: function(int(a)), number)


@pytest.mark.parametrize("digits", [-22, -3, -1, 0, 1, 2, 5, 15, 22, 40])
def test_floats_are_rounded_as_python_writes_them(digits, random):
    halves = random.integers(-1999, 1999, 12) * 0.5 * 10.0**-digits
    for number in [2.675, 1.005, 0.125, 2.5, 25.0, 1e16, 5e22, math.inf, *halves.tolist()]:
        assert_python(lambda a: round(a, digits), number)
        assert_python(lambda a: round(int(a), digits), number)
        wanted = float(round(np.float64(number), digits)) if math.isfinite(number) else number
        for value in outcomes(lambda x: round(x, digits), np.float64(number)):
            if not isinstance(value, SteepestError):
                np.testing.assert_allclose(value, wanted, rtol=1e-15)


def test_sums_are_rounded_once(random):
    rows = [[1e16, 1.0, -1e16], [0.1] * 10, [1e308, 1e308], [math.inf, 1.0], [math.inf, -math.inf]]
    rows += [
        list(random.standard_normal(9) * 10.0 ** random.integers(-20, 20, 9)) for _ in range(5)
    ]
    for row in rows:
        assert_python(lambda x: math.fsum(list(x)), np.array(row))


def test_distances_are_computed_in_float64(random):
    for dtype in (np.float32, np.float64):
        p, q = random.standard_normal((2, 3)).astype(dtype)
        assert_python(lambda p, q: math.dist(p, q), p, q)


def test_powers_modulo_a_number():
    for base, exponent, modulus in (
        (5.0, 13, 7),
        (-5.0, 0, 7),
        (123456.0, 1000, 2**31 - 1),
        (3.0, 4, -5),
    ):
        assert_python(lambda a, n=exponent, m=modulus: pow(int(a), n, m), base)
    with pytest.raises(TypeError, match=r"pow\(\) with three arguments at test_python.py"):
        st.trace(lambda a: pow(int(a), int(a), 7), 3.0)


def test_ints_too_large_are_refused_at_every_call():
    compiled = st.compile(lambda x: int(x) ** 4 % 7 + 0.0)
    assert compiled(100.0) == 100**4 % 7
    with pytest.raises(TypeError, match=r"\*\* at test_python.py:\d+ needs more than 64 bits"):
        compiled(1e5)


def test_sequences_times_whole_numbers_are_repeated():
    functions = [
        lambda x: np.array([x, 1.0] * int(x)),
        lambda x: np.array(int(x) * (x,)),
        lambda x: np.array([x] * np.int64(x)),
        lambda x: np.add(np.int64(x), [x, 2.0]),
        lambda x: operator.add(np.int64(x), [x, 2.0]),
        lambda x: int(x) == [3],
    ]
    for function in functions:
        np.testing.assert_allclose(outcomes(function, 3.0)[0], function(3.0))
    for function in (
        lambda x: [1.0] * x,
        lambda x: np.float64(x) * [1.0],
        lambda x: operator.add(int(x), [1.0]),
    ):
        with pytest.raises(TypeError):
            st.trace(function, 3.0)
