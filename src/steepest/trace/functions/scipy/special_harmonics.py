"""Associated Legendre functions and spherical harmonics, of whole degrees and orders.

They are composed of Gegenbauer's polynomials (DLMF 14.3.21 and 14.30.1): a power of the sine
times a polynomial of the cosine. Even powers of the sine are polynomials too, so that functions
of even order have all their derivatives at the poles. Those of odd order have a kink there:

- by the angle, the sine counts as positive on both sides of a pole, as SciPy has it. At 0 the
  slope is that of the right side.
- by the cosine, the root of 1 - x**2 has infinite slopes at -1 and 1 for the order 1; for orders
  from 3 on, the first ``(m - 1) / 2`` derivatives are finite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import SPECIAL_UFUNCS
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.functions.registry import Array, ArrayLike, as_plain
from steepest.trace.recording.session import current


def _log_gamma(x: np.ndarray) -> np.ndarray:
    import scipy.special

    return np.asarray(scipy.special.gammaln(x))


def _whole(name: str, value: Any) -> np.ndarray:
    """Return degrees or orders, or raise unless they are whole numbers."""
    plain = as_plain(value)
    if np.any(plain != np.floor(plain)):
        refuse(f"scipy.special.{name} of a degree or order that is no whole number")
    return np.asarray(plain).astype(np.int64)


def _power(base: Array, exponent: np.ndarray) -> Array:
    """Return a power, 1 for the exponent 0."""
    safe = np.where(exponent == 0, 1.0, base)
    return np.where(exponent == 0, 1.0, safe ** np.where(exponent == 0, 1, exponent))


def _legendre(
    n: np.ndarray, m: np.ndarray, cosine: Array, powers: Array, log_norm: Any = 0.0
) -> Array:
    """Return P of degree n and order m times a norm, which keeps factorials from overflowing.

    The powers are those of the sine by the orders.
    """
    order = np.abs(m)
    can_be = order <= n
    degree = np.where(can_be, n - order, 0)
    # (2 m - 1)!!, and for negative orders (n - m)! / (n + m)!.
    log = _log_gamma(2.0 * order + 1.0) - order * np.log(2.0) - _log_gamma(order + 1.0)
    ratio = _log_gamma(degree + 1.0) - _log_gamma(np.where(can_be, n + order, 0) + 1.0)
    log = log + np.where(m < 0, ratio, 0.0) + log_norm
    sign = np.where((m > 0) & (order % 2 == 1), -1.0, 1.0)
    factor = np.where(can_be, sign * np.exp(log), 0.0)
    alpha = order + 0.5
    polynomial = SPECIAL_UFUNCS["eval_gegenbauer"](degree, alpha, cosine)
    return factor * powers * polynomial


def _log_norm(n: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Return the logarithm of sqrt((2 n + 1) (n - m)! / (n + m)!)."""
    inside = np.abs(m) <= n
    lower, upper = np.where(inside, n - m, 0) + 1.0, np.where(inside, n + m, 0) + 1.0
    return np.asarray(0.5 * (np.log(2.0 * n + 1.0) + _log_gamma(lower) - _log_gamma(upper)))


def _refuse_derivatives(name: str, diff_n: Any) -> None:
    if diff_n != 0:
        refuse(f"scipy.special.{name} with diff_n=, other than 0,")


def _floats(x: ArrayLike) -> Array:
    return as_traced(x).astype(np.float64)


def _powers_by_cosine(cosine: Array, m: np.ndarray) -> Array:
    """Return (1 - x**2)**(m / 2), a polynomial for even orders; NaN outside of -1 to 1."""
    half = 0.5 * np.abs(m)
    powers = _power(1.0 - cosine, half) * _power(1.0 + cosine, half)
    return np.where((np.abs(cosine) <= 1.0) | (half == 0), powers, np.nan)


_of_any_degree = SPECIAL_UFUNCS["lpmv"]


def _lpmv(m: Any, v: Any, x: ArrayLike) -> Array:
    known = [current().known_value(as_traced(given).node) for given in (m, v)]
    if any(value is None or np.any(value != np.floor(value)) for value in known):
        return _of_any_degree(m, v, x)
    order, degree, x = _whole("lpmv", m), _whole("lpmv", v), _floats(x)
    degree = np.where(degree < 0, -degree - 1, degree)
    return _legendre(degree, order, x, _powers_by_cosine(x, order))


def _legendre_p(n: Any, z: ArrayLike, *, diff_n: Any = 0) -> Array:
    _refuse_derivatives("legendre_p", diff_n)
    return SPECIAL_UFUNCS["eval_legendre"](_degree("legendre_p", n), _floats(z))[None]


def _degree(name: str, n: Any) -> np.ndarray:
    degree = _whole(name, n)
    if np.any(degree < 0):
        raise InputError(f"scipy.special.{name}{at(user_source())}: the degree is negative")
    return degree


def _assoc_legendre_p(
    n: Any, m: Any, z: ArrayLike, *, branch_cut: Any = 2, norm: Any = False, diff_n: Any = 0
) -> Array:
    _refuse_derivatives("assoc_legendre_p", diff_n)
    if np.any(as_plain(branch_cut) != 2):
        refuse("scipy.special.assoc_legendre_p with branch_cut=, other than 2,")
    degree, order, z = _degree("assoc_legendre_p", n), _whole("assoc_legendre_p", m), _floats(z)
    log_norm: Any = _log_norm(degree, order) - 0.5 * np.log(2.0) if norm else 0.0
    return _legendre(degree, order, z, _powers_by_cosine(z, order), log_norm)[None]


def _sph_legendre_p(n: Any, m: Any, theta: ArrayLike, *, diff_n: Any = 0) -> Array:
    _refuse_derivatives("sph_legendre_p", diff_n)
    degree, order = _degree("sph_legendre_p", n), _whole("sph_legendre_p", m)
    return _polar(degree, order, _floats(theta))[None]


def _polar(degree: np.ndarray, order: np.ndarray, theta: Array) -> Array:
    log_norm = _log_norm(degree, order) - 0.5 * np.log(4.0 * np.pi)
    sine = np.sin(theta)
    powers = _power(np.where(sine < 0, -sine, sine), np.abs(order))
    return _legendre(degree, order, np.cos(theta), powers, log_norm)


def _sph_harm_y(n: Any, m: Any, theta: ArrayLike, phi: ArrayLike, *, diff_n: Any = 0) -> Array:
    _refuse_derivatives("sph_harm_y", diff_n)
    degree, order = _degree("sph_harm_y", n), _whole("sph_harm_y", m)
    theta, phi = _floats(theta), _floats(phi)
    polar, angle = _polar(degree, order, theta), order * phi
    return polar * np.cos(angle) + 1j * (polar * np.sin(angle))


def _sph_harm(m: Any, n: Any, theta: ArrayLike, phi: ArrayLike) -> Array:
    """Record the function that SciPy had until 1.17, with the angles in the other order."""
    return _sph_harm_y(n, m, phi, theta)


SPECIAL_UFUNCS["lpmv"] = _lpmv
SPECIAL_UFUNCS["sph_harm"] = _sph_harm
_FUNCTIONS: dict[str, Callable[..., Array]] = {
    "legendre_p": _legendre_p,
    "assoc_legendre_p": _assoc_legendre_p,
    "sph_legendre_p": _sph_legendre_p,
    "sph_harm_y": _sph_harm_y,
}
SEEN_BY_NAME.update({f"scipy.special.{name}": made for name, made in _FUNCTIONS.items()})
