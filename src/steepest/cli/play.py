"""The command that opens the playground."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from steepest.cli import options
from steepest.cli.load import load, parameters_of
from steepest.errors import InputError
from steepest.play.subject import of_function


def play(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[FILE:FUNCTION]", help="A loss written in NumPy."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Start point: numbers separated by commas.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any that is free.")] = 5007,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address only.")
    ] = False,
) -> None:
    """Open a page on which descents follow the sliders, until Ctrl-C.

    It shows contours, the paths of several methods, their losses, and the computation graph with
    values and gradients at the cursor. Without a function, there is a menu of classic ones. The
    page is served on this machine only, and needs bokeh: pip install 'steepest[play]'.

    Example: steepest play examples/rosenbrock.py:rosenbrock --start=-1.2,1
    """
    from steepest.play.classics import CLASSICS
    from steepest.play.server import serve, set_up

    numbers = None if start is None else options.parse_vector(start, "float64", "--start").tolist()
    if numbers is not None and not all(map(math.isfinite, numbers)):
        raise InputError(f"--start needs finite numbers, such as 0,0; got {start!r}")
    subjects = list(CLASSICS)
    if target is not None:
        function = load(target)
        subjects.insert(0, of_function(function, numbers, parameters_of(function)))
    elif numbers is not None:
        subjects[0] = subjects[0].starting_at(numbers)
    playground = set_up(subjects, port)
    print(f"The playground is at {playground.url}")
    print("Press Ctrl-C to end it.", flush=True)
    serve(playground, opens_browser=not no_browser)
    print("The playground has ended.")
