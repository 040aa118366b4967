"""SciPy's functions, a module for each of SciPy's; special functions have two."""

from steepest.trace.functions.scipy import special, special_compositions

__all__ = ["special", "special_compositions"]
