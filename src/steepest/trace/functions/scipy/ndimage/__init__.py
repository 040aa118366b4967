"""SciPy's filters and interpolation of images with any number of axes."""

from steepest.trace.functions.scipy.ndimage import borders, filters, interpolation, splines

__all__ = ["borders", "filters", "interpolation", "splines"]
