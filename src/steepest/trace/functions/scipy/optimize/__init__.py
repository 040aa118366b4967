"""SciPy's solvers inside a function: their solutions are differentiated implicitly."""

from steepest.trace.functions.scipy.optimize import scalars, searches, systems

__all__ = ["scalars", "searches", "systems"]
