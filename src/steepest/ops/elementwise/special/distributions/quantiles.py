"""The normal distribution solved for its mean and its width, and Tukey's lambda distribution."""

from __future__ import annotations

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.distributions.rules import domain
from steepest.ops.elementwise.special.error_functions import ONE_OVER_ROOT_TWO_PI, ndtri
from steepest.ops.elementwise.special.rows import rows_of, special


def _slope_of_ndtri(p: Array) -> Array:
    z = ndtri(p)
    return np.exp(0.5 * z * z) / ONE_OVER_ROOT_TWO_PI


nrdtrimn = special(
    "nrdtrimn",
    lambda y, p, width, x: -width * _slope_of_ndtri(p),
    lambda y, p, width, x: -ndtri(p),
    lambda y, p, width, x: 1.0 + 0.0 * y,
    domain=domain((0.2, 0.8), (0.5, 2.0), (0.5, 2.0), special=((0.5, 1.0, 1.0),)),
)
nrdtrisd = special(
    "nrdtrisd",
    lambda y, mean, p, x: -1.0 / ndtri(p),
    lambda y, mean, p, x: -(x - mean) / ndtri(p) ** 2 * _slope_of_ndtri(p),
    lambda y, mean, p, x: 1.0 / ndtri(p),
    domain=domain((0.5, 2.0), (0.6, 0.8), (2.5, 4.0), special=((1.0, 0.75, 3.0),)),
)

tklmbda = special(
    "tklmbda",
    lambda y, x, shape: 1.0 / (y ** (shape - 1.0) + (1.0 - y) ** (shape - 1.0)),
    None,
    domain=domain((-0.5, 0.5), (0.3, 0.7), special=((0.0, 0.5), (0.3, 0.14))),
    kink="its derivative by the shape is not known: asking for it is refused",
)

ROWS = rows_of(vars())
