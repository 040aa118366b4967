"""Kernels: ops with loops of their own; importing a module registers its kernels."""

from steepest.engines.native.kernels import (
    accumulate,
    control_flow,
    gemm,
    host,
    lapack,
    qr,
    row_panels,
    scatter,
    sort,
    windows,
)

__all__ = [
    "accumulate",
    "control_flow",
    "gemm",
    "host",
    "lapack",
    "qr",
    "row_panels",
    "scatter",
    "sort",
    "windows",
]
