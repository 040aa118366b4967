"""Initial value problems of differential equations: methods, steps, events and solutions."""

from steepest.trace.functions.scipy.integrate.initial_value import (
    bdf,
    events,
    explicit,
    implicit,
    lsoda,
    problem,
    radau,
    sizes,
    solution,
    walking,
)

__all__ = [
    "bdf",
    "events",
    "explicit",
    "implicit",
    "lsoda",
    "problem",
    "radau",
    "sizes",
    "solution",
    "walking",
]
