"""Progress of a descent, on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from steepest.descent import State


@contextlib.contextmanager
def display(limit: int | None) -> Iterator[Callable[[State], None]]:
    """Show a bar while a descent runs; it goes away at the end.

    Parameters
    ----------
    limit
        Iterations at most; None where that is not known.
    """
    columns = (
        TextColumn("descending"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.6g}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=limit, loss=float("nan"))

        def watch(state: State) -> None:
            progress.update(task, completed=state.iteration, loss=state.loss)

        yield watch


@contextlib.contextmanager
def display_many(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar while many problems are worked through; it goes away at the end."""
    columns = (
        TextColumn("problems"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda begun: progress.update(task, completed=begun)
