"""The right-hand side of a differential equation, recorded once and called at many points."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph import Graph, Node, order
from steepest.graph.source import at, user_source
from steepest.graph.substitute import substitute
from steepest.ops import CONSTANT, INPUT, Zero
from steepest.ops.arrays.loops import RULES
from steepest.trace.arrays.array import TracedArray, as_traced, node_of
from steepest.trace.following.follow import follow
from steepest.trace.patterns import is_hidden
from steepest.trace.recording.session import UnknownValueError, current
from steepest.trace.subgraph import RecordedStep, packing_of


@dataclass(frozen=True)
class RightSide:
    """A function of time and state, as a graph.

    Attributes
    ----------
    graph
        Its inputs are time, of shape (1,), state, and what it uses of the enclosing recording. Its
        first output is the function's value, the others are the ends of a range.
    outer
        What it uses of the enclosing recording.
    size
        The number of elements of its result.
    """

    graph: Graph
    outer: tuple[TracedArray, ...]
    size: int

    def __call__(self, t: Any, y: Any) -> Any:
        """Return its value, recorded here."""
        values, session = self._values(t, y), current()
        replaced = dict(zip(self.graph.inputs, map(node_of, values), strict=True))
        (value,) = substitute(self.graph.outputs[:1], replaced, session.sources)
        return TracedArray(value, session, is_scalar=False)

    @property
    def ends(self) -> list[TracedArray]:
        """The ends of the range, which are outer values or constants."""
        outer = dict(zip(self.graph.inputs[2:], map(node_of, self.outer), strict=True))
        session = current()
        return [TracedArray(outer.get(end, end), session) for end in self.graph.outputs[1:]]

    def jacobian(self, t: Any, y: Any) -> Any:
        """Return its exact derivatives by the state, shape (size, n)."""
        return RULES["jacobian"](self.graph, self._values(t, y), 1)

    def _values(self, t: Any, y: Any) -> list[Any]:
        return [np.reshape(as_traced(t), (1,)), as_traced(y), *self.outer]

    @functools.cached_property
    def may_jump(self) -> bool:
        """Whether it contains choices or steps that depend on time, where it may jump.

        Those by the state alone are met at other times for other parameters: sizes of steps that
        are held would show no more of them.
        """
        of_time = {self.graph.inputs[0]}
        for x in order(self.graph.outputs[:1]):
            if not of_time.isdisjoint(x.operands):
                if _is_choice(x):
                    return True
                of_time.add(x)
        return False

    @property
    def is_plain(self) -> bool:
        """Whether it uses nothing of the enclosing recording but constants."""
        return all(x.node.op is CONSTANT or is_hidden(x.node) for x in self.outer)


def record_integrand(
    name: str, function: Callable[..., Any], ends: Sequence[Any], args: Sequence[Any] = ()
) -> tuple[RightSide, tuple[int, ...]]:
    """Record a function of a number, with an empty state; return the shape of its result, too.

    `ends` are those of the range.
    """
    shapes: list[tuple[int, ...]] = []

    def called(x: Any, nothing: Any) -> Any:
        result = as_traced(follow(function, current())(x, *args))
        shapes[:] = [result.shape]
        return np.ravel(_real(name, result))

    return _recorded(name, called, np.zeros(0), ends), shapes[0]


def record_right_side(
    name: str, function: Callable[..., Any], y: Any, size: int, args: Sequence[Any] = (),
    time_first: bool = True, vectorized: bool = False,
) -> RightSide:  # fmt: skip
    """Record a function of time and state that returns an array of some size.

    Parameters
    ----------
    name
        Public name of the solver, for messages.
    function
        The user's function.
    y
        A state.
    size
        The number of elements that it returns.
    args
        Its further arguments.
    time_first
        Whether it is called with time and state, and not with state and time.
    vectorized
        Whether it takes and returns columns.
    """

    def called(t: Any, y: Any) -> Any:
        state = y[:, None] if vectorized else y
        given = (t, state) if time_first else (state, t)
        result = as_traced(follow(function, current())(*given, *args))
        if vectorized:
            result = np.ravel(result)
        if result.size not in (1, size) or result.ndim > 1:
            raise InputError(
                f"{name}{at(user_source())}: the function returns an array of shape "
                f"{result.shape}, it must return one of shape ({size},)"
            )
        return np.broadcast_to(_real(name, result), (size,))

    return _recorded(name, called, y)


def _real(name: str, result: Any) -> Any:
    if result.dtype.kind == "c":
        raise UnsupportedError(
            f"{name}{at(user_source())} cannot be recorded with a function that returns complex "
            "numbers: integrate its real and imaginary parts"
        )
    return result.astype(np.float64)


def _is_of_time(condition: Node, inputs: Sequence[Node]) -> bool:
    """Whether a condition depends on time and data alone.

    A jump at another place for other parameters has a slope, which the arms of the branch do not
    show.
    """
    time, session = inputs[0], current()
    found = order([condition])
    return not any(x is not time and x.op is INPUT and session.has_slope(x) for x in found)


def _is_choice(node: Node) -> bool:
    """Whether a node may jump, or a loop in which one may."""
    inner = [x for x in node.attributes.values() if isinstance(x, Graph)]
    return (isinstance(node.op.derivative, Zero) and node.op.name not in _STEADY) or any(
        _is_choice(x) for graph in inner for x in order(graph.outputs)
    )


_STEADY = frozenset({"constant", "input", "stop_gradient"})


def _refusal(name: str, reason: Any) -> str:
    return f"{name}{at(user_source())} cannot record its function: {reason}"


def _jump(name: str, error: UnknownValueError, is_integrand: bool) -> str:
    """Return what is wrong with a branch that is taken elsewhere for other parameters."""
    on, instead = (
        ("", "split the range there")
        if is_integrand
        else (
            "the state or ",
            "end the span there (an event finds the place) and go on from there",
        )
    )
    reason = (
        f"a condition{at(error.source)} is not known while it is recorded, and depends on {on}a "
        "parameter, so that the jump has a slope of its own, which np.where and st.cond do not "
        f"show: {instead}, or call all of it in a function with st.black_box, which is differenced"
    )
    return _refusal(name, reason)


def _recorded(
    name: str, called: Callable[..., Any], y: Any, ends: Sequence[Any] = ()
) -> RightSide:
    try:
        packings = [packing_of(np.float64(0.0)), packing_of(y)]
        recording = RecordedStep(called, packings, _is_of_time)
    except UnknownValueError as error:
        if error.may_jump:
            raise UnsupportedError(_jump(name, error, is_integrand=y.size == 0)) from error
        raise UnsupportedError(_refusal(name, error)) from error
    except UnsupportedError as error:
        raise UnsupportedError(_refusal(name, error)) from error
    graph, outer = recording.graph([recording.result, *ends])
    session = current()
    arrays = tuple(TracedArray(node, session, is_scalar=False) for node in outer)
    return RightSide(graph, arrays, recording.result.size)
