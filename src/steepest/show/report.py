"""Reports of fits, as text and as HTML."""

from __future__ import annotations

import html as markup
import math
from typing import Any

import numpy as np

from steepest.descent.inference.fit import Fit


def text(fit: Fit, level: float = 0.95) -> str:
    """Return a report of a fit as text."""
    heads, rows = _parameters(fit, level)
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = [fit.message, ""]
    lines += [f"{name:<32}{value}" for name, value in _summary(fit)]
    lines.append("")
    for row in [heads, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    pairs = _correlations(fit)
    if pairs:
        lines += ["", "correlations (beyond 0.5)"]
        lines += [f"  {names:<30}{value}" for names, value in pairs]
    return "\n".join(lines)


def html(fit: Fit, level: float = 0.95) -> str:
    """Return a report of a fit as HTML."""
    heads, rows = _parameters(fit, level)
    parts = [f"<p>{markup.escape(fit.message)}</p>", "<table>"]
    parts += [_row("th", heads), *(_row("td", row) for row in rows)]
    parts += ["</table>", "<table>", *(_row("td", pair) for pair in _summary(fit)), "</table>"]
    pairs = _correlations(fit)
    if pairs:
        parts += ["<p>correlations beyond 0.5</p>", "<table>"]
        parts += [*(_row("td", pair) for pair in pairs), "</table>"]
    return "\n".join(parts)


def _row(tag: str, cells: Any) -> str:
    return "<tr>" + "".join(f"<{tag}>{markup.escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _summary(fit: Fit) -> list[tuple[str, str]]:
    pairs = [
        ("observations", str(fit.observations)),
        ("degrees of freedom", str(fit.degrees_of_freedom)),
        ("chi-square", f"{fit.chi_square:.6g}"),
        ("reduced chi-square", f"{fit.reduced_chi_square:.6g}"),
        ("residual standard deviation", f"{fit.residual_standard_deviation:.6g}"),
    ]
    if not math.isnan(fit.r_squared):
        pairs.append(("R2", f"{fit.r_squared:.6g}"))
    pairs.append(("method", type(fit.run.method).__name__))
    pairs.append(("iterations, evaluations", f"{fit.run.iterations}, {fit.run.evaluations}"))
    return pairs


def _parameters(fit: Fit, level: float) -> tuple[list[str], list[list[str]]]:
    heads = ["parameter", "value", "standard error", "relative", f"{level:.0%} interval"]
    errors = np.sqrt(np.diag(fit.covariance))
    rows = []
    for name, value, error, (low, high) in zip(
        fit.names, fit.values, errors, fit.confidence_intervals(level), strict=True
    ):
        share = abs(error / value) if value else math.inf
        rows.append(
            [
                name,
                f"{value:.8g}",
                f"{error:.4g}" if math.isfinite(error) else "unknown",
                f"{share:.2%}" if math.isfinite(share) else "",
                f"{low:.6g} to {high:.6g}" if math.isfinite(error) else "",
            ]
        )
    return heads, rows


def _correlations(fit: Fit) -> list[tuple[str, str]]:
    pairs = [
        (value, f"{fit.names[j]}, {fit.names[i]}")
        for i, row in enumerate(fit.correlation)
        for j, value in enumerate(row[:i])
        if math.isfinite(value) and abs(value) > 0.5
    ]
    return [(names, f"{value:+.3f}") for value, names in sorted(pairs, key=lambda p: -abs(p[0]))]
