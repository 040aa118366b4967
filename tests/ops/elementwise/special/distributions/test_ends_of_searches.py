"""Slopes of inverses of distribution functions where there is no solution."""

import numpy as np
import pytest
import scipy.special

import steepest as st

UNSOLVABLE = {
    "fdtridfd": (2.0, 0.99, 1.2),
    "stdtridf": (0.99, 1.0),
    "bdtrik": (0.01, 5.0, 0.5),
    "nbdtrik": (0.01, 3.0, 0.5),
    "pdtrik": (0.001, 5.0),
    "chndtridf": (0.921, 0.75, 4.0),
    "chndtrinc": (0.921, 2.0, 0.9),
}
"""Functions and arguments for which SciPy returns an end of its search."""


@pytest.mark.parametrize("name", UNSOLVABLE)
def test_an_end_of_the_search_has_no_slope(name):
    function, at = getattr(scipy.special, name), UNSOLVABLE[name]
    nearby = [function(*(np.array(at) * factor)) for factor in (0.9999, 1.0, 1.0001)]
    assert nearby[0] == nearby[1] == nearby[2]
    slopes = st.gradient(lambda x: function(*x))(np.array(at))
    np.testing.assert_array_equal(slopes, 0.0)
