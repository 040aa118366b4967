"""Loops and branches that stay in the graph: scan, while and cond.

The value that a loop carries is one vector, and what a step reads and yields is one row:
tracing packs nested values into them. A step is a graph of its own, whose inputs are
numbered from 0; values of the enclosing function that it uses are further operands.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Graph, Node, Shape, make, order
from steepest.ops.aliases import Tensor, Torch
from steepest.ops.arrays.reduction import SUM
from steepest.ops.arrays.relief import completed, steps_in_numpy
from steepest.ops.derivative_rules import Rule
from steepest.ops.elementwise.arithmetic import ADD, MULTIPLY
from steepest.ops.elementwise.comparison import LESS
from steepest.ops.elementwise.trigonometric import SIN
from steepest.ops.leaves import CONSTANT, constant_node, input_node
from steepest.ops.machine_code import Kernel
from steepest.ops.row import Case, Domain, Row

_LEVEL = 1 << 20

RULES: dict[str, Callable[..., Any]] = {}
"""Pullbacks and pushforwards of loops, and Jacobians of steps; ``derivative.loops`` fills it."""


def step_input(index: int, shape: Shape, dtype: np.dtype) -> Node:
    """Return the input of a step with a number."""
    return input_node(index, shape, dtype, _LEVEL)


@functools.lru_cache(maxsize=512)
def _schedule(step: Graph) -> list[Node]:
    known = frozenset(step.inputs)
    return [node for node in order(step.outputs, stop=known) if node not in known]


@functools.lru_cache(maxsize=512)
def _instructions(step: Graph) -> tuple[list[Any], list[tuple[Any, Any, int]], list[int]]:
    """Return the values before a step, its calls, and the places of its outputs.

    Inputs come first among the values; the calls fill the others. Each call is a function, its
    operands' places, and its result's.
    """
    places = {node: i for i, node in enumerate(step.inputs)}
    before: list[Any] = [None] * len(places)
    calls = []
    for node in _schedule(step):
        places[node] = len(before)
        function, operands = _as_call(node)
        if node.op is CONSTANT:
            before.append(function())
            continue
        calls.append((function, [places[x] for x in operands], places[node]))
        before.append(None)
    outputs = [places[node] for node in step.outputs]
    needed, kept = set(outputs), []
    for call in reversed(calls):
        if call[2] in needed:
            needed.update(call[1])
            kept.append(call)
    return before, kept[::-1], outputs


def _as_call(node: Node) -> tuple[Callable[..., Any], Sequence[Node]]:
    """Return how a node is computed, and of what.

    Packing numbers into a vector, and taking a number out of one, are one call each.
    """
    operands = node.operands
    if node.op.name == "reshape" and not node.shape:
        (one,) = operands
        if one.op.name == "getitem" and one.operands[0].ndim == 1:
            ((place, _, _),) = one.attributes["slices"]
            return operator.itemgetter(place), one.operands
    if node.op.name == "concatenate" and node.ndim == 1:
        if all(x.op.name == "reshape" and x.operands[0].shape == () for x in operands):
            return functools.partial(_packed, dtype=node.dtype), [x.operands[0] for x in operands]
    if not node.attributes:
        return node.op.evaluate, operands
    return functools.partial(node.op.evaluate, **node.attributes), operands


def _packed(*numbers: Any, dtype: np.dtype) -> np.ndarray:
    return np.array(numbers, dtype)


def run_step(step: Graph, values: Sequence[Any]) -> list[Any]:
    """Compute a step in NumPy."""
    before, calls, outputs = _instructions(step)
    known = [*values, *before[len(values) :]]
    for function, places, result in calls:
        known[result] = function(*[known[i] for i in places])
    return [known[i] for i in outputs]


@functools.lru_cache(maxsize=512)
def _constants_in_torch(t: Torch, step: Graph, device: Any) -> dict[Node, Tensor]:
    """Return the constants of a step on a device, where they are copied once."""
    constants = [node for node in _schedule(step) if node.op is CONSTANT]
    values = [np.array(node.op.evaluate(**node.attributes)) for node in constants]
    return {x: t.as_tensor(v, device=device) for x, v in zip(constants, values, strict=True)}


def run_step_in_torch(t: Torch, step: Graph, values: Sequence[Any]) -> list[Tensor]:
    """Compute a step in torch."""
    known: dict[Node, Any] = dict(zip(step.inputs, values, strict=True))
    known.update(_constants_in_torch(t, step, values[0].device))
    for node in _schedule(step):
        if node.op is CONSTANT:
            continue
        operands = [known[operand] for operand in node.operands]
        if isinstance(node.op.torch, str):
            known[node] = getattr(t, node.op.torch)(*operands, **node.attributes)
        else:
            known[node] = node.op.torch(t, *operands, **node.attributes)
    return [known[node] for node in step.outputs]


def _later(name: str) -> Callable[..., Any]:
    def rule(*args: Any, **attributes: Any) -> Any:
        return RULES[name](*args, **attributes)

    return rule


def rule_named(name: str) -> Rule:
    """Return a rule whose two functions are in :data:`RULES`."""
    return Rule(_later(f"pull {name}"), _later(f"push {name}"))


# scan: (carry, row) -> (carry, yield), for every row.


class ScanLayout(NamedTuple):
    """Where the parts of a scan's result lie in its vector.

    Attributes
    ----------
    rows, carry, yielded
        The number of steps, and the sizes of what a step carries on and yields.
    keeps
        Whether the carries before all steps come first.
    """

    rows: int
    carry: int
    yielded: int
    keeps: bool = True

    @property
    def results(self) -> int:
        """Where the results of the steps begin."""
        return self.rows * self.carry if self.keeps else 0

    @property
    def last(self) -> int:
        """Where the last carry begins."""
        return self.results + self.rows * self.yielded

    @property
    def size(self) -> int:
        """The length of the vector."""
        return self.last + self.carry

    @classmethod
    def of(cls, node: Node) -> ScanLayout:
        """Return the layout of a scan's result."""
        carry, rows = node.operands[:2]
        yielded = node.attributes["step"].outputs[1].size
        return cls(rows.shape[0], carry.size, yielded, node.attributes.get("keeps", True))


def scan_parts(packed: Any, rows: int, carry: int, yielded: int) -> tuple[Any, Any, Any]:
    """Return the carries before every step, what the steps yielded, and the last carry."""
    layout = ScanLayout(rows, carry, yielded)
    return (
        packed[: layout.results].reshape((rows, carry)),
        packed[layout.results : layout.last].reshape((rows, yielded)),
        packed[layout.last :],
    )


def _scan_infer(
    carry: Node, rows: Node, *around: Node, step: Graph, keeps: bool = True
) -> tuple[Shape, np.dtype]:
    after, yielded = step.outputs
    if after.shape != carry.shape or after.dtype != carry.dtype or rows.ndim != 2:
        raise ValueError(f"scan: a step turns {carry} into {after}, with rows {rows}")
    return (ScanLayout(rows.shape[0], carry.size, yielded.size, keeps).size,), carry.dtype


def _scan(carry: Any, rows: Any, *around: Any, step: Graph, keeps: bool = True) -> np.ndarray:
    before, yielded = [], []
    if len(rows) > steps_in_numpy(step):
        return completed(SCAN, [carry, rows, *around], step=step, keeps=keeps)
    for row in rows:
        if keeps:
            before.append(carry)
        carry, result = run_step(step, [carry, row, *around])
        yielded.append(result)
    return np.concatenate([*before, *yielded, carry])


def _torch_scan(
    t: Torch, carry: Tensor, rows: Tensor, *around: Tensor, step: Graph, keeps: bool = True
) -> Tensor:
    before, yielded = [], []
    for row in rows:
        if keeps:
            before.append(carry)
        carry, result = run_step_in_torch(t, step, [carry, row, *around])
        yielded.append(result)
    return t.cat([*before, *yielded, carry])


_REAL = np.dtype(np.float64)


def _example(number: int) -> Graph:
    """Return a step for tests: c' = sin(c * a) + x, and yields c' * sum(x)."""
    c, x, a = (step_input(i, (number,), _REAL) for i in range(3))
    after = make(ADD, (make(SIN, (make(MULTIPLY, (c, a)),)), x))
    yielded = make(MULTIPLY, (after, make(SUM, (x,), axis=(0,))))
    return Graph((c, x, a), (after, yielded))


_ENTRIES = ((-1.0, 1.0),)

SCAN = Row(
    name="scan",
    evaluate=_scan,
    infer=_scan_infer,
    derivative=rule_named("scan"),
    torch=_torch_scan,
    lower=Kernel("scan", in_lanes=True),  # if all ops of its step are
    domain=Domain(
        _ENTRIES,
        (
            Case(((2,), (3, 2), (2,)), {"step": _example(2)}),
            Case(((20,), (4, 20), (20,)), {"step": _example(20)}),
        ),
        analytic=True,
    ),
)


# while: carry -> carry, as long as a condition holds.


def _while_infer(
    carry: Node, *around: Node, condition: Graph, step: Graph, limit: int | None
) -> tuple[Shape, np.dtype]:
    (after,), (truth,) = step.outputs, condition.outputs
    if (after.shape, after.dtype) != (carry.shape, carry.dtype) or truth.dtype != np.bool_:
        raise ValueError(f"while: a step turns {carry} into {after}, as long as {truth}")
    return carry.shape, carry.dtype


def _counts(limit: int | None) -> Any:
    return range(limit) if limit is not None else itertools.count()


def _while(
    carry: Any, *around: Any, condition: Graph, step: Graph, limit: int | None
) -> np.ndarray:
    in_numpy = steps_in_numpy(condition, step)
    for done in _counts(limit):
        if not run_step(condition, [carry, *around])[0]:
            break
        if done >= in_numpy:
            left = None if limit is None else limit - done
            attributes = {"condition": condition, "step": step, "limit": left}
            return completed(WHILE, [carry, *around], **attributes)
        (carry,) = run_step(step, [carry, *around])
    return np.asarray(carry)


def _torch_while(
    t: Torch, carry: Tensor, *around: Tensor, condition: Graph, step: Graph, limit: int | None
) -> Tensor:
    for _ in _counts(limit):
        if not bool(run_step_in_torch(t, condition, [carry, *around])[0]):
            break
        (carry,) = run_step_in_torch(t, step, [carry, *around])
    return carry


def _halving(number: int) -> tuple[Graph, Graph]:
    """Return condition and step for tests: while 0.5 < sum(c * c): c = sin(c) * a."""
    c, a = (step_input(i, (number,), _REAL) for i in range(2))
    size = make(SUM, (make(MULTIPLY, (c, c)),), axis=(0,))
    condition = Graph((c, a), (make(LESS, (constant_node(0.5), size)),))
    return condition, Graph((c, a), (make(MULTIPLY, (make(SIN, (c,)), a)),))


def _while_case(number: int, limit: int | None) -> Case:
    condition, step = _halving(number)
    attributes = {"condition": condition, "step": step, "limit": limit}
    return Case(((number,), (number,)), attributes)


WHILE = Row(
    name="while",
    evaluate=_while,
    infer=_while_infer,
    derivative=rule_named("while"),
    torch=_torch_while,
    lower=Kernel("while_"),
    domain=Domain(((0.5, 0.9),), (_while_case(3, 30), _while_case(20, 12))),
    kink="the slope of the number of steps that were made",
)


# cond: one of two graphs.


def _cond_infer(
    choice: Node, vector: Node, *around: Node, yes: Graph, no: Graph
) -> tuple[Shape, np.dtype]:
    (first,), (second,) = yes.outputs, no.outputs
    if (first.shape, first.dtype) != (second.shape, second.dtype) or choice.dtype != np.bool_:
        raise ValueError(f"cond: the two sides give {first} and {second}")
    return first.shape, first.dtype


def _cond(choice: Any, vector: Any, *around: Any, yes: Graph, no: Graph) -> np.ndarray:
    return np.asarray(run_step(yes if choice else no, [vector, *around])[0])


def _torch_cond(
    t: Torch, choice: Tensor, vector: Tensor, *around: Tensor, yes: Graph, no: Graph
) -> Tensor:
    return run_step_in_torch(t, yes if bool(choice) else no, [vector, *around])[0]


def _sides(number: int) -> dict[str, Graph]:
    v, a = (step_input(i, (number,), _REAL) for i in range(2))
    yes = Graph((v, a), (make(MULTIPLY, (make(SIN, (v,)), a)),))
    return {"yes": yes, "no": Graph((v, a), (make(ADD, (make(MULTIPLY, (v, v)), a)),))}


COND = Row(
    name="cond",
    evaluate=_cond,
    infer=_cond_infer,
    derivative=rule_named("cond"),
    torch=_torch_cond,
    lower=Kernel("cond"),
    domain=Domain(
        ("bool", (-1.0, 1.0)),
        (Case(((), (2,), (2,)), _sides(2)), Case(((), (20,), (20,)), _sides(20))),
        analytic=True,
    ),
    kink="the slope of the side that was taken",
)

ROWS: tuple[Row, ...] = (SCAN, WHILE, COND)
