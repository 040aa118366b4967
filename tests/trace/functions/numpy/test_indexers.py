"""``np.r_``, ``np.c_``, ``np.s_``, ``np.ix_`` and their like."""

import numpy as np
import pytest

import steepest as st
from steepest.errors import RefusalError
from tests.support.agreement import assert_agrees, recorded

VECTOR = np.array([0.4, 0.2, 3.0])
MATRIX = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])

JOINED = [
    lambda x, a: np.r_[x, 1, x[0]],
    lambda x, a: np.r_[0:3, x, x[0] : 2 : 3j],
    lambda x, a: np.r_["-1", a, a],
    lambda x, a: np.r_["0,2", x, x],
    lambda x, a: np.r_["0,2,0", x, x],
    lambda x, a: np.r_["1,2,0", x, x],
    lambda x, a: np.r_["0,3,1", x, x],
    lambda x, a: np.r_[True, x > 1],
    lambda x, a: np.r_[1, x.astype(np.float32)],
    lambda x, a: np.r_[np.float64(1), x.astype(np.float32)],
    lambda x, a: np.c_[a.T, x, x],
    lambda x, a: np.c_[0:3, x],
    lambda x, a: np.c_[x],
    lambda x, a: a[np.s_[1, ::2]],
    lambda x, a: a[np.index_exp[..., 1]],
    lambda x, a: a[np.ix_([1, 0], [2, 0])],
    lambda x, a: a[np.ix_([True, False], x > 1)],
    lambda x, a: np.poly1d([1.0, 2.0])(x),
    lambda x, a: np.poly1d(x)(2.0),
]


@pytest.mark.parametrize("function", JOINED)
def test_arrays_are_joined_as_by_numpy(function):
    assert_agrees(function, VECTOR, MATRIX)


@pytest.mark.parametrize(
    "function",
    [lambda x: np.r_["r", x], lambda x: np.r_[1.0 : x[2] : 0.5]],
    ids=["matrix", "range"],
)
def test_what_cannot_be_joined_is_refused(function):
    with pytest.raises(RefusalError):
        recorded(function)(VECTOR)


def test_subscripts_may_be_lists_of_axes():
    functions = [
        lambda x, a: np.einsum(x, [0], x, [1]),
        lambda x, a: np.einsum(x, [0], x, [1], [1, 0]),
        lambda x, a: np.einsum(a, [0, 1], x, [1], [0]),
        lambda x, a: np.einsum(a, [0, 1], a, [0, 1]),
        lambda x, a: np.einsum(a, [Ellipsis, 1], [Ellipsis]),
    ]
    for function in functions:
        assert not assert_agrees(function, VECTOR, MATRIX)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int32, np.int64])
@pytest.mark.parametrize(
    "call",
    [
        np.bincount,
        lambda x: np.bincount(x, np.arange(4.0)),
        lambda x: np.choose(x, [np.arange(4.0), np.ones(4)]),
        lambda x: np.choose(x, [np.arange(4.0), np.ones(4)], mode="wrap"),
    ],
)
def test_whole_numbers_of_any_dtype_count_and_choose(call, dtype):
    x = np.array([1, 0, 1, 1]).astype(dtype)
    expected = call(x)
    for function in (st.trace(call, x), st.compile(call)):
        found = function(x)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
