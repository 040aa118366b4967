"""A model as the calls that it makes, in order: what modules and files become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError, SteepestError, UnsupportedError
from steepest.trace import current, is_tracing
from steepest.trace.following.follow import wrap_captured


class Value(NamedTuple):
    """The result of an earlier step, or an input."""

    name: str | int


class Stored(NamedTuple):
    """A parameter or buffer of the module, by its full name."""

    name: str


@dataclass(frozen=True, eq=False)
class Step:
    """One call.

    Attributes
    ----------
    name
        Name of its result, or a number.
    function
        NumPy function.
    arguments, named
        Its arguments, in which :class:`Value` and :class:`Stored` stand for arrays.
    place
        What it is in the module, for messages.
    """

    name: str | int
    function: Any
    arguments: Sequence[Any]
    named: Mapping[str, Any]
    place: str


def replaced(tree: Any, convert: Any) -> Any:
    """Return nested arguments with each leaf converted."""
    if isinstance(tree, Value | Stored):
        return convert(tree)
    if isinstance(tree, tuple):
        return tuple(replaced(part, convert) for part in tree)
    if isinstance(tree, list):
        return [replaced(part, convert) for part in tree]
    if isinstance(tree, dict):
        return {key: replaced(part, convert) for key, part in tree.items()}
    if isinstance(tree, slice):
        parts = (replaced(part, convert) for part in (tree.start, tree.stop, tree.step))
        return slice(*parts)
    return convert(tree)


@dataclass(frozen=True, eq=False)
class Calls:
    """A function of parameters and inputs, as calls in order.

    Attributes
    ----------
    name
        Name of the model.
    inputs
        Names of the inputs, each with its default if it has one.
    steps
        The calls.
    result
        What is returned, in which :class:`Value` and :class:`Stored` stand for arrays.
    arrays
        Arrays by name: parameters as they were, and those that stay as they are.
    trainable
        Names of the parameters.
    """

    name: str
    inputs: Sequence[tuple[str, tuple[Any, ...]]]
    steps: Sequence[Step]
    result: Any
    arrays: Mapping[str, np.ndarray]
    trainable: Sequence[str]

    def __str__(self) -> str:
        count = sum(self.arrays[name].size for name in self.trainable)
        return f"{self.name}: {len(self.steps)} calls, {count:,} parameters"

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of the parameters as they were."""
        return {name: self.arrays[name].copy() for name in self.trainable}

    def run(self, parameters: Mapping[str, Any], inputs: Sequence[Any]) -> Any:
        """Return the result for parameters and inputs."""
        values = self._bound(inputs)
        known: dict[str, Any] = {}

        def convert(leaf: Any) -> Any:
            if isinstance(leaf, Value):
                return values[leaf.name]
            if not isinstance(leaf, Stored):
                return leaf
            if leaf.name not in known:
                known[leaf.name] = self._array(leaf.name, parameters)
            return known[leaf.name]

        for step in self.steps:
            arguments = replaced(step.arguments, convert)
            named = replaced(dict(step.named), convert)
            try:
                values[step.name] = step.function(*arguments, **named)
            except UnsupportedError:
                raise
            except (SteepestError, ValueError, TypeError, IndexError, AttributeError) as error:
                raise InputError(f"{self.name}: in {step.place}: {error}") from error
        return replaced(self.result, convert)

    def _bound(self, inputs: Sequence[Any]) -> dict[str | int, Any]:
        least = sum(not defaults for _, defaults in self.inputs)
        if not least <= len(inputs) <= len(self.inputs):
            names = ", ".join(name for name, _ in self.inputs)
            raise InputError(
                f"{self.name} takes parameters and {len(self.inputs)} inputs ({names}), got "
                f"{len(inputs)} inputs"
            )
        given: list[Any] = list(inputs)
        for number, (name, defaults) in enumerate(self.inputs):
            if number >= len(given):
                given.extend(defaults)
            elif hasattr(given[number], "detach"):
                raise InputError(
                    f"{self.name}: its input {name!r} is a tensor of torch: give a NumPy "
                    "array, such as x.numpy()"
                )
            elif isinstance(given[number], list | tuple | float | int):
                given[number] = np.asarray(given[number])
        return {name: value for (name, _), value in zip(self.inputs, given, strict=True)}

    def _array(self, name: str, parameters: Mapping[str, Any]) -> Any:
        if name in self.trainable:
            try:
                return parameters[name]
            except (KeyError, TypeError, IndexError):
                raise InputError(
                    f"{self.name}: the parameters must be a dict with the names "
                    f"{', '.join(self.trainable)}; {name!r} is missing"
                ) from None
        array = self.arrays[name]
        return wrap_captured(array, lambda: array, name, current()) if is_tracing() else array
