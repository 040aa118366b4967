"""Results as text for people and as JSON for programs."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from steepest.descent import Fit, Result

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def log_lines(run: Result, count: int) -> list[tuple[int, float]]:
    """Return the last recorded losses after an update, with the number of that update.

    Updates count from 0, so that number k is the loss after update k + 1.
    """
    if not count:
        return []
    last = slice(-count, None)
    pairs = zip(run.history.iteration[last], run.history.loss[last], strict=True)
    return [(int(i) - 1, loss.item()) for i, loss in pairs if i > 0]


def print_log(run: Result, count: int) -> None:
    """Print the last losses, a line each."""
    for number, loss in log_lines(run, count):
        print("iter_count: ", number, "the loss:", loss)


def as_json(run: Result, log: int) -> dict[str, Any]:
    """Return a result as JSON types; numbers that JSON lacks become None."""
    return {
        "x": plain(run.x),
        "loss": plain(run.loss),
        "iterations": run.iterations,
        "status": run.status.name.lower(),
        "message": run.message,
        "engine": run.engine,
        "timings": {
            "trace": run.timings.trace,
            "compile": run.timings.compile,
            "run": run.timings.run,
        },
        "log": [{"iter_count": n, "loss": plain(loss)} for n, loss in log_lines(run, log)],
    }


def fit_as_json(fit: Fit, level: float) -> dict[str, Any]:
    """Return a fit as JSON types."""
    errors, intervals = np.sqrt(np.diag(fit.covariance)), fit.confidence_intervals(level)
    parameters = zip(fit.names, fit.values, errors, intervals, strict=True)
    return {
        "parameters": {
            name: {"value": plain(v), "standard_error": plain(e), "interval": plain(i)}
            for name, v, e, i in parameters
        },
        "covariance": plain(fit.covariance),
        "chi_square": plain(fit.chi_square),
        "degrees_of_freedom": fit.degrees_of_freedom,
        "reduced_chi_square": plain(fit.reduced_chi_square),
        "r_squared": plain(fit.r_squared),
        "observations": fit.observations,
        "iterations": fit.iterations,
        "status": fit.status.name.lower(),
        "message": fit.message,
    }


def plain(value: Any) -> Any:
    """Return arrays and numbers as lists and numbers that JSON has."""
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_json(document: Any) -> None:
    """Print a JSON document."""
    print(json.dumps(document, indent=2, allow_nan=False))


def table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table."""
    result = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        result.add_column(column, overflow="fold")
    return result


def seconds(value: float) -> str:
    """Return a duration in a unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1 or unit == "us":
            return f"{value * factor:.3g} {unit}"
    raise AssertionError("unreachable")


def print_timings(run: Result) -> None:
    """Print the seconds spent."""
    t = run.timings
    console.print(
        f"engine {run.engine}: trace {seconds(t.trace)}, compile {seconds(t.compile)}, "
        f"run {seconds(t.run)}"
    )
