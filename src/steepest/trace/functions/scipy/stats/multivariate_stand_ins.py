"""What a traced function sees in place of SciPy's distributions of vectors and matrices."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from steepest.trace.arrays.array import holds_traced
from steepest.trace.arrays.dispatch import as_number
from steepest.trace.arrays.implementations import call_implementation
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import MADE_BY_NAME
from steepest.trace.following.stand_ins import READ
from steepest.trace.functions.scipy.stats.multivariate import MULTIVARIATE
from steepest.trace.recording.session import current


class Multivariate:
    """A distribution of vectors or matrices."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self._name = type(real).__name__.removesuffix("_gen")

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.real, name)
        return self._recording(name, value) if callable(value) else value

    def _recording(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        recorded = MULTIVARIATE.get(self._name, {}).get(name)
        full = f"scipy.stats.{self._name}.{name}"

        @functools.wraps(real)
        def method(*args: Any, **kwargs: Any) -> Any:
            if not holds_traced([*args, *kwargs.values()]):
                return real(*args, **kwargs)
            if recorded is None:
                refuse(f"{full} of traced values")
            return as_number(call_implementation(recorded, full, args, kwargs, real))

        return method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Freeze the parameters."""
        given = inspect.signature(self.real.__call__).bind(*args, **kwargs).arguments
        given.pop("seed", None)
        real = None if holds_traced(list(given.values())) else self.real(*args, **kwargs)
        return FrozenMultivariate(self, given, real)


class FrozenMultivariate:
    """A distribution of vectors or matrices with its parameters."""

    def __init__(self, dist: Multivariate, given: dict[str, Any], real: Any) -> None:
        self._dist, self._given, self._real = dist, given, real

    def __getattr__(self, name: str) -> Any:
        if name in self._given:
            return self._given[name]
        if self._real is not None and not callable(getattr(self._real, name)):
            return getattr(self._real, name)
        method = getattr(self._dist, name)
        accepted = inspect.signature(method).parameters

        def call(*args: Any, **kwargs: Any) -> Any:
            if not holds_traced([*args, *kwargs.values()]) and self._real is not None:
                return getattr(self._real, name)(*args, **kwargs)
            given = {key: value for key, value in self._given.items() if key in accepted}
            return method(*args, **kwargs, **given)

        return call


_PARAMETERS = {
    "multivariate_normal": ("mean", "cov", "allow_singular"),
    "multivariate_t": ("loc", "shape", "df"),
    "dirichlet": ("alpha",),
    "multinomial": ("n", "p"),
    "wishart": ("df", "scale"),
    "invwishart": ("df", "scale"),
}
"""Attributes of a frozen distribution that its parameters are read from."""


def _frozen_outside(real: Any) -> Any:
    """Return the stand-in of a distribution that was frozen outside; its parameters are noted."""
    name = type(real).__name__.removesuffix("_frozen")
    given = {}
    for key in _PARAMETERS.get(name, ()):
        read = functools.partial(getattr, real, key)
        given[key] = READ["see"](read(), read, key, current())
    if not given:
        current().root.captures.opaque.append(name)
    return FrozenMultivariate(Multivariate(real._dist), given, real)


MADE_BY_NAME["scipy.stats.multi_rv_generic"] = Multivariate
MADE_BY_NAME["scipy.stats.multi_rv_frozen"] = _frozen_outside
