"""Descriptions of compiled code: its loops, its memory, its passes over the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from steepest.engines.native.runtime.thread_pool import get_num_threads
from steepest.engines.native.schedule.plan import Plan, make_plan
from steepest.engines.native.schedule.regions import is_leaf, is_view, region
from steepest.graph import Guard, Node, Source
from steepest.ops import Elementwise, Reduction
from steepest.presentation import presenter
from steepest.rewrite.panels import Panels, Report

_MOST_NAMES = 8
_INDENT = "    "


@dataclass(frozen=True)
class Loop:
    """One loop nest.

    Attributes
    ----------
    results
        The nodes that it stores.
    fused
        The other nodes that it computes, in order.
    reads, writes
        Bytes of the arrays that it reads and writes; each array counts once.
    flops
        Operations on numbers; an exponential or a logarithm counts as one.
    panels
        For a pass over the data by panels: the computation of a panel.
    """

    results: tuple[Node, ...]
    fused: tuple[Node, ...]
    reads: int
    writes: int
    flops: int
    panels: Panels | None = None


@dataclass(frozen=True, repr=False)
class CompiledPlan:
    """The plan of compiled code; ``print`` shows it.

    Attributes
    ----------
    loops
        The loop nests, in the order in which they run.
    in_registers
        Number of nodes that are computed in registers, without a loop.
    arena_bytes
        Memory for intermediate arrays. Arrays that are not needed at the same time share it.
    result_bytes
        Memory of the results.
    report
        The report on the data axis; None if paths branch.
    paths
        Number of paths.
    sources
        The user's lines.
    names
        Names of the inputs.
    """

    loops: tuple[Loop, ...]
    in_registers: int
    arena_bytes: int
    result_bytes: int
    report: Report | None
    paths: int
    sources: Mapping[Node, Source]
    names: Mapping[Node, str]

    @property
    def bytes_moved(self) -> int:
        """Bytes that the loops read and write."""
        return sum(loop.reads + loop.writes for loop in self.loops)

    @property
    def flops(self) -> int:
        """Operations on numbers."""
        return sum(loop.flops for loop in self.loops)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return f"CompiledPlan({next(self._lines())})"

    def _repr_html_(self) -> str:
        rows = [["loop", "computes", "reads", "writes", "flops", "lines"]]
        for number, loop in enumerate(self.loops, 1):
            sizes = [_bytes(loop.reads), _bytes(loop.writes), _count(loop.flops)]
            rows.append([str(number), _what(loop), *sizes, self._where(loop)])
        head = [line for line in self._lines() if not line.startswith(("loop", _INDENT))]
        text: str = presenter("tables").with_heads(head, rows)
        return text

    def _where(self, loop: Loop) -> str:
        """Return the user's lines that a loop computes."""
        found = [self.sources.get(node) for node in (*loop.fused, *loop.results)]
        lines = list(dict.fromkeys(str(source) for source in found if source is not None))
        more = [f"{len(lines) - _MOST_NAMES} more"] if len(lines) > _MOST_NAMES else []
        return ", ".join([*lines[:_MOST_NAMES], *more])

    def _lines(self) -> Iterator[str]:
        total = f"{_bytes(self.bytes_moved)} moved, {_count(self.flops)} flops"
        yield f"{_number(len(self.loops), 'loop')}, {total}"
        between, results = _bytes(self.arena_bytes), _bytes(self.result_bytes)
        yield f"memory: {between} in between, {results} of results"
        if self.paths > 1:
            yield f"paths: {self.paths}"
        yield from self._data_axis()
        if self.in_registers:
            yield f"in registers: {_number(self.in_registers, 'small operation')}"
        for number, loop in enumerate(self.loops, 1):
            yield from self._loop(number, loop)

    def _data_axis(self) -> Iterator[str]:
        report = self.report
        if report is None:
            yield "data axis: not looked for, because the function branches on values"
            return
        if not report.rows:
            yield f"data axis: none, because {report.reason}"
            return
        names = ", ".join(self.names[node] for node in report.inputs if node in self.names)
        if report.reason:
            yield f"data axis: {report.rows:,} rows of {names}, but {report.reason}"
        else:
            passes = _number(len(report.rounds), "pass", "passes")
            yield f"data axis: {report.rows:,} rows of {names}, in {passes}"
        for node in report.obstacles[:_MOST_NAMES]:
            source = self.sources.get(node)
            where = f" at {source}" if source else ""
            yield f"{_INDENT}{node.op.name}{where} sees all rows at once: a pass ends there"

    def _loop(self, number: int, loop: Loop) -> Iterator[str]:
        size = f"reads {_bytes(loop.reads)}, writes {_bytes(loop.writes)}"
        work = f"{size}, {_count(loop.flops)} flops"
        if loop.panels is None:
            yield f"loop {number}: {_what(loop)}; {work}"
            return
        plan = loop.panels
        threads = min(get_num_threads(), plan.strips)
        shared = f", shared by {_number(threads, 'thread')}" if threads > 1 else ""
        yield f"loop {number}: {_number(plan.count, 'panel')} of rows{shared}; {work}"
        largest = max(plan.segments, key=lambda segment: segment.size * segment.count)
        yield f"{_INDENT}each of {largest.size} rows (of {plan.rows:,}) does:"
        inner = make_plan([((), [largest.step.outputs])])
        for part in _loops_of(inner):
            yield f"{_INDENT}{_INDENT}{_what(part)}"


def explain(
    paths: Sequence[tuple[Sequence[Guard], Sequence[Node]]],
    arena_bytes: int,
    report: Report | None,
    sources: Mapping[Node, Source],
    names: Mapping[Node, str],
) -> CompiledPlan:
    """Return the plan of compiled paths, given as their guards and outputs."""
    plan = make_plan([(guards, [outputs]) for guards, outputs in paths])
    outputs = dict.fromkeys(node for _, nodes in paths for node in nodes)
    return CompiledPlan(
        loops=tuple(_loops_of(plan)),
        in_registers=len(plan.small),
        arena_bytes=arena_bytes,
        result_bytes=sum(map(_bytes_of, outputs)),
        report=report,
        paths=len(paths),
        sources=sources,
        names=names,
    )


def _loops_of(plan: Plan) -> Iterator[Loop]:
    seen: set[Panels] = set()
    done: set[Node] = set()
    for node in plan.nodes:
        if node not in plan.stored or node in plan.dynamic_slices or node in done:
            continue
        if node.op.name == "panels":
            panels = node.attributes["plan"]
            if panels not in seen:
                seen.add(panels)
                yield _pass_over_data(node, panels)
            continue
        results = tuple(x for x in plan.together.get(node, (node,)) if x in plan.stored)
        done.update(results)
        around = {x for result in results for x in region(result, plan.small, plan.stored)}
        around -= set(results)
        ended = {x for x in around if is_leaf(x) or x in plan.stored or x in plan.small}
        fused = tuple(x for x in plan.nodes if x in around - ended and not is_view(x))
        yield Loop(
            results,
            fused,
            sum(map(_bytes_of, ended)),
            sum(map(_bytes_of, results)),
            sum(map(_flops, (*fused, *results))),
        )


def _pass_over_data(node: Node, panels: Panels) -> Loop:
    read = dict.fromkeys(node.operands)
    flops = 0
    for segment in panels.segments:
        inner = make_plan([((), [segment.step.outputs])])
        flops += segment.count * sum(_flops(x) for x in inner.nodes if not is_leaf(x))
    written = (math.prod(r.shape) * r.dtype.itemsize for r in panels.results)
    return Loop((node,), (), sum(map(_bytes_of, read)), sum(written), flops, panels)


def _flops(node: Node) -> int:
    if node.op.name == "matmul":
        return 2 * node.size * node.operands[0].shape[-1]
    if isinstance(node.op.lower, Reduction):
        return node.operands[0].size
    return node.size if isinstance(node.op.lower, Elementwise) else 0


def _bytes_of(node: Node) -> int:
    return node.size * node.dtype.itemsize


def _bytes(size: int) -> str:
    for unit, width in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= width:
            return f"{size / width:.3g} {unit}"
    return f"{size} bytes"


def _count(number: int) -> str:
    return f"{number:,}" if number < 10**6 else f"{number:.3g}"


def _number(count: int, name: str, names: str = "") -> str:
    return f"{count:,} {name if count == 1 else names or name + 's'}"


def _what(loop: Loop) -> str:
    shapes = (f"{node.dtype}[{','.join(map(str, node.shape))}]" for node in loop.results)
    return f"{_ops((*loop.fused, *loop.results))} -> {', '.join(shapes)}"


def _ops(nodes: Sequence[Node]) -> str:
    names = [node.op.name for node in nodes]
    if len(names) > _MOST_NAMES:
        left = len(names) - _MOST_NAMES
        names = [*names[: _MOST_NAMES - 1], f"{left} more", names[-1]]
    return ", ".join(names)
