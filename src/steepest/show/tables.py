"""Tables of what fits tell, as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence

from steepest.descent.inference.compare import FitComparison


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned text; the first column is aligned on the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    )


def as_html(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as an HTML table, the first one as its head."""
    lines = [
        "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for tag, row in zip(["th", *["td"] * (len(rows) - 1)], rows, strict=True)
    ]
    return "\n".join(["<table>", *lines, "</table>"])


def comparison(fits: FitComparison) -> str:
    """Return a comparison of fits as text."""
    tests = "\n".join(map(str, fits.tests))
    return as_text(_rows(fits)) + (f"\n\n{tests}" if tests else "")


def comparison_html(fits: FitComparison) -> str:
    """Return a comparison of fits as HTML."""
    tests = [f"<p>{html.escape(str(test))}</p>" for test in fits.tests]
    return "\n".join([as_html(_rows(fits)), *tests])


def _rows(fits: FitComparison) -> list[list[str]]:
    heads = ["fit", "parameters", "freedom", "chi-square", "AIC", "difference", "weight"]
    rows = [[*heads, "AICc", "BIC"]]
    for i, name in enumerate(fits.names):
        rows.append(
            [
                name,
                str(fits.parameters[i]),
                str(fits.degrees_of_freedom[i]),
                f"{fits.chi_square[i]:.6g}",
                f"{fits.aic[i]:.2f}",
                f"{fits.differences[i]:.1f}",
                f"{fits.weights[i]:.3f}",
                f"{fits.aicc[i]:.2f}",
                f"{fits.bic[i]:.2f}",
            ]
        )
    return rows
