"""The commands that run descents: ``descend`` and ``compare``."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from steepest.cli import options, report
from steepest.cli.arguments import (
    Bounds,
    ComputeDtype,
    Dtype,
    Json,
    Limit,
    MethodName,
    Start,
    StepSize,
    Target,
    Until,
)
from steepest.cli.compare import compare_engines
from steepest.cli.load import load, of_vector
from steepest.descent import OptimizeWarning, Status, minimize
from steepest.descent import resume as resume_run
from steepest.descent.results.save import load as load_run
from steepest.errors import InputError
from steepest.show.text import format_value


def descend(
    target: Target,
    start: Annotated[
        str | None, typer.Option(help="Start point: numbers separated by commas.")
    ] = None,
    step_size: StepSize = options.STEP_SIZE,
    until: Until = None,
    max_iterations: Limit = 10_000,
    method: MethodName = "gradient-descent",
    bounds: Bounds = None,
    dtype: Dtype = "float64",
    compute_dtype: ComputeDtype = None,
    engine: Annotated[str, typer.Option(help="native, numpy or torch.")] = "native",
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run that --save has written to this file.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            help="Write where the run ended here; --resume, st.load and st.resume read it."
        ),
    ] = None,
    log_last: Annotated[int, typer.Option(help="Print the last so many losses.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Plot the descent to this file.")] = None,
    progress: Annotated[
        bool | None,
        typer.Option(help="Show progress on stderr; if not given, where that is a terminal."),
    ] = None,
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
    is_shown = sys.stderr.isatty() if progress is None else progress
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
            raise InputError(f"{name} cannot be given with --resume: the run has its own")
        loss = of_vector(load(target), load_run(resume).arrays["x"])
        run: Any = resume_run(resume, loss, stop=stop, progress=is_shown)
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
                progress=is_shown,
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
