"""What a row of the op table holds.

An op is one :class:`Row`: its NumPy function, its shape and dtype rule, its derivative, its
torch name, its machine code, the domain where tests draw operands, and its convention at
kinks. A row imports no backend. It emits machine code through a builder that it is given, and
names a torch function by string or takes it from the module `torch` that it is given.
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
from steepest.ops.rows import Needs

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
        Added to the diagonal of the first operand, which is made symmetric, so that the matrix
        is well conditioned.
    rising
        Added likewise, times 1, 2, 3... along the diagonal, so that eigenvalues and singular
        values are distinct.
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
        Whether the result holds vectors of arbitrary sign. Tests then compare only what does
        not depend on the sign.
    special
        Points, one number for each operand, where the function or its rule treats a special
        case, or where digits could cancel. Tests check every derivative to fifth order there
        and on both sides, as far as the function is smooth.
    agree
        For an op whose operands depend on one another: function of the operands that were
        drawn, which returns consistent ones.
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
    """One side of a kink: an op with the same values and the slopes of that side.

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
    """When NumPy is known to return a result in C order: always, or if operands are so."""

    UNKNOWN = enum.auto()
    AS_FIRST = enum.auto()
    AS_ALL = enum.auto()
    ALWAYS = enum.auto()


@dataclass(frozen=True, eq=False)
class Row:
    """Everything about one op.

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
        The convention where the derivative does not exist, as text for the documentation;
        empty if the derivative always exists.
    put
        For an op whose result is a view: NumPy code of ``(base, values, **attributes)`` that
        returns the base with the view's elements replaced, so that views can be assigned to.
    support
        Where the result can be nonzero, given where its operands can: a rule of
        :mod:`steepest.ops.support`; None where nothing is known.
    explain
        Why the result may not be finite although the operands are, as text for messages.
    shorten
        Function of the operands that returns a simpler node with the same value, which can be
        differentiated at more points; or None.
    sides
        For an op with a kink where its two operands are equal, or its only operand is 0: the
        op below the kink, where the first operand is the smaller one, and above it.
    rows
        Which rows of its operands a row of the result needs: a rule of
        :mod:`steepest.ops.rows`; None where `lower` implies it, or nothing is known.
    looks_up
        Whether integer operands are indices, which are checked when the op runs.
    is_move
        Whether every element of the result is known to be an element of an operand.
    in_order
        When NumPy is known to return the result in C order. Elementwise ops and reductions
        do if all operands are in C order.
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
    rows: Callable[[Node, int], Needs | None] | None = None
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
        shape = operands[0].shape
        for operand in operands:
            if operand.shape != shape:
                shape = np.broadcast_shapes(*[operand.shape for operand in operands])
                break
        return shape, result_dtype(ufunc, tuple([operand.dtype for operand in operands]))

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


def recorded(row: Row) -> Callable[..., Any]:
    """Return an op as a function that records traced arrays and computes plain ones."""

    def function(*operands: Any, **attributes: Any) -> Any:
        for operand in operands:
            if hasattr(operand, RECORD):
                return getattr(operand, RECORD)(row, *operands, **attributes)
        return row.evaluate(*operands, **attributes)

    return function


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
