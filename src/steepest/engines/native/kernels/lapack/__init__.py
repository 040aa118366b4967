"""Factorizations by LAPACK, and of tiny matrices in registers; importing registers kernels."""

from steepest.engines.native.kernels.lapack import (
    calls,
    cholesky,
    determinants,
    lu,
    spectral,
    tiny,
)

__all__ = ["calls", "cholesky", "determinants", "lu", "spectral", "tiny"]
