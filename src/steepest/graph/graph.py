"""The graph: its inputs and outputs, and how it is called, checked, printed and drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph import trees
from steepest.graph.evaluate import evaluate, evaluate_all
from steepest.graph.guard import Guard
from steepest.graph.node import Node, order
from steepest.graph.source import Source
from steepest.presentation import presenter

_FEW = 6
"""Largest number of inputs that ``repr(graph)`` names."""


@dataclass(frozen=True)
class Signature:
    """How a Python call maps to a graph's flat inputs and outputs.

    Attributes
    ----------
    arguments
        Structure of the positional arguments; their leaves are the first inputs.
    result
        Structure of what the function returns.
    fixed
        Leaves that are part of the graph rather than inputs (whole numbers, strings), by
        their position among the leaves.
    """

    arguments: Any
    result: Any
    fixed: Mapping[int, Any] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Graph:
    """What a function computes: the result of :func:`trace`.

    Two graphs with the same inputs and outputs are equal, whatever the lines they came
    from: compiled code is shared between them.

    Attributes
    ----------
    inputs : tuple of Node
        Input nodes: first the leaves of the arguments, then the captured arrays.
    outputs : tuple of Node
        Output nodes.
    names : tuple of str
        A name for each input, for people.
    sources : mapping from Node to Source
        The user's line for each node that has one.
    captured : tuple of ndarray
        The arrays that the last inputs are bound to, by reference.
    signature : Signature or None
        How a Python call maps to inputs and outputs; None for a graph made by a pass.
    guards : tuple of Guard
        The conditions of this path through the function. Where they hold, the graph is
        what the function computes.
    written : tuple of int
        Arguments that the function changes in place, by their position among the inputs;
        their new values are the last outputs.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> graph = st.trace(lambda x: np.sum(x**2), np.array([1.0, 2.0]))
    >>> len(graph.nodes), float(graph(np.array([3.0, 4.0])))
    (3, 25.0)
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    names: tuple[str, ...] = field(default=(), compare=False)
    sources: Mapping[Node, Source] = field(default_factory=dict, compare=False, repr=False)
    captured: tuple[np.ndarray, ...] = field(default=(), compare=False, repr=False)
    signature: Signature | None = field(default=None, compare=False, repr=False)
    guards: tuple[Guard, ...] = ()
    written: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @property
    def nodes(self) -> list[Node]:
        """Every node, operands first."""
        conditions = [guard.condition for guard in self.guards]
        return order([*self.inputs, *conditions, *self.outputs])

    def bind(self, arguments: Sequence[Any]) -> dict[Node, np.ndarray]:
        """Return a value for every input from the flat arguments and the captured arrays.

        Raises
        ------
        InputError
            Where the number of arguments, or the shape of one, is not what was traced.
        """
        values = [*arguments, *self.captured]
        if len(values) != len(self.inputs):
            expected = len(self.inputs) - len(self.captured)
            raise InputError(f"this graph has {expected} array arguments, got {len(arguments)}")
        bindings: dict[Node, np.ndarray] = {}
        for node, value, name in zip(self.inputs, values, self.input_names, strict=True):
            array = np.asarray(value, node.dtype)
            if array.shape != node.shape:
                raise InputError(
                    f"{name}: this graph was traced for shape {node.shape}, "
                    f"got {array.shape}: trace again for the new shape"
                )
            bindings[node] = array
        return bindings

    @property
    def input_names(self) -> tuple[str, ...]:
        """A name for every input."""
        missing = range(len(self.names), len(self.inputs))
        return self.names + tuple(f"input{i}" for i in missing)

    def __call__(self, *arguments: Any) -> Any:
        """Compute the graph in NumPy.

        Parameters
        ----------
        *arguments
            The same structure of arrays that was traced.

        Raises
        ------
        InputError
            Where a branch goes another way for these arguments than it did for those that
            the graph was traced for.
        """
        known = self.bind(self.flatten(arguments))
        self.check_guards(known)
        values = evaluate(self.outputs, known)
        if self.signature is None:
            return tuple(values)
        return self.result(values)

    def result(self, values: Sequence[Any]) -> Any:
        """Return the outputs in the structure that the function returns."""
        assert self.signature is not None
        return trees.unflatten(self.signature.result, values[: self.returned])

    @property
    def returned(self) -> int:
        """Number of outputs that the function returns. The others are arguments it changes."""
        return len(self.outputs) - len(self.written)

    def is_path_of(self, known: MutableMapping[Node, Any]) -> bool:
        """Return whether every guard holds for these values of nodes."""
        for guard in self.guards:
            evaluate_all([guard.condition], known)
            if known[guard.condition].tobytes() != guard.key:
                return False
        return True

    def check_guards(self, known: MutableMapping[Node, Any]) -> None:
        """Raise unless every guard holds for these values of nodes."""
        for guard in self.guards:
            evaluate_all([guard.condition], known)
            value = known[guard.condition]
            if value.tobytes() != guard.key:
                where = f" at {guard.source}: {guard.source.text}" if guard.source else ""
                raise InputError(
                    "this graph is one path through the function, on which "
                    f"{guard.condition.op.name} gives {guard.value}{where}; for these arguments "
                    f"it gives {value}: trace again for them"
                )

    def __repr__(self) -> str:
        few = ", ".join([*self.input_names[:_FEW], *["..."][: len(self.inputs) > _FEW]])
        branches = f", {len(self.guards)} branches" if self.guards else ""
        return f"Graph({few}: {len(self.nodes)} nodes{branches})"

    def __str__(self) -> str:
        text: str = presenter("text").format_graph(self)
        return text

    def draw(self, path: str | Path, *arguments: Any) -> Path:
        """Draw the graph as a picture.

        Above 40 operations, those of a line, of a function or of a loop share a box.

        Parameters
        ----------
        path
            File to write: ``.svg``, or ``.png`` or ``.pdf`` (which need matplotlib).
        *arguments
            Where given, every node shows its value there, and its gradient if the graph is
            a loss.

        Returns
        -------
        Path
            The file written.
        """
        written: Path = presenter("picture").draw(self, Path(path), arguments)
        return written

    def _repr_svg_(self) -> str:
        text: str = presenter("picture").svg(self)
        return text

    def flatten(self, arguments: Sequence[Any]) -> list[Any]:
        """Return the flat inputs for a Python call.

        Raises
        ------
        InputError
            If the structure of the arguments is not what was traced.
        """
        if self.signature is None:
            return list(arguments)
        leaves, structure = trees.flatten(tuple(arguments))
        if structure != self.signature.arguments:
            raise InputError(_mismatch(self.signature.arguments, structure))
        for position, value in self.signature.fixed.items():
            if leaves[position] != value:
                raise InputError(
                    f"this graph was traced for the value {value!r}, got {leaves[position]!r}"
                )
        return [leaf for i, leaf in enumerate(leaves) if i not in self.signature.fixed]


def _mismatch(traced: Any, given: Any) -> str:
    """Return what differs between the arguments that were traced and those given."""
    if traced.num_children != given.num_children:
        count = traced.num_children
        arguments = "1 argument" if count == 1 else f"{count} arguments"
        return f"this graph was traced for {arguments}, got {given.num_children}"
    pairs = zip(traced.children(), given.children(), strict=True)
    number, (old, new) = next((i, p) for i, p in enumerate(pairs, 1) if p[0] != p[1])
    return (
        f"this graph was traced for another structure of argument {number}: {_shown(old)}, "
        f"got {_shown(new)} (each * is a number or an array)"
    )


def _shown(structure: Any) -> str:
    return re.sub(r"^PyTreeSpec\((.*?)(, namespace='.*')?\)$", r"\1", str(structure))
