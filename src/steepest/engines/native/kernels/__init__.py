"""Ops whose loops are written by hand, by their kind; importing registers them."""

from steepest.engines.native.kernels import (
    accumulate,
    control_flow,
    gemm,
    host,
    qr,
    row_panels,
    scatter,
    sort,
)

__all__ = ["accumulate", "control_flow", "gemm", "host", "qr", "row_panels", "scatter", "sort"]
