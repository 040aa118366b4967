"""Tables of what fits tell, as text and as HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np

from steepest.descent.inference.bootstrap import Bootstrap
from steepest.descent.inference.compare import FitComparison
from steepest.descent.inference.likelihood import LikelihoodFit


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned text; the first column is aligned on the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    )


def as_html(rows: Sequence[Sequence[str]], has_head: bool = True) -> str:
    """Return rows as an HTML table, the first one as its head unless there is none."""
    heads = 1 if has_head else 0
    lines = [
        "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for tag, row in zip(["th"] * heads + ["td"] * (len(rows) - heads), rows, strict=True)
    ]
    return "\n".join(["<table>", *lines, "</table>"])


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
    heads = ["fit", "parameters", "dof", "chi-square", "AIC", "delta AIC", "weight"]
    rows = [[*heads, "AICc", "BIC"]]
    for i, name in enumerate(fits.names):
        rows.append(
            [
                name,
                str(fits.parameters[i]),
                str(fits.degrees_of_freedom[i]),
                f"{fits.chi_square[i]:.6g}",
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
    return f"{len(boot):,} refits, resampling {boot.kind}{failed}\n{as_text(rows)}"


def likelihood_fit(fit: LikelihoodFit) -> str:
    """Return a report of a maximum-likelihood fit as text."""
    rows = [["parameter", "value", "standard error", "robust", "95% interval"]]
    columns = (
        fit.names,
        fit.values,
        np.sqrt(np.diag(fit.covariance)),
        np.sqrt(np.diag(fit.robust_covariance)),
        fit.confidence_intervals(),
    )
    for name, value, error, robust, (low, high) in zip(*columns, strict=True):
        errors = [f"{one:.4g}" if math.isfinite(one) else "unknown" for one in (error, robust)]
        ends = interval(low, high) if math.isfinite(error) else ""
        rows.append([name, f"{value:.8g}", *errors, ends])
    summary = [
        ("observations", str(fit.observations)),
        ("log-likelihood", f"{fit.log_likelihood:.8g}"),
        ("AIC, BIC", f"{fit.aic:.6g}, {fit.bic:.6g}"),
        ("method", type(fit.run.method).__name__),
        ("iterations, evaluations", f"{fit.run.iterations}, {fit.run.evaluations}"),
    ]
    lines = [f"{name:<32}{value}" for name, value in summary]
    return "\n".join([fit.message, "", *lines, "", as_text(rows)])
