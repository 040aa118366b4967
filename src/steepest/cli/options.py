"""What options mean."""

from __future__ import annotations

import difflib
import re

import numpy as np

from steepest.descent import (
    Adam,
    GradientDescent,
    GradientNormBelow,
    LossBelow,
    MaxIterations,
    Method,
    Momentum,
    StopRule,
)
from steepest.errors import InputError

METHODS = ("gradient-descent", "momentum", "nesterov", "adam")

_CONDITION = re.compile(r"(loss|gradient)\s*<=\s*(\S+)")


def parse_vector(text: str, dtype: str, option: str) -> np.ndarray:
    """Return the numbers of ``1,2.5,3`` as an array."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"{option} needs numbers separated by commas, such as 0,0; got {text!r}"
        ) from None
    return np.array(numbers, parse_dtype(dtype))


def parse_dtype(text: str) -> np.dtype:
    """Return float32 or float64."""
    if text not in ("float32", "float64"):
        raise InputError(f"choose float32 or float64 as dtype; got {text!r}")
    return np.dtype(text)


def parse_stop(until: str | None, max_iterations: int) -> StopRule:
    """Return the stop rule for ``loss<=0.001`` or ``loss<=1e-3 or gradient<=1e-8``."""
    limit = MaxIterations(max_iterations)
    if until is None:
        return GradientNormBelow(1e-6) | limit
    rule: StopRule | None = None
    for part in re.split(r"\s*\|\s*|\s+or\s+", until.strip()):
        condition = _CONDITION.fullmatch(part.strip())
        try:
            threshold = float(condition[2]) if condition else None
        except ValueError:
            threshold = None
        if condition is None or threshold is None:
            raise InputError(
                f"--until needs conditions such as 'loss<=0.001' or 'gradient<=1e-8'; got {part!r}"
            )
        single = (LossBelow if condition[1] == "loss" else GradientNormBelow)(threshold)
        rule = single if rule is None else rule | single
    assert rule is not None
    return rule | limit


def parse_method(name: str, step_size: float) -> Method:
    """Return a descent method by its name."""
    if name not in METHODS:
        near = difflib.get_close_matches(name, METHODS, n=1, cutoff=0.4)
        guess = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(f"unknown method {name!r}{guess}: choose one of {', '.join(METHODS)}")
    if name == "gradient-descent":
        return GradientDescent(step_size)
    if name == "adam":
        return Adam(step_size)
    return Momentum(step_size, nesterov=name == "nesterov")
