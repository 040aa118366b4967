"""Integers: every ufunc at the limits of every dtype, conversions, and Python's own ints."""

import itertools
import math
import operator
import warnings

import numpy as np
import pytest

import steepest as st
from steepest.errors import SteepestError, UnsupportedError
from steepest.trace import trace_function
from tests.cases.ops import ENGINES

INTEGERS = [np.dtype(kind + size) for kind in "iu" for size in "1248"]


def integer_ufuncs():
    """Return NumPy's ufuncs that have a loop of integers and that can be recorded."""
    found = {}
    for name in dir(np):
        ufunc = getattr(np, name)
        if isinstance(ufunc, np.ufunc) and "l" in "".join(ufunc.types) and not ufunc.signature:
            found[ufunc.__name__] = ufunc
    return [found[name] for name in sorted(found)]


def limits(dtype):
    info = np.iinfo(dtype)
    numbers = [0, 1, 2, 3, 7, 8, 63, 64, 100, info.max, info.max - 1, info.min, info.min + 1]
    numbers += [-1, -2, -7, -64] if info.min < 0 else []
    return np.array([n for n in numbers if info.min <= n <= info.max], dtype)


def outcomes(function, *arguments, engines=tuple(ENGINES)):
    """Return what a function computes in engines, or the error of recording it."""
    try:
        trace = trace_function(function, arguments)
    except Exception as error:
        return [error]
    arrays = [*map(np.asarray, arguments), *trace.captured_arrays()]
    results = []
    for name in engines:
        try:
            number, values = ENGINES[name].compile([trace.graph])(arrays)
        except UnsupportedError:
            if name != "torch" or np.uint64 not in [array.dtype for array in arrays]:
                raise
            continue
        assert number == 0
        results.append(trace.graph.result(values))
    return results


def plain(function, *arguments):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*arguments)
        except Exception as error:
            return error


def assert_same(found, expected):
    """Assert that results are the plain one; an error may only stand for one of its kind.

    What cannot be recorded may be refused, with the line.
    """
    for value in found:
        if isinstance(value, SteepestError) and not isinstance(expected, Exception):
            assert "test_integers.py" in str(value)
        elif isinstance(expected, Exception):
            assert isinstance(value, type(expected)), (value, expected)
            assert "test_integers.py" in str(value)
        else:
            assert not isinstance(value, Exception), (value, expected)
            np.testing.assert_array_equal(value, expected)
            if isinstance(expected, np.ndarray | np.generic):
                assert np.asarray(value).dtype == expected.dtype


@pytest.mark.parametrize("ufunc", integer_ufuncs(), ids=lambda ufunc: ufunc.__name__)
def test_ufuncs_of_integers_are_numpys(ufunc):
    exact = any(set(types.split("->")[0]) == {"l"} and types[-1] in "l?" for types in ufunc.types)
    if not exact:
        pytest.skip("NumPy converts integers to floats for it")
    for dtype in INTEGERS:
        columns = zip(*itertools.product(limits(dtype), repeat=ufunc.nin), strict=True)
        operands = [np.array(column) for column in columns]
        if ufunc is np.power:
            operands[1] = np.abs(operands[1] // 2)
        assert_same(outcomes(ufunc, *operands), plain(ufunc, *operands))


@pytest.mark.parametrize("exponents", [[2, -1], [-3, -3]])
def test_integers_to_negative_powers_raise(exponents):
    for function in (np.power, operator.pow):
        for dtype in INTEGERS[:4]:
            bases, powers = np.array([2, 3], dtype), np.array(exponents, dtype)
            assert_same(outcomes(function, bases, powers), plain(function, bases, powers))
            once = exponents[1]
            assert_same(
                outcomes(lambda x, function=function, once=once: function(x, once), bases),
                plain(function, bases, once),
            )
    compiled = st.compile(lambda x, n: np.sum(x**n))
    assert compiled(np.array([2, 3]), np.array([1, 2])) == 11
    with pytest.raises(ValueError, match="negative integer powers"):
        compiled(np.array([2, 3]), np.array([1, -2]))


@pytest.mark.parametrize("source", [np.float64, np.float32])
@pytest.mark.parametrize("target", [*INTEGERS, np.dtype(bool)], ids=str)
def test_conversions_of_floats_are_numpys(source, target):
    edges = [2.0**k for k in (7, 8, 15, 16, 31, 32, 62, 63, 64)]
    values = [0.0, 0.9, -0.9, 3.7, -3.7, 200.5, 1e19, 1e300, np.inf, np.nan]
    values += [sign * (edge + step) for edge in edges for step in (-1, 0, 1) for sign in (1, -1)]
    if target == np.uint32:  # elsewhere NumPy's own results depend on the array's length
        values = [v for v in values if -(2**31) <= v < 2**32]
    with np.errstate(over="ignore"):
        values = np.array(values).astype(source)
    for array in (values, values[::2], values[9], values[10]):
        wanted = plain(lambda x: x.astype(target), array)
        assert_same(outcomes(lambda x: x.astype(target), array), wanted)


COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [*INTEGERS, np.dtype(bool)], ids=str)
def test_pythons_ints_are_compared_exactly(compare, dtype):
    array = limits(dtype) if dtype.kind != "b" else np.array([True, False])
    for number in (-1, 3, 300, -(2**40), 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**70), 2**70):

        def function(x, number=number):
            return compare(x, number), compare(number, x)

        expected = plain(function, array)
        for found in outcomes(function, array):
            if isinstance(expected, Exception):  # NumPy takes truth values for int64
                assert dtype.kind == "b"
                assert isinstance(found, type(expected))
            else:
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda f: f.__name__)
def test_signed_and_unsigned_integers_are_compared_exactly(compare):
    for first, second in itertools.permutations(
        [np.dtype("u8"), np.dtype("i8"), np.dtype("u1")], 2
    ):
        pairs = np.array(list(itertools.product(limits(first), limits(second))), object)
        operands = pairs[:, 0].astype(first), pairs[:, 1].astype(second)
        assert_same(outcomes(compare, *operands), plain(compare, *operands))


@pytest.mark.parametrize("decimals", [-3, -1, 0, 2])
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_rounding_of_integers_is_numpys(dtype, decimals):
    numbers = np.array([0, 4, 5, 15, 25, 35, 49, 51, 99, 100, 105], dtype)
    assert_same(outcomes(lambda x: np.round(x, decimals), numbers), np.round(numbers, decimals))


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
            assert "test_integers.py" in str(value)
        elif isinstance(expected, Exception):
            assert isinstance(value, type(expected)), (value, expected)
            assert "test_integers.py" in str(value)
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
    for pair in some(list(itertools.product(NUMBERS, repeat=2)), random):
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
    with pytest.raises(TypeError, match=r"pow\(\) with three arguments at test_integers.py"):
        st.trace(lambda a: pow(int(a), int(a), 7), 3.0)


def test_ints_too_large_are_refused_at_every_call():
    compiled = st.compile(lambda x: int(x) ** 4 % 7 + 0.0)
    assert compiled(100.0) == 100**4 % 7
    with pytest.raises(TypeError, match=r"\*\* at test_integers.py:\d+ needs more than 64 bits"):
        compiled(1e5)


def test_python_ints_take_the_dtype_of_arrays():
    for dtype in (np.int8, np.uint8, np.int32, np.float32):
        array = np.array([1, 2], dtype)
        for number in (3.0, 300.0, -1.0):
            expected = plain(lambda x, n: x + int(n), array, number)
            for value in outcomes(lambda x, n: x + int(n), array, number):
                if isinstance(expected, Exception):
                    assert isinstance(value, type(expected))
                else:
                    np.testing.assert_array_equal(value, expected)
                    assert value.dtype == expected.dtype


def raising_state(x):
    with np.errstate(divide="raise"):
        return 1 / x


def raising_everywhere(x):
    np.seterr(all="raise")
    return 1 / x


def warnings_as_errors(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return 1 / x


def one_warning_as_error(x):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "divide", RuntimeWarning)
        return 1 / x


@pytest.mark.parametrize(
    "function", [raising_state, raising_everywhere, warnings_as_errors, one_warning_as_error]
)
def test_settings_that_raise_are_refused(function):
    with pytest.raises(TypeError, match=r"'(raise|error)'\) at test_integers.py:\d+ cannot be"):
        st.trace(function, np.array([0.0, 1.0]))


def test_settings_that_do_not_raise_are_accepted():
    def quiet(x):
        with np.errstate(all="ignore", divide="warn"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", category=DeprecationWarning)
            return np.sqrt(x)

    assert st.trace(quiet, 4.0)(4.0) == 2


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


def test_chosen_python_ints_are_cast_as_numpy_casts_them():
    small = np.array([3, 250], np.uint8)
    for function in (lambda x: np.where(x > 5, x, 300), lambda x: np.where(x > 5, -1, x)):
        assert_same(outcomes(function, small), function(small))
