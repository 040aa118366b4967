"""Tables of descents, as text and as HTML."""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np

from steepest.descent.compare import MethodComparison
from steepest.descent.results.batch import Many
from steepest.descent.results.result import History, Result, Timings
from steepest.descent.results.root_result import Root
from steepest.graph import trees
from steepest.show.tables import as_html, as_text
from steepest.show.text import format_value


def methods(found: MethodComparison) -> str:
    """Return a comparison of methods as text."""
    return as_text(_method_rows(found))


def methods_html(found: MethodComparison) -> str:
    """Return a comparison of methods as HTML."""
    return as_html(_method_rows(found))


def _method_rows(found: MethodComparison) -> list[list[str]]:
    rows = [["method", "loss", "gradient norm", "iterations", "evaluations", "seconds", "status"]]
    for name, run in zip(found.names, found.runs, strict=True):
        leaves = trees.leaves(run.gradient)
        norm = math.sqrt(sum(float(np.sum(np.square(leaf))) for leaf in leaves))
        counts = [f"{run.iterations:,}", f"{run.evaluations:,}", f"{run.timings.run:.2g}"]
        rows.append([name, f"{run.loss:.6g}", f"{norm:.2g}", *counts, run.status.name])
    return rows


def result_html(run: Result) -> str:
    """Return the result of a descent as HTML."""
    reason = f" ({run.reason})" if run.reason else ""
    rows = [
        ("x", _brief(run.x)),
        ("loss", f"{run.loss:.8g}"),
        ("iterations, evaluations", f"{run.iterations:,}, {run.evaluations:,}"),
        ("method", f"{type(run.method).__name__}{reason}"),
        ("engine", run.engine),
        ("seconds to trace, compile, run", _seconds(run.timings)),
    ]
    return f"<p>{html.escape(run.message)}</p>\n{as_html(rows, has_head=False)}"


def root_html(root: Root) -> str:
    """Return the solution of equations as HTML."""
    reason = f" ({root.reason})" if root.reason else ""
    rows = [
        ("x", _brief(root.x)),
        ("largest residual", f"{np.max(np.abs(root.descent.residuals), initial=0.0):.3g}"),
        ("iterations, evaluations", f"{root.iterations:,}, {root.evaluations:,}"),
        ("method", f"{type(root.method).__name__}{reason}"),
    ]
    return f"<p>{html.escape(root.message)}</p>\n{as_html(rows, has_head=False)}"


def many_html(many: Many) -> str:
    """Return the results of many problems as HTML."""
    rows = [["problems", "status"]]
    rows += [[f"{number:,}", str(status)] for status, number in many.counts().items()]
    count, size = many.vectors.shape
    head = (
        f"{count:,} problems of {size} parameters, {np.mean(many.iterations):.1f} iterations and "
        f"{many.timings.run / max(count, 1) * 1e6:.3g} us each"
    )
    return f"<p>{head}</p>\n{as_html(rows)}"


_SHOWN = 5
"""Number of iterations that are shown at either end."""

_MOST_LEAVES, _QUOTED = 8, "[]'"


def history_html(history: History) -> str:
    """Return the first and last iterations of a history as HTML."""
    columns = ("iteration", "loss", "gradient_norm", "step_length", "evaluations")
    rows, count = [[name.replace("_", " ") for name in columns]], len(history)
    shown = list(range(count))
    if count > 2 * _SHOWN:
        shown = [*range(_SHOWN), *range(count - _SHOWN, count)]
    for i in shown:
        if i == count - _SHOWN and count > 2 * _SHOWN:
            rows.append(["..."] * len(columns))
        rows.append([f"{getattr(history, name)[i]:.6g}" for name in columns])
    return as_html(rows)


def _brief(value: Any) -> str:
    """Return parameters on one line, abbreviated."""
    parts = zip(trees.leaf_names(value, ""), trees.leaves(value), strict=True)
    texts = [
        f"{name.strip(_QUOTED)}: {format_value(leaf)}" if name else format_value(leaf)
        for name, leaf in list(parts)[:_MOST_LEAVES]
    ]
    more = len(trees.leaves(value)) - len(texts)
    return ", ".join([*texts, f"{more} more"] if more else texts)


def _seconds(timings: Timings) -> str:
    return ", ".join(f"{part:.2g}" for part in (timings.trace, timings.compile, timings.run))
