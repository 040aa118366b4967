"""Functions that are traced once for each kind of arguments, and then run as graphs."""

from __future__ import annotations

import threading
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.activity import doing
from steepest.errors import InputError
from steepest.frames import without_own_frames
from steepest.graph import Branch, Graph, Guard, decision_tree, evaluate_all, evaluator, trees
from steepest.lazy import keep_recent
from steepest.ops.arrays.relief import machine_code_allowed
from steepest.streams import Source
from steepest.streams.evaluation import OFFERED, is_streamed
from steepest.trace import OPEN, Captures, Trace, current, is_tracing, trace_function
from steepest.trace.arrays.aliasing import check_call
from steepest.trace.following.follow import follow
from steepest.trace.tracing import is_array_like, key_of

Executable = Callable[[Sequence[Any]], tuple[int, list[np.ndarray]] | None]
"""Takes flat inputs. Returns the number of the path that fits them and its outputs, or None if
no known path does."""

Executor = Callable[[Sequence[Graph]], Executable]
"""Compiles the known paths through one function. They share the inputs of the last one."""

ShortCut = Callable[[tuple[Any, ...]], Any]
"""Takes a call's arguments. Returns the result, or :data:`_MISSED` for another kind of call."""

_MISSED = object()

MAX_PATHS = 64
"""Default for the most paths through one function that are kept and compiled."""

_CACHE_SIZE = 64
"""Most kinds of arguments for which one function keeps its paths."""

_SHORT_CUTS = 8
"""Most kinds of arguments with a short cut. To try one costs half a microsecond."""


class PathLimitWarning(UserWarning):
    """A function has more paths than are kept. New ones run without being compiled."""


def interpret(paths: Sequence[Graph]) -> Executable:
    """Return the paths through a function as a function of flat inputs, computed in NumPy."""
    tree = decision_tree([path.guards for path in paths])
    evaluators: dict[int, Any] = {}  # a path decides what is known besides the inputs

    in_blocks: list[Executable] = []

    def run(values: Sequence[Any]) -> tuple[int, list[np.ndarray]] | None:
        if is_streamed(values):
            if not in_blocks:
                in_blocks.append(OFFERED[-1](paths))
            return in_blocks[0](values)
        with machine_code_allowed():
            return computed(values)

    def computed(values: Sequence[Any]) -> tuple[int, list[np.ndarray]] | None:
        known = dict(zip(paths[-1].inputs, values, strict=True))
        branch: Branch | int | None = tree
        while isinstance(branch, Branch):
            evaluate_all([branch.condition], known)
            branch = branch.cases.get(known[branch.condition].tobytes())
        if branch is None:
            return None
        if branch not in evaluators:
            evaluators[branch] = evaluator(paths[branch].outputs, frozenset(known))
        return branch, evaluators[branch](known)

    return run


@dataclass(frozen=True)
class Paths:
    """The paths through a function that are known for one kind of arguments.

    Attributes
    ----------
    traces
        One for each path. The last one notes everything that the function has read.
    run
        Runs them.
    """

    traces: tuple[Trace, ...]
    run: Executable

    @property
    def last(self) -> Trace:
        """The trace of the path that was found last."""
        return self.traces[-1]

    def short_cut(self, arguments: tuple[Any, ...]) -> ShortCut | None:
        """Return a fast function for calls like this one, or None.

        It exists if the arguments are C-contiguous arrays, none is written to, and the
        result is one array or a tuple of arrays.
        """
        direct = getattr(self.run, "direct", None)
        if direct is None or not self._is_plain(arguments):
            return None
        captures = self.last.captures
        graphs = [trace.graph for trace in self.traces]
        shapes = [_flat_result(graph) for graph in graphs]
        scalars = [[i for i, x in enumerate(graph.outputs) if x.ndim == 0] for graph in graphs]
        read = [read for read, _ in captures.arrays]
        count = len(arguments)
        values_hold = captures.values_hold

        def call(arguments: tuple[Any, ...]) -> Any:
            if len(arguments) != count or not values_hold():
                return _MISSED
            if read:
                arguments = (*arguments, *[array() for array in read])
            taken = direct(arguments)
            if taken is None:
                return _MISSED
            number, results = taken
            for i in scalars[number]:
                results[i] = results[i][()]
            return results[0] if shapes[number] is np.ndarray else tuple(results)

        return call

    def entry(self, arguments: tuple[Any, ...], fallback: Callable[..., Any]) -> Any:
        """Return a C function for calls like this one, or None.

        It exists if, in addition, the function has one path and captures no array.
        """
        make = getattr(self.run, "entry", None)
        captures = self.last.captures
        if make is None or captures.arrays or not self._is_plain(arguments):
            return None
        if any(isinstance(found, np.ndarray) for _, found in captures.values):
            return None
        is_tuple = _flat_result(self.last.graph) is tuple
        return make(captures.values, OPEN, fallback, is_tuple)

    def _is_plain(self, arguments: tuple[Any, ...]) -> bool:
        graphs = [trace.graph for trace in self.traces]
        if self.last.captures.opaque or not all(map(_is_plain, arguments)):
            return False
        if any(trace.changes_arguments for trace in self.traces):
            return False
        return all(_flat_result(graph) and not graph.written for graph in graphs)


def _is_plain(argument: Any) -> bool:
    return type(argument) is np.ndarray and argument.flags.c_contiguous


_ONE = trees.structure(0)


def _flat_result(graph: Graph) -> type | None:
    """Return ``ndarray`` or ``tuple`` if a function returns an array or a tuple of arrays."""
    result = graph.signature.result if graph.signature else None
    if result == _ONE:
        return np.ndarray
    return tuple if result == trees.structure((0,) * len(graph.outputs)) else None


def warn_of_paths(name: str, limit: int, guards: Sequence[Guard]) -> None:
    """Warn that there are more paths than are kept, and name the line of most branches."""
    sources = Counter(guard.source for guard in guards if guard.source)
    where = ""
    if sources:
        source, _ = sources.most_common(1)[0]
        where = f", parting most often at {source}: {source.text}"
    warnings.warn(
        f"{name} has more than {limit} paths{where}; from here on each new one is traced and "
        "run without being compiled, which is slow: use np.where in place of branches on each "
        "element, or allow more with max_paths=",
        PathLimitWarning,
        stacklevel=2,
    )


class Function:
    """A function of NumPy arrays that runs as a graph.

    Parameters
    ----------
    function
        The function itself, in NumPy; it can be called on traced arrays.
    executor
        Compiles its graphs.
    name
        Its name, for messages.
    wrapped
        The user's own function, from which it takes the names of arguments.
    max_paths
        Most paths through the function that are kept. Beyond it, each call traces anew.
    writes
        Whether arguments that the function changes in place are changed by a call, as they
        are by the function itself; a derivative never changes them.

    Notes
    -----
    Called while another function is traced, it is recorded there. A trace is used again as
    long as the shapes and dtypes of the arguments, and everything that the function read
    from outside, are the same.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        executor: Executor = interpret,
        name: str = "",
        wrapped: Callable[..., Any] | None = None,
        max_paths: int = MAX_PATHS,
        writes: bool = False,
    ) -> None:
        self.function = function
        self.__wrapped__ = wrapped or function
        self.executor = executor
        self.__name__ = name or getattr(function, "__name__", type(function).__name__)
        self.__doc__ = getattr(function, "__doc__", None)
        self.max_paths = max_paths
        self.writes = writes
        self._paths: OrderedDict[Any, Paths] = OrderedDict()
        self._short_cuts: OrderedDict[Any, ShortCut] = OrderedDict()
        self._tried_first: tuple[ShortCut, ...] = ()
        self._entry: Callable[..., Any] = self._call
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<steepest function {self.__name__}>"

    def __call__(self, *arguments: Any) -> Any:
        """Compute the function, or record it while another is traced."""
        try:
            return self._entry(*arguments)
        except Exception as error:
            error.__traceback__ = without_own_frames(error)
            raise

    def _call(self, *arguments: Any) -> Any:
        if is_tracing():
            return follow(self.function, current())(*arguments)
        for short_cut in self._tried_first:
            result = short_cut(arguments)
            if result is not _MISSED:
                return result
        key, values = _kind(arguments)
        paths = self._known(key, arguments)
        if any(trace.changes_arguments for trace in paths.traces):
            check_call(values, paths.last.graph.names, paths.last.captured_arrays())
        taken = _run(paths, values)
        if taken is None:  # machine code may round differently: let NumPy decide
            taken = _run_in_numpy(paths, values)
        if taken is None:
            paths = self._explore(key, paths, arguments)
            taken = _run(paths, values) or _run_in_numpy(paths, values)
            assert taken is not None, "NumPy decides as the trace did"
        number, results = taken
        graph = paths.traces[number].graph
        if graph.written and self.writes:
            results = [_unshared(array, values) for array in results]  # which are written to below
        for i, position in enumerate(graph.written):
            if self.writes and isinstance(values[position], np.ndarray):
                values[position][...] = results[graph.returned + i]
        return graph.result([array[()] if array.ndim == 0 else array for array in results])

    def plan(self, *arguments: Any) -> Any:
        """Return what the compiled code for such arguments does; ``print`` shows it.

        Its loops with the bytes they move, its memory, and whether and along which axis the
        data is read in panels, or what stands in the way.

        Parameters
        ----------
        *arguments
            As for a call; only shapes and dtypes matter.

        Raises
        ------
        InputError
            If the function is not compiled: use ``st.compile(f).plan(...)``.

        Examples
        --------
        >>> import numpy as np, steepest as st
        >>> f = st.compile(st.value_and_gradient(lambda w, X: np.sum((X @ w) ** 2)))
        >>> plan = f.plan(np.zeros(8), np.zeros((100_000, 8)))
        >>> len(plan.report.rounds)  # value and gradient read the data once
        1
        """
        key, _ = _kind(arguments)
        plan = getattr(self._known(key, arguments).run, "plan", None)
        if plan is None:
            raise InputError(
                f"{self.__name__} is interpreted, and so has no plan: use st.compile("
                f"{self.__name__}).plan(...)"
            )
        return plan()

    def _known(self, key: Any, arguments: tuple[Any, ...]) -> Paths:
        """Return the paths for arguments of a kind; trace one if there is none."""
        with self._lock:
            paths = self._paths.get(key)
        if paths is None or not paths.last.captures.still_hold():
            paths = self._remember(key, arguments, (self._trace(arguments, None),))
        return paths

    def _trace(self, arguments: Any, earlier: Captures | None) -> Trace:
        with doing(f"tracing {self.__name__}"):
            return trace_function(self.function, arguments, self.__wrapped__, earlier, defers=True)

    def _explore(self, key: Any, paths: Paths, arguments: Any) -> Paths:
        """Trace the path that these arguments take, and return it with the known ones."""
        new = self._trace(arguments, paths.last.captures)
        if len(paths.traces) < self.max_paths:
            return self._remember(key, arguments, (*paths.traces, new))
        if len(paths.traces) == self.max_paths:
            warn_of_paths(self.__name__, self.max_paths, new.graph.guards)
        return Paths((new,), interpret([new.graph]))

    def _remember(self, key: Any, arguments: Any, traces: tuple[Trace, ...]) -> Paths:
        with doing(f"preparing {self.__name__}"):
            paths = Paths(traces, self.executor([trace.graph for trace in traces]))
        short_cut = paths.short_cut(arguments)
        entry = paths.entry(arguments, self._call)
        with self._lock:
            keep_recent(self._paths, key, paths, _CACHE_SIZE)
            self._short_cuts.pop(key, None)
            if short_cut is not None:
                keep_recent(self._short_cuts, key, short_cut, _SHORT_CUTS)
            self._tried_first = tuple(reversed(self._short_cuts.values()))
            self._entry = entry or self._call
        return paths


def _kind(arguments: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """Return what a trace for these arguments depends on, and the arrays among them."""
    leaves, structure = trees.flatten(arguments)
    return (structure, *map(key_of, leaves)), [leaf for leaf in leaves if is_array_like(leaf)]


def _unshared(array: np.ndarray, values: Sequence[Any]) -> np.ndarray:
    """Return the array, or a copy if it may share memory with an argument."""
    arrays = (value for value in values if isinstance(value, np.ndarray))
    return array.copy() if any(np.may_share_memory(array, x) for x in arrays) else array


def _run(paths: Paths, values: Sequence[Any]) -> tuple[int, list[np.ndarray]] | None:
    return paths.run(_inputs(paths, values))


def _run_in_numpy(paths: Paths, values: Sequence[Any]) -> tuple[int, list[np.ndarray]] | None:
    """Run a function in NumPy, so that branches see the same bits as the trace did."""
    graphs = [trace.graph for trace in paths.traces]
    return interpret(graphs)(_inputs(paths, values)) if graphs[-1].guards else None


def _inputs(paths: Paths, values: Sequence[Any]) -> list[Any]:
    given = [*values, *paths.last.captured_arrays()]
    inputs = paths.last.graph.inputs
    pairs = zip(given, inputs, strict=True)
    return [v if isinstance(v, Source) else np.asarray(v, node.dtype) for v, node in pairs]
