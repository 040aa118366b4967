"""A gradient against independent witnesses."""

from steepest.check.gradient import GradientCheck, check_gradient

__all__ = ["GradientCheck", "check_gradient"]
