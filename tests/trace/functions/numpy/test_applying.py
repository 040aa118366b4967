"""``np.vectorize`` and functions like it."""

import numpy as np
import pytest

from steepest import compile as compile_
from steepest import gradient
from tests.support.agreement import assert_agrees


def _pieces(t, k=1.0):
    return t**2 * k if t > 0 else 0.0


VECTORIZED = {
    "outside": np.vectorize(_pieces),
    "whole first": np.vectorize(lambda t: 0 if t < 0 else t**2),
    "with a dtype": np.vectorize(lambda t: 0 if t < 0 else t**2, otypes=[float]),
    "two results": np.vectorize(lambda t: (t + 1, t > 0)),
    "excluded": np.vectorize(lambda t, p=(3.0, 4.0): t * p[0] + p[1], excluded=[1, "p"]),
}


@pytest.mark.parametrize("name", VECTORIZED)
def test_vectorized_functions_from_outside(name):
    function = VECTORIZED[name]
    for x in ([1.0, -2.0, 3.0], [-1.0, 2.0], [[0.5], [-0.5]], 2.0, [], [1, -2]):
        for dtype in (None, np.float32):
            assert_agrees(function, np.array(x, dtype))
            if name in ("outside", "excluded"):
                other = np.array([0.5, 3.0])
                assert_agrees(lambda x, p=other: function(x[..., None], p), np.array(x, dtype))


def test_vectorized_functions_see_what_they_read():
    factor = 2.0
    function = np.vectorize(lambda t: factor * t)
    compiled = compile_(lambda x: function(x))
    np.testing.assert_array_equal(compiled(np.ones(2)), [2.0, 2.0])
    factor = 3.0
    np.testing.assert_array_equal(compiled(np.ones(2)), [3.0, 3.0])
    np.testing.assert_array_equal(gradient(lambda x: np.sum(function(x)))(np.ones(2)), [3.0, 3.0])
