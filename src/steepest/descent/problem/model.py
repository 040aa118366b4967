"""A model of data, and its residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError
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
