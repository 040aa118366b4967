"""The registry of kernels: emitters of ops that need loops of their own, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node

LoopKernel = Callable[[Any, Node], None]
"""Takes a lowering and a node; emits the computation of the node and its store to memory."""

TinyKernel = Callable[[Any, Node], np.ndarray]
"""Takes a lowering and a node whose operands are in registers; returns the node's elements."""

_LOOPS: dict[str, LoopKernel] = {}
_TINY: dict[str, TinyKernel] = {}


def kernel(name: str) -> Callable[[LoopKernel], LoopKernel]:
    """Register the decorated function as the kernel of this name."""

    def register(emit: LoopKernel) -> LoopKernel:
        _LOOPS[name] = emit
        return emit

    return register


def tiny_kernel(name: str) -> Callable[[TinyKernel], TinyKernel]:
    """Register the decorated function as the kernel of this name for arrays in registers."""

    def register(emit: TinyKernel) -> TinyKernel:
        _TINY[name] = emit
        return emit

    return register


def kernel_named(name: str) -> LoopKernel:
    """Return the kernel that a row names."""
    return _LOOPS[name]


def tiny_kernel_named(name: str) -> TinyKernel:
    """Return the kernel that a row names, for arrays in registers."""
    return _TINY[name]
