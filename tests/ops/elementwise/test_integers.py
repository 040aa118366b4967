"""Integers: every ufunc at the limits of every dtype, conversions and comparisons."""

import itertools
import operator

import numpy as np
import pytest

import steepest as st
from steepest.errors import SteepestError
from tests.support.outcomes import outcomes, plain

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
        assert_same(outcomes(lambda *args: ufunc(*args), *operands), plain(ufunc, *operands))


@pytest.mark.parametrize("exponents", [[2, -1], [-3, -3]])
def test_integers_to_negative_powers_raise(exponents):
    for function in (np.power, operator.pow):
        for dtype in INTEGERS[:4]:
            bases, powers = np.array([2, 3], dtype), np.array(exponents, dtype)
            assert_same(
                outcomes(lambda x, n, function=function: function(x, n), bases, powers),
                plain(function, bases, powers),
            )
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
        assert_same(outcomes(lambda *args: compare(*args), *operands), plain(compare, *operands))


@pytest.mark.parametrize("decimals", [-3, -1, 0, 2])
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_rounding_of_integers_is_numpys(dtype, decimals):
    numbers = np.array([0, 4, 5, 15, 25, 35, 49, 51, 99, 100, 105], dtype)
    assert_same(outcomes(lambda x: np.round(x, decimals), numbers), np.round(numbers, decimals))


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


def test_chosen_python_ints_are_cast_as_numpy_casts_them():
    small = np.array([3, 250], np.uint8)
    for function in (lambda x: np.where(x > 5, x, 300), lambda x: np.where(x > 5, -1, x)):
        assert_same(outcomes(function, small), function(small))
