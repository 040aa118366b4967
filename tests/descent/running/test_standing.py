"""The point of a run between two iterations, read from the state of its search."""

import numpy as np
import pytest

import steepest as st
from steepest.descent.iteration.step import SearchState, first_state
from steepest.graph import trees


@pytest.mark.parametrize("method", [st.BFGS(), st.Dogleg(), st.LBFGS()])
def test_fields_are_read_from_the_flat_state(method):
    state = first_state(method, np.array([1.0, 2.0]), st.MaxIterations(3), 1)
    found = SearchState.last_of(trees.leaves(state))
    assert found.base.loss == np.inf
    np.testing.assert_array_equal(found.base.x, [1.0, 2.0])
    assert found._fields == state[1]._fields
    for one, other in zip(trees.leaves(found), trees.leaves(state[1]), strict=True):
        np.testing.assert_array_equal(one, other)
