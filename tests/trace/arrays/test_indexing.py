"""Indices that are computed, and arrays from outside that are indexed."""

import numpy as np
import pytest

import steepest as st
from tests.support.agreement import assert_agrees

VECTOR = np.array([0.4, 0.2, 3.0])

INDICES = [1, -1, [1], [0, 2], np.array([1]), np.array([True, False, True]), slice(0, 2), []]


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_indices_may_be_arrays_made_inside(index):
    functions = [
        lambda x: np.delete(x, index),
        lambda x: np.insert(x, index, 0.5),
        lambda x: np.split(x, index),
        lambda x: np.roll(x, index),
        lambda x: np.repeat(x, index),
        lambda x: np.take(x, index),
        lambda x: np.delete(x, np.array(index)),
        lambda x: np.insert(x, np.asarray(index), 0.5),
        lambda x: np.repeat(x, np.array([2, 0, 1])),
        lambda x: np.tile(x, np.array([2, 1])),
        lambda x: np.split(x, np.array([1, 2])),
        lambda x: np.resize(x, np.array([2, 2])),
        lambda x: np.pad(x, np.array([1, 2])),
    ]
    for function in functions:
        assert_agrees(function, VECTOR)


def test_a_chosen_index_is_a_guard():
    compiled = st.compile(lambda x: np.sum(np.delete(x, np.argmax(x))))
    assert compiled(np.array([1.0, 2.0, 4.0])) == 3
    assert compiled(np.array([8.0, 2.0, 4.0])) == 6


# Arrays from outside: data are as traced values are, whatever their dtype.


OUTSIDE = {
    dtype: np.array([0.5, 0.0, 2.0, 0.0, 1.5]).astype(dtype)
    for dtype in ("bool", "int64", "uint8", "float32", "float64")
}
RANKS = np.array([3.0, 1.0, 5.0, 2.0, 4.0])

USES = {
    "by computed indices": lambda data, x: np.sum(data[np.argsort(RANKS)] * x),
    "by a computed number": lambda data, x: data[np.argmax(RANKS)] * x[0],
    "by a computed mask": lambda data, x: np.sum(data[RANKS > 2.0]) * x[0],
    "as a mask of computed data": lambda data, x: np.sum(x[data[np.argsort(-RANKS)] > 0]),
    "by a slice to a computed number": lambda data, x: np.sum(data[: np.argmax(RANKS)]) * x[1],
    "inside a list": lambda data, x: np.sum([data, data][1][np.argsort(RANKS)] * x),
}


@pytest.mark.parametrize("dtype", OUTSIDE)
@pytest.mark.parametrize("use", USES)
def test_data_from_outside_are_indexed_by_what_was_computed(use, dtype):
    data = OUTSIDE[dtype]
    f = lambda x: USES[use](data, x)
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    compiled = st.compile(f)
    for scale in (1.0, 0.5):
        np.testing.assert_array_equal(compiled(scale * x), f(scale * x))


@pytest.mark.parametrize("dtype", [*OUTSIDE, "complex128", "object", "U3", "datetime64[s]"])
def test_data_from_outside_are_not_changed(dtype):
    data = np.zeros(3, np.int64).astype(dtype)
    before = data.copy()

    def f(x):
        data[0] = data[1]
        return np.sum(x)

    with pytest.raises(ValueError, match=r"from outside|read-only"):
        st.compile(f)(np.ones(5))
    np.testing.assert_array_equal(data, before)
