"""The functions of torch that compute nodes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph import Node, order
from steepest.ops.elementwise.comparison import COMPARISONS
from steepest.ops.sides import sides_of

_UNSIGNED = frozenset(map(np.dtype, (np.uint16, np.uint32, np.uint64)))
_BY_SIGN = frozenset(
    """
    absolute argmax argmin argsort floor_divide fmod max maximum min minimum reciprocal remainder
    sign
    """.split()  # noqa: SIM905
)
"""Ops whose result would be wrong if unsigned operands were taken as signed."""

_TAKE_UNSIGNED = frozenset({"astype", "constant", "left_shift", "right_shift"})


def resolve(torch: Any, node: Node) -> Callable[..., Any]:
    """Return a node's function of its operands' tensors.

    Raises
    ------
    UnsupportedError
        If it divides or orders unsigned 64-bit integers; torch has no arithmetic of them.
    """
    return on_torchs_integers(torch, node, named(torch, node))


def on_torchs_integers(torch: Any, node: Node, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a node's function that also takes unsigned integers, which torch cannot compute."""
    kinds = {operand.dtype for operand in node.operands}
    name = node.op.name
    if not kinds & _UNSIGNED or name in _TAKE_UNSIGNED:
        return function
    if np.dtype(np.uint64) in kinds:
        if name in COMPARISONS:
            return function
        if name in _BY_SIGN:
            raise UnsupportedError(
                f"the engine 'torch' cannot compute {name} of uint64: convert with "
                ".astype(np.int64), or use the engine 'native'"
            )

    def on_signed(*operands: Any) -> Any:
        unsigned = (torch.uint16, torch.uint32, torch.uint64)
        result = function(*(x.to(torch.int64) if x.dtype in unsigned else x for x in operands))
        return result.to(getattr(torch, node.dtype.name))

    return on_signed


def named(torch: Any, node: Node) -> Callable[..., Any]:
    """Return the function that a node's row names."""
    if isinstance(node.op.torch, str):
        function: Callable[..., Any] = getattr(torch, node.op.torch)
        return function
    function = functools.partial(node.op.torch, torch, **node.attributes)
    can_fail = bool(getattr(node.op.lower, "failure", ""))
    return _with_numpys_error(torch, function) if can_fail else function


def _with_numpys_error(torch: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that raises NumPy's LinAlgError where torch raises its own."""

    def run(*operands: Any) -> Any:
        try:
            return function(*operands)
        except torch.linalg.LinAlgError as error:
            raise np.linalg.LinAlgError(str(error).splitlines()[0]) from error

    return run


def differentiable(
    torch: Any, outputs: Sequence[Node], variables: Sequence[Node] = ()
) -> Callable[[Node], Callable[..., Any]]:
    """Return a function that resolves the nodes of a graph that torch differentiates."""
    kinks = sides_of(outputs, order(outputs, stop=variables), frozenset()).kinks

    def resolved(node: Node) -> Callable[..., Any]:
        if node in kinks:
            return functools.partial(kinks[node].torch, torch, **node.attributes)
        return resolve(torch, node)

    return resolved
