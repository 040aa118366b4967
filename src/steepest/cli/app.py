"""The commands."""

from __future__ import annotations

import sys
import traceback
import warnings
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from steepest.check import check_gradient
from steepest.cli import options, report
from steepest.cli.compare import compare_engines
from steepest.cli.load import gradient_of_vector, load, of_vector
from steepest.data import read_columns
from steepest.descent import FitWarning, OptimizeWarning, Status, curve_fit, minimize
from steepest.descent import resume as resume_run
from steepest.descent.methods.registry import FOR_LOSSES
from steepest.descent.results.save import load as load_run
from steepest.errors import InputError, SteepestError
from steepest.frames import without_own_frames
from steepest.show.coverage import rows
from steepest.show.text import format_attributes, format_value, node_names, type_of
from steepest.show.values import numbers
from steepest.trace import trace
from steepest.version import __version__

# Click's base class of errors: typer carries a copy of click, or not, by its version.
_USAGE_ERRORS: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="steepest",
    help="Gradient descent for NumPy code.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Target = Annotated[str, typer.Argument(metavar="FILE:FUNCTION", help="A loss written in NumPy.")]
Start = Annotated[str, typer.Option(help="Start point: numbers separated by commas.")]
At = Annotated[str, typer.Option("--at", help="Point: numbers separated by commas.")]
StepSize = Annotated[float, typer.Option(help="Step size.")]
Until = Annotated[
    str | None,
    typer.Option(help="Stop rule, such as 'loss<=0.001' or 'gradient<=1e-8'."),
]
Limit = Annotated[int, typer.Option("--max-iterations", help="Largest number of updates.")]
Dtype = Annotated[str, typer.Option(help="Precision in which parameters are stored.")]
ComputeDtype = Annotated[
    str | None, typer.Option(help="Precision of the arithmetic, if it is another one.")
]
MethodName = Annotated[str, typer.Option("--method", help=", ".join(FOR_LOSSES) + ".")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Gradient descent for NumPy code."""


@app.command()
def descend(
    target: Target,
    start: Annotated[
        str | None, typer.Option(help="Start point: numbers separated by commas.")
    ] = None,
    step_size: StepSize = options.STEP_SIZE,
    until: Until = None,
    max_iterations: Limit = 10_000,
    method: MethodName = "gradient-descent",
    bounds: Annotated[
        str | None,
        typer.Option(help="low:high for each parameter, 0:1,:2, or for all."),
    ] = None,
    dtype: Dtype = "float64",
    compute_dtype: ComputeDtype = None,
    engine: Annotated[str, typer.Option(help="native, numpy or torch.")] = "native",
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run that --save has written to this file.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write where the run ended to this file.")
    ] = None,
    log_last: Annotated[int, typer.Option(help="Print the last so many losses.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Plot the descent to this file.")] = None,
    progress: Annotated[bool, typer.Option(help="Show progress on stderr.")] = False,
    json: Json = False,
) -> None:
    """Minimize a loss and print where the descent ended.

    A function with one parameter gets the start as a vector, one with several gets one
    number each. The exit status is 0 if the goal was reached, or without --until if all
    iterations were made. A run that is resumed has the method, bounds and precision that it
    had; --until and --max-iterations hold from now on.

    Example: steepest descend examples/rosenbrock.py:rosenbrock --start 0,0 --step-size 0.001
    --until "loss<=0.001" --max-iterations 100000 --log-last 12
    """
    if (start is None) == (resume is None):
        raise InputError("give a start point, --start 0,0, or a run to --resume, and not both")
    stop = options.parse_stop(until, max_iterations)
    if resume is not None:
        given = {
            "--method": method != "gradient-descent",
            "--step-size": step_size != options.STEP_SIZE,
            "--bounds": bounds is not None,
            "--dtype": dtype != "float64",
            "--compute-dtype": compute_dtype is not None,
            "--engine": engine != "native",
        }
        for name in [name for name, is_given in given.items() if is_given]:
            raise InputError(f"{name} has no place beside --resume: the run has its own")
        loss = of_vector(load(target), load_run(resume).arrays["x"])
        run: Any = resume_run(resume, loss, stop=stop, progress=progress)
    else:
        assert start is not None
        x0 = options.parse_vector(start, dtype, "--start")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", OptimizeWarning)
            run = minimize(
                of_vector(load(target), x0),
                x0,
                method=options.parse_method(method, step_size),
                bounds=options.parse_bounds(bounds),
                stop=stop,
                engine=engine,
                compute_dtype=None
                if compute_dtype is None
                else options.parse_dtype(compute_dtype),
                record="auto" if log_last or plot or save else None,
                progress=progress,
            )
        for warning in caught:
            if str(warning.message) not in run.message:
                report.errors.print(str(warning.message), markup=False)
    if json:
        report.print_json(report.as_json(run, log_last))
    else:
        report.print_log(run, log_last)
        print(run.x)
        print(f"loss {run.loss!r}")
        print(run.message)
        report.print_timings(run)
    if save is not None:  # after the result is out, which a full disk must not lose
        run.save(save)
    if plot is not None:  # nor a missing package
        run.plot(plot)
    all_asked_for = until is None and run.status is Status.ITERATION_LIMIT
    if not (run.converged or all_asked_for):
        if json:
            report.errors.print(run.message)
        raise typer.Exit(1)


@app.command()
def curve(
    target: Annotated[
        str, typer.Argument(metavar="FILE:MODEL", help="A model written in NumPy: f(x, a, b...).")
    ],
    data: Annotated[Path, typer.Argument(metavar="TABLE.csv", help="Data, with named columns.")],
    x: Annotated[str, typer.Option("--x", help="Column of x, or several, separated by commas.")],
    y: Annotated[str, typer.Option("--y", help="Column of y.")],
    start: Annotated[
        str | None,
        typer.Option(help="Start values, such as 1,0.5 or amplitude=1,rate=0.5; ones if none."),
    ] = None,
    sigma: Annotated[
        str | None, typer.Option(help="Column of the standard deviations of y.")
    ] = None,
    absolute_sigma: Annotated[
        bool, typer.Option("--absolute-sigma", help="Take sigma as it is, not up to a factor.")
    ] = False,
    bounds: Annotated[
        str | None,
        typer.Option(help="low:high for each parameter, 0:1,:2, or for all."),
    ] = None,
    loss: Annotated[
        str, typer.Option(help="linear, huber, soft_l1, cauchy or arctan.")
    ] = "linear",
    level: Annotated[
        float, typer.Option(help="Probability of the intervals and the band.")
    ] = 0.95,
    plot: Annotated[
        Path | None, typer.Option(help="Plot data, curve and band here; MODEL.png if not given.")
    ] = None,
    no_plot: Annotated[bool, typer.Option("--no-plot", help="Do not plot.")] = False,
    save: Annotated[Path | None, typer.Option(help="Write where the fit ended here.")] = None,
    json: Json = False,
) -> None:
    """Fit a model to the columns of a table; print a report and plot data, curve and band.

    Rows with an empty field are left out. The exit status is 0 if the fit converged and the
    data determine every parameter; otherwise the first line says why not.

    Example: steepest curve examples/adsorption.py:adsorption examples/adsorption.csv
    --x pressure --y volume --start 500,0.0001
    """
    model = load(target)
    names = [name.strip() for name in x.split(",")]
    wanted = [*names, y] if sigma is None else [*names, y, sigma]
    columns = read_columns(data, wanted)
    xs = columns[0] if len(names) == 1 else np.stack(columns[: len(names)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)  # the report says the same
        fit = curve_fit(
            model,
            xs,
            columns[len(names)],
            options.parse_start(start),
            sigma=None if sigma is None else columns[-1],
            absolute_sigma=absolute_sigma,
            bounds=options.parse_ends(bounds),
            loss=loss,
            nan_policy="omit",
        )
    left_out = len(columns[0]) - fit.observations
    if left_out:
        rows = "1 row was" if left_out == 1 else f"{left_out} rows were"
        report.errors.print(f"{rows} left out: a field is empty, or no finite number")
    is_good = fit.converged and not fit.is_short_of_rank
    if json:
        report.print_json(report.fit_as_json(fit, level))
    else:
        print(fit.report(level))
    if json and not is_good:
        report.errors.print(fit.message, markup=False)
    if save is not None:
        fit.save(save)
    can_plot = plot is not None or (fit.data is not None and fit.data.x.shape == fit.data.y.shape)
    if not (no_plot or can_plot):
        report.errors.print("not plotted: there is more than one column of x")
    elif not no_plot:
        path = plot if plot is not None else Path(f"{target.rpartition(':')[2]}.png")
        fit.plot(path)
        if not json:
            print(f"plotted to {path}")
    if not is_good:
        raise typer.Exit(1)


@app.command()
def graph(
    target: Target,
    at: At,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Draw the graph to this SVG file.")
    ] = None,
    dtype: Dtype = "float64",
) -> None:
    """Print the computation graph, with value and gradient at every node.

    Example: steepest graph examples/rosenbrock.py:rosenbrock --at 0.5,0.5 -o graph.svg
    """
    point = options.parse_vector(at, dtype, "--at")
    function = load(target)
    of_point = of_vector(function, point)
    arguments: tuple[Any, ...] = (point,) if of_point is function else tuple(point)
    recorded = trace(function, *arguments)
    known, names = numbers(recorded, arguments), node_names(recorded)
    shown = None
    table = report.table("node", "op", "type", "value", "gradient", "line")
    for node in recorded.nodes:
        if node.op.name == "constant":
            continue
        operands = [names[operand] for operand in node.operands]
        extra = format_attributes(node) if operands else ""
        call = f"{node.op.name}({', '.join([*operands, *filter(None, [extra])])})"
        value, gradient = known[node].value, known[node].gradient
        source = recorded.sources.get(node)
        table.add_row(
            names[node],
            call,
            type_of(node),
            format_value(value),
            "" if gradient is None else format_value(gradient),
            "" if source is None or source == shown else f"{source}  {source.text}",
        )
        shown = source
    report.console.print(table)
    if output is not None:
        recorded.draw(output, *arguments)
        print(f"drawn to {output}")


@app.command()
def check(
    target: Target,
    at: At,
    gradient: Annotated[
        str | None,
        typer.Option(metavar="FILE:FUNCTION", help="A hand-written gradient to check as well."),
    ] = None,
) -> None:
    """Compare the gradient with independent witnesses, entry by entry.

    Example: steepest check examples/rosenbrock.py:rosenbrock
    --gradient examples/rosenbrock.py:rosenbrock_gradient --at 0.5,0.5
    """
    point = options.parse_vector(at, "float64", "--at")
    function = of_vector(load(target), point)
    by_hand = None if gradient is None else gradient_of_vector(load(gradient))
    outcome = check_gradient(function, point, by_hand)
    print(outcome)
    if not outcome.agrees:
        raise typer.Exit(1)


@app.command()
def compare(
    target: Target,
    start: Start,
    step_size: StepSize = options.STEP_SIZE,
    until: Until = None,
    max_iterations: Limit = 100_000,
    method: MethodName = "gradient-descent",
    dtype: Dtype = "float64",
    compute_dtype: ComputeDtype = None,
    json: Json = False,
) -> None:
    """Run the same descent on every installed engine, side by side.

    Example: steepest compare examples/rosenbrock.py:rosenbrock --start 0,0 --step-size 0.001
    --until "loss<=0.001"
    """
    x0 = options.parse_vector(start, dtype, "--start")
    runs = compare_engines(
        of_vector(load(target), x0),
        x0,
        method=options.parse_method(method, step_size),
        stop=options.parse_stop(until, max_iterations),
        compute_dtype=None if compute_dtype is None else options.parse_dtype(compute_dtype),
    )
    difference = max(float(np.max(np.abs(a.x - b.x))) for a in runs for b in runs)
    if json:
        report.print_json(
            {
                "engines": [report.as_json(run, 0) for run in runs],
                "largest_difference": report.plain(difference),
            }
        )
    else:
        table = report.table("engine", "iterations", "loss", "x", "trace", "compile", "run")
        for run in runs:
            t = run.timings
            times = (report.seconds(s) for s in (t.trace, t.compile, t.run))
            x = format_value(run.x)
            table.add_row(run.engine, str(run.iterations), repr(run.loss), x, *times)
        report.console.print(table)
        print(f"largest difference between the engines' x: {difference!r}")
    failed = [
        run for run in runs if not run.converged and run.status is not Status.ITERATION_LIMIT
    ]
    for run in failed:
        report.errors.print(f"{run.engine}: {run.message}")
    if failed:
        raise typer.Exit(1)


@app.command()
def coverage(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD]...", help="Only names with a word in them."),
    ] = None,
    json: Json = False,
) -> None:
    """List the functions of NumPy, SciPy and Python that can be recorded, and their slopes.

    Example: steepest coverage linalg sort
    """
    chosen = [row for row in rows() if not words or any(word in row.name for word in words)]
    if not chosen:
        raise InputError(
            f"no function whose name contains {' or '.join(words or ())} can be recorded: give "
            "its derivative with st.custom_derivative"
        )
    if json:
        report.print_json([vars(row) for row in chosen])
        return
    table = report.table("function", "forward", "reverse", "native", "numpy", "torch", "made of")
    for row in chosen:
        modes = (row.slopes, row.slopes)
        table.add_row(row.name, *modes, row.native, "NumPy", "torch", row.kind)
    report.console.print(table)
    print(f"{len(chosen)} functions")


@app.command()
def tour() -> None:
    """Walk through gradient descent in six short chapters, on all installed engines.

    Example: steepest tour
    """
    from steepest.cli.tour import run_tour

    run_tour()


def _print_error(error: BaseException) -> None:
    if isinstance(error, SteepestError):
        report.errors.print(str(error), markup=False)
        return
    frames = without_own_frames(error)
    while frames is not None and "site-packages" in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    sys.stderr.write("".join(traceback.format_exception(type(error), error, frames)))


def main() -> None:
    """Run the command line; errors are one sentence on stderr and exit status 1."""
    try:
        code = app(standalone_mode=False)
    except typer.Exit as leaving:
        code = leaving.exit_code
    except _USAGE_ERRORS as error:
        report.errors.print(f"{error.format_message()} (see --help)", markup=False)
        code = 1
    except (typer.Abort, KeyboardInterrupt):
        report.errors.print("Interrupted.")
        code = 1
    except Exception as error:  # a user's function may raise anything
        _print_error(error)
        code = 1
    sys.exit(code or 0)
