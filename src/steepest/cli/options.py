"""Parse the values of command-line options."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
import re
from typing import Any

import numpy as np

from steepest.descent import (
    GradientNormBelow,
    LossBelow,
    MaxIterations,
    Method,
    Search,
    StopRule,
)
from steepest.descent.methods.registry import named
from steepest.errors import InputError

STEP_SIZE = 1e-3
"""The default step size."""

_CONDITION = re.compile(r"(loss|gradient)\s*(<=?)\s*(\S+)")


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
    """Return the stop rule for ``loss<=0.001`` or ``loss<1e-3 and gradient<1e-8``."""
    limit = MaxIterations(max_iterations)
    if until is None:
        return GradientNormBelow(1e-6) | limit
    either = [
        functools.reduce(
            operator.and_, (_condition(part) for part in re.split(r"\s*&\s*|\s+and\s+", parts))
        )
        for parts in re.split(r"\s*\|\s*|\s+or\s+", until.strip())
    ]
    rule: StopRule = functools.reduce(operator.or_, either)
    return rule | limit


def _condition(text: str) -> StopRule:
    """Return the rule for ``loss<=0.001``, or ``loss<0.001``."""
    found = _CONDITION.fullmatch(text.strip())
    try:
        threshold = float(found[3]) if found else math.nan
    except ValueError:
        threshold = math.nan
    if found is None or math.isnan(threshold):
        raise InputError(
            f"--until needs conditions such as 'loss<=0.001' or 'gradient<1e-8'; got {text!r}"
        )
    if found[2] == "<":
        threshold = math.nextafter(threshold, -math.inf)
    return (LossBelow if found[1] == "loss" else GradientNormBelow)(threshold)


def parse_method(name: str, step_size: float) -> Method | Search:
    """Return a descent method by its name; those that search find their own step size."""
    method = named(name, for_loss=True)
    if any(field.name == "step_size" for field in dataclasses.fields(method)):
        method = dataclasses.replace(method, step_size=step_size)
    elif step_size != STEP_SIZE:
        raise InputError(f"--step-size: {type(method).__name__} finds its own steps, leave it out")
    result: Method | Search = method
    return result


def parse_start(text: str | None) -> Any:
    """Return the numbers of ``1,2`` as an array, or those of ``a=1,b=2`` by name; or "guess"."""
    if text == "guess":
        return text
    if text is None or "=" not in text:
        return None if text is None else parse_vector(text, "float64", "--start")
    pairs = [part.partition("=")[::2] for part in text.split(",")]
    try:
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        raise InputError(f"--start needs a number for each name; got {text!r}") from None


def parse_ends(text: str | None) -> tuple[Any, Any] | None:
    """Return the two ends that ``0:1,:2`` means, or ``a=0:1,b=:2`` by name."""
    parts = [part.partition("=") for part in text.split(",")] if text and "=" in text else []
    if any(not equals for _, equals, _ in parts):
        raise InputError(f"--bounds needs a name for each range, or for none; got {text!r}")
    pairs = parse_bounds(",".join(values for *_, values in parts) if parts else text)
    if pairs is None:
        return None
    if parts:
        names = [name.strip() for name, *_ in parts]
        ends = [
            {name: pair[i] for name, pair in zip(names, pairs, strict=True) if pair[i] is not None}
            for i in (0, 1)
        ]
        return ends[0], ends[1]
    low, high = zip(*pairs, strict=True)
    infinity = float("inf")
    return (
        [-infinity if value is None else value for value in low],
        [infinity if value is None else value for value in high],
    )


def parse_bounds(text: str | None) -> list[tuple[float | None, float | None]] | None:
    """Return pairs for ``0:1,:2,``: an end that is left out is no bound."""
    if text is None:
        return None
    pairs = []
    for part in text.split(","):
        low, colon, high = part.partition(":")
        try:
            pairs.append((float(low) if low else None, float(high) if high else None))
        except ValueError:
            colon = ""
        if part and not colon:
            raise InputError(
                f"--bounds needs low:high for each parameter, such as 0:1,:2; got {part!r}"
            )
    return pairs
