"""SciPy's signal processing: convolutions and filters."""

from steepest.trace.functions.scipy.signal import convolutions, filters, smoothing

__all__ = ["convolutions", "filters", "smoothing"]
