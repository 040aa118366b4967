"""The distribution function of von Mises, which SciPy computes in compiled code."""

from __future__ import annotations

import math

import numpy as np

from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.functions.registry import Array
from steepest.trace.functions.scipy.stats.formulas import Formulas
from steepest.trace.functions.scipy.stats.own.formulas import owns
from steepest.trace.functions.scipy.stats.own.ufuncs import special

_NARROW = 50.0
"""Beyond this concentration SciPy takes the normal distribution of ``sin(x / 2)``."""
_ORDERS = np.arange(1.0, 81.0)


@owns("vonmises_gen", "_cdf")
def _vonmises_cdf(self: Formulas, x: Array, kappa: Array) -> Array:
    """Return Fourier's series, of which nothing is left after 80 terms."""
    turns = np.round(stop_gradient(x) / (2.0 * math.pi))
    x, kappa = x - 2.0 * math.pi * turns + 0.0 * kappa, kappa + 0.0 * x
    is_narrow = kappa >= _NARROW
    wide, narrow = np.where(is_narrow, 1.0, kappa), np.where(is_narrow, kappa, _NARROW)
    shares = special("ive", _ORDERS, wide[:, None]) / special("i0e", wide)[:, None]
    waves = np.sum(shares * np.sin(_ORDERS * x[:, None]) / _ORDERS, axis=-1)
    series = 0.5 + x / (2.0 * math.pi) + waves / math.pi
    width = math.sqrt(2.0 / math.pi) / special("i0e", narrow)
    return np.where(is_narrow, special("ndtr", width * np.sin(0.5 * x)), series) + turns
