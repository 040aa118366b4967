"""SciPy's special functions, a module for each family; SciPy is imported when one is computed."""

from __future__ import annotations

import re

from steepest.ops.elementwise.special import (
    bessel,
    complex,
    elliptic,
    error_functions,
    exponential_integrals,
    gamma,
    incomplete,
    logarithms,
    orthogonal,
    parabolic_cylinder,
    sigmoids,
    waves,
)
from steepest.ops.elementwise.special.distributions import (
    kolmogorov,
    noncentral,
    of_beta,
    of_gamma,
    quantiles,
)
from steepest.ops.elementwise.special.hypergeometric import functions as hypergeometric_functions
from steepest.ops.row import Row

TAKES_WHOLE = re.compile(r"expn|pdtri|n?bdtr[ci]?|eval_\w+|spherical_\w+")
"""Names of functions whose orders or counts stay whole numbers, as SciPy's C code takes them."""

ROWS: tuple[Row, ...] = tuple(
    {
        row.name: row
        for module in (
            sigmoids,
            error_functions,
            gamma,
            logarithms,
            hypergeometric_functions,
            exponential_integrals,
            bessel,
            waves,
            incomplete,
            of_gamma,
            of_beta,
            quantiles,
            kolmogorov,
            noncentral,
            elliptic,
            orthogonal,
            parabolic_cylinder,
            complex,
        )
        for row in module.ROWS
    }.values()
)
