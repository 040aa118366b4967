"""SciPy's statistics. SciPy's module is imported only by the user's own code."""

from steepest.trace.functions.scipy.stats import (
    arguments,
    continuous,
    discrete,
    discrete_formulas,
    distributions,
    formulas,
    helpers,
    kde,
    moments,
    multivariate,
    multivariate_stand_ins,
    normal_formulas,
    own_formulas,
    own_ufuncs,
    summary,
)

__all__ = [
    "arguments",
    "continuous",
    "discrete",
    "discrete_formulas",
    "distributions",
    "formulas",
    "helpers",
    "kde",
    "moments",
    "multivariate",
    "multivariate_stand_ins",
    "normal_formulas",
    "own_formulas",
    "own_ufuncs",
    "summary",
]
