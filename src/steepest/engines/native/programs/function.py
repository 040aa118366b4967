"""A graph compiled to a function of flat inputs."""

from __future__ import annotations

import ctypes
import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.decision_tree import emit_tree
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Arena, contiguous
from steepest.engines.native.codegen.types import INDEX, POINTER, index
from steepest.engines.native.jit import program_cache
from steepest.engines.native.jit.compile import Code
from steepest.engines.native.jit.host_calls import HostCall
from steepest.engines.native.programs.layout import TableLayout, evaluation_table, function_table
from steepest.engines.native.runtime import thread_pool
from steepest.engines.native.runtime.buffer_pool import (
    WORTH_KEEPING,
    address_of,
    aligned_bytes,
    empty,
    maker,
)
from steepest.engines.native.runtime.c_entry import entry
from steepest.engines.native.runtime.numpy_abi import OTHER_KIND, describe, invoke
from steepest.engines.native.schedule.plan import make_plan
from steepest.engines.native.schedule.work import work_of
from steepest.errors import GraphIndexError
from steepest.graph import Graph, Node, Shape, Source, decision_tree
from steepest.graph.source import at
from steepest.lazy import keep_recent
from steepest.ops import Kernel
from steepest.rewrite import simplify_guarded
from steepest.rewrite.panels import Report, with_panels

if TYPE_CHECKING:
    from steepest.engines.native.programs.explain import CompiledPlan

_CACHE_SIZE = 256
_T = TypeVar("_T")

_programs: OrderedDict[Any, Any] = OrderedDict()
_lock = threading.Lock()

FUNCTION_TYPE = ir.FunctionType(INDEX, [POINTER, INDEX, INDEX])
"""Takes the table of pointers and two numbers; returns 0, or a code that says what stopped it."""


def cached(key: Any, make: Callable[[], _T]) -> _T:
    """Return the code that was compiled for a key before, or compile it now."""
    with _lock:
        if key in _programs:
            _programs.move_to_end(key)
            found: _T = _programs[key]
            return found
    result = make()
    with _lock:
        keep_recent(_programs, key, result, _CACHE_SIZE)
    return result


_NO_ARENA = np.zeros(0, np.uint8)

_LARGE_ARENA = 1 << 20  # bytes; no function keeps more than that for itself

LONG_PROGRAM, _LITTLE_WORK = 2_000, 1e8
"""From how many instructions on a function is compiled without optimization first, and the
elements that it computes at most then: a call cannot change to better code while it runs."""

UNKNOWN_PATH = -1
"""The code that machine code returns if its values lead to a path that is not known."""


@dataclass(frozen=True)
class CompiledGraph:
    """Machine code of the paths through a function.

    Attributes
    ----------
    paths
        The graph of each path, simplified; inputs are those of the last.
    code
        The machine code. It returns the number of the path, :data:`UNKNOWN_PATH`, or
        ``UNKNOWN_PATH - n`` if the n-th checked node failed.
    arena_size
        Bytes of static memory that one call needs.
    outputs
        Shape and dtype of every output; paths share outputs of the same shape and dtype.
    places
        For each path, the positions of its outputs in `outputs`.
    checked
        Nodes whose indices are checked, or that NumPy computes.
    hosts
        Calls back to NumPy; they live as long as the code.
    shares_work
        Whether threads share some of it.
    is_evaluation
        Whether its table is that of an evaluation.
    arenas
        Memory of finished calls, to be used again.
    """

    paths: tuple[Graph, ...]
    code: Code
    arena_size: int
    outputs: Sequence[tuple[Shape, np.dtype]]
    places: Sequence[Sequence[int]]
    checked: Sequence[Node]
    hosts: Sequence[HostCall]
    shares_work: bool = False
    is_evaluation: bool = False
    arenas: list[np.ndarray] = field(default_factory=list)

    def __call__(self, inputs: Sequence[Any]) -> tuple[int, list[np.ndarray]] | None:
        """Run on flat inputs; return the path's number and its flat outputs."""
        arrays = [
            np.require(value, node.dtype, ["C", "A"]).reshape(node.shape)
            for value, node in zip(inputs, self.paths[-1].inputs, strict=True)
        ]
        outputs = [empty(shape, dtype) for shape, dtype in self.outputs]
        arena = self._take_arena()
        others = (arena, thread_pool.queue(), *outputs)
        table = pointer_table([address_of(array) for array in (*arrays, *others)])
        began = time.perf_counter()
        with thread_pool.at_work(self.shares_work):
            number = self.code.call(table, 0, 0)
        if self.code.is_baseline:
            self.code.record_use(time.perf_counter() - began)
        self._give_back(arena)
        return self._finished(number, outputs)

    @functools.cached_property
    def table(self) -> TableLayout:
        """Slots of the table of pointers that the code is called with."""
        inputs, outputs = len(self.paths[-1].inputs), len(self.outputs)
        if self.is_evaluation:
            return evaluation_table(outputs, inputs)
        return function_table(inputs, outputs)

    @functools.cached_property
    def direct(self) -> Callable[[tuple[Any, ...]], tuple[int, list[np.ndarray]] | None] | None:
        """A fast function of arrays; None if machine code cannot inspect arrays here.

        Machine code checks the arrays, without NumPy. The function returns None if an array
        has another shape or dtype than compiled for, too.
        """
        call = invoke()
        if call is None:
            return None
        if not self.code.is_baseline:
            return self._direct(call)
        best = [self._direct(call)]

        def run(inputs: tuple[Any, ...]) -> tuple[int, list[np.ndarray]] | None:
            began, is_new = time.perf_counter(), self.code.is_baseline
            taken = best[0](inputs)
            if is_new:
                self.code.record_use(time.perf_counter() - began)
                if not self.code.is_baseline:
                    best[0] = self._direct(call)
            return taken

        return run

    def _direct(
        self, call: Callable[..., int]
    ) -> Callable[[tuple[Any, ...]], tuple[int, list[np.ndarray]] | None]:
        inputs = [(node.shape, node.dtype) for node in self.paths[-1].inputs]
        description = describe(self.code.address, inputs, 2 + len(self.outputs))
        address = address_of(description)
        shapes, dtypes = ([output[i] for output in self.outputs] for i in range(2))
        make = maker(self.outputs)
        queue, shares_work = thread_pool.queue(), self.shares_work
        take, give_back, finished = self._take_arena, self._give_back, self._finished

        def run(
            inputs: tuple[Any, ...], _alive: np.ndarray = description
        ) -> tuple[int, list[np.ndarray]] | None:
            arena = take()
            outputs = list(map(make, shapes, dtypes))
            arrays = (*inputs, arena, queue, *outputs)
            if shares_work:
                with thread_pool.at_work():
                    number = call(id(arrays), address)
            else:  # a context manager would take longer than the call
                number = call(id(arrays), address)
            if arena is not _NO_ARENA:
                give_back(arena)
            return None if number == OTHER_KIND else finished(number, outputs)

        return run

    def plan(self) -> CompiledPlan:
        """Return a description of the code, to be printed."""
        from steepest.engines.native.programs.explain import explain

        computed, reports = _by_panels(self.paths)
        sources = {k: v for path in self.paths for k, v in path.sources.items()}
        shown = [(path.guards, path.outputs) for path in computed]
        names = dict(zip(self.paths[-1].inputs, self.paths[-1].input_names, strict=True))
        report = reports[0] if reports else None
        return explain(shown, self.arena_size, report, sources, names)

    def entry(
        self,
        reads: Sequence[tuple[Callable[[], Any], Any]],
        open_sessions: np.ndarray,
        fallback: Callable[..., Any],
        is_tuple: bool,
    ) -> Callable[..., Any] | None:
        """Return a C function that Python calls directly; None if the code does not allow it."""
        if len(self.paths) > 1 or self.shares_work or self.arena_size > _LARGE_ARENA:
            return None
        if self.code.is_baseline:  # its address changes
            return None
        return entry(
            self.code.address,
            [(node.shape, node.dtype) for node in self.paths[0].inputs],
            self.outputs,
            maker(self.outputs),
            aligned_bytes(self.arena_size),
            thread_pool.queue(),
            reads,
            open_sessions,
            fallback,
            is_tuple,
        )

    def _take_arena(self) -> np.ndarray:
        if self.arena_size == 0:
            return _NO_ARENA
        try:
            return self.arenas.pop()
        except IndexError:
            return aligned_bytes(self.arena_size)

    def _give_back(self, arena: np.ndarray) -> None:
        if arena.nbytes < WORTH_KEEPING:  # larger ones go back to the pool of buffers
            self.arenas.append(arena)

    def _finished(
        self, number: int, outputs: list[np.ndarray]
    ) -> tuple[int, list[np.ndarray]] | None:
        if number < 0:
            if number == UNKNOWN_PATH:
                return None
            sources = {k: v for path in self.paths for k, v in path.sources.items()}
            raise_error(UNKNOWN_PATH - number, self.checked, sources, self.hosts)
        if len(self.paths) == 1:
            return number, outputs
        return number, [outputs[place] for place in self.places[number]]


def pointer_table(addresses: Sequence[int]) -> Any:
    """Return addresses as a C array."""
    return (ctypes.c_void_p * len(addresses))(*addresses)


def raise_error(
    code: int,
    checked: Sequence[Node],
    sources: Mapping[Node, Source],
    hosts: Sequence[HostCall] = (),
) -> NoReturn:
    """Raise the error of the node whose number, from 1, machine code returned."""
    node = checked[code - 1]
    for call in hosts:
        if call.node is node and call.error is not None:
            error, call.error = call.error, None
            error.add_note(f"computing {node.op.name}{at(sources.get(node))}")
            raise error
    if isinstance(node.op.lower, Kernel) and node.op.lower.failure:
        failure = np.linalg.LinAlgError(node.op.lower.failure)
        failure.add_note(f"computing {node.op.name}{at(sources.get(node))}")
        raise failure
    shape = node.operands[0].shape if node.op.name == "take_at" else node.shape
    raise GraphIndexError(
        f"an index{at(sources.get(node))} is out of bounds for an array of shape {shape}"
    )


def compile_paths(paths: Sequence[Graph]) -> CompiledGraph:
    """Compile the paths through a function, or return the code of equal paths."""
    shorter = tuple(map(simplified, paths))
    program = cached(shorter, lambda: _compile(shorter))
    return replace(program, paths=shorter)  # with the source lines of these graphs


def compile_path(graph: Graph) -> CompiledGraph:
    """Compile one path of the evaluation of a descent in two parts, as baseline code first."""
    return cached(("evaluation", graph), lambda: _compile((graph,), is_evaluation=True))


def compile_undivided(graph: Graph) -> CompiledGraph:
    """Compile a graph without guards that is not computed by panels of rows."""
    return cached(("undivided", graph), lambda: _undivided((graph,)))


def simplified(path: Graph) -> Graph:
    """Return a path that computes the same values in every bit."""
    sources = dict(path.sources)
    outputs, guards = simplify_guarded(path.outputs, path.guards, sources)
    return Graph(path.inputs, tuple(outputs), path.names, sources, guards=guards)


def _places(paths: Sequence[Graph]) -> tuple[list[tuple[Shape, np.dtype]], list[list[int]]]:
    """Return the outputs of all paths, and for each path the positions of its own."""
    outputs: dict[tuple[int, Shape, np.dtype], int] = {}
    places = [
        [
            outputs.setdefault((i, node.shape, node.dtype), len(outputs))
            for i, node in enumerate(path.outputs)
        ]
        for path in paths
    ]
    return [(shape, dtype) for _, shape, dtype in outputs], places


def _compile(paths: tuple[Graph, ...], is_evaluation: bool = False) -> CompiledGraph:
    guards = [guard for path in paths for guard in path.guards]
    outputs = [node for path in paths for node in (*path.inputs, *path.outputs)]
    baseline: int | None = 0
    if not is_evaluation:
        work = max([work_of(path.outputs) for path in paths])
        baseline = LONG_PROGRAM if work < _LITTLE_WORK else None
    if len(paths) > 1 or guards:
        new = _write(paths, is_evaluation)
        found = program_cache.of_program(new, "run_graph", baseline)
    else:
        kind = f"{len(paths[0].inputs)} {is_evaluation}"
        write = lambda: _write(paths, is_evaluation)
        found = program_cache.compiled("run_graph", outputs, kind, write, baseline)
    return _made(paths, found, is_evaluation)


def _undivided(paths: tuple[Graph, ...]) -> CompiledGraph:
    new = _write(paths, is_evaluation=False, by_panels=False)
    return _made(paths, program_cache.of_program(new, "run_graph", None), False)


def _made(
    paths: tuple[Graph, ...], found: program_cache.CompiledProgram, is_evaluation: bool
) -> CompiledGraph:
    outputs_of_all, places = _places(paths)
    return CompiledGraph(
        paths,
        found.code,
        found.arena_size,
        outputs_of_all,
        places,
        found.checked,
        found.hosts,
        found.shares_work,
        is_evaluation,
    )


def _write(
    paths: tuple[Graph, ...], is_evaluation: bool, by_panels: bool = True
) -> program_cache.EmittedProgram:
    module = ir.Module()
    function = ir.Function(module, FUNCTION_TYPE, "run_graph")
    builder = Builder(function)
    table = function.args[0]
    inputs = paths[-1].inputs
    outputs, places = _places(paths)
    if is_evaluation:
        layout = evaluation_table(len(outputs), len(inputs))
    else:
        layout = function_table(len(inputs), len(outputs))
    arena = Arena(builder, layout.pointer(builder, table, "arena"))
    builder.queue = layout.pointer(builder, table, "queue")
    computed = _by_panels(paths)[0] if by_panels else paths
    plan = make_plan([(p.guards, [p.outputs]) for p in computed])
    lowering = Lowering(builder, arena, plan)
    read_only = arena.new_tag()
    for i, node in enumerate(inputs):
        pointer = layout.pointer(builder, table, f"input.{i}")
        lowering.memory.bind(node, contiguous(pointer, node.dtype, node.shape, read_only))
    targets = [
        contiguous(layout.pointer(builder, table, f"output.{i}"), dtype, shape, arena.new_tag())
        for i, (shape, dtype) in enumerate(outputs)
    ]
    body = function.append_basic_block("body")
    builder.ir.branch(body)
    builder.ir.position_at_end(body)

    def leaf(number: int) -> None:
        path, own = computed[number], [targets[place] for place in places[number]]
        for node, target in zip(path.outputs, own, strict=True):
            lowering.memory.bind_output(node, target)
        lowering.emit(path.outputs)
        for node, target in zip(path.outputs, own, strict=True):
            lowering.store(node, target)
        leave_on_error(builder)
        builder.ir.ret(index(number))

    def unknown() -> None:
        builder.ir.ret(index(UNKNOWN_PATH))

    emit_tree(lowering, decision_tree([path.guards for path in paths]), leaf, unknown)
    return program_cache.EmittedProgram(
        module, arena.size, builder.checked_nodes, builder.hosts, builder.shares_work
    )


def _by_panels(paths: Sequence[Graph]) -> tuple[Sequence[Graph], tuple[Report, ...]]:
    """Return the paths, computed by panels of rows if that pays off."""
    if len(paths) > 1 or paths[0].guards:
        return paths, ()  # paths branch on nodes that they share, which would become different
    (path,) = paths
    outputs, report = with_panels(path.outputs)
    return (replace(path, outputs=tuple(outputs)),), (report,)


def leave_on_error(builder: Builder) -> None:
    """Emit the return of an error code if a checked node has failed."""
    if not builder.checked_nodes:
        return
    b, function = builder.ir, builder.function
    error = b.load(builder.error_flag(), typ=INDEX)
    failed, fine = function.append_basic_block("failed"), function.append_basic_block("fine")
    b.cbranch(b.icmp_unsigned("==", error, index(0)), fine, failed)
    b.position_at_end(failed)
    b.ret(b.sub(index(UNKNOWN_PATH), error))
    b.position_at_end(fine)
