"""What functions of libraries do to traced values; importing registers it."""

from steepest.trace.functions import numpy, python, scipy, settings

__all__ = ["numpy", "python", "scipy", "settings"]
