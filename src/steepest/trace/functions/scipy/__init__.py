"""SciPy's functions, a module for each of SciPy's."""

from steepest.trace.functions.scipy import special, stats

__all__ = ["special", "stats"]
