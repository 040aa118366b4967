"""The engine "dask": many problems, and blocks of rows, on the workers of a cluster."""

from steepest.engines.dask.engine import Dask

__all__ = ["Dask"]
