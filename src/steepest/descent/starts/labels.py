"""Start values in a pandas Series, which may name the parameters."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from steepest.descent.starts.signature import parameter_names
from steepest.errors import InputError


def in_order(model: Any, start: Any, what: str = "p0") -> Any:
    """Return start values in the order of the signature, if they are a Series with names.

    Parameters
    ----------
    model
        The function whose parameters start there.
    start
        Start values as the user gave them. All but a Series of pandas are returned as they are.
        So is one whose labels are no names, such as numbers.
    what
        What the start values are called in errors.

    Raises
    ------
    InputError
        If a label is no parameter, or a parameter has no label.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(start, pandas.Series):
        return start
    labels = list(start.index)
    if not labels or not all(isinstance(label, str) for label in labels):
        return start.to_numpy()
    by_name = dict(zip(labels, start.to_numpy(), strict=True))
    names = parameter_names(model, by_name)
    if names is None:  # the model takes any number
        return start.to_numpy()
    known = ", ".join(names)
    for label in labels:
        if label not in names:
            raise InputError(f"{what} has the label {label!r}, but the parameters are {known}")
        if labels.count(label) > 1:
            raise InputError(f"{what} has the label {label!r} {labels.count(label)} times")
    for name in names:
        if name not in by_name:
            raise InputError(f"{what} has no label {name!r}: the parameters are {known}")
    return np.array([by_name[name] for name in names])
