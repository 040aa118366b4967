"""SciPy's solvers inside a function: their solutions are differentiated implicitly."""

from steepest.trace.functions.scipy.optimize import bracketing, scalars, searches, systems

__all__ = ["bracketing", "scalars", "searches", "systems"]
