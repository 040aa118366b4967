"""How an op becomes machine code: by elements, by indices, by a reduction, or by a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Node


@dataclass(frozen=True)
class Elementwise:
    """Machine code of one element from the operands' elements.

    Attributes
    ----------
    emit
        Names a method of the builder, or is a function of ``(builder, *elements)``.
    beside
        Position of an operand that is computed by the same steps, so that this op costs little
        in the same loop, and much in another.
    is_cheap
        Whether it costs less to compute than to read from memory.
    """

    emit: str | Callable[..., Any]
    beside: int | None = None
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

    element: Callable[..., Any]
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

    combine: Callable[..., Any]
    initial: Callable[[np.dtype], Any]
    join: str


@dataclass(frozen=True)
class Kernel:
    """Machine code written by hand in the native engine.

    Attributes
    ----------
    name
        Under which it is there.
    in_registers
        Whether it is also written for tiny arrays whose elements are in registers.
    in_lanes
        Whether it serves many problems side by side: all of them take the same steps. It may
        depend on the node.
    may_raise
        Whether it may fail where it runs, other than by an index.
    """

    name: str
    in_registers: bool = False
    in_lanes: bool | Callable[[Node], bool] = False
    may_raise: bool = False

    def __post_init__(self) -> None:
        if self.name == "host" and not self.may_raise:
            raise ValueError("what NumPy computes may raise: take HOST")


HOST = Kernel("host", may_raise=True)
"""No machine code of its own: NumPy computes it, called back."""


Lowering = Elementwise | Indexed | Reduction | Kernel
