"""What a traced function sees in place of SciPy's distributions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from steepest.trace.arrays.array import holds_traced
from steepest.trace.arrays.dispatch import as_number
from steepest.trace.arrays.implementations import call_implementation
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import MADE_BY_NAME
from steepest.trace.following.stand_ins import READ
from steepest.trace.functions.scipy.stats.continuous import CONTINUOUS
from steepest.trace.functions.scipy.stats.discrete import DISCRETE
from steepest.trace.functions.scipy.stats.formulas import Formulas
from steepest.trace.functions.scipy.stats.moments import MOMENTS
from steepest.trace.recording.session import current


class Distribution(Formulas):
    """A distribution: its public methods record, its private ones are followed."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            return super().__getattr__(name)
        users = self.own_method(name)
        if users is not None:
            return users
        kind = CONTINUOUS if hasattr(self.real, "pdf") else DISCRETE
        recorded = kind.get(name) or MOMENTS.get(name)
        value = self.attribute(name)
        return _recording(self, name, recorded, value) if callable(value) else value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Freeze the parameters."""
        if not holds_traced([*args, *kwargs.values()]):
            return Frozen(self, args, kwargs, self.real(*args, **kwargs))
        return Frozen(self, args, kwargs)

    freeze = __call__


def _recording(
    distribution: Distribution, name: str, recorded: Callable[..., Any] | None, real: Any
) -> Callable[..., Any]:
    """Return a public method that records its call where it is given traced values."""
    full = f"{distribution.public_name}.{name}"

    @functools.wraps(real)
    def method(*args: Any, **kwargs: Any) -> Any:
        if not holds_traced([*args, *kwargs.values()]):
            return real(*args, **kwargs)
        if recorded is None:
            refuse(f"{full} of traced values")
        record = functools.partial(recorded, distribution)
        result = call_implementation(record, full, args, kwargs, real)
        return tuple(map(as_number, result)) if isinstance(result, tuple) else as_number(result)

    return method


class Frozen:
    """A distribution with its parameters.

    Parameters
    ----------
    dist
        The distribution.
    args, kwds
        The parameters.
    real
        SciPy's own frozen distribution, if no parameter is traced.
    """

    def __init__(
        self, dist: Distribution, args: tuple[Any, ...], kwds: dict[str, Any], real: Any = None
    ) -> None:
        self.dist, self.args, self.kwds, self._real = dist, args, kwds, real

    def __getattr__(self, name: str) -> Any:
        if name in ("a", "b"):
            shapes, _, _ = self.dist.real._parse_args(*self.args, **self.kwds)
            return self.dist._get_support(*shapes)["ab".index(name)]
        method = getattr(self.dist, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if not holds_traced([*args, *kwargs.values()]) and self._real is not None:
                return getattr(self._real, name)(*args, **kwargs)
            return method(*args, *kwargs.values(), *self.args, **self.kwds)

        return call


def _frozen_outside(real: Any) -> Frozen:
    """Return the stand-in of a distribution that was frozen outside; its parameters are noted."""
    see = READ["see"]
    args = see(real.args, lambda: real.args, "args", current())
    kwds = see(real.kwds, lambda: real.kwds, "kwds", current())
    return Frozen(Distribution(real.dist), args, dict(kwds))


MADE_BY_NAME["scipy.stats.rv_continuous"] = Distribution
MADE_BY_NAME["scipy.stats.rv_discrete"] = Distribution
MADE_BY_NAME["scipy.stats.rv_frozen"] = _frozen_outside
