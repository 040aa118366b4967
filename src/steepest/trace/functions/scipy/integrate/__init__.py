"""SciPy's integration."""

from steepest.trace.functions.scipy.integrate import samples

__all__ = ["samples"]
