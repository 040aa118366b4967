"""Log-densities of data, added up to the loss of a maximum-likelihood fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.problem.model import Model
from steepest.errors import InputError
from steepest.graph import trees
from steepest.graph.source import at, function_source


@dataclass(frozen=True)
class NegativeLogLikelihood:
    """Minus the sum of log-densities, as a loss.

    Attributes
    ----------
    model
        The log-density of each datum, as a function of the data and of parameters.
    """

    model: Model

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
