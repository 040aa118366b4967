"""What a row of the op table holds.

An op is one :class:`Row`: its NumPy function, its shape and dtype rule, its derivative, its
torch name, its machine code, the domain where tests draw operands, and its convention at
kinks. A row imports no backend: machine code is emitted on a builder it is handed, torch is
named by string or reached through the module it is handed.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.derivative_rules import Derivative, Partials, UnknownPartial, Zero
from steepest.ops.machine_code import Elementwise, Lowering

RECORD = "__steepest_record__"
"""Method by which a traced array records an op that NumPy has no function for."""


@dataclass(frozen=True)
class Case:
    """Operand shapes and attributes that tests try an op with.

    Attributes
    ----------
    shapes
        One shape for each operand.
    attributes
        Attributes of the node.
    integers
        Exclusive upper bounds for operands that are integer indices, by position.
    diagonal
        Added to the diagonal of the first operand, which is made symmetric: a matrix that
        can be solved with.
    rising
        As `diagonal`, times 1, 2, 3...: eigenvalues and singular values lie apart.
    """

    shapes: tuple[Shape, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    integers: Mapping[int, int] = field(default_factory=dict)
    diagonal: float = 0.0
    rising: float = 0.0


@dataclass(frozen=True)
class Domain:
    """Where tests draw operands.

    Attributes
    ----------
    intervals
        One interval (low, high) for each operand, inside which the op is smooth unless
        ``smooth`` is false; ``"bool"`` for a truth value, ``"int"`` for a whole number. The
        last one serves all further operands.
    cases
        Shapes and attributes; elementwise ops have a common set of their own.
    smooth
        Whether derivatives to third order exist everywhere in the intervals.
    analytic
        Whether NumPy computes the op for complex numbers, so that the complex step serves
        as a witness.
    oriented
        Whether the result holds vectors whose sign is free: tests compare what does not
        depend on it.
    special
        Points, one number for each operand, where the function or its rule has a case of its
        own, or where digits could cancel. Tests look at every derivative to fifth order there
        and on both sides, as far as the function is smooth.
    agree
        For an op whose operands depend on one another: those that go together, from those
        drawn.
    """

    intervals: tuple[tuple[float, float] | str, ...]
    cases: tuple[Case, ...] = ()
    smooth: bool = True
    analytic: bool = False
    oriented: bool = False
    special: tuple[tuple[float, ...], ...] = ()
    agree: Callable[..., tuple[Any, ...]] | None = None

    def interval(self, operand: int) -> tuple[float, float] | str:
        """Return the interval for an operand."""
        return self.intervals[min(operand, len(self.intervals) - 1)]


@dataclass(frozen=True)
class Side:
    """What an op with a kink is on one side of it: the same values, and the slopes of that side.

    Attributes
    ----------
    derivative
        See :data:`Derivative`.
    torch
        Function of ``(torch, *operands, **attributes)``.
    """

    derivative: Derivative
    torch: Callable[..., Any]


class Order(enum.Enum):
    """Where NumPy surely lays a result out in C order."""

    UNKNOWN = enum.auto()
    AS_FIRST = enum.auto()
    AS_ALL = enum.auto()
    ALWAYS = enum.auto()


@dataclass(frozen=True, eq=False)
class Row:
    """One op, whole.

    Attributes
    ----------
    name
        NumPy's name for it, where NumPy has one.
    evaluate
        What it computes, in NumPy: function of ``(*operands, **attributes)``.
    infer
        Shape and dtype of the result: function of ``(*operand nodes, **attributes)``.
    derivative
        See :data:`Derivative`.
    torch
        Name of the function in torch, or a function of ``(torch, *operands, **attributes)``.
    lower
        See :data:`Lowering`.
    domain
        Where tests draw operands. An op that could not be tested is an error at import.
    kink
        The convention where the derivative does not exist, for people; empty if it always
        does.
    put
        For an op whose result is a view: NumPy code of ``(base, values, **attributes)`` that
        returns the base with the view's elements replaced, so that views can be assigned to.
    support
        Where the result can be other than zero, given where its operands can: a rule of
        :mod:`steepest.ops.support`; None where nothing is known.
    explain
        Why the result is not finite although the operands are, for people.
    shorten
        A simpler node that stands for this op of some operands, or None: function of the
        operands. It has the same value and more derivatives.
    sides
        For an op with a kink where its operands are equal (its only operand and 0): what
        differs in its row below the kink, where the first is the smaller, and above it.
    rows
        Which rows of its operands a row of the result needs: a rule of
        :mod:`steepest.ops.rows`; None where the machine code says it, or nothing is known.
    looks_up
        Whether operands of whole numbers are places, which are looked up and checked while it
        runs.
    is_move
        Whether it is known that every element of the result is one of an operand's.
    in_order
        Where NumPy surely lays the result out in C order. Elementwise ops and reductions do
        where all operands are so.
    """

    name: str
    evaluate: Callable[..., Any]
    infer: Callable[..., tuple[Shape, np.dtype]]
    derivative: Derivative
    torch: str | Callable[..., Any]
    lower: Lowering
    domain: Domain
    kink: str = ""
    put: Callable[..., Any] | None = None
    support: Callable[..., Any] | None = None
    explain: str = ""
    shorten: Callable[..., Node | None] | None = None
    sides: tuple[Side, Side] | None = None
    rows: Callable[[Node, int], Any] | None = None
    looks_up: bool = False
    is_move: bool = False
    in_order: Order = Order.UNKNOWN

    def __post_init__(self) -> None:
        if not self.domain.intervals:
            raise ValueError(f"op {self.name!r} has no domain: tests could not draw operands")
        if not isinstance(self.lower, Elementwise) and not self.domain.cases:
            raise ValueError(f"op {self.name!r} has no cases: tests could not draw shapes")
        if isinstance(self.derivative, Partials):
            known = (
                UnknownPartial(self.name, i) if partial is None else partial
                for i, partial in enumerate(self.derivative.of)
            )
            object.__setattr__(self, "derivative", Partials(tuple(known)))

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def elementwise(
    name: str,
    *partials: Callable[..., Any] | None,
    domain: Domain,
    emit: str | Callable[..., Any] | None = None,
    torch: str | Callable[..., Any] | None = None,
    derivative: Derivative | None = None,
    kink: str = "",
    support: Callable[..., Any] | None = None,
    shorten: Callable[..., Node | None] | None = None,
    sides: tuple[Side, Side] | None = None,
    is_cheap: bool = False,
) -> Row:
    """Return the row of a NumPy ufunc.

    Parameters
    ----------
    name
        Name of the ufunc; also the builder's and torch's name unless given otherwise.
    *partials
        Partial derivatives, NumPy code of ``(output, *operands)``; none at all means that
        the derivative is zero.
    domain, emit, torch, derivative, kink, support, shorten, sides
        See :class:`Row`; `derivative` stands in for the partials where they do not serve.
    is_cheap
        See :class:`Elementwise`.
    """
    ufunc = getattr(np, name)

    def infer(*operands: Node) -> tuple[Shape, np.dtype]:
        shape = np.broadcast_shapes(*(operand.shape for operand in operands))
        return shape, result_dtype(ufunc, tuple(operand.dtype for operand in operands))

    return Row(
        name=name,
        evaluate=ufunc,
        infer=infer,
        derivative=derivative or (Partials(partials) if any(partials) else Zero()),
        torch=torch or name,
        lower=Elementwise(emit or name, is_cheap=is_cheap),
        domain=domain,
        kink=kink,
        support=support,
        shorten=shorten,
        sides=sides,
    )


_loops: dict[tuple[Any, ...], tuple[np.dtype, ...]] = {}


def resolve_loop(ufunc: np.ufunc, types: tuple[Any, ...]) -> tuple[np.dtype, ...]:
    """Return the dtypes of the loop that NumPy would choose: operands', then the result's.

    Parameters
    ----------
    ufunc
        The NumPy function.
    types
        For each operand its dtype, or ``float``, ``int``, ``bool`` for a Python number,
        which adapts to the others.
    """
    key = (ufunc, *types)
    if key not in _loops:
        _loops[key] = ufunc.resolve_dtypes((*types, *(None,) * ufunc.nout))
    return _loops[key]


def result_dtype(ufunc: np.ufunc, dtypes: tuple[np.dtype, ...]) -> np.dtype:
    """Return the result's dtype; the operands must already have the loop's dtypes."""
    loop = resolve_loop(ufunc, dtypes)
    if loop[:-1] != dtypes:
        raise TypeError(f"{ufunc.__name__} takes {loop[:-1]}, got {dtypes}")
    return loop[-1]
