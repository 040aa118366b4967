"""SciPy's linear algebra."""

from steepest.trace.functions.scipy.linalg import (
    construction,
    equations,
    factorizations,
    spectral,
    systems,
)

__all__ = ["construction", "equations", "factorizations", "spectral", "systems"]
