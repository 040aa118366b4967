"""Implementations of library functions on traced values. Importing this package registers them."""

from steepest.trace.functions import numpy, python, scipy, settings

__all__ = ["numpy", "python", "scipy", "settings"]
