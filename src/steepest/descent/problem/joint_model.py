"""One model of several data sets that share parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.trace import current, is_tracing
from steepest.trace.tracing import call_traced, own_copies


@dataclass(frozen=True)
class JointModel:
    """The models of several data sets as one, whose parameters are given by name.

    Attributes
    ----------
    models
        A model for each set, ``model(x, a, b, ...)``.
    places
        For each set, the names of its parameters, and where each is in an array of values, one for
        each set that has it; None for a parameter that is shared.
    """

    models: tuple[Callable[..., Any], ...]
    places: tuple[tuple[tuple[str, int | None], ...], ...]

    @property
    def __name__(self) -> str:
        return getattr(self.models[0], "__name__", "the model")

    @property
    def __signature__(self) -> inspect.Signature:
        """The names of all parameters, in the order in which the models name them first."""
        names = dict.fromkeys(["x", *(name for own in self.places for name, _ in own)])
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature([inspect.Parameter(name, kind) for name in names])

    def values(self, number: int, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the parameters of one set, in the order of its model's signature."""
        for name, place in self.places[number]:
            if place is not None and np.ndim(parameters[name]) == 0:
                raise InputError(
                    f"{name} is one number, but it is not shared, so that each set has its own: "
                    f"add {name!r} to shared, or give a value for each set"
                )
        return [
            parameters[name] if place is None else parameters[name][place]
            for name, place in self.places[number]
        ]

    def at(self, number: int, x: Any, parameters: Mapping[str, Any]) -> Any:
        """Return the model of one set at x."""
        arguments = (x, *self.values(number, parameters))
        if is_tracing():
            return call_traced(self.models[number], current(), own_copies(arguments))
        return self.models[number](*arguments)

    def __call__(self, x: Mapping[str, Any], **parameters: Any) -> Any:
        """Return the models at the x of all sets, one after the other."""
        parts = []
        for number, own in enumerate(x.values()):
            value = self.at(number, own, parameters)
            size = np.shape(own)[-1:] if np.ndim(own) else ()
            is_constant = np.shape(value) in ((), (1,))
            parts.append(np.broadcast_to(value, size) if is_constant else np.ravel(value))
        return np.concatenate(parts)


@dataclass(frozen=True)
class OneOfJoint:
    """The model of one set, as a function of x and of all parameters.

    Attributes
    ----------
    joint
        The models of all sets.
    number
        Which one.
    """

    joint: JointModel
    number: int

    @property
    def model(self) -> Callable[..., Any]:
        """The user's function."""
        return self.joint.models[self.number]

    @property
    def __name__(self) -> str:
        return getattr(self.model, "__name__", "the model")

    def __call__(self, x: Any, parameters: Any) -> Any:
        """Return the model's values at x."""
        return self.joint.at(self.number, x, parameters)
