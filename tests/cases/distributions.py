"""SciPy's distributions with their default shapes, and points inside and outside of each."""

import functools
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats
from scipy.stats._distr_params import distcont, distdiscrete

LOC, SCALE = 0.3, 1.7
SEARCHED = {"gausshyper", "genexpon", "ksone", "kstwo", "levy_stable", "studentized_range"}
"""Distributions whose quantiles take SciPy long; their points are given by mean and deviation."""

INTEGRATED = {"genhyperbolic", "geninvgauss", "norminvgauss", "vonmises", "vonmises_line"}
"""Distributions whose probabilities SciPy integrates: quantiles are compared at one point."""


@dataclass(frozen=True)
class Case:
    """A distribution with shapes.

    Attributes
    ----------
    name
        In `scipy.stats`.
    distribution
        The distribution itself.
    shapes
        Its shapes.
    """

    name: str
    distribution: Any
    shapes: tuple[float, ...]

    @property
    def is_continuous(self):
        return hasattr(self.distribution, "pdf")

    @property
    def parameters(self):
        """Shapes, loc and scale."""
        return (*self.shapes, LOC, SCALE) if self.is_continuous else (*self.shapes, 2)

    @functools.cached_property
    def inside(self):
        """Four points in the middle of the distribution."""
        frozen = self.distribution(*self.parameters)
        if self.name in SEARCHED:
            middle, spread = frozen.mean(), 0.5 * frozen.std()
            return np.linspace(middle - spread, middle + spread, 4)
        points = np.linspace(*frozen.ppf([0.13, 0.87]), 4)
        return points if self.is_continuous else np.unique(np.round(points))

    @property
    def everywhere(self):
        """Points inside, at both ends and beyond, and no numbers."""
        low, high = self.distribution.support(*self.parameters)
        between = self.inside[:1] + (0.0 if self.is_continuous else 0.5)
        ends = [low, high, low - 1, high + 1, np.inf, -np.inf, np.nan]
        return np.concatenate([self.inside, between, ends])


PROBABILITIES = np.array([0.11, 0.3, 0.7, 0.93, 0.0, 1.0, -0.1, 1.1, np.nan])


def _cases(table):
    seen, found = Counter(), {}
    for given, shapes in table:
        distribution = getattr(scipy.stats, given) if isinstance(given, str) else given
        name = given if isinstance(given, str) else "sample"
        seen[name] += 1
        found[f"{name}{seen[name] if seen[name] > 1 else ''}"] = Case(
            name, distribution, tuple(shapes)
        )
    return found


CASES = _cases([*distcont, *distdiscrete])
CONTINUOUS = {key: case for key, case in CASES.items() if case.is_continuous}
DISCRETE = {key: case for key, case in CASES.items() if not case.is_continuous}
OF_PROBABILITY = ("ppf", "isf")
OF_VARIABLE = ("cdf", "logcdf", "sf", "logsf")


def methods_of(case):
    """Return the names of the methods that every distribution of a kind has."""
    densities = ("pdf", "logpdf") if case.is_continuous else ("pmf", "logpmf")
    return (*densities, *OF_VARIABLE, *OF_PROBABILITY)
