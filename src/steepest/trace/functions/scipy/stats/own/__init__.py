"""Formulas and ufuncs that stand in for SciPy's."""

from steepest.trace.functions.scipy.stats.own import (
    discrete,
    formulas,
    noncentral,
    normal,
    periodic,
    ufuncs,
)

__all__ = ["discrete", "formulas", "noncentral", "normal", "periodic", "ufuncs"]
