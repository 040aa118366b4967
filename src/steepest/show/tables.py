"""Tables of what fits tell, as text and as HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np

from steepest.descent.inference.bootstrap import Bootstrap
from steepest.descent.inference.compare import FitComparison
from steepest.descent.starts.multistart_result import MultiStart


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned text; the first column is aligned on the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    )


def as_html(rows: Sequence[Sequence[str]], has_head: bool = True) -> str:
    """Return rows as an HTML table, the first one as its head unless there is none.

    The first column is aligned on the left. Numbers and short texts stay on one line.
    """
    heads = 1 if has_head else 0
    lines = [
        "<tr>" + "".join(_cell(tag, text, j) for j, text in enumerate(row)) + "</tr>"
        for tag, row in zip(["th"] * heads + ["td"] * (len(rows) - heads), rows, strict=True)
    ]
    return "\n".join(["<table>", *lines, "</table>"])


_SHORT = 40
"""Number of characters up to which a cell stays on one line."""


def _cell(tag: str, text: str, column: int) -> str:
    styles = ["text-align: left"] if column == 0 else []
    if len(text) <= _SHORT:
        styles.append("white-space: nowrap")
    style = f' style="{"; ".join(styles)}"' if styles else ""
    return f"<{tag}{style}>{html.escape(text)}</{tag}>"


def with_heads(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return lines of text and a table below them, as HTML."""
    return "\n".join([*[f"<p>{html.escape(head)}</p>" for head in heads], as_html(rows)])


def interval(low: float, high: float) -> str:
    """Return an interval in words; "" if both ends are unknown."""
    if math.isnan(low) and math.isnan(high):
        return ""
    return " to ".join("unknown" if math.isnan(end) else f"{end:.6g}" for end in (low, high))


def comparison(fits: FitComparison) -> str:
    """Return a comparison of fits as text."""
    tests = "\n".join(map(str, fits.tests))
    return as_text(_rows(fits)) + (f"\n\n{tests}" if tests else "")


def comparison_html(fits: FitComparison) -> str:
    """Return a comparison of fits as HTML."""
    tests = [f"<p>{html.escape(str(test))}</p>" for test in fits.tests]
    return "\n".join([as_html(_rows(fits)), *tests])


def _rows(fits: FitComparison) -> list[list[str]]:
    is_of_squares = not np.isnan(fits.chi_square).all()
    measure = "chi-square" if is_of_squares else "log-likelihood"
    heads = ["fit", "parameters", "dof", measure, "AIC", "delta AIC", "weight"]
    rows = [[*heads, "AICc", "BIC"]]
    for i, name in enumerate(fits.names):
        found = fits.chi_square[i] if is_of_squares else fits.log_likelihood[i]
        rows.append(
            [
                name,
                str(fits.parameters[i]),
                str(fits.degrees_of_freedom[i]),
                f"{found:.6g}",
                f"{fits.aic[i]:.2f}",
                f"{fits.delta_aic[i]:.1f}",
                f"{fits.akaike_weights[i]:.3f}",
                f"{fits.aicc[i]:.2f}",
                f"{fits.bic[i]:.2f}",
            ]
        )
    return rows


def bootstrap(boot: Bootstrap) -> str:
    """Return what a bootstrap tells of the parameters, as text."""
    head, rows = _bootstrap_rows(boot)
    return f"{head}\n{as_text(rows)}"


def bootstrap_html(boot: Bootstrap) -> str:
    """Return the same as HTML."""
    head, rows = _bootstrap_rows(boot)
    return with_heads([head], rows)


def _bootstrap_rows(boot: Bootstrap) -> tuple[str, list[list[str]]]:
    rows = [["parameter", "estimate", "bias", "standard error", "95% interval (BCa)"]]
    columns = (
        boot.names,
        boot.estimate,
        boot.bias,
        boot.standard_errors,
        boot.confidence_intervals(),
    )
    for name, value, bias, error, (low, high) in zip(*columns, strict=True):
        ends = interval(low, high)
        rows.append([name, f"{value:.8g}", f"{bias:.3g}", f"{error:.4g}", ends])
    failed = f", {boot.failed:,} that did not converge left out" if boot.failed else ""
    return f"{len(boot):,} refits, resampling {boot.kind}{failed}", rows


_MOST_MINIMA = 10


def multistart(found: MultiStart) -> str:
    """Return a table of the minima that several starts have found."""
    runs, every = found.runs, found.minima
    open_ends = sum(not minimum.converged for minimum in every)
    heads = ["", *found.names, "loss", "starts", *(["goal"] if open_ends else [])]
    rows = []
    for rank, minimum in enumerate(every[:_MOST_MINIMA]):
        point = [f"{value:.6g}" for value in runs.vectors[minimum.run]]
        row = [str(rank + 1), *point, f"{minimum.loss:.8g}", str(minimum.starts)]
        rows.append([*row, *([("met" if minimum.converged else "not met")] if open_ends else [])])
    total, ended = len(runs), sum(minimum.starts for minimum in every)
    met = len(every) - open_ends
    head = f"{met:,} {'minimum' if met == 1 else 'minima'} from {total:,} starts"
    if open_ends:
        others = "end" if open_ends == 1 else "ends"
        head += f", and {open_ends:,} other {others}, where no run met a goal"
    lines = [head, "", as_text([heads, *rows])]
    if len(every) > _MOST_MINIMA:
        lines.append(f"... and {len(every) - _MOST_MINIMA:,} more")
    if ended < total:
        lines.append(f"{total - ended:,} runs ended where the loss is not finite")
    return "\n".join(lines)
