"""SciPy's statistics. SciPy's module is imported only by the user's own code."""

from steepest.trace.functions.scipy.stats import (
    arguments,
    continuous,
    discrete,
    distributions,
    formulas,
    helpers,
    kde,
    moments,
    multivariate,
    multivariate_stand_ins,
    own,
    summary,
)

__all__ = [
    "arguments",
    "continuous",
    "discrete",
    "distributions",
    "formulas",
    "helpers",
    "kde",
    "moments",
    "multivariate",
    "multivariate_stand_ins",
    "own",
    "summary",
]
