"""Reports of fits, as text and as HTML."""

from __future__ import annotations

import html as markup
import math

import numpy as np

from steepest.descent.inference.fit import Fit
from steepest.descent.inference.joint import JointFit, JointSet
from steepest.descent.inference.likelihood import LikelihoodFit
from steepest.show.tables import as_html, as_text, interval, with_heads
from steepest.show.text import format_value

AnyFit = Fit | LikelihoodFit


def text(fit: AnyFit, level: float = 0.95, method: str = "linear") -> str:
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


def joint(found: JointFit, level: float = 0.95, method: str = "linear") -> str:
    """Return a report of a fit of several data sets as text."""
    return "\n".join([text(found.fit, level, method), "", as_text(_sets(found))])


def joint_html(found: JointFit) -> str:
    """Return a report of a fit of several data sets as HTML."""
    return "\n".join([html(found.fit), as_html(_sets(found))])


def _sets(found: JointFit) -> list[list[str]]:
    rows = [["data set", "data", "chi-square", "R2"]]
    for number, (one, length) in enumerate(zip(found.sets, found.lengths, strict=True)):
        rows.append([str(number), str(length), f"{one.chi_square:.6g}", f"{one.r_squared:.6g}"])
    return rows


def joint_set_html(one: JointSet) -> str:
    """Return the parameters of one data set as HTML."""
    rows = [["parameter", "value", "standard error"]]
    for (name, value), error in zip(one.x.items(), one.standard_errors.values(), strict=True):
        is_number = np.ndim(value) == 0
        cells = (
            [f"{value:.8g}", f"{error:.4g}"] if is_number else map(format_value, (value, error))
        )
        rows.append([name, *cells])
    head = f"data set {one.number}: chi-square {one.chi_square:.6g}, R2 {one.r_squared:.6g}"
    return with_heads([head], rows)


def html(fit: AnyFit) -> str:
    """Return a report of a fit as HTML."""
    heads, rows = _parameters(fit, 0.95, "linear")
    parts = [f"<p>{markup.escape(fit.message)}</p>", as_html([heads, *rows])]
    parts.append(as_html(_summary(fit), has_head=False))
    pairs = _correlations(fit)
    if pairs:
        parts += ["<p>correlations beyond 0.5</p>", as_html(pairs, has_head=False)]
    return "\n".join(parts)


def _summary(fit: AnyFit) -> list[tuple[str, str]]:
    pairs = [
        ("observations", str(fit.observations)),
        ("degrees of freedom", str(fit.degrees_of_freedom)),
        *(_likelihood(fit) if isinstance(fit, LikelihoodFit) else _squares(fit)),
    ]
    if math.isfinite(fit.aic):
        pairs.append(("AIC, BIC", f"{fit.aic:.6g}, {fit.bic:.6g}"))
    pairs.append(("method", type(fit.run.method).__name__))
    pairs.append(("iterations, evaluations", f"{fit.run.iterations}, {fit.run.evaluations}"))
    return pairs


def _squares(fit: Fit) -> list[tuple[str, str]]:
    pairs = [
        ("chi-square", f"{fit.chi_square:.6g}"),
        ("reduced chi-square", f"{fit.reduced_chi_square:.6g}"),
        ("residual standard deviation", f"{fit.residual_standard_deviation:.6g}"),
    ]
    if not math.isnan(fit.r_squared):
        pairs.append(("R2", f"{fit.r_squared:.6g}"))
    return pairs


def _likelihood(fit: LikelihoodFit) -> list[tuple[str, str]]:
    return [("log-likelihood", f"{fit.log_likelihood:.8g}")]


def _parameters(fit: AnyFit, level: float, method: str) -> tuple[list[str], list[list[str]]]:
    kind = "interval" if method == "linear" else f"{method} interval"
    heads = ["parameter", "value", "standard error", "relative", f"{level * 100:.4g}% {kind}"]
    errors = np.sqrt(np.diag(fit.covariance))
    robust: list[list[str]] = [[] for _ in errors]
    if isinstance(fit, LikelihoodFit):
        heads.insert(3, "robust")
        robust = [[_error(one)] for one in np.sqrt(np.diag(fit.robust_covariance))]
    rows = []
    intervals = fit.confidence_intervals(level, method)
    for name, value, error, more, (low, high) in zip(
        fit.names, fit.values, errors, robust, intervals, strict=True
    ):
        share = abs(error / value) if value else math.inf
        rows.append(
            [
                name,
                f"{value:.8g}",
                _error(error),
                *more,
                f"{share:.2%}" if math.isfinite(share) else "",
                interval(low, high) if math.isfinite(error) or method == "profile" else "",
            ]
        )
    if any(fit.kinds):
        heads.append("kind")
        rows = [[*row, kind] for row, kind in zip(rows, fit.kinds, strict=True)]
    return heads, rows


def _error(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "unknown"


def _correlations(fit: AnyFit) -> list[tuple[str, str]]:
    pairs = [
        (value, f"{fit.names[j]}, {fit.names[i]}")
        for i, row in enumerate(fit.correlation)
        for j, value in enumerate(row[:i])
        if math.isfinite(value) and abs(value) > 0.5
    ]
    return [(names, f"{value:+.3f}") for value, names in sorted(pairs, key=lambda p: -abs(p[0]))]
