"""Distribution functions that are incomplete gamma functions: gamma, chi-squared, Poisson."""

from __future__ import annotations

import numpy as np

from steepest.ops.derivative_rules import no_slope
from steepest.ops.elementwise.special.distributions.rules import (
    POSITIVE,
    Slope,
    distribution,
    domain,
    inverse,
)
from steepest.ops.elementwise.special.incomplete import gamma_by_shape, gamma_density
from steepest.ops.elementwise.special.rows import rows_of

# Gamma: the distribution function is gammainc(b, a * x).
_GAMMA: tuple[Slope, ...] = (
    lambda a, b, x: x * gamma_density(b, a * x),
    lambda a, b, x: gamma_by_shape(b, a * x),
    lambda a, b, x: a * gamma_density(b, a * x),
)
_THREE = ((0.5, 2.0), (0.5, 3.0), (0.5, 2.0))
gdtr, gdtrc = distribution(
    "gdtr", "gdtrc", _GAMMA, domain(*_THREE, special=((1.0, 1.0, 1.0), (0.5, 4.0, 9.0)))
)
_P_FIRST = domain((0.2, 0.8), (0.5, 3.0), (0.5, 2.0), special=((0.5, 1.0, 1.0),))
_P_SECOND = domain((0.5, 2.0), (0.2, 0.8), (0.5, 2.0), special=((1.0, 0.5, 1.0),))
_P_THIRD = domain((0.5, 2.0), (0.5, 3.0), (0.2, 0.8), special=((1.0, 1.0, 0.5),))
gdtria = inverse("gdtria", _GAMMA, 0, 0, _P_FIRST)
gdtrib = inverse("gdtrib", _GAMMA, 1, 1, _P_SECOND)
gdtrix = inverse("gdtrix", _GAMMA, 2, 2, _P_THIRD)

# Chi-squared: gammainc(v / 2, x / 2).
_CHI: tuple[Slope, ...] = (
    lambda v, x: 0.5 * gamma_by_shape(0.5 * v, 0.5 * x),
    lambda v, x: 0.5 * gamma_density(0.5 * v, 0.5 * x),
)
_PAIR = domain((0.5, 4.0), (0.5, 4.0), special=((2.0, 2.0), (1.0, 9.0)))
chdtr, chdtrc = distribution("chdtr", "chdtrc", _CHI, _PAIR)
chdtri = inverse(
    "chdtri", _CHI, 1, 1, domain((0.5, 4.0), (0.2, 0.8), special=((2.0, 0.5),)), sign=-1.0
)
chdtriv = inverse("chdtriv", _CHI, 0, 0, domain((0.2, 0.8), (1.0, 4.0), special=((0.5, 2.0),)))

# Poisson: gammaincc(floor(k) + 1, m).
_POISSON: tuple[Slope, ...] = (
    no_slope,
    lambda k, m: -gamma_density(np.floor(k) + 1.0, m),
)
_COUNTS = domain((0.5, 4.0), (0.5, 4.0), whole=(0,), special=((2.0, 2.0), (0.0, 9.0)))
pdtr, pdtrc = distribution("pdtr", "pdtrc", _POISSON, _COUNTS, "a step function of k")
pdtri = inverse(
    "pdtri", _POISSON, 1, 1,
    domain((0.5, 4.0), (0.2, 0.8), whole=(0,), special=((2.0, 0.5),)),
    kink="a step function of k",
)  # fmt: skip
pdtrik = inverse(
    "pdtrik",
    (
        lambda k, m: -gamma_by_shape(k + 1.0, m),
        lambda k, m: -gamma_density(k + 1.0, m),
    ),
    0, 0,
    domain((0.3, 0.8), (2.0, 4.0), special=((0.6, 3.0),)), ends=POSITIVE
)  # fmt: skip

ROWS = rows_of(vars())
