"""Rows of SciPy's special functions; SciPy is imported when one of them is computed."""

from __future__ import annotations

import functools
import importlib
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Torch
from steepest.ops.derivative_rules import Partials, Zero
from steepest.ops.machine_code import HOST, Elementwise, Lowering
from steepest.ops.row import Case, Domain, Row, recorded

HOST_CASES = {
    count: (Case(((3,),) * count), Case((((4, 20), ()) * 3)[:count])) for count in range(1, 6)
}
"""Shapes that tests try a function with that machine code calls back."""


class Special:
    """A special function: records traced operands, and computes plain ones."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self._call = recorded(row)

    def __call__(self, *operands: Any) -> Any:
        """Return the function of the operands."""
        return self._call(*operands)


def rows_of(names: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return the rows of the special functions among a module's names."""
    return tuple(value.row for value in names.values() if isinstance(value, Special))


def scipy_function(name: str, output: int | None = None) -> Callable[..., Any]:
    """Return SciPy's special function of a name, or one of its results; looked up when called."""

    def evaluate(*operands: Any) -> Any:
        result = getattr(importlib.import_module("scipy.special"), name)(*operands)
        return result if output is None else result[output]

    evaluate.__name__ = name
    return evaluate


def _infer(*operands: Node) -> tuple[Shape, np.dtype]:
    """Return the shape and dtype of a function of floats, whose orders may be whole numbers."""
    floats = {x.dtype for x in operands if x.dtype.kind == "f"}
    whole = {x.dtype for x in operands if x.dtype.kind != "f"}
    if len(floats) != 1 or not whole <= {np.dtype(np.int64)}:
        raise TypeError(f"special functions take floats of one dtype, got {operands}")
    (dtype,) = floats
    shape = np.broadcast_shapes(*(x.shape for x in operands))
    return shape, np.dtype(np.float64) if whole else dtype


def special(
    name: str,
    *partials: Callable[..., Any] | None,
    domain: Domain,
    torch: str | Callable[..., Any] | None = None,
    lower: Lowering | None = None,
    kink: str = "",
    output: tuple[int, int] | None = None,
    evaluate: Callable[..., Any] | None = None,
    infer: Callable[..., tuple[Shape, np.dtype]] = _infer,
) -> Special:
    """Return a special function of SciPy.

    Parameters
    ----------
    name
        SciPy's name.
    *partials
        Partial derivatives, NumPy code of ``(output, *operands)``; None where not known. None at
        all means that the derivative is zero.
    domain, kink
        See :class:`Row`.
    torch
        See :class:`Row`; without it, NumPy computes the function and its slopes.
    lower
        See :class:`Row`; without it, SciPy's C function of that name.
    output
        Which result, of how many, where SciPy's function returns several. The row's name then
        ends in ``[number]``.
    evaluate
        What it computes, where this is not SciPy's function of that name.
    infer
        See :class:`Row`.
    """
    if lower is None:
        lower = Elementwise(lambda b, *operands: b.special(name, *operands, output=output))

    def in_torch(t: Torch, *operands: Any) -> Any:
        return _through_numpy(t, row).apply(*operands)

    row = Row(
        name=name if output is None else f"{name}[{output[0]}]",
        evaluate=evaluate or scipy_function(name, output and output[0]),
        infer=infer,
        derivative=Partials(partials) if partials else Zero(),
        torch=torch or in_torch,
        lower=lower,
        domain=domain,
        kink=kink,
    )
    return Special(row)


def hosted(
    name: str, *partials: Callable[..., Any] | None, domain: Domain, **more: Any
) -> Special:
    """Return a special function that machine code cannot call: it calls Python back."""
    if not domain.cases:
        cases = HOST_CASES[len(domain.intervals)]
        domain = Domain(domain.intervals, cases, special=domain.special, agree=domain.agree)
    return special(name, *partials, domain=domain, lower=HOST, **more)


@functools.cache
def _through_numpy(t: Torch, row: Row) -> Any:
    """Return a function of torch that NumPy computes, with its slopes."""

    def forward(context: Any, *operands: Any) -> Any:
        plain = [x.detach().cpu().numpy() for x in operands]
        with np.errstate(all="ignore"):
            value = np.asarray(row.evaluate(*plain))
        context.plain = value, plain
        return t.as_tensor(value, device=operands[0].device)

    def backward(context: Any, cotangent: Any) -> Any:
        value, plain = context.plain
        partials: Any = row.derivative.of if isinstance(row.derivative, Partials) else ()

        def pulled(i: int, partial: Any) -> Any:
            if not context.needs_input_grad[i]:
                return None
            with np.errstate(all="ignore"):
                slope = t.as_tensor(np.asarray(partial(value, *plain)))
            slope = slope.to(dtype=cotangent.dtype, device=cotangent.device)
            return (cotangent * slope).sum_to_size(plain[i].shape)

        pairs = itertools.zip_longest(range(len(plain)), partials)
        return tuple(pulled(i, partial) if partials else None for i, partial in pairs)

    members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(row.name, (t.autograd.Function,), members)
