"""How an op becomes machine code: by elements, by indices, by a reduction, or by a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.ops.aliases import Builder, Element


@dataclass(frozen=True)
class Elementwise:
    """Machine code of one element from the operands' elements.

    Attributes
    ----------
    emit
        Names a method of the builder, or is a function of ``(builder, *elements)``.
    shares_steps_with
        Position of an operand whose machine code computes the same intermediate values, so that
        this op is cheap in the same loop as that operand, and expensive in another loop.
    is_cheap
        Whether it costs less to compute than to read from memory.
    """

    emit: str | Callable[..., Element]
    shares_steps_with: int | None = None
    is_cheap: bool = False


@dataclass(frozen=True)
class Indexed:
    """Machine code of the element at an index, from operands' elements at other indices.

    Attributes
    ----------
    element
        Function of ``(builder, fetch, index, node)``, where ``fetch(operand, index)``
        returns an element of an operand.
    view
        Whether NumPy returns a view of the operand, so that it costs only strides.
    """

    element: Callable[..., Element]
    view: bool = False


@dataclass(frozen=True)
class Reduction:
    """Machine code of a reduction over the attribute ``axis``.

    Attributes
    ----------
    combine
        Function of ``(builder, accumulated, element)``.
    initial
        The neutral value for a dtype.
    join
        The op that makes one result of the results of two parts.
    """

    combine: Callable[[Builder, Element, Element], Element]
    initial: Callable[[np.dtype], Any]
    join: str


@dataclass(frozen=True)
class Kernel:
    """Machine code with loops of its own, written by hand in the native engine.

    Attributes
    ----------
    name
        Name under which the engine registers it, with ``@kernel(name)``.
    in_registers
        Whether there is also a version for tiny arrays whose elements are in registers.
    in_lanes
        Whether it can compute many problems at once, one in each SIMD lane. All of them must
        take the same steps. A function of the node where it depends on the node.
    may_raise
        Whether it may fail when it runs, other than by an index out of bounds.
    failure
        Message of the LinAlgError if it fails and is not called in NumPy.
    """

    name: str
    in_registers: bool = False
    in_lanes: bool | Callable[[Node], bool] = False
    may_raise: bool = False
    failure: str = ""

    def __post_init__(self) -> None:
        if self.name == "host" and not self.may_raise:
            raise ValueError("NumPy functions may raise: use HOST")


HOST = Kernel("host", may_raise=True)
"""No machine code: the compiled program calls NumPy back."""


Lowering = Elementwise | Indexed | Reduction | Kernel
