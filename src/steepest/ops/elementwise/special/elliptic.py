"""Elliptic integrals and functions.

The derivatives of Legendre's integrals by the parameter are Carlson's integral RD, in which
nothing cancels. The derivatives of Carlson's integrals are integrals of the same kind, which a
trapezoidal rule in the logarithm of the variable gives to full precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.quadrature import column, constant
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.row import Case, Domain

_STEP = 0.5
_NODES = np.exp(np.arange(-84.0, 60.0, _STEP))


def _integral(exponents: tuple[float, ...], arguments: tuple[Array, ...]) -> Array:
    """Return the integral over t > 0 of the product of (t + argument)**-exponent."""
    whole: Any = 0.0
    for x in arguments:
        whole = whole + 0.0 * x
    (size,) = constant(sum(arguments, start=whole))
    t = column(size) * _NODES
    integrand: Any = t
    for exponent, x in zip(exponents, arguments, strict=True):
        integrand = integrand * (t + column(x + whole)) ** -exponent
    return np.reshape(_STEP * np.sum(integrand, axis=-1), np.shape(whole))


def _by(factor: float, *exponents: float) -> Callable[..., Array]:
    return lambda y, *arguments: factor * _integral(exponents, arguments)


def _positive(rule: Callable[..., Array], place: int) -> Callable[..., Array]:
    """Return a rule for arguments where one is positive; else it is a principal value."""

    def slope(y: Array, *arguments: Array) -> Array:
        is_positive = arguments[place] > 0
        safe = list(arguments)
        safe[place] = np.where(is_positive, arguments[place], 1.0)
        return np.where(is_positive, rule(y, *safe), np.nan)

    return slope


_TRIPLE = ((0.5, 2.0), (0.5, 2.0), (0.5, 2.0))
_CASES = (Case(((3,), (3,), (3,))), Case(((), (), (4, 20))))
_CARLSON = Domain(_TRIPLE, _CASES, special=((1.0, 1.0, 1.0), (0.1, 2.0, 5.0)))
elliprd: Special = special(
    "elliprd",
    _by(-0.75, 1.5, 0.5, 1.5),
    _by(-0.75, 0.5, 1.5, 1.5),
    _by(-2.25, 0.5, 0.5, 2.5),
    domain=_CARLSON,
)
elliprf: Special = special(
    "elliprf",
    lambda y, x, u, z: elliprd(u, z, x) / -6.0,
    lambda y, x, u, z: elliprd(x, z, u) / -6.0,
    lambda y, x, u, z: elliprd(x, u, z) / -6.0,
    domain=_CARLSON,
)
elliprg: Special = special(
    "elliprg",
    lambda y, x, u, z: 0.25 * elliprf(x, u, z) - x * elliprd(u, z, x) / 12.0,
    lambda y, x, u, z: 0.25 * elliprf(x, u, z) - u * elliprd(x, z, u) / 12.0,
    lambda y, x, u, z: 0.25 * elliprf(x, u, z) - z * elliprd(x, u, z) / 12.0,
    domain=_CARLSON,
)
_PRINCIPAL = "slope nan where the integral is a principal value"
elliprc = special(
    "elliprc",
    _positive(_by(-0.25, 1.5, 1.0), 1),
    _positive(_by(-0.5, 0.5, 2.0), 1),
    domain=Domain(_TRIPLE[:2], special=((1.0, 1.0), (0.1, 2.0))),
    kink=_PRINCIPAL,
)
elliprj = special(
    "elliprj",
    _positive(_by(-0.75, 1.5, 0.5, 0.5, 1.0), 3),
    _positive(_by(-0.75, 0.5, 1.5, 0.5, 1.0), 3),
    _positive(_by(-0.75, 0.5, 0.5, 1.5, 1.0), 3),
    _positive(_by(-1.5, 0.5, 0.5, 0.5, 2.0), 3),
    domain=Domain(
        (*_TRIPLE, (0.5, 2.0)),
        (Case(((3,),) * 4), Case(((), (), (4, 20), ()))),
        special=((1.0, 1.0, 1.0, 1.0), (0.1, 2.0, 5.0, 0.5)),
    ),
    kink=_PRINCIPAL,
)

# Legendre's integrals.


def _k_slope(m: Array) -> Array:
    return elliprd(np.zeros_like(m), np.ones_like(m), 1.0 - m) / 6.0


_PARAMETER = Domain(((-0.8, 0.8),), special=((0.0,), (0.5,), (-3.0,), (0.99,)))
ellipk = special("ellipk", lambda y, m: _k_slope(m), domain=_PARAMETER)
ellipkm1 = special(
    "ellipkm1",
    lambda y, p: elliprd(np.zeros_like(p), np.ones_like(p), p) / -6.0,
    domain=Domain(((0.2, 1.8),), special=((1.0,), (0.5,), (1e-3,))),
)
ellipe = special(
    "ellipe",
    lambda y, m: elliprd(np.zeros_like(m), 1.0 - m, np.ones_like(m)) / -6.0,
    domain=_PARAMETER,
)


def _parts(phi: Array, m: Array) -> tuple[Array, Array, Array, Array]:
    """Return the number of half turns, and what Carlson's integrals take of the rest."""
    (turns,) = constant(np.round(phi / math.pi))
    sine = np.sin(phi) * np.where(np.remainder(turns, 2.0) == 0.0, 1.0, -1.0)
    cosine = np.cos(phi)
    return turns, sine, cosine * cosine, 1.0 - m * (sine * sine)


def f_by_parameter(phi: Array, m: Array) -> Array:
    """Return the derivative of ellipkinc by m."""
    turns, sine, square, rest = _parts(phi, m)
    local = sine**3 * elliprd(square, np.ones_like(rest), rest) / 6.0
    has_turned = turns != 0.0
    period = _k_slope(np.where(has_turned, m, 0.0))
    return np.where(has_turned, 2.0 * turns * period, 0.0) + local


def _e_by_parameter(y: Array, phi: Array, m: Array) -> Array:
    turns, sine, square, rest = _parts(phi, m)
    local = sine**3 * elliprd(square, rest, np.ones_like(rest)) / -6.0
    whole = elliprd(np.zeros_like(rest), 1.0 - m + 0.0 * phi, np.ones_like(rest)) / -6.0
    return np.where(turns != 0.0, 2.0 * turns * whole, 0.0) + local


_AMPLITUDE = Domain(
    ((-1.2, 1.2), (-0.8, 0.8)), special=((0.0, 0.5), (1.0, 0.0), (4.0, 0.3), (-1.3, -2.0))
)
ellipkinc = special(
    "ellipkinc",
    lambda y, phi, m: 1.0 / np.sqrt(1.0 - m * np.sin(phi) ** 2),
    lambda y, phi, m: f_by_parameter(phi, m),
    domain=_AMPLITUDE,
)
ellipeinc = special(
    "ellipeinc",
    lambda y, phi, m: np.sqrt(1.0 - m * np.sin(phi) ** 2),
    _e_by_parameter,
    domain=_AMPLITUDE,
)

# Jacobi's functions: sine, cosine and so on of the amplitude that ellipkinc maps to u.


def _amplitude_by_parameter(u: Array, m: Array) -> Array:
    return -dn(u, m) * f_by_parameter(amplitude(u, m), m)


def _dn_by_parameter(y: Array, u: Array, m: Array) -> Array:
    sine, cosine = sn(u, m), cn(u, m)
    chain = 2.0 * m * sine * cosine * _amplitude_by_parameter(u, m)
    return -0.5 * (sine * sine + chain) / y


_JACOBI = Domain(((0.3, 1.5), (0.2, 0.8)), special=((0.0, 0.5), (1.0, 0.1), (-3.0, 0.3)))
sn: Special = special(
    "ellipj",
    lambda y, u, m: cn(u, m) * dn(u, m),
    lambda y, u, m: cn(u, m) * _amplitude_by_parameter(u, m),
    domain=_JACOBI,
    output=(0, 4),
)
cn: Special = special(
    "ellipj",
    lambda y, u, m: -sn(u, m) * dn(u, m),
    lambda y, u, m: -sn(u, m) * _amplitude_by_parameter(u, m),
    domain=_JACOBI,
    output=(1, 4),
)
dn: Special = special(
    "ellipj",
    lambda y, u, m: -m * sn(u, m) * cn(u, m),
    _dn_by_parameter,
    domain=_JACOBI,
    output=(2, 4),
)
amplitude: Special = special(
    "ellipj",
    lambda y, u, m: dn(u, m),
    lambda y, u, m: _amplitude_by_parameter(u, m),
    domain=_JACOBI,
    output=(3, 4),
)


def _agm_slope(y: Array, a: Array, b: Array) -> Array:
    # agm(a, b) = pi / (2 * RF(0, a**2, b**2))
    square = b * b + 0.0 * a
    return (
        2.0 / (3.0 * math.pi) * y * y * a * elliprd(np.zeros_like(square), square, a * a + 0.0 * b)
    )


agm = special(
    "agm",
    _agm_slope,
    lambda y, a, b: _agm_slope(y, b, a),
    domain=Domain(((0.5, 3.0), (0.5, 3.0)), special=((1.0, 1.0), (2.0, 0.1))),
)

ROWS = rows_of(vars())
