"""Orthogonal polynomials: the slope is a polynomial of another family, one degree lower.

The degree may be a float, as SciPy takes it. Slopes by degree and by parameters are refused.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.derivative_rules import no_slope
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.row import Case, Domain

_KINK = "its derivatives by the degree and the parameters are not known: asking is refused"


def _polynomial(
    name: str,
    slope: Callable[..., Array],
    *parameters: tuple[float, float],
    interval: tuple[float, float] = (-0.8, 0.8),
    whole: bool = False,
) -> Special:
    """Return a polynomial of degree n, parameters and x."""
    count = len(parameters)

    def agree(n: Array, *rest: Array) -> tuple[Array, ...]:
        return np.abs(n).astype(int), *rest

    middle = tuple(0.5 * (low + high) for low, high in parameters)
    points = tuple(
        (degree, *middle, place)
        for degree, place in ((0.0, interval[1]), (1.0, 0.3), (2.0, 0.4), (5.0, interval[0]))
    )
    integers = {0: 4} if whole else {}
    return special(
        name,
        *(None,) * (count + 1),
        slope,
        domain=Domain(
            ((0.6, 3.4), *parameters, interval),
            (
                Case(((3,),) * (count + 2), integers=integers),
                Case((*((),) * (count + 1), (4, 20)), integers=integers),
            ),
            special=points,
            agree=agree if whole else None,
        ),
        kink=_KINK,
    )


def _lower(n: Array) -> Array:
    """Return the degree below, or 0 below 0, where the factor n is 0."""
    return np.where(n == 0, n, n - 1)


_PAIR = ((0.3, 1.5), (0.3, 1.5))
_RIGHT = (0.3, 3.0)
_UNIT = (0.4, 0.8)

jacobi: Special = _polynomial(
    "eval_jacobi",
    lambda y, n, a, b, x: (
        np.where(n == 0, 0.0, 0.5 * (n + a + b + 1.0)) * jacobi(_lower(n), a + 1.0, b + 1.0, x)
    ),
    *_PAIR,
)
gegenbauer: Special = _polynomial(
    "eval_gegenbauer",
    lambda y, n, a, x: np.where(n == 0, 0.0, 2.0 * a) * gegenbauer(_lower(n), a + 1.0, x),
    (0.3, 1.5),
)
legendre: Special = _polynomial(
    "eval_legendre",
    lambda y, n, x: np.where(n == 0, 0.0, 1.0) * gegenbauer(_lower(n), np.full_like(x, 1.5), x),
)
chebyt: Special = _polynomial("eval_chebyt", lambda y, n, x: 1.0 * n * chebyu(_lower(n), x))
chebyu: Special = _polynomial(
    "eval_chebyu",
    lambda y, n, x: np.where(n == 0, 0.0, 2.0) * gegenbauer(_lower(n), np.full_like(x, 2.0), x),
)
chebyc: Special = _polynomial("eval_chebyc", lambda y, n, x: 1.0 * n * chebys(_lower(n), x))
chebys: Special = _polynomial(
    "eval_chebys",
    lambda y, n, x: (
        np.where(n == 0, 0.0, 1.0) * gegenbauer(_lower(n), np.full_like(x, 2.0), 0.5 * x)
    ),
)
genlaguerre: Special = _polynomial(
    "eval_genlaguerre",
    lambda y, n, a, x: np.where(n == 0, 0.0, -1.0) * genlaguerre(_lower(n), a + 1.0, x),
    (0.3, 1.5),
    interval=_RIGHT,
)
laguerre: Special = _polynomial(
    "eval_laguerre",
    lambda y, n, x: np.where(n == 0, 0.0, -1.0) * genlaguerre(_lower(n), np.full_like(x, 1.0), x),
    interval=_RIGHT,
)
hermite: Special = _polynomial(
    "eval_hermite", lambda y, n, x: 2.0 * n * hermite(_lower(n), x), whole=True
)
hermitenorm: Special = _polynomial(
    "eval_hermitenorm", lambda y, n, x: 1.0 * n * hermitenorm(_lower(n), x), whole=True
)
sh_legendre: Special = _polynomial(
    "eval_sh_legendre",
    lambda y, n, x: (
        np.where(n == 0, 0.0, 2.0) * gegenbauer(_lower(n), np.full_like(x, 1.5), 2.0 * x - 1.0)
    ),
    interval=_UNIT,
)
sh_chebyt: Special = _polynomial(
    "eval_sh_chebyt", lambda y, n, x: 2.0 * n * sh_chebyu(_lower(n), x), interval=_UNIT
)
sh_chebyu: Special = _polynomial(
    "eval_sh_chebyu",
    lambda y, n, x: (
        np.where(n == 0, 0.0, 4.0) * gegenbauer(_lower(n), np.full_like(x, 2.0), 2.0 * x - 1.0)
    ),
    interval=_UNIT,
)
sh_jacobi: Special = _polynomial(
    "eval_sh_jacobi",
    lambda y, n, p, q, x: 1.0 * n * sh_jacobi(_lower(n), p + 2.0, q + 1.0, x),
    (2.0, 3.0),
    (0.5, 1.5),
    interval=_UNIT,
)

lpmv: Special = special(
    "lpmv",
    no_slope,
    None,
    lambda y, m, v, x: (v * x * y - (v + m) * lpmv(m, v - 1.0, x)) / ((x - 1.0) * (x + 1.0)),
    domain=Domain(
        ((0.0, 3.0), (3.2, 4.8), (-0.8, 0.8)),
        (Case(((3,), (3,), (3,))), Case(((), (), (4, 20)))),
        special=((1.0, 3.0, 0.0), (2.0, 3.5, 0.4)),
        agree=lambda m, *rest: (np.floor(m), *rest),
    ),
    kink="its derivative by the degree is not known; nan at -1 and 1, unless the degree and the "
    "order are whole numbers that are not traced",
)
"""Associated Legendre functions; the order is a whole number."""

ROWS = rows_of(vars())
