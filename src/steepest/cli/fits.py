"""The commands that fit a curve to a table: ``curve`` takes a function, ``fit`` a formula."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from steepest.cli import options, report
from steepest.cli.arguments import (
    AbsoluteSigma,
    Comment,
    Decimal,
    Encoding,
    FitBounds,
    Json,
    Level,
    Loss,
    NoPlot,
    SaveFit,
    Separator,
    Sigma,
)
from steepest.cli.formula import Formula, identifier, parse
from steepest.cli.load import load
from steepest.data import STANDARD_INPUT, Dialect, Table, read_table
from steepest.descent import Fit, FitWarning, curve_fit
from steepest.errors import InputError

_TEXT = Dialect()

Data = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE",
        help="Columns: text, or a file of Excel or Parquet; - reads standard input.",
    ),
]


def curve(
    target: Annotated[
        str, typer.Argument(metavar="FILE:MODEL", help="A model written in NumPy: f(x, a, b...).")
    ],
    data: Data,
    x: Annotated[str, typer.Option("--x", help="Column of x, or several, separated by commas.")],
    y: Annotated[str, typer.Option("--y", help="Column of y.")],
    start: Annotated[
        str | None,
        typer.Option(
            help="Start values: 1,0.5 or amplitude=1,rate=0.5, or guess; ones if not given."
        ),
    ] = None,
    sigma: Sigma = None,
    absolute_sigma: AbsoluteSigma = False,
    bounds: FitBounds = None,
    loss: Loss = "linear",
    level: Level = 0.95,
    encoding: Encoding = _TEXT.encoding,
    separator: Separator = None,
    decimal: Decimal = _TEXT.decimal,
    comment: Comment = _TEXT.comment,
    plot: Annotated[
        Path | None, typer.Option(help="Plot data, curve and band here; MODEL.png if not given.")
    ] = None,
    no_plot: NoPlot = False,
    save: SaveFit = None,
    json: Json = False,
) -> None:
    """Fit a model to the columns of a table; print a report and plot data, curve and band.

    Rows with an empty field are left out. The exit status is 0 if the fit converged and the
    data determine every parameter; otherwise the first line says why not.

    Example: steepest curve examples/adsorption.py:adsorption examples/adsorption.csv
    --x pressure --y volume --start 500,0.0001
    """
    _check_sigma(sigma, absolute_sigma)
    model = load(target)
    table = _table(data, Dialect(encoding, separator, decimal, comment))
    xs = _stacked(table, [name.strip() for name in x.split(",")])
    wanted = Settings(sigma, absolute_sigma, bounds, loss, options.parse_start(start))
    _tell(
        *_fitted(model, table, xs, y, wanted),
        Output(level, Path(f"{target.rpartition(':')[2]}.png"), plot, no_plot, save, json),
    )


def fit(
    data: Data,
    model: Annotated[
        str, typer.Option(help="A formula, such as 'a * exp(-k * x) + c' or 'y = m * x + b'.")
    ],
    x: Annotated[
        str | None, typer.Option("--x", help="Column that x means; the first one if not given.")
    ] = None,
    y: Annotated[
        str | None,
        typer.Option("--y", help="Column of y; the one left of =, or else the second column."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Start values, such as a=1,k=0.5; guessed if none.")
    ] = None,
    sigma: Sigma = None,
    absolute_sigma: AbsoluteSigma = False,
    bounds: FitBounds = None,
    loss: Loss = "linear",
    level: Level = 0.95,
    encoding: Encoding = _TEXT.encoding,
    separator: Separator = None,
    decimal: Decimal = _TEXT.decimal,
    comment: Comment = _TEXT.comment,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Plot data, curve and band here; TABLE.png if not given; fit.png of a pipe."
        ),
    ] = None,
    no_plot: NoPlot = False,
    save: SaveFit = None,
    json: Json = False,
) -> None:
    """Fit a formula to the columns of a table; print a report and plot data, curve and band.

    Names in the formula that are columns of the table are variables, the other ones are
    parameters. Functions are NumPy's, and some of scipy.special. Rows with an empty field are
    left out. The exit status is 0 if the fit converged and the data determine every parameter.

    Example: steepest fit examples/adsorption.csv
    --model "volume = capacity * (1 - exp(-affinity * pressure))"
    """
    _check_sigma(sigma, absolute_sigma)
    formula = parse(model)
    table = _table(data, Dialect(encoding, separator, decimal, comment))
    columns = _columns(formula, table, x)
    function = formula.model(columns)
    xs = _stacked(table, [columns[name] for name in formula.names if name in columns])
    given = options.parse_start(start)
    wanted = Settings(sigma, absolute_sigma, bounds, loss, "guess" if given is None else given)
    _tell(
        *_fitted(function, table, xs, _result(formula, table, y, columns), wanted),
        Output(
            level,
            Path("fit.png" if data == STANDARD_INPUT else f"{data.stem}.png"),
            plot,
            no_plot,
            save,
            json,
        ),
    )


@dataclass(frozen=True)
class Settings:
    """What a fit is asked for, in the words of the options."""

    sigma: str | None
    absolute_sigma: bool
    bounds: str | None
    loss: str
    start: Any


@dataclass(frozen=True)
class Output:
    """Where a fit is told, in the words of the options."""

    level: float
    default_plot: Path
    plot: Path | None
    no_plot: bool
    save: Path | None
    json: bool


def _table(path: Path, dialect: Dialect) -> Table:
    """Return a table, and say so if its columns have no names."""
    table = read_table(path, dialect)
    if not table.is_named:
        report.errors.print(
            f"{path} begins with numbers: its columns are called {', '.join(table.names)}",
            markup=False,
        )
    return table


def _written(table: Table) -> dict[str, str]:
    """Return the columns by their names as a formula writes them; exact names come first."""
    known: dict[str, str] = {}
    for name in sorted(table.names, key=lambda name: identifier(name) != name):
        known.setdefault(identifier(name), name)
    return known


def _columns(formula: Formula, table: Table, x: str | None) -> dict[str, str]:
    """Return the columns that a formula reads, by the names that it has for them."""
    known = _written(table)
    columns = {name: known[name] for name in formula.names if name in known}
    for name, column in columns.items():
        alike = [other for other in table.names if identifier(other) == name]
        if len(alike) > 1 and column != name:
            raise InputError(f"--model: {name} may mean {' or '.join(alike)}: rename a column")
    if "x" in formula.names and ("x" not in known or x is not None):
        columns["x"] = table.names[0] if x is None else x
    elif x is not None and x not in columns.values():
        raise InputError(f"--model {formula.text!r} reads neither x nor the column {x!r}")
    if not columns:
        raise InputError(
            f"--model {formula.text!r} reads no column of the table: there is {', '.join(known)}"
        )
    return columns


def _result(formula: Formula, table: Table, y: str | None, columns: dict[str, str]) -> str:
    """Return the column that a formula is fitted to."""
    if y is not None:
        return y
    if formula.result is not None and formula.result != "y":
        return _written(table).get(formula.result, formula.result)
    others = [name for name in table.names if name not in columns.values()]
    if "y" in table.names or not others:
        return "y"
    return others[0]


class Column:
    """A column with its name, which plots show."""

    def __init__(self, values: np.ndarray, name: str) -> None:
        self.values, self.name = values, name

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy)


def _stacked(table: Table, names: list[str]) -> Column | np.ndarray:
    columns = [table.column(name) for name in names]
    return Column(columns[0], names[0]) if len(columns) == 1 else np.stack(columns)


def _check_sigma(sigma: str | None, absolute_sigma: bool) -> None:
    if absolute_sigma and sigma is None:
        raise InputError("--absolute-sigma needs --sigma, the column of the standard deviations")


def _fitted(
    model: Callable[..., Any], table: Table, xs: Column | np.ndarray, y: str, settings: Settings
) -> tuple[Fit, int]:
    """Return the fit, and how many rows were left out."""
    ys = table.column(y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)  # the report says the same
        fit = curve_fit(
            model,
            xs,
            Column(ys, y),
            settings.start,
            sigma=None if settings.sigma is None else table.column(settings.sigma),
            absolute_sigma=settings.absolute_sigma,
            bounds=options.parse_ends(settings.bounds),
            loss=settings.loss,
            nan_policy="omit",
        )
    return fit, len(ys) - fit.observations


def _tell(fit: Fit, left_out: int, output: Output) -> None:
    """Print a fit, keep it and plot it; exit with 1 if it is not good."""
    if left_out:
        rows = "1 row was" if left_out == 1 else f"{left_out} rows were"
        report.errors.print(f"{rows} left out: a field is empty, or no finite number")
    is_good = fit.converged and not fit.is_short_of_rank
    if output.json:
        report.print_json(report.fit_as_json(fit, output.level))
    else:
        print(fit.report(output.level))
    if output.json and not is_good:
        report.errors.print(fit.message, markup=False)
    if output.save is not None:
        fit.save(output.save)
    if not output.no_plot:
        path = output.default_plot if output.plot is None else output.plot
        fit.plot(path)
        if not output.json:
            print(f"plotted to {path}")
    if not is_good:
        raise typer.Exit(1)
