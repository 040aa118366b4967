"""SciPy's special functions, a module for each family; SciPy is imported when one is computed."""

from __future__ import annotations

import re

from steepest.ops.elementwise.special import (
    bessel,
    complex_numbers,
    distributions,
    elliptic,
    error_functions,
    exponential_integrals,
    gamma,
    hypergeometric,
    incomplete,
    logarithms,
    orthogonal,
    sigmoids,
    waves,
)
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
            hypergeometric,
            exponential_integrals,
            bessel,
            waves,
            incomplete,
            distributions,
            elliptic,
            orthogonal,
            complex_numbers,
        )
        for row in module.ROWS
    }.values()
)
