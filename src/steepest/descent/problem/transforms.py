"""Marked start values: parameters that stay as they are, follow others, or have a range.

A descent moves free numbers; what a function is given is made from these.
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
    """A start value that says how a parameter is made.

    Two markers are equal if they make the same parameter from the same free numbers.
    """

    @property
    def key(self) -> Hashable:
        """What the parameter depends on besides free numbers."""
        return ()

    @abc.abstractmethod
    def free(self) -> np.ndarray | None:
        """Return the free numbers to start from; None if there are none."""

    @abc.abstractmethod
    def whole(self, free: Any) -> Any:
        """Return the parameter, as NumPy code."""

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
    """A parameter that stays as it is.

    Parameters
    ----------
    value
        A number or an array.

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
    """A parameter that follows from the others.

    Parameters
    ----------
    function
        NumPy code that returns it, given all parameters; those that are tied are missing
        (None) there.

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
        """Return the parameter, given all the others."""
        try:
            if is_tracing():
                return call_traced(self.function, current(), (free,))
            return self.function(free)
        except TypeError as error:
            if "NoneType" not in str(error):
                raise
            raise InputError(
                "a tied parameter looks at another that is tied, which is None there: tie both to "
                f"parameters that are not ({error})"
            ) from None


class Positive(Marker):
    """A parameter that stays above 0: its logarithm is free.

    Parameters
    ----------
    value
        Where it starts: a positive number, or an array of them.

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
    """A parameter that stays between 0 and 1: the logarithm of its odds is free.

    Parameters
    ----------
    value
        Where it starts: a number between, or an array of them.

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
    """Shares: positive numbers whose sum is 1.

    The logarithms of their ratios to the last one are free.

    Parameters
    ----------
    value
        Where they start: at least two positive numbers whose sum is 1.

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
    """How parameters are made from the free ones.

    Attributes
    ----------
    structure
        The nesting of the parameters.
    names
        For each of them, its name, and that of its free numbers if it has any.
    markers
        For each of them its marker; None for one that is free itself.
    """

    structure: Any
    names: tuple[str, ...]
    markers: tuple[Marker | None, ...]

    def __call__(self, free: Any) -> Any:
        """Return the parameters."""
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

    def free_bounds(self, bounds: Any, nothing: Any) -> Any:
        """Return bounds of the free parameters out of bounds by name.

        Raises
        ------
        InputError
            If they are not by name, or of a parameter that is marked.
        """
        if not isinstance(bounds, dict):
            raise InputError(
                "with marked start values bounds are given by name, as a dict of those "
                f"parameters that have some: got {bounds!r}"
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
        return {name: bounds.get(name, nothing) for name in moving}


def is_marked(x0: Any) -> bool:
    """Whether any start value is marked."""
    if isinstance(x0, np.ndarray | float | int | np.generic):
        return False
    return any(isinstance(leaf, Marker) for leaf in trees.leaves(x0))


def split_transforms(x0: Any) -> tuple[Any, Reparametrization | None]:
    """Return the free start values by name, and what makes parameters of them.

    Unless a start value is marked, they are returned as they are, and None.

    Raises
    ------
    InputError
        If nothing is free.
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
    """Raise for marked start values, where there is no place for them."""
    if is_marked(x0):
        raise InputError(
            "start values of many problems cannot be marked: give what is fixed in args or "
            "shared, and write ties and ranges into the function"
        )
