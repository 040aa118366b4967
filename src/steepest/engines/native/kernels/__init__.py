"""Kernels: ops with loops of their own; importing a module registers its kernels."""

from steepest.engines.native.kernels import (
    accumulate,
    control_flow,
    gemm,
    host,
    lapack,
    lapack_calls,
    lapack_determinants,
    lapack_lu,
    lapack_spectral,
    qr,
    row_panels,
    scatter,
    sort,
    tiny_factors,
)

__all__ = [
    "accumulate",
    "control_flow",
    "gemm",
    "host",
    "lapack",
    "lapack_calls",
    "lapack_determinants",
    "lapack_lu",
    "lapack_spectral",
    "qr",
    "row_panels",
    "scatter",
    "sort",
    "tiny_factors",
]
