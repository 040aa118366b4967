"""SciPy's distances and rotations."""

from steepest.trace.functions.scipy.spatial import distance, euler, quaternions, rotation

__all__ = ["distance", "euler", "quaternions", "rotation"]
