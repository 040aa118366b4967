"""Slopes by shapes of probabilities that SciPy integrates, where the density is not benign."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

import steepest as st
from tests.support.differences import extrapolated

SHAPES = [(2.0, 0.7, 1.3, 0.6), (0.6, 0.3, 2.0, -0.4), (1.5, 2.5, 0.5, 3.0), (0.4, 1.0, 1.0, 0.2)]


def probability(x, a, b, c, z):
    """Return gausshyper's, by quadratures whose weights are its poles."""
    rest = lambda t: (1 + z * t) ** -c
    precise = {"epsabs": 0.0, "epsrel": 1e-13, "weight": "alg"}
    lower, _ = scipy.integrate.quad(
        lambda t: rest(t) * (1 - t) ** (b - 1), 0, x, wvar=(a - 1, 0), **precise
    )
    upper, _ = scipy.integrate.quad(
        lambda t: rest(t) * t ** (a - 1), x, 1, wvar=(0, b - 1), **precise
    )
    return lower / (lower + upper)


@pytest.mark.filterwarnings("ignore")  # of SciPy's own integration
@pytest.mark.parametrize("shapes", SHAPES)
def test_slopes_of_a_density_with_poles_at_its_ends(shapes):
    x = np.array([0.02, 0.5, 0.9, 0.999])
    slopes = st.jacobian(lambda p: scipy.stats.gausshyper.cdf(x, *p))(np.array(shapes))
    for i, shape in enumerate(shapes):

        def moved(t, i=i):
            return np.array([probability(at, *shapes[:i], t, *shapes[i + 1 :]) for at in x])

        wanted, error = extrapolated(moved, shape, 0.02)
        assert np.all(np.abs(slopes[:, i] - wanted) <= 1e-7 * np.abs(wanted) + 30 * error)


class Comb(scipy.stats.rv_continuous):
    """A density with more teeth than the nodes of a rule can follow."""

    def _pdf(self, x, depth):
        return 1 + depth * np.cos(2 * np.pi * 100 * x)


def test_slopes_are_nan_where_the_rule_does_not_find_the_probability():
    comb = Comb(a=0.0, b=1.0, name="comb", shapes="depth")
    with np.errstate(all="ignore"):
        slopes = st.gradient(lambda depth: comb.cdf(0.303, depth))(0.5)
    assert np.isnan(slopes)
