"""A function that is traced once for each kind of arguments, then run as a graph."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optree

from steepest.frames import hides_frames
from steepest.graph import Graph, evaluate
from steepest.trace import Trace, current, is_tracing, trace_function
from steepest.trace.tracing import is_array_like, key_of
from steepest.trace.view import follow

Executable = Callable[[Sequence[Any]], list[np.ndarray]]
Executor = Callable[[Graph], Executable]

_CACHE_SIZE = 64
"""Kinds of arguments remembered for one function."""


def interpret(graph: Graph) -> Executable:
    """Return the graph as a function of flat inputs, computed in NumPy."""
    return lambda values: evaluate(graph.outputs, dict(zip(graph.inputs, values, strict=True)))


class Function:
    """A function of NumPy arrays that runs as a graph.

    Parameters
    ----------
    function
        The function itself, in NumPy; it can be called on traced arrays.
    executor
        What turns its graph into something that runs.
    name
        What to call it.
    wrapped
        The user's own function, whose argument names it has.

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
    ) -> None:
        self.function = function
        self.__wrapped__ = wrapped or function
        self.executor = executor
        self.__name__ = name or getattr(function, "__name__", type(function).__name__)
        self.__doc__ = getattr(function, "__doc__", None)
        self._traces: OrderedDict[Any, tuple[Trace, Executable]] = OrderedDict()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<steepest function {self.__name__}>"

    @hides_frames
    def __call__(self, *arguments: Any) -> Any:
        """Compute the function, or record it while another is traced."""
        if is_tracing():
            return follow(self.function, current())(*arguments)
        leaves, structure = optree.tree_flatten(arguments)
        trace, run = self._lookup(leaves, structure, arguments)
        values = [leaf for leaf in leaves if is_array_like(leaf)]
        inputs = trace.graph.inputs
        arrays = [
            np.asarray(value, node.dtype)
            for value, node in zip([*values, *trace.captured_arrays()], inputs, strict=True)
        ]
        results = [array[()] if array.ndim == 0 else array for array in run(arrays)]
        signature = trace.graph.signature
        assert signature is not None
        return optree.tree_unflatten(signature.result, results)

    def _lookup(
        self, leaves: list[Any], structure: Any, arguments: Any
    ) -> tuple[Trace, Executable]:
        key = (structure, *map(key_of, leaves))
        with self._lock:
            found = self._traces.get(key)
        if found is not None and found[0].captures.still_hold():
            return found
        trace = trace_function(self.function, arguments, names_of=self.__wrapped__)
        found = trace, self.executor(trace.graph)
        with self._lock:
            self._traces[key] = found
            self._traces.move_to_end(key)
            if len(self._traces) > _CACHE_SIZE:
                self._traces.popitem(last=False)
        return found
