"""Kernels: ops whose machine code is written by hand; each registers under its row's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node

LoopKernel = Callable[[Any, Node], None]
"""Of a lowering and a node: it emits what computes the node, and stores it."""

TinyKernel = Callable[[Any, Node], np.ndarray]
"""Of a lowering and a node whose operands are in registers: it returns the node's elements."""

_LOOPS: dict[str, LoopKernel] = {}
_TINY: dict[str, TinyKernel] = {}


def kernel(name: str) -> Callable[[LoopKernel], LoopKernel]:
    """Decorate what emits the loops of an op."""

    def register(emit: LoopKernel) -> LoopKernel:
        _LOOPS[name] = emit
        return emit

    return register


def tiny_kernel(name: str) -> Callable[[TinyKernel], TinyKernel]:
    """Decorate what emits an op of arrays whose elements are all in registers."""

    def register(emit: TinyKernel) -> TinyKernel:
        _TINY[name] = emit
        return emit

    return register


def kernel_named(name: str) -> LoopKernel:
    """Return the kernel that a row names."""
    return _LOOPS[name]


def tiny_kernel_named(name: str) -> TinyKernel:
    """Return the same for registers."""
    return _TINY[name]
