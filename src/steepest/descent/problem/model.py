"""A model of data: its residuals, or the likelihood of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph import trees
from steepest.graph.source import at, function_source
from steepest.trace import current, is_tracing
from steepest.trace.following.tables.columns import TracedFrame, plain_frame
from steepest.trace.tracing import call_traced, own_copies


@dataclass(frozen=True)
class Model:
    """A model as a function of x and its parameters.

    Globals and closures of the model are recorded while it is traced.

    Attributes
    ----------
    model
        The user's function, ``model(x, a, b, ...)``.
    is_named
        Whether the parameters are a dict.
    is_of_frame
        Whether x is a data frame, of which the columns are given as a dict.
    """

    model: Callable[..., Any]
    is_named: bool = False
    is_of_frame: bool = False

    def __call__(self, x: Any, p: Any) -> Any:
        """Return the model's values at x."""
        values, named = ((), p) if self.is_named else (tuple(p), {})
        if not is_tracing():
            return self.model(plain_frame(x) if self.is_of_frame else x, *values, **named)
        x, values, named = own_copies((x, values, named))
        x = TracedFrame(x) if self.is_of_frame else x
        return call_traced(self.model, current(), (x, *values), named)


@dataclass(frozen=True)
class Residuals:
    """The residuals of a model, in units of the standard deviations of the data if known.

    Attributes
    ----------
    curve
        The model.
    kind
        What sigma is: ``"none"``, standard deviations (``"each"``), or a ``"matrix"`` whose
        product with the differences has the identity as covariance.
    """

    curve: Model
    kind: str = "none"

    def __call__(self, p: Any, x: Any, y: Any, sigma: Any = None) -> Any:
        """Return the residuals."""
        expected = self.curve(x, p)
        if isinstance(expected, list | tuple):
            expected = np.stack(expected)
        is_number = expected is not None and not isinstance(expected, str | bytes)
        if not is_number or np.shape(expected) not in (y.shape, (1,), ()):
            what = f"shape {np.shape(expected)}" if is_number else repr(expected)
            model = self.curve.model
            advice = ": is a return missing?" if expected is None else ""
            raise InputError(
                f"{getattr(model, '__name__', 'the model')}{at(function_source(model))} returns "
                f"{what} where y has shape {y.shape}{advice}"
            )
        difference = expected - y
        if self.kind == "none":
            return difference
        return difference / sigma if self.kind == "each" else np.matmul(sigma, difference)


@dataclass(frozen=True)
class NegativeLogLikelihood:
    """Minus the sum of log-densities, as a loss.

    Attributes
    ----------
    model
        The log-density of each datum, as a function of the data and of parameters.
    names
        A name for each free parameter.
    """

    model: Model
    names: tuple[str, ...] = ()

    @property
    def __name__(self) -> str:
        return getattr(self.model.model, "__name__", "logpdf")

    def densities(self, p: Any, data: Any) -> Any:
        """Return the log-density of each datum, shape (m,)."""
        found = self.model(data, p)
        if np.ndim(found) == 0:
            function = self.model.model
            what = "None" if found is None else "one number"
            raise InputError(
                f"{self.__name__}{at(function_source(function))} returns {what}: it must "
                "return the log-density of each datum, in an array"
            )
        sizes = {size for leaf in trees.leaves(data) for size in (np.size(leaf), *np.shape(leaf))}
        if np.size(found) not in sizes and any(map(np.ndim, trees.leaves(data))):
            function = self.model.model
            raise InputError(
                f"{self.__name__}{at(function_source(function))} returns {np.size(found)} numbers "
                f"for {_lengths(data)}: it must return the log-density of each datum"
            )
        return np.reshape(found, (-1,))

    def __call__(self, p: Any, data: Any) -> Any:
        """Return minus the log-likelihood."""
        return -np.sum(self.densities(p, data))


def _lengths(data: Any) -> str:
    shapes = [np.shape(leaf) for leaf in trees.leaves(data)]
    if len(shapes) == 1 and len(shapes[0]) == 1:
        return f"{shapes[0][0]} data"
    return f"data of shape {', '.join(map(str, dict.fromkeys(shapes)))}"
