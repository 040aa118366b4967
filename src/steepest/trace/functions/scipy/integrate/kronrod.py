"""The pair of a Gauss rule of 10 points and a Kronrod rule of 21, as in QUADPACK.

See Piessens et al., QUADPACK (1983).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_POSITIVE = (
    (0.995657163025808080735527280689003, 0.011694638867371874278064396062192),
    (0.973906528517171720077964012084452, 0.032558162307964727478818972459390),
    (0.930157491355708226001207180059508, 0.054755896574351996031381300244580),
    (0.865063366688984510732096688423493, 0.075039674810919952767043140916190),
    (0.780817726586416897063717578345042, 0.093125454583697605535065465083366),
    (0.679409568299024406234327365114874, 0.109387158802297641899210590325805),
    (0.562757134668604683339000099272694, 0.123491976262065851077958109585166),
    (0.433395394129247190799265943165784, 0.134709217311473325928054001771707),
    (0.294392862701460198131126603103866, 0.142775938577060080797094273138717),
    (0.148874338981631210884826001129720, 0.147739104901338491374841515972068),
)
_MIDDLE = 0.149445554002916905664936468389821

NODES = np.array([*(-x for x, _ in _POSITIVE), 0.0, *(x for x, _ in reversed(_POSITIVE))])
"""Nodes in [-1, 1]. Every second one is a node of the Gauss rule."""

_SIDE = [w for _, w in _POSITIVE]
WEIGHTS = np.array([*_SIDE, _MIDDLE, *reversed(_SIDE)])
"""Weights of the Kronrod rule."""

GAUSS = np.zeros(21)
"""Weights of the Gauss rule."""
GAUSS[1::2] = np.polynomial.legendre.leggauss(10)[1]

_EPS = float(np.finfo(float).eps)


class Panel(NamedTuple):
    """The integral of a vector over an interval.

    Attributes
    ----------
    value
        The integral, shape (m,).
    error
        An estimate of the error's norm.
    noise
        How large the error is by rounding alone.
    """

    value: Any
    error: Any
    noise: Any


def norm(x: Any) -> Any:
    """Return the Euclidean norm of all elements."""
    return np.sqrt(np.sum(x * x))


def panel(values: Any, width: Any) -> Panel:
    """Return the integral from values at the nodes, shape (21, m), and an interval's width."""
    half = width / 2
    integral = WEIGHTS @ values
    mean = integral / 2
    spread = norm(WEIGHTS @ np.abs(values - mean)) * half
    size = norm(WEIGHTS @ np.abs(values)) * half
    difference = norm(integral - GAUSS @ values) * half
    ratio = 200 * difference / np.where(spread == 0, 1.0, spread)
    error = np.where(spread == 0, difference, spread * np.minimum(1.0, ratio * np.sqrt(ratio)))
    noise = 50 * _EPS * size
    return Panel(integral * half, np.maximum(error, noise), noise)
