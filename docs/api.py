"""The reference of public names, grouped by the modules that define them.

``docs/conf.py`` writes the page at each build; sphinx makes a page of each name's docstring.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import steepest as st
from steepest import learn

METHODS = "steepest.descent.methods"


@dataclass(frozen=True)
class Group:
    """A heading, a sentence about it, and the modules whose names stand below it."""

    title: str
    text: str
    modules: tuple[str, ...]


GROUPS = (
    Group(
        "Minima and fits",
        "From a function and a start to an answer.",
        tuple(
            f"steepest.descent.{name}"
            for name in (
                *("minimize", "least_squares", "curve_fit", "maximum_likelihood", "resume"),
                *("minimize_many", "least_squares_many", "curve_fit_many"),
                *("root", "scalar", "multistart", "joint", "inference.compare"),
                "compare",
            )
        ),
    ),
    Group(
        "Derivatives and compilation",
        "Functions in, functions out.",
        ("steepest.derivative", "steepest.engines.compile", "steepest.check"),
    ),
    Group("Graphs", "What was recorded.", ("steepest.trace.tracing", "steepest.graph")),
    Group(
        "Functions to use in a loss",
        "Everything else is plain NumPy and SciPy.",
        (
            *("steepest.trace", "steepest.ops", "steepest.derivative.matrix_functions"),
            *("steepest.derivative.custom", "steepest.derivative.opaque"),
        ),
    ),
    Group("Parameters, data and constraints", "", ("steepest.descent.problem",
        "steepest.descent.constraints")),
    Group("Methods: first order", "", (f"{METHODS}.gradient", f"{METHODS}.adaptive")),
    Group("Methods: curvature", "", (METHODS,)),
    Group("Methods: sums of squares", "", (f"{METHODS}.least_squares",)),
    Group("Methods: constraints", "", (f"{METHODS}.constrained",)),
    Group("Step sizes and line searches", "", (f"{METHODS}.schedules",
        f"{METHODS}.line_searches", f"{METHODS}.hager_zhang")),
    Group("Around a method", "", (f"{METHODS}.wrappers", f"{METHODS}.base",
        "steepest.descent.running")),
    Group("Stop rules", "They combine by ``|`` and ``&``.", ("steepest.descent.stop_rules",)),
    Group("Results", "", ("steepest.descent.results", "steepest.descent.inference",
        "steepest.descent")),
    Group("Files of models", "", ("steepest.models",)),
    Group("Settings, errors and warnings", "", ("steepest",)),
    Group("Estimators", "They need scikit-learn: ``from steepest import learn``.",
        ("steepest.learn",)),
)  # fmt: skip


def group_of(module: str) -> Group:
    """Return the group that names a module, or the package nearest above it."""
    found = [
        (len(name), group)
        for group in GROUPS
        for name in group.modules
        if module == name or module.startswith(f"{name}.")
    ]
    return max(found, key=lambda pair: pair[0])[1]


def page() -> str:
    """Return the page as Markdown: a table of names for each group."""
    names = defaultdict(list)
    for name in st.__all__:
        if not name.startswith("__") and name != "engines":
            value = getattr(st, name)
            names[group_of(value.__module__)].append(name)
    names[GROUPS[-1]] += [f"learn.{name}" for name in learn.__all__]
    names[GROUPS[1]] += ["engines.Native", "engines.Interpreter", "engines.Torch", "engines.Dask"]
    parts = ["# Public names", "Every name is in `steepest`; here it is imported as `st`."]
    for group in GROUPS:
        parts += [f"## {group.title}", group.text, _table(sorted(names[group], key=str.lower))]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(names: list[str]) -> str:
    lines = [
        ".. currentmodule:: steepest",
        "",
        ".. autosummary::",
        "   :toctree: generated",
        "   :nosignatures:",
        "",
        *(f"   {name}" for name in names),
    ]
    return "\n".join(["```{eval-rst}", *lines, "```"])
