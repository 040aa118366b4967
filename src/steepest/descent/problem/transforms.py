"""Marked start values: parameters that are fixed, tied to others, or restricted to a range.

A descent changes free parameters only. A marker says how a parameter is computed from them.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError, SettingError
from steepest.graph import trees
from steepest.trace import current, is_tracing
from steepest.trace.tracing import call_traced

__all__ = ["Fixed", "Marker", "Positive", "Simplex", "Tied", "UnitInterval"]


class Marker(abc.ABC):
    """Base class of marked start values.

    A subclass implements ``free`` and ``whole``. Markers with equal ``key`` compute the same
    parameter from the same free values.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> class AtLeast(st.Marker):
    ...     def __init__(self, low, start):
    ...         self.low, self.start = low, start
    ...     @property
    ...     def key(self):
    ...         return self.low
    ...     def free(self):
    ...         return np.log(np.asarray(self.start - self.low))
    ...     def whole(self, free):
    ...         return self.low + np.exp(free)
    >>> run = st.minimize(lambda p: (p["a"] - 3) ** 2, {"a": AtLeast(1.0, start=2.0)})
    >>> float(run.x["a"].round(4))
    3.0
    """

    @property
    def key(self) -> Hashable:
        """What the parameter depends on besides its free values; hashable."""
        return ()

    @abc.abstractmethod
    def free(self) -> np.ndarray | None:
        """Return the free values to start from; None if there are none."""

    @abc.abstractmethod
    def whole(self, free: Any) -> Any:
        """Return the parameter at given free values, in NumPy code."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.key == other.key

    def __hash__(self) -> int:
        return hash((type(self), self.key))

    def _checked(self, value: Any, is_fine: Callable[[np.ndarray], Any], what: str) -> np.ndarray:
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            array = np.full((), np.nan)
        if not np.all(is_fine(array)):
            raise InputError(f"{type(self).__name__} needs {what}, got {value!r}")
        return array


class Fixed(Marker):
    """A parameter that keeps its start value.

    Parameters
    ----------
    value : array_like
        Value, of any shape.

    Raises
    ------
    InputError
        If the value is not finite.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def loss(p):
    ...     return (p["a"] + p["b"] - 3) ** 2
    >>> run = st.minimize(loss, {"a": 0.0, "b": st.Fixed(1.0)})
    >>> float(run.x["a"].round(6)), float(run.x["b"])
    (2.0, 1.0)
    """

    def __init__(self, value: Any) -> None:
        self.value = self._checked(value, np.isfinite, "a finite value")

    @property
    def key(self) -> Hashable:
        return self.value.shape, self.value.tobytes()

    def free(self) -> None:
        return None

    def whole(self, free: Any) -> Any:
        return self.value[()]


class Tied(Marker):
    """A parameter that is a function of the others.

    Parameters
    ----------
    function : callable
        ``function(parameters)`` returns the parameter, in NumPy code. Other tied parameters are
        None in its argument.

    Raises
    ------
    SettingError
        If it is not a function.
    InputError
        During the run, if the function uses another tied parameter.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def loss(p):
    ...     return (p["a"] - 1) ** 2 + (p["b"] - 4) ** 2
    >>> run = st.minimize(loss, {"a": 0.0, "b": st.Tied(lambda p: 2 * p["a"])})
    >>> float(run.x["a"].round(6)), float(run.x["b"].round(6))
    (1.8, 3.6)
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        if not callable(function):
            raise SettingError(f"Tied needs a function of all parameters, got {function!r}")
        self.function = function

    @property
    def key(self) -> Hashable:
        return self.function

    def free(self) -> None:
        return None

    def whole(self, free: Any) -> Any:
        """Return the parameter at given values of the others."""
        try:
            if is_tracing():
                return call_traced(self.function, current(), (free,))
            return self.function(free)
        except KeyError as error:
            raise InputError(
                f"a tied parameter reads the parameter {error}; there are "
                f"{', '.join(map(str, free))}"
            ) from None
        except TypeError as error:
            if "NoneType" not in str(error):
                raise
            raise InputError(
                "a tied parameter looks at another tied parameter, which is None there: tie both "
                f"to free parameters ({error})"
            ) from None


class Positive(Marker):
    """A parameter that stays above 0. Its logarithm is the free parameter.

    Parameters
    ----------
    value : array_like
        Positive start value, of any shape.

    Raises
    ------
    InputError
        If a value is not positive and finite.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda p: p["s"] - np.log(p["s"]), {"s": st.Positive(5.0)})
    >>> float(run.x["s"].round(5))
    1.0
    """

    def __init__(self, value: Any) -> None:
        self.value = self._checked(
            value, lambda x: (x > 0) & np.isfinite(x), "positive numbers to start from"
        )

    def free(self) -> np.ndarray:
        free: np.ndarray = np.log(self.value)
        return free

    def whole(self, free: Any) -> Any:
        return np.exp(free)


class UnitInterval(Marker):
    """A parameter that stays between 0 and 1. The logarithm of its odds is the free parameter.

    Parameters
    ----------
    value : array_like
        Start value between 0 and 1, of any shape.

    Raises
    ------
    InputError
        If a value is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def loss(p):  # three of four tosses
    ...     return -3 * np.log(p["share"]) - np.log(1 - p["share"])
    >>> run = st.minimize(loss, {"share": st.UnitInterval(0.5)})
    >>> float(run.x["share"].round(5))
    0.75
    """

    def __init__(self, value: Any) -> None:
        self.value = self._checked(
            value, lambda x: (x > 0) & (x < 1), "numbers between 0 and 1 to start from"
        )

    def free(self) -> np.ndarray:
        free: np.ndarray = np.log(self.value / (1 - self.value))
        return free

    def whole(self, free: Any) -> Any:
        return 0.5 * (1 + np.tanh(0.5 * free))  # which never overflows


class Simplex(Marker):
    """A vector of positive numbers whose sum is 1.

    The logarithms of their ratios to the last one are the free parameters.

    Parameters
    ----------
    value : array_like
        Start values, shape (k,) with k at least 2: positive numbers whose sum is 1.

    Raises
    ------
    InputError
        If the values are not such numbers.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> counts = np.array([5.0, 3.0, 2.0])
    >>> run = st.minimize(lambda p: -np.sum(counts * np.log(p["shares"])),
    ...                   {"shares": st.Simplex(np.ones(3) / 3)})
    >>> run.x["shares"].round(5)
    array([0.5, 0.3, 0.2])
    """

    def __init__(self, value: Any) -> None:
        self.value = self._checked(
            value,
            lambda x: (x > 0) & (x.ndim == 1) & (x.size > 1) & (abs(np.sum(x) - 1) < 1e-9),
            "at least two positive numbers whose sum is 1",
        )

    def free(self) -> np.ndarray:
        free: np.ndarray = np.log(self.value[:-1] / self.value[-1])
        return free

    def whole(self, free: Any) -> Any:
        logits = np.concatenate([free, np.zeros(1)])
        powers = np.exp(logits - np.max(logits))
        return powers / np.sum(powers)


@dataclass(frozen=True)
class Reparametrization:
    """The map from free parameters to all parameters.

    Attributes
    ----------
    structure
        The nesting of the parameters.
    names
        The name of each parameter, which is also the name of its free values.
    markers
        The marker of each parameter; None for a parameter that is free itself.
    """

    structure: Any
    names: tuple[str, ...]
    markers: tuple[Marker | None, ...]

    def __call__(self, free: Any) -> Any:
        """Return all parameters, given the free ones by name."""
        leaves = [
            free[name] if marker is None else self._whole(marker, free.get(name))
            for name, marker in zip(self.names, self.markers, strict=True)
        ]
        if any(isinstance(marker, Tied) for marker in self.markers):
            known = trees.unflatten(self.structure, leaves)
            leaves = [
                marker.whole(known) if isinstance(marker, Tied) else leaf
                for leaf, marker in zip(leaves, self.markers, strict=True)
            ]
        return trees.unflatten(self.structure, leaves)

    def _whole(self, marker: Marker, free: Any) -> Any:
        return None if isinstance(marker, Tied) else marker.whole(free)

    def free_bounds(self, bounds: Any, unbounded: Any) -> Any:
        """Return the bounds of all free parameters, given some of them by name.

        Parameters
        ----------
        bounds
            A dict from names of parameters to bounds.
        unbounded
            The bounds of a parameter that has none.

        Raises
        ------
        InputError
            If `bounds` is not a dict, or has the name of a marked parameter.
        """
        if not isinstance(bounds, dict):
            raise InputError(
                "with marked start values, bounds must be a dict from names of parameters to "
                f"their bounds: got {bounds!r}"
            )
        for name in bounds:
            if name not in self.names:
                raise InputError(f"bounds for {name!r}, which is no parameter")
            marker = self.markers[self.names.index(name)]
            if marker is not None:
                raise InputError(f"{name} is {type(marker).__name__}: it has no bounds of its own")
        moving = [
            name
            for name, marker in zip(self.names, self.markers, strict=True)
            if marker is None or marker.free() is not None
        ]
        return {name: bounds.get(name, unbounded) for name in moving}


def is_marked(x0: Any) -> bool:
    """Whether any start value is marked."""
    if isinstance(x0, np.ndarray | float | int | np.generic):
        return False
    return any(isinstance(leaf, Marker) for leaf in trees.leaves(x0))


def split_transforms(x0: Any) -> tuple[Any, Reparametrization | None]:
    """Return the free start values by name, and the map from them to all parameters.

    If no start value is marked, the start is returned as it is, and None.

    Raises
    ------
    InputError
        If no parameter is free.
    """
    if not is_marked(x0):
        return x0, None
    leaves, structure = trees.flatten(x0)
    names = [re.sub(r"^\['(\w+)'\]$", r"\1", name) for name in trees.leaf_names(x0, "")]
    markers = tuple(leaf if isinstance(leaf, Marker) else None for leaf in leaves)
    free = {}
    for name, leaf in zip(names, leaves, strict=True):
        start = leaf.free() if isinstance(leaf, Marker) else leaf
        if start is not None:
            free[name] = start
    if not free:
        raise InputError("every parameter is fixed or tied: there is nothing to vary")
    return free, Reparametrization(structure, tuple(names), markers)


def check_unmarked(x0: Any) -> None:
    """Raise for marked start values, which fits of many problems do not support."""
    if is_marked(x0):
        raise InputError(
            "start values of many problems cannot be marked: pass fixed values in args or "
            "shared, and compute ties and ranges in the function"
        )
