"""The commands that look at functions: ``graph``, ``check``, ``coverage``, and the tour."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from steepest.check import check_gradient
from steepest.cli import options, report
from steepest.cli.arguments import At, Dtype, Json, Target
from steepest.cli.load import gradient_of_vector, load, of_vector
from steepest.errors import InputError, OptimizeWarning
from steepest.show.coverage import rows
from steepest.show.text import format_call, format_value, node_names, type_of
from steepest.show.values import numbers
from steepest.trace import trace


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
        value, gradient = known[node].value, known[node].gradient
        source = recorded.sources.get(node)
        table.add_row(
            names[node],
            format_call(node, names),
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


def tour(
    language: Annotated[
        str | None,
        typer.Option(
            metavar="LANGUAGE", help="en or zh; without it, that of LC_ALL, LC_MESSAGES or LANG."
        ),
    ] = None,
) -> None:
    """Walk through gradient descent in six short chapters, on all installed engines.

    Example: steepest tour --language zh
    """
    from steepest.cli.tour import run_tour
    from steepest.cli.tour_texts import texts_in

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The run was interrupted", OptimizeWarning)
        run_tour(texts_in(language, report.console.encoding))
