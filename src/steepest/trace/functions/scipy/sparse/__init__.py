"""SciPy's sparse matrices."""

from steepest.trace.functions.scipy.sparse import matrices, systems

__all__ = ["matrices", "systems"]
