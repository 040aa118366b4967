"""The functions of torch that compute a node for many problems, along a leading axis.

A value that differs between problems has one axis more, the first one, than its node says; it is
the problems' *own*. Other values are shared. Most ops take the leading axis as it is, or with
another attribute; for the others there is ``torch.vmap``.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from steepest.engines.pytorch.resolve import named, on_torchs_integers
from steepest.graph import Graph, Node, order
from steepest.ops import CONSTANT, Elementwise, Reduction
from steepest.ops.machine_code import HOST

Values = dict[Node, Any]

FromArray = Callable[[Any], Any]


@dataclass(frozen=True)
class Instruction:
    """How one node is computed; `finished` are those that nobody reads afterwards."""

    node: Node
    function: Callable[..., Any]
    operands: tuple[Node, ...]
    finished: tuple[Node, ...]


class ManyTape:
    """The functions that compute nodes for many problems, in order.

    Parameters
    ----------
    torch, from_array
        The module, and what makes tensors of arrays.
    outputs
        Nodes to compute.
    given
        Nodes whose values are given.
    own
        Those of them that differ between problems.

    Attributes
    ----------
    own
        All nodes that differ between problems.
    instructions
        What is computed for each problem.
    peak
        Largest number of bytes of a problem's own values at one time.
    """

    def __init__(
        self,
        torch: Any,
        from_array: FromArray,
        outputs: Sequence[Node],
        given: Collection[Node],
        own: Collection[Node],
    ) -> None:
        known, self.own = set(given), set(own)
        nodes = [node for node in order(outputs, stop=known) if node not in known]
        for node in nodes:
            if not self.own.isdisjoint(node.operands):
                self.own.add(node)
        constants = [node for node in nodes if node.op is CONSTANT]
        self._constants = {x: from_array(x.op.evaluate(**x.attributes)) for x in constants}
        resolve = functools.partial(_resolve, torch, from_array)
        self._shared = [
            (node, resolve(node, ()), node.operands)
            for node in nodes
            if node.op is not CONSTANT and node not in self.own
        ]
        mine = [node for node in nodes if node in self.own]
        last = {operand: node for node in mine for operand in node.operands}
        ending: dict[Node, list[Node]] = {}
        for operand, node in last.items():
            if operand not in outputs and operand in self.own:
                ending.setdefault(node, []).append(operand)
        self.instructions = [
            Instruction(
                node,
                resolve(node, tuple([x in self.own for x in node.operands])),
                node.operands,
                tuple(ending.get(node, ())),
            )
            for node in mine
        ]
        self.peak = _peak(self.instructions, own)

    def shared(self, values: Values) -> Values:
        """Return the shared values, given those that are inputs."""
        known = {**self._constants, **values}
        for node, function, operands in self._shared:
            known[node] = function(*[known[operand] for operand in operands])
        return known

    def run(self, values: Values) -> None:
        """Compute every node of the problems' own; `values` has the shared ones."""
        for one in self.instructions:
            values[one.node] = one.function(*[values[operand] for operand in one.operands])
            for node in one.finished:
                del values[node]


def _peak(instructions: Sequence[Instruction], given: Collection[Node]) -> int:
    size: Callable[[Node], int] = lambda node: node.size * node.dtype.itemsize
    now = peak = sum(map(size, given))
    for one in instructions:
        now += size(one.node)
        peak = max(peak, now)
        now -= sum(map(size, one.finished))
    return peak


Own = tuple[bool, ...]

Rule = Callable[[Any, Node, Own], Callable[..., Any]]


def _resolve(torch: Any, from_array: FromArray, node: Node, own: Own) -> Callable[..., Any]:
    """Return a node's function; `own` says which operands have the leading axis."""
    plain = named(torch, node)
    if any(own):
        if isinstance(node.op.lower, Elementwise):
            plain = _aligning(plain, node.ndim, node, own)
        elif node.op.name in _LOOPS:
            return _LOOPS[node.op.name](torch, from_array, node, own)
        elif isinstance(node.op.lower, Reduction) or node.op.name in _ALONG:
            attributes = {**node.attributes, "axis": _later(node.attributes["axis"])}
            plain = functools.partial(node.op.torch, torch, **attributes)
        elif node.op.name in _STACKED:
            plain = _aligning(plain, max(x.ndim for x in node.operands), node, own)
        elif node.op.name in _RULES:
            plain = _RULES[node.op.name](torch, node, own)
        elif node.op.lower is HOST or node.op.name in _ONE_BY_ONE:
            plain = _each(torch, plain, own)
        else:
            plain = torch.vmap(plain, in_dims=tuple([0 if mine else None for mine in own]))
    return on_torchs_integers(torch, node, plain)


def _later(axis: Any) -> Any:
    """Return an axis, or several, behind the leading one."""
    return tuple([i + 1 for i in axis]) if isinstance(axis, tuple) else axis + 1


def _aligning(function: Callable[..., Any], ndim: int, node: Node, own: Own) -> Callable[..., Any]:
    """Return a function whose operands broadcast behind the leading axis."""
    gaps = [
        (1,) * (ndim - operand.ndim) if mine else None
        for operand, mine in zip(node.operands, own, strict=True)
    ]
    if not any(gaps):
        return function

    def aligned(*operands: Any) -> Any:
        return function(
            *[
                x.reshape(x.shape[0], *gap, *x.shape[1:]) if gap else x
                for x, gap in zip(operands, gaps, strict=True)
            ]
        )

    return aligned


_ALONG = frozenset({"argmax", "argmin", "cumsum", "cumprod", "argsort", "fourier"})
"""Ops along an axis, besides reductions."""

_STACKED = frozenset(
    """
    matmul triangle fit_triangle solve_triangle solve solve_lower inverse positive_inverse
    cholesky det logabsdet detsign qr eigh svd pinv cofactors lower_part
    """.split()  # noqa: SIM905
)
"""Ops on matrices, which take stacks of them."""


_ONE_BY_ONE = frozenset({"collect", "put_at", "succeeds"})
"""Ops that are computed for one problem after the other, as are those that NumPy computes."""


def _each(torch: Any, function: Callable[..., Any], own: Own) -> Callable[..., Any]:
    def run(*operands: Any) -> Any:
        number = _number(operands, own)
        pairs = list(zip(operands, own, strict=True))
        return torch.stack(
            [function(*[x[i] if mine else x for x, mine in pairs]) for i in range(number)]
        )

    return run


def _taken(torch: Any, node: Node, own: Own) -> Callable[..., Any]:
    def take(*operands: Any) -> Any:
        x, *indices = spread(operands, own)
        return x[_with_problems(torch, indices)]

    return take


def _added(torch: Any, node: Node, own: Own) -> Callable[..., Any]:
    def add(*operands: Any) -> Any:
        x, *indices = spread(operands, own)
        shape = (x.shape[0], *node.shape)
        zeros = torch.zeros(shape, dtype=x.dtype, device=x.device)
        return zeros.index_put(_with_problems(torch, indices), x, accumulate=True)

    return add


def _with_problems(torch: Any, indices: Sequence[Any]) -> tuple[Any, ...]:
    """Return indices behind those of the problems."""
    first = indices[0]
    problems = torch.arange(first.shape[0], device=first.device)
    return (behind(problems, first), *indices)


def _broadcast(torch: Any, node: Node, own: Own) -> Callable[..., Any]:
    (operand,), shape = node.operands, node.shape
    gap = (1,) * (len(shape) - operand.ndim)
    return lambda x: x.reshape(x.shape[0], *gap, *x.shape[1:]).expand(-1, *shape)


def _joined(torch: Any, node: Node, own: Own) -> Callable[..., Any]:
    axis = node.attributes["axis"] + 1
    return lambda *parts: torch.cat(spread(parts, own), dim=axis)


def _packed(torch: Any, node: Node, own: Own) -> Callable[..., Any]:
    def pack(*elements: Any) -> Any:
        stacked = torch.stack(spread(elements, own), dim=1)
        return stacked.reshape(stacked.shape[0], *node.shape)

    return pack


def _sliced(torch: Any, node: Node, own: Own) -> Callable[..., Any]:
    slices = node.attributes["slices"]
    return lambda x: node.op.torch(torch, x, slices=((0, x.shape[0], 1), *slices))


def _embedded(torch: Any, node: Node, own: Own) -> Callable[..., Any]:
    shape, slices = node.attributes["shape"], node.attributes["slices"]

    def embed(x: Any) -> Any:
        number = x.shape[0]
        whole = ((0, number, 1), *slices)
        return node.op.torch(torch, x, shape=(number, *shape), slices=whole)

    return embed


def _set(torch: Any, node: Node, own: Own) -> Callable[..., Any]:
    def put(*operands: Any) -> Any:
        x, values = spread(operands, own)
        whole = ((0, x.shape[0], 1), *node.attributes["slices"])
        return node.op.torch(torch, x, values, slices=whole)

    return put


_RULES: dict[str, Rule] = {
    "reshape": lambda torch, node, own: lambda x: x.reshape(x.shape[0], *node.shape),
    "transpose": lambda torch, node, own: (
        lambda x: torch.permute(x, (0, *_later(node.attributes["axes"])))
    ),
    "broadcast_to": _broadcast,
    "concatenate": _joined,
    "pack": _packed,
    "getitem": _sliced,
    "embed": _embedded,
    "setitem": _set,
    "take_at": _taken,
    "add_at": _added,
}


def spread(values: Sequence[Any], own: Own, number: int | None = None) -> list[Any]:
    """Return values that all have the leading axis."""
    if number is None:
        number = next(x.shape[0] for x, mine in zip(values, own, strict=True) if mine)
    return [x if mine else x.expand(number, *x.shape) for x, mine in zip(values, own, strict=True)]


# Loops: those whose length depends on values go on until the last problem is through.


def _body(torch: Any, from_array: FromArray, graph: Graph, own: Own) -> Callable[..., list[Any]]:
    """Return a step's outputs, all with the leading axis, as a function of its inputs."""
    mine = {node for node, is_own in zip(graph.inputs, own, strict=True) if is_own}
    tape = ManyTape(torch, from_array, graph.outputs, graph.inputs, mine)
    is_own = tuple([node in tape.own for node in graph.outputs])

    def run(number: int, values: Sequence[Any]) -> list[Any]:
        known = tape.shared(dict(zip(graph.inputs, values, strict=True)))
        tape.run(known)
        return spread([known[node] for node in graph.outputs], is_own, number)

    return run


def _number(operands: Sequence[Any], own: Own) -> int:
    number: int = next(x.shape[0] for x, mine in zip(operands, own, strict=True) if mine)
    return number


def _scan(torch: Any, from_array: FromArray, node: Node, own: Own) -> Callable[..., Any]:
    step, keeps = node.attributes["step"], node.attributes.get("keeps", True)
    body = _body(torch, from_array, step, (True, *own[1:]))

    def run(*operands: Any) -> Any:
        number = _number(operands, own)
        carry, rows, *around = operands
        (carry,) = spread([carry], own[:1], number)
        before, yielded = [], []
        for i in range(node.operands[1].shape[0]):
            if keeps:
                before.append(carry)
            row = rows[:, i] if own[1] else rows[i]
            carry, result = body(number, [carry, row, *around])
            yielded.append(result)
        return torch.cat([*before, *yielded, carry], dim=1)

    return run


def _while(torch: Any, from_array: FromArray, node: Node, own: Own) -> Callable[..., Any]:
    flags, limit = (True, *own[1:]), node.attributes["limit"]
    condition = _body(torch, from_array, node.attributes["condition"], flags)
    step = _body(torch, from_array, node.attributes["step"], flags)

    def run(*operands: Any) -> Any:
        number = _number(operands, own)
        carry, *around = operands
        (carry,) = spread([carry], own[:1], number)
        for _ in itertools.count() if limit is None else range(limit):
            (goes_on,) = condition(number, [carry, *around])
            if not bool(torch.any(goes_on)):
                break
            (after,) = step(number, [carry, *around])
            carry = torch.where(behind(goes_on, carry), after, carry)
        return carry

    return run


def _cond(torch: Any, from_array: FromArray, node: Node, own: Own) -> Callable[..., Any]:
    yes, no = (_body(torch, from_array, node.attributes[side], own[1:]) for side in ("yes", "no"))

    def run(*operands: Any) -> Any:
        number = _number(operands, own)
        choice, *around = operands
        if not own[0]:
            return (yes if bool(choice) else no)(number, around)[0]
        (first,), (second,) = yes(number, around), no(number, around)
        return torch.where(behind(choice, first), first, second)

    return run


def _newton(torch: Any, from_array: FromArray, node: Node, own: Own) -> Callable[..., Any]:
    step = _body(torch, from_array, node.attributes["step"], (True, *own[1:]))

    def run(*operands: Any) -> Any:
        number = _number(operands, own)
        point, *around = operands
        (point,) = spread([point], own[:1], number)
        for _ in range(node.attributes["number"]):
            (point,) = step(number, [point, *around])
        return point

    return run


def behind(truths: Any, values: Any) -> Any:
    """Return truth values, one for each problem, in a shape that broadcasts with values."""
    return truths.reshape(-1, *(1,) * (values.ndim - 1))


_LOOPS: dict[str, Callable[..., Callable[..., Any]]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "newton": _newton,
}
