"""Compilation of a problem: traced, compiled, and extended by new paths."""

from __future__ import annotations

import contextlib
import functools
import math
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.activity import doing
from steepest.derivative import Executable, Function, interpret, value_and_gradient, warn_of_paths
from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.split import evaluation_with_constants, is_separable, trace_split
from steepest.descent.iteration.trace import (
    RunPosition,
    Settings,
    TracedIteration,
    trace_iteration,
    with_constants,
)
from steepest.engines import (
    Engine,
    Interpreter,
    Outcome,
    Program,
    Run,
    Snapshot,
    Start,
)
from steepest.engines.fusion import fused
from steepest.errors import InputError, TraceWarning
from steepest.graph import Graph, Node, evaluate, order, trees
from steepest.lazy import keep_recent
from steepest.ops import COLLECT, SCAN, WHILE
from steepest.trace.recording.captures import Captures
from steepest.trace.tracing import is_array_like

_CACHE_SIZE = 128
_STATES, _LARGE_STATE = 8, 1 << 12
"""Largest number of cached first states, and size in bytes of a start that is cached alone."""

LOOPS = (SCAN, WHILE, COLLECT)

_prepared: OrderedDict[Any, Any] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class CompiledProblem:
    """A descent that was traced and compiled, and can run many times.

    Attributes
    ----------
    paths, tail_paths
        The iteration along each known path, and the same for the last batch of an epoch.
    program
        The program that the engine was given.
    start
        Starts the descent on the engine.
    budget
        Number of iterations before the driver first looks at the clock.
    at
        Loss and gradient at a vector, over all data.
    constants
        Parts that do not change between iterations, as nodes over the data. They are computed when
        a run starts, and are the last data inputs.
    of_constants
        The function of the data that computes them, if they contain loops, which NumPy is slow at.
    seconds
        Largest number of seconds of a run.
    states, endings, in_numpy, at_points
        Caches: first states by start point, meanings of the bits of stop rules, the function that
        starts the descent in NumPy, and those that compute loss and gradient along each path.
    """

    paths: tuple[TracedIteration, ...]
    tail_paths: tuple[TracedIteration, ...]
    program: Program
    start: Callable[[Start], Run]
    budget: int
    at: Function
    constants: tuple[Node, ...] = ()
    of_constants: Executable | None = None
    seconds: float = math.inf
    states: dict[bytes, list[np.ndarray]] = field(default_factory=dict, compare=False, repr=False)
    endings: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)
    in_numpy: list[Any] = field(default_factory=list, compare=False, repr=False)
    at_points: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)

    def with_constants(self, data: Sequence[Any]) -> list[Any]:
        """Return the data, and the parts that are computed from them when a run starts."""
        if not self.constants:
            return list(data)
        if self.of_constants is None:
            nodes = self.paths[-1].data
            return [*data, *evaluate(self.constants, dict(zip(nodes, data, strict=True)))]
        found = self.of_constants(data)
        assert found is not None, "there are no branches"
        return [*data, *found[1]]

    @property
    def is_valid(self) -> bool:
        """Whether nothing has changed that the functions read."""
        for paths in (self.paths, self.tail_paths):
            if paths and not paths[-1].captures.still_hold():
                return False
        return True


def compile_problem(problem: Problem, vector: np.ndarray) -> tuple[CompiledProblem, float, float]:
    """Return a compiled problem, and the seconds for tracing and compiling it."""
    began = time.perf_counter()
    try:
        key = problem.key()
        found = known(key, lambda prepared: prepared.is_valid)
    except TypeError:  # a setting is not hashable: traced each time
        key = found = None
    if found is not None:
        return found, 0.0, 0.0
    plan = problem.plan
    name = problem.objective.name
    with doing(f"tracing {name}"):
        if plan is None:
            paths: tuple[TracedIteration, ...] = (_steady_trace(problem, vector, problem.args),)
            tail_paths: tuple[TracedIteration, ...] = ()
        else:
            paths = (_steady_trace(problem, vector, _rows(problem.args, slice(plan.size))),)
            tail = slice(plan.tail) if plan.tail else None
            tail_paths = (_trace(problem, vector, _rows(problem.args, tail)),) if tail else ()
    traced = time.perf_counter()
    at = _loss_and_gradient_at(problem)
    with doing(f"compiling {name}"):
        prepared = _compiled(problem, paths, tail_paths, problem.engine, at)
    remember(key, prepared)
    return prepared, traced - began, time.perf_counter() - traced


def extend(
    problem: Problem, prepared: CompiledProblem, run: Run
) -> tuple[CompiledProblem, float, float]:
    """Trace the path that a run is about to take, and compile it together with the known ones.

    Beyond the limit on paths, only the new one is kept, and is interpreted.
    """
    began = time.perf_counter()
    args, is_tail = problem.args, False
    if problem.batches is not None and problem.plan is not None:
        epoch, number = divmod(run.count, problem.plan.steps_per_epoch)
        order = problem.batches.order(problem.plan.samples, epoch)
        rows = order[number * problem.plan.size : (number + 1) * problem.plan.size]
        args, is_tail = _rows(args, rows), len(rows) < problem.plan.size
    known = prepared.tail_paths if is_tail else prepared.paths
    position = RunPosition(run.x, run.count, run.state, known[-1].captures)
    is_within = len(known) < problem.max_paths
    is_split = is_within and known[-1].evaluation is not None
    name = problem.objective.name
    with doing(f"tracing path {len(known) + 1} of {name}, met at iteration {run.count},"):
        new = _trace(problem, position.x, args, position, is_split)
    traced = time.perf_counter()
    engine = problem.engine
    if is_split and new.evaluation is None:  # its values are not like those of the other paths
        known = (new,)
    elif is_within:
        known = (*known, new)
    else:
        if len(known) == problem.max_paths and not isinstance(prepared, _InterpretedProblem):
            warn_of_paths(name, problem.max_paths, new.loss_graph.guards)
        known, engine = (new,), Interpreter()
    paths, tail_paths = (prepared.paths, known) if is_tail else (known, prepared.tail_paths)
    with doing(f"compiling path {len(known)} of {name}"):
        extended = _compiled(problem, paths, tail_paths, engine, prepared.at)
    if engine is problem.engine:
        remember(problem.key(), extended)
    else:
        extended = _InterpretedProblem(**vars(extended))
    return extended, traced - began, time.perf_counter() - traced


def _steady_trace(problem: Problem, vector: np.ndarray, args: Any) -> TracedIteration:
    """Trace the first path; a second time, if the function has changed what it reads.

    An example is a function that keeps its first value as a scale: only its first call differs.
    """
    first = _trace(problem, vector, args)
    if not first.captures.only_fill:
        return first
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TraceWarning)  # the first trace has warned
        second = _trace(problem, vector, args)
    return second if second.captures.still_hold() else first


class _InterpretedProblem(CompiledProblem):
    """A descent with more paths than may be compiled."""


def _trace(
    problem: Problem,
    vector: np.ndarray,
    args: Any,
    position: RunPosition | None = None,
    is_split: bool = True,
) -> TracedIteration:
    """Trace a path, in two graphs if that is possible and `is_split`."""
    p = problem
    settings = Settings(p.method, p.stop, p.record_every)
    is_split = is_split and p.plan is None and not p.fast
    if is_split and is_separable(settings, p.layout, p.dtype):
        if getattr(p.engine, "takes_parts", False):  # a user's engine may lack it
            built = trace_split(p.objective, p.layout, vector, args, settings, p.box, position)
            if built is not None:
                return built
    return trace_iteration(
        p.objective,
        p.layout,
        vector,
        args,
        p.method,
        p.stop,
        p.dtype,
        p.record_every,
        p.box,
        position,
    )


def _compiled(
    problem: Problem,
    paths: tuple[TracedIteration, ...],
    tail_paths: tuple[TracedIteration, ...],
    engine: Engine,
    at: Function,
) -> CompiledProblem:
    iterations = tuple([built.iteration for built in paths])
    evaluations = tuple([b.evaluation for b in paths if b.evaluation is not None])
    constants: tuple[Node, ...] = ()
    if evaluations:
        iterations = iterations[-1:]
        if len(evaluations) == 1:
            only_one, constants = evaluation_with_constants(evaluations[0])
            evaluations = (only_one,)
    elif problem.plan is None and len(paths) == 1:
        only, constants = with_constants(iterations[0], problem.fast)
        iterations = (only,)
    program = Program(
        iterations,
        tuple(built.iteration for built in tail_paths),
        problem.plan,
        problem.record_x,
        evaluations,
    )
    starter = engine.prepare(program)
    budget = engine.first_budget(program)
    seconds = problem.stop.time_limit()
    of_constants = None
    if any([node.op in LOOPS for node in order(constants)]):
        of_constants = engine.compile([Graph(tuple(paths[-1].data), constants)])
    return CompiledProblem(
        paths, tail_paths, program, starter, budget, at, constants, of_constants, seconds
    )


def known(key: Any, holds: Callable[[Any], bool]) -> Any:
    """Return what was compiled for a key, if it is still valid; else None."""
    try:
        found = _prepared.get(key)
    except TypeError:  # a setting is not hashable
        return None
    if found is None or not holds(found):
        return None
    try:  # contextlib.suppress would take as long as the rest
        _prepared.move_to_end(key)
    except KeyError:  # another thread has dropped it
        return found
    return found


def remember(key: Any, prepared: Any) -> None:
    """Keep what was compiled for a key; nothing is kept if it is None or not hashable."""
    if key is not None:
        with _lock, contextlib.suppress(TypeError):
            keep_recent(_prepared, key, prepared, _CACHE_SIZE)


def _rows(args: Sequence[Any], rows: Any) -> Sequence[Any]:
    picked: tuple[Any, ...] = trees.map_leaves(
        lambda leaf: leaf[rows] if isinstance(leaf, np.ndarray) and leaf.ndim else leaf,
        tuple(args),
    )
    return picked


def start_of(problem: Problem, prepared: CompiledProblem, vector: np.ndarray) -> Start:
    """Return the start of a descent from a vector."""
    key, states = vector.tobytes(), prepared.states  # most starts repeat
    state = states.get(key)  # which another thread may clear meanwhile
    if state is None:
        if len(states) >= _STATES or len(key) > _LARGE_STATE:
            states.clear()
        leaves = trees.leaves(problem.first_state(vector))
        state = states[key] = [np.asarray(value) for value in leaves]
    return Start(vector, state, *_data(problem, prepared))


def start_again(problem: Problem, prepared: CompiledProblem, at: Snapshot) -> Start:
    """Return the start of a descent that continues from a snapshot of a saved run."""
    expected = prepared.paths[-1].state
    if [value.shape for value in at.state] != [value.shape for value in expected]:
        raise InputError(
            f"{type(problem.method).__name__} has a state of other shapes than that of the saved "
            "run: give the same method, and a stop rule that also uses the last update"
        )
    state = [np.asarray(v, e.dtype) for v, e in zip(at.state, expected, strict=True)]
    return Start(
        at.x,
        state,
        *_data(problem, prepared),
        count=at.count,
        previous_x=at.previous_x,
        previous_loss=at.previous_loss,
    )


def given_data(problem: Problem) -> list[Any]:
    """Return the arrays and numbers among the further arguments, and the bounds."""
    leaves = trees.leaves(tuple(problem.args)) if problem.args else []
    return [leaf for leaf in (*leaves, *(problem.box or ())) if is_array_like(leaf)]


def _data(problem: Problem, prepared: CompiledProblem) -> tuple[Any, Any, Any, int]:
    """Return the values of the data inputs, and the order of the rows of batches."""
    given = given_data(problem)
    path = prepared.paths[-1]
    data = prepared.with_constants(bound(given, path.captures, path.data))
    tail_data = []
    if prepared.tail_paths:
        tail = prepared.tail_paths[-1]
        tail_data = bound(given, tail.captures, tail.data)
    order, epochs = None, 0
    if problem.batches is not None and problem.plan is not None:
        order = functools.partial(problem.batches.order, problem.plan.samples)
        epochs = problem.batches.epochs
    return data, tail_data, order, epochs


def continue_run(problem: Problem, prepared: CompiledProblem, run: Run) -> Run:
    """Return a run of a compiled problem that continues from the point of another run."""
    following = prepared.start(_start_from(problem, prepared, run))
    following.recording, following.tiers = run.recording, run.tiers
    run.release()
    return following


def _start_from(problem: Problem, prepared: CompiledProblem, run: Run) -> Start:
    return Start(
        np.array(run.x),
        [np.array(value) for value in run.state],
        *_data(problem, prepared),
        count=run.count,
        previous_x=np.array(run.previous_x),
        previous_loss=run.loss,
    )


def step_in_numpy(
    problem: Problem, prepared: CompiledProblem, run: Run
) -> tuple[Run, Outcome] | None:
    """Make one iteration of a run in NumPy, if NumPy knows the path and the engine does not.

    If a branch depends on the last bit, the engine may decide it differently from the trace, and
    find no known path.
    """
    program = prepared.program
    if not program.branches or isinstance(prepared, _InterpretedProblem):
        return None
    if not _is_known_to_numpy(problem, prepared, run):
        return None
    if not prepared.in_numpy:
        whole = fused(program) if program.evaluations else program
        prepared.in_numpy.append(Interpreter().prepare(whole))
    start = prepared.in_numpy[0]
    following = start(_start_from(problem, prepared, run))
    following.recording, following.tiers = run.recording, run.tiers
    outcome = following.advance(1)
    return None if outcome is Outcome.NEW_PATH else (following, outcome)


def _is_known_to_numpy(problem: Problem, prepared: CompiledProblem, run: Run) -> bool:
    """Whether NumPy finds a known path at the point of a run; it is most often a new one.

    To look costs less than to prepare all paths.
    """
    program = prepared.program
    if problem.plan is not None:
        return True  # whose data are those of a batch
    state = () if program.evaluations else (np.asarray(run.count), *run.state)
    values = (run.x, *state, *_data(problem, prepared)[0])
    for part in program.evaluations or program.paths:
        known = dict(zip(part.inputs, values, strict=False))  # later paths may read more
        with contextlib.suppress(IndexError, ArithmeticError, np.linalg.LinAlgError):
            found = evaluate([guard.condition for guard in part.guards], known)
            if all(map(np.array_equal, found, [guard.value for guard in part.guards])):
                return True
    return False


def bound(given: list[Any], captures: Captures, nodes: Sequence[Node]) -> list[np.ndarray]:
    """Return the values of the data inputs: the arguments, then the captured arrays."""
    values = given + [read() for read, _ in captures.arrays]
    return [np.asarray(value, node.dtype) for value, node in zip(values, nodes, strict=True)]


def _loss_and_gradient_at(problem: Problem) -> Function:
    """Return loss and gradient as a function of the vector of parameters and the data.

    It is interpreted: runs evaluate it too rarely to compile it.
    """
    objective, layout = problem.objective, problem.layout

    def of_vector(vector: Any, *args: Any) -> Any:
        return objective(vector, layout, args).loss

    name = getattr(objective.function, "__name__", of_vector.__name__)
    return value_and_gradient(Function(of_vector, interpret, name))
