"""``minimize``: the front door."""

from __future__ import annotations

import functools
import importlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optree

from steepest.derivative import Function, value_and_gradient
from steepest.descent.batches import Batches
from steepest.descent.build import Built, build
from steepest.descent.driver import Ending, State, drive
from steepest.descent.methods import GradientDescent, Method
from steepest.descent.parameters import Layout, check_data, check_finite, first_not_finite, lay_out
from steepest.descent.result import History, Result, Status, Timings
from steepest.descent.stop import GradientNormBelow, MaxIterations, Point, StopRule
from steepest.engines import BatchPlan, Engine, Program, Run, Start, get_engine
from steepest.errors import InputError, SettingError
from steepest.frames import hides_frames
from steepest.trace import current
from steepest.trace.tracing import call_traced, is_array_like, key_of

Record = Literal["auto", "all"] | int | None

DEFAULT_STOP: StopRule = GradientNormBelow(1e-6) | MaxIterations(10_000)
"""Stop rule of ``minimize`` where none is given."""

_X_LIMIT = 16
_CACHE_SIZE = 128


@dataclass(frozen=True)
class _Prepared:
    """A descent that was traced and compiled, for use again."""

    built: Built
    tail: Built | None
    program: Program
    start: Callable[[Start], Run]
    budget: int
    at: Function


_prepared: OrderedDict[Any, _Prepared] = OrderedDict()
_lock = threading.Lock()


@hides_frames
def minimize(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    *,
    method: Method | None = None,
    stop: StopRule | None = None,
    engine: str | Engine = "native",
    record: Record = "auto",
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
    batches: Batches | None = None,
    compute_dtype: Any = None,
) -> Result:
    """Minimize a loss written in NumPy.

    Parameters
    ----------
    function
        The loss: ``function(x, *args)`` returns one real number.
    x0
        Start point: an array, a number, or nested tuples, lists and dicts of them. Integers
        become float64.
    args
        Further arguments of the loss: arrays, numbers, or nested ones; a single one need not
        be put into a tuple.
    method
        Descent method; ``GradientDescent()`` unless given.
    stop
        Stop rule, checked before each update. Unless given: gradient norm at most 1e-6, or
        10,000 iterations; with batches, the last epoch's end. A rule without
        :class:`MaxIterations` has no limit; Ctrl-C returns the point reached.
    engine
        ``"native"``, ``"numpy"``, ``"torch"``, or an engine object.
    record
        ``"auto"`` keeps the loss of every iteration, and x too while it has at most 16
        numbers; ``"all"`` keeps both; a whole number k keeps what ``"auto"`` does of every
        k-th iteration; None keeps nothing.
    callback
        Called with a :class:`State` after every update; returning True ends the run.
    progress
        Whether to show progress on stderr.
    batches
        Deal the rows of `args` out in batches.
    compute_dtype
        Precision of the arithmetic, where it is not that of the parameters: they are
        rounded to their own after each update.

    Returns
    -------
    Result
        The point reached, its loss, how it ended, the history, timings and graph.

    Raises
    ------
    InputError
        If the start, the data or a setting does not make sense; if the loss does not return
        one real number.
    SettingError
        If the loss is no function, or method, stop rule or engine is something else.
    UnsupportedError
        If the loss does what cannot be recorded; the message names the line.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def rosenbrock(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> run = st.minimize(rosenbrock, np.zeros(2), method=st.GradientDescent(0.001),
    ...                   stop=st.LossBelow(0.001) | st.MaxIterations(100_000))
    >>> run.iterations, run.converged
    (5771, True)
    """
    began = time.perf_counter()
    chosen = get_engine(engine)
    method = GradientDescent() if method is None else method
    args = args if isinstance(args, tuple | list) else (args,)
    _check_kinds(function, method, stop)
    layout, vector = lay_out(x0)
    check_data(args)
    if stop is None:
        stop = MaxIterations(1 << 62) if batches else DEFAULT_STOP
    dtype = layout.dtype if compute_dtype is None else _compute_dtype(compute_dtype)
    plan = _batch_plan(batches, args)
    every, keep_x = _recording(record, vector.size)
    key = _key(function, layout, args, method, stop, dtype, plan, every, keep_x, chosen)
    try:
        prepared = _prepared.get(key)
    except TypeError:  # a setting that cannot be compared: traced anew each time
        key = prepared = None
    traced = compiled = began
    if prepared is None or not prepared.built.captures.still_hold():
        built, tail = _trace(function, layout, vector, args, method, stop, dtype, plan)
        traced = time.perf_counter()
        program = Program(built.iteration, tail.iteration if tail else None, plan, every, keep_x)
        starter = chosen.prepare(program)
        compiled = time.perf_counter()
        prepared = _Prepared(
            built,
            tail,
            program,
            starter,
            chosen.first_budget(program),
            _loss_and_gradient(function, layout),
        )
        _remember(key, prepared)
    start = _start(prepared, vector, args, method, dtype, batches)
    run = prepared.start(start)
    limit = batches.epochs * plan.steps_per_epoch if batches and plan else None
    started = time.perf_counter()
    if progress:
        with _progress_display(stop.latest() if limit is None else limit) as watch:
            ending = drive(run, limit, prepared.budget, layout.unpack, callback, watch)
    else:
        ending = drive(run, limit, prepared.budget, layout.unpack, callback)
    ended = time.perf_counter()
    if ending is Ending.DIVERGED and run.count == 0:
        check_finite(x0)
    timings = Timings(traced - began, compiled - traced, ended - started)
    summary = _Summary(function, layout, args, method, stop, dtype, batches)
    result = summary.result(run, ending, prepared, timings, chosen.name)
    run.release()
    return result


def _check_kinds(function: Any, method: Any, stop: Any) -> None:
    if not callable(function):
        raise SettingError(f"the loss must be a function, got {function!r}")
    if isinstance(method, type) or not callable(getattr(method, "update", None)):
        raise SettingError(
            f"method must be a descent method such as st.Adam(step_size=0.01), got {method!r}"
        )
    if stop is not None and not isinstance(stop, StopRule):
        raise SettingError(f"stop must be a stop rule such as st.MaxIterations(100), got {stop!r}")


def _progress_display(limit: int | None) -> Any:
    # Presentation stands above descent: reached by name, and only from here.
    return importlib.import_module("steepest.show.progress").display(limit)


def _compute_dtype(dtype: Any) -> np.dtype:
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise InputError(f"compute_dtype must be float32 or float64, got {dtype}")
    return dtype


def _batch_plan(batches: Batches | None, args: Sequence[Any]) -> BatchPlan | None:
    if batches is None:
        return None
    leaves = [leaf for leaf in optree.tree_leaves(tuple(args)) if is_array_like(leaf)]
    batched = tuple(isinstance(leaf, np.ndarray) and leaf.ndim > 0 for leaf in leaves)
    rows = {len(leaf) for leaf, cut in zip(leaves, batched, strict=True) if cut}
    if len(rows) != 1:
        shapes = [np.shape(leaf) for leaf in leaves]
        raise InputError(
            "batches cut every array in args along its first axis, which must be equally long: "
            f"got shapes {shapes}"
        )
    (samples,) = rows
    return BatchPlan(samples, min(batches.size, samples), batched)


def _recording(record: Record, size: int) -> tuple[int, bool]:
    if record is None:
        return 0, False
    if record == "all":
        return 1, True
    if record == "auto":
        return 1, size <= _X_LIMIT
    if isinstance(record, int) and not isinstance(record, bool) and record > 0:
        return record, size <= _X_LIMIT
    raise InputError(
        f"record must be 'auto', 'all', a positive whole number or None, got {record!r}"
    )


def _key(function: Any, layout: Layout, args: Sequence[Any], *settings: Any) -> Any:
    leaves, structure = optree.tree_flatten(tuple(args)) if args else ((), None)
    places = (layout.structure, layout.shapes, layout.dtypes)
    return (function, *places, structure, *map(key_of, leaves), *settings)


def _remember(key: Any, prepared: _Prepared) -> None:
    if key is not None:
        with _lock:
            _prepared[key] = prepared
            _prepared.move_to_end(key)
            if len(_prepared) > _CACHE_SIZE:
                _prepared.popitem(last=False)


def _trace(
    function: Any,
    layout: Layout,
    vector: np.ndarray,
    args: Sequence[Any],
    method: Any,
    stop: StopRule,
    dtype: np.dtype,
    plan: BatchPlan | None,
) -> tuple[Built, Built | None]:
    def traced(rows: int | None) -> Built:
        return build(function, layout, vector, _cut(args, rows), method, stop, dtype)

    if plan is None:
        return traced(None), None
    return traced(plan.size), traced(plan.tail) if plan.tail else None


def _cut(args: Sequence[Any], rows: int | None) -> Sequence[Any]:
    if rows is None:
        return args
    return optree.tree_map(
        lambda leaf: leaf[:rows] if isinstance(leaf, np.ndarray) and leaf.ndim else leaf,
        tuple(args),
    )


def _start(
    prepared: _Prepared,
    vector: np.ndarray,
    args: Sequence[Any],
    method: Any,
    dtype: np.dtype,
    batches: Batches | None,
) -> Start:
    leaves = optree.tree_leaves(tuple(args)) if args else []
    given = [leaf for leaf in leaves if is_array_like(leaf)]
    data = _bound(prepared.built, given)
    tail_data = _bound(prepared.tail, given) if prepared.tail else []
    state = optree.tree_leaves(method.init(vector.astype(dtype, copy=False)))
    order, epochs = None, 0
    plan = prepared.program.batches
    if batches is not None and plan is not None:
        samples, epochs = plan.samples, batches.epochs

        def order(epoch: int) -> np.ndarray:
            return batches.order(samples, epoch)

    return Start(vector, [np.asarray(value) for value in state], data, tail_data, order, epochs)


def _bound(built: Built, given: list[Any]) -> list[np.ndarray]:
    """Return the values of the data inputs: the arguments, then the captured arrays now."""
    values = given + [read() for read, _ in built.captures.arrays]
    nodes = built.iteration.data
    return [np.asarray(value, node.dtype) for value, node in zip(values, nodes, strict=True)]


def _loss_and_gradient(function: Any, layout: Layout) -> Function:
    """Return loss and gradient as a function of the vector of parameters."""

    def of_vector(vector: Any, *args: Any) -> Any:
        tree = optree.tree_unflatten(layout.structure, layout.pieces(vector))
        return call_traced(function, current(), (tree, *args))

    return value_and_gradient(of_vector)


@dataclass(frozen=True)
class _Summary:
    """Turns a finished run into a result."""

    function: Any
    layout: Layout
    args: Sequence[Any]
    method: Any
    stop: StopRule
    dtype: np.dtype
    batches: Batches | None

    def result(
        self, run: Run, ending: Ending, prepared: _Prepared, timings: Timings, engine: str
    ) -> Result:
        """Return the result."""
        count, loss = run.count, run.loss
        if ending is Ending.STOPPED:
            x, gradient = run.x, run.gradient
            point = Point(count, loss, gradient, x)
            status, explain = self._stopped(point)
        elif ending is Ending.DIVERGED:
            x = np.array(run.previous_x if count else run.x)
            status = Status.DIVERGED
            explain = functools.partial(self._diverged, run)
            loss, count = (run.previous_loss, count - 1) if count else (run.loss, 0)
            gradient = self._at(prepared, x)[1]
        else:
            x = np.array(run.x)
            loss, gradient = self._at(prepared, x)
            status, explain = self._ended(ending, count)
        return Result(
            x=self.layout.unpack(x),
            loss=float(loss),
            gradient=self.layout.unpack(gradient),
            iterations=count,
            status=status,
            explain=explain,
            history=self._history(run, prepared.program),
            timings=timings,
            graph=prepared.built.loss_graph,
            engine=engine,
        )

    def _at(self, prepared: _Prepared, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss over all data and its gradient, computed in NumPy."""
        loss, gradient = prepared.at(x.astype(self.dtype), *self.args)
        return float(loss), gradient

    def _stopped(self, point: Point) -> tuple[Status, Callable[[], str]]:
        met = self.stop.met_rules(point)
        # Rounding may differ between the engine and NumPy, so that no rule seems met.
        reached = not met or any([rule.is_goal for rule in met])
        status = Status.CONVERGED if reached else Status.ITERATION_LIMIT

        def explain() -> str:
            names = " and ".join(map(repr, met)) or repr(self.stop)
            after = f"after {point.iteration} iterations, at loss {point.loss:.6g}"
            if reached:
                return f"{names} was met {after}."
            return f"{names} was reached {after}, before any goal was met."

        return status, explain

    def _diverged(self, run: Run) -> str:
        if run.count == 0:
            found = first_not_finite(tuple(self.args), "args")
            if found:
                return (
                    f"The loss is {run.loss} at the start point, because {found}: clean the data."
                )
            return f"The loss is {run.loss} at the start point: start where the loss is finite."
        became = f"the loss became {run.loss}" if not np.isfinite(run.loss) else "x overflowed"
        step = getattr(self.method, "step_size", None)
        advice = "use a smaller step size"
        if isinstance(step, int | float):
            advice += f" than {step:g}"
        return (
            f"The descent diverged at iteration {run.count}: {became}. The last finite point, "
            f"of iteration {run.count - 1}, is returned; {advice}."
        )

    def _ended(self, ending: Ending, count: int) -> tuple[Status, Callable[[], str]]:
        if ending is Ending.LIMIT:
            epochs = self.batches.epochs if self.batches else 0
            sentence = f"All {epochs} epochs were done, {count} iterations."
            return Status.EPOCHS_DONE, lambda: sentence
        status = Status.INTERRUPTED if ending is Ending.INTERRUPTED else Status.CALLBACK
        return status, lambda: f"{status.value[:-1]} after {count} iterations."

    def _history(self, run: Run, program: Program) -> History:
        kept = run.recording
        dtype = program.full.loss.dtype
        if not program.record_every:
            return History(np.empty(0, np.int64), np.empty(0, dtype))
        xs = None
        if program.record_x:
            rows = np.concatenate(kept.xs) if kept.xs else np.empty((0, run.x.size), run.x.dtype)
            xs = self.layout.unpack_history(rows)
        return History(
            np.concatenate(kept.iterations) if kept.iterations else np.empty(0, np.int64),
            np.concatenate(kept.losses) if kept.losses else np.empty(0, dtype),
            xs,
        )
