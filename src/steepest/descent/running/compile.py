"""Compilation of a problem: traced, compiled, and extended by new paths."""

from __future__ import annotations

import contextlib
import functools
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
from steepest.descent.iteration.setting_numbers import SettingRefusedError, refuse
from steepest.descent.iteration.split import (
    evaluation_with_constants,
    is_separable,
    trace_split,
)
from steepest.descent.iteration.streamed import trace_streamed
from steepest.descent.iteration.trace import (
    RunPosition,
    Settings,
    TracedIteration,
    trace_iteration,
    with_constants,
)
from steepest.descent.problem.streamed import sources_in, which_are_read
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
from steepest.rewrite.panels import is_large
from steepest.streams import Source
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
        The function of the data that computes them, if they contain loops, which NumPy is slow at,
        or if the data are large.
    states, fitting, endings, in_numpy, at_points
        Caches: first states by start point and numbers of settings, numbers with which states have
        the right shapes, statuses by the bits of stop rules, the function that starts the descent
        in NumPy, and those that compute loss and gradient along each path.
    """

    paths: tuple[TracedIteration, ...]
    tail_paths: tuple[TracedIteration, ...]
    program: Program
    start: Callable[[Start], Run]
    budget: int
    at: Function
    constants: tuple[Node, ...] = ()
    of_constants: Executable | None = None
    states: dict[Any, list[np.ndarray]] = field(default_factory=dict, compare=False, repr=False)
    fitting: set[bytes] = field(default_factory=set, compare=False, repr=False)
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
    def takes_numbers(self) -> bool:
        """Whether the state of a run begins with the numbers of settings."""
        return self.paths[-1].takes_numbers

    def numbers_of(self, problem: Problem) -> list[np.ndarray]:
        """Return the first part of the state of a run: the numbers of settings, or nothing."""
        return problem.split.state if self.takes_numbers else []

    @property
    def is_valid(self) -> bool:
        """Whether nothing has changed that the functions read."""
        for paths in (self.paths, self.tail_paths):
            if paths and not paths[-1].captures.still_hold():
                return False
        return True


Found = tuple[CompiledProblem, float, float]
"""A compiled problem, and the seconds for tracing and compiling it."""


def compile_problem(problem: Problem, vector: np.ndarray) -> Found:
    """Return a compiled problem, and the seconds for tracing and compiling it."""
    with contextlib.suppress(SettingRefusedError):
        return _compile_problem(problem, vector)
    return _compile_with_constants(problem, vector)


def _compile_with_constants(problem: Problem, vector: np.ndarray) -> Found:
    """Compile a problem that cannot be traced with inputs for the numbers of its settings.

    If it cannot be traced without them either, there is an error of the user's, which says
    nothing about the settings.
    """
    found = _compile_problem(problem.with_constants(), vector)
    refuse(problem.split)
    return found


def _compile_problem(problem: Problem, vector: np.ndarray) -> Found:
    began = time.perf_counter()
    try:
        key = problem.key()
        found = known(key, lambda prepared: prepared.is_valid)
    except TypeError:  # a setting is not hashable: traced each time
        key = found = None
    if found is not None:
        if not _fits(problem, found, vector):
            raise SettingRefusedError
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
    remember(key and problem.key(), prepared)  # what is asked about numbers is known now
    return prepared, traced - began, time.perf_counter() - traced


def extend(problem: Problem, prepared: CompiledProblem, run: Run) -> Found:
    """Trace the path that a run is about to take, and compile it together with the known ones.

    Beyond the limit on paths, only the new one is kept, and is interpreted. If the new one cannot
    be traced with inputs for the numbers of settings, all are traced again, without them.
    """
    if not prepared.takes_numbers:
        return _extend(problem.with_constants(), prepared, run)
    with contextlib.suppress(SettingRefusedError):
        return _extend(problem, prepared, run)
    return _compile_with_constants(problem, np.array(run.x))


def _extend(problem: Problem, prepared: CompiledProblem, run: Run) -> Found:
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
    if sources_in(args) or (is_split and new.evaluation is None):
        known = (new,)  # a pass takes longer than a trace; or its values are not like the others'
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


def is_interpreted(prepared: CompiledProblem) -> bool:
    """Whether a descent has more paths than may be compiled."""
    return isinstance(prepared, _InterpretedProblem)


def _trace(
    problem: Problem,
    vector: np.ndarray,
    args: Any,
    position: RunPosition | None = None,
    is_split: bool = True,
) -> TracedIteration:
    """Trace a path, in two graphs if that is possible and `is_split`."""
    p = problem
    settings = Settings(p.split, p.record_every)
    if sources_in(args):
        return trace_streamed(p, vector, position)
    is_split = is_split and p.plan is None and not p.fast
    if is_split and is_separable(settings, p.layout, p.dtype):
        if getattr(p.engine, "takes_parts", False):  # a user's engine may lack it
            built = trace_split(p.objective, p.layout, vector, args, settings, p.box, position)
            if built is not None:
                return built
    return trace_iteration(p.objective, p.layout, vector, args, settings, p.dtype, p.box, position)


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
    streamed = which_are_read(problem.args, len(paths[-1].data))
    if evaluations:
        iterations = iterations[-1:]
        if len(evaluations) == 1 and not streamed:
            only_one, constants = evaluation_with_constants(evaluations[0])
            evaluations = (only_one,)
    elif problem.plan is None and len(paths) == 1 and not streamed:
        only, constants = with_constants(iterations[0], problem.fast)
        iterations = (only,)
    program = Program(
        iterations,
        tuple(built.iteration for built in tail_paths),
        problem.plan,
        problem.record_x,
        evaluations,
        streamed,
        paths[-1].loss_graph.input_names[1:],
    )
    starter = engine.prepare(program)
    budget = engine.first_budget(program)
    of_constants = None
    is_slow = is_large(paths[-1].data) or any([x.op in LOOPS for x in order(constants)])
    if constants and is_slow:
        of_constants = engine.compile([Graph(tuple(paths[-1].data), constants)])
    return CompiledProblem(
        paths, tail_paths, program, starter, budget, at, constants, of_constants
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
    def some(leaf: Any) -> Any:
        if isinstance(leaf, Source):
            return leaf.take(np.arange(len(leaf))[rows] if isinstance(rows, slice) else rows)
        return leaf[rows] if isinstance(leaf, np.ndarray) and leaf.ndim else leaf

    picked: tuple[Any, ...] = trees.map_leaves(some, tuple(args))
    return picked


def start_of(problem: Problem, prepared: CompiledProblem, vector: np.ndarray) -> Start:
    """Return the start of a descent from a vector."""
    return Start(vector, _state_of(problem, prepared, vector), *_data(problem, prepared))


def _state_of(problem: Problem, prepared: CompiledProblem, vector: np.ndarray) -> list[np.ndarray]:
    """Return the state at the start."""
    split, start = problem.split, vector.tobytes()
    key, states = (start, split.content), prepared.states  # most starts repeat
    state = states.get(key)  # which another thread may clear meanwhile
    if state is None:
        if len(states) >= _STATES or len(start) > _LARGE_STATE:
            states.clear()
        leaves = trees.leaves(problem.first_state(vector))
        numbers = prepared.numbers_of(problem)
        state = states[key] = [*numbers, *map(np.asarray, leaves)]
    return state


def _fits(problem: Problem, prepared: CompiledProblem, vector: np.ndarray) -> bool:
    """Whether a state has the shapes of the compiled one; numbers of a method may decide them."""
    split = problem.split
    if not split.numbers.size or split.content in prepared.fitting:
        return True
    state, expected = _state_of(problem, prepared, vector), prepared.paths[-1].state
    if [value.shape for value in state] == [value.shape for value in expected]:
        if len(prepared.fitting) >= _STATES:
            prepared.fitting.clear()
        prepared.fitting.add(split.content)
        return True
    return False


def start_again(problem: Problem, prepared: CompiledProblem, at: Snapshot) -> Start:
    """Return the start of a descent that continues from a snapshot of a saved run."""
    numbers = prepared.numbers_of(problem)
    expected = prepared.paths[-1].state[len(numbers) :]
    if [value.shape for value in at.state] != [value.shape for value in expected]:
        raise InputError(
            f"{type(problem.method).__name__} has a state of other shapes than that of the saved "
            "run: give the same method, and a stop rule that also uses the last update"
        )
    state = [np.asarray(v, e.dtype) for v, e in zip(at.state, expected, strict=True)]
    return Start(
        at.x,
        [*numbers, *state],
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
    pieces, epochs = None, 0
    if problem.batches is not None and problem.plan is not None:
        pieces = functools.partial(problem.batches.pieces, problem.plan.samples)
        epochs = problem.batches.epochs
    return data, tail_data, pieces, epochs


def continue_run(problem: Problem, prepared: CompiledProblem, run: Run) -> Run:
    """Return a run of a compiled problem that continues from the point of another run."""
    following = prepared.start(start_from(problem, prepared, run))
    following.recording, following.tiers = run.recording, run.tiers
    run.release()
    return following


def start_from(problem: Problem, prepared: CompiledProblem, run: Run) -> Start:
    """Return the start of a descent that continues from the point of another run."""
    numbers = prepared.numbers_of(problem)
    own = len(prepared.paths[-1].state) - len(numbers)
    state = run.state[len(run.state) - own :]  # the run may have begun with numbers, or without
    return Start(
        np.array(run.x),
        [*numbers, *map(np.array, state)],
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
    is_known = isinstance(prepared, _InterpretedProblem) or any(program.streamed)
    if not program.branches or is_known:
        return None
    if not _is_known_to_numpy(problem, prepared, run):
        return None
    if not prepared.in_numpy:
        whole = fused(program) if program.evaluations else program
        prepared.in_numpy.append(Interpreter().prepare(whole))
    start = prepared.in_numpy[0]
    following = start(start_from(problem, prepared, run))
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


def bound(given: list[Any], captures: Captures, nodes: Sequence[Node]) -> list[Any]:
    """Return the values of the data inputs: the arguments, then the captured arrays.

    What is read in blocks stays as it is.
    """
    values = given + [read() for read, _ in captures.arrays]
    pairs = zip(values, nodes, strict=True)
    return [v if isinstance(v, Source) else np.asarray(v, node.dtype) for v, node in pairs]


def _loss_and_gradient_at(problem: Problem) -> Function:
    """Return loss and gradient as a function of the vector of parameters and the data.

    It is interpreted: runs evaluate it too rarely to compile it.
    """
    objective, layout = problem.objective, problem.layout

    def of_vector(vector: Any, *args: Any) -> Any:
        return objective(vector, layout, args).loss

    name = getattr(objective.function, "__name__", of_vector.__name__)
    return value_and_gradient(Function(of_vector, interpret, name))
