"""Kernels: ops whose loops are written by hand. Each registers itself under its row's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steepest.graph import Node

Kernel = Callable[[Any, Node], None]
"""Of a lowering and a node: it emits what computes the node, and stores it."""

_KERNELS: dict[str, Kernel] = {}


def kernel(emit: Kernel) -> Kernel:
    """Decorate what emits the loops of an op; the op's row names it."""
    _KERNELS[emit.__name__] = emit
    return emit


def kernel_named(name: str) -> Kernel:
    """Return the kernel that a row names."""
    return _KERNELS[name]
