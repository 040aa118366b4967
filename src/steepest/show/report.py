"""Reports of fits, as text and as HTML."""

from __future__ import annotations

import html as markup
import math

import numpy as np

from steepest.descent.inference.fit import Fit
from steepest.show.tables import as_html, as_text, interval


def text(fit: Fit, level: float = 0.95, method: str = "linear") -> str:
    """Return a report of a fit as text."""
    heads, rows = _parameters(fit, level, method)
    lines = [fit.message, ""]
    lines += [f"{name:<32}{value}" for name, value in _summary(fit)]
    lines += ["", as_text([heads, *rows])]
    pairs = _correlations(fit)
    if pairs:
        lines += ["", "correlations (beyond 0.5)"]
        lines += [f"  {names:<30}{value}" for names, value in pairs]
    return "\n".join(lines)


def html(fit: Fit) -> str:
    """Return a report of a fit as HTML."""
    heads, rows = _parameters(fit, 0.95, "linear")
    parts = [f"<p>{markup.escape(fit.message)}</p>", as_html([heads, *rows])]
    parts.append(as_html(_summary(fit), has_head=False))
    pairs = _correlations(fit)
    if pairs:
        parts += ["<p>correlations beyond 0.5</p>", as_html(pairs, has_head=False)]
    return "\n".join(parts)


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
    if math.isfinite(fit.aic):
        pairs.append(("AIC, BIC", f"{fit.aic:.6g}, {fit.bic:.6g}"))
    pairs.append(("method", type(fit.run.method).__name__))
    pairs.append(("iterations, evaluations", f"{fit.run.iterations}, {fit.run.evaluations}"))
    return pairs


def _parameters(fit: Fit, level: float, method: str) -> tuple[list[str], list[list[str]]]:
    kind = "interval" if method == "linear" else f"{method} interval"
    heads = ["parameter", "value", "standard error", "relative", f"{level * 100:.4g}% {kind}"]
    errors = np.sqrt(np.diag(fit.covariance))
    rows = []
    for name, value, error, (low, high) in zip(
        fit.names, fit.values, errors, fit.confidence_intervals(level, method), strict=True
    ):
        share = abs(error / value) if value else math.inf
        rows.append(
            [
                name,
                f"{value:.8g}",
                f"{error:.4g}" if math.isfinite(error) else "unknown",
                f"{share:.2%}" if math.isfinite(share) else "",
                interval(low, high) if math.isfinite(error) or method == "profile" else "",
            ]
        )
    if any(fit.kinds):
        heads.append("kind")
        rows = [[*row, kind] for row, kind in zip(rows, fit.kinds, strict=True)]
    return heads, rows


def _correlations(fit: Fit) -> list[tuple[str, str]]:
    pairs = [
        (value, f"{fit.names[j]}, {fit.names[i]}")
        for i, row in enumerate(fit.correlation)
        for j, value in enumerate(row[:i])
        if math.isfinite(value) and abs(value) > 0.5
    ]
    return [(names, f"{value:+.3f}") for value, names in sorted(pairs, key=lambda p: -abs(p[0]))]
