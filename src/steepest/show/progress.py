"""Progress bars on stderr, and the reports that SciPy prints on stdout."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from steepest.activity import told_to
from steepest.descent import Fit, State
from steepest.descent.running.callbacks import of_state
from steepest.show.notebook_line import NotebookLine, is_of_notebook


@contextlib.contextmanager
def display(limit: int | None, delay: float = 0.0) -> Iterator[Callable[[State], None]]:
    """Show a bar while a descent is traced and compiled, and runs.

    Parameters
    ----------
    limit
        Iterations at most; None where that is not known.
    delay
        Seconds after which the bar appears.
    """
    if is_of_notebook():
        shown = NotebookLine("tracing", limit)

        def say(state: State) -> None:
            shown.update("descending", state.iteration, state.loss)

        with _begun_after(delay, shown), told_to(shown.update):
            yield say
        return
    columns = (
        TextColumn("{task.fields[doing]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.6g}"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task("", total=limit, loss=float("nan"), doing="tracing")

    def watch(state: State) -> None:
        progress.update(task, completed=state.iteration, loss=state.loss, doing="descending")

    with _begun_after(delay, progress), told_to(lambda what: progress.update(task, doing=what)):
        yield watch


@contextlib.contextmanager
def _begun_after(delay: float, progress: Progress | NotebookLine) -> Iterator[None]:
    """Show a display from some seconds on, also while the interpreter traces or compiles."""
    lock, is_over = threading.Lock(), False

    def begin() -> None:
        with lock:
            if not is_over:
                progress.start()

    timer = threading.Timer(delay, begin)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            is_over = True
        progress.stop()


@contextlib.contextmanager
def display_many(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar while many problems are solved."""
    if is_of_notebook():
        shown = NotebookLine("problems", total)
        with _begun_after(0.0, shown):
            yield lambda started: shown.update(completed=started)
        return
    columns = (
        TextColumn("problems"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda started: progress.update(task, completed=started)


def print_ending(result: Any) -> None:
    """Print how a descent ended, as SciPy does with ``disp=True`` or ``verbose``."""
    if not hasattr(result, "message"):  # of many problems
        print(result)
        return
    print(result.message)
    if isinstance(result, Fit):
        print(
            f"Function evaluations {result.nfev}, final cost {result.cost:.4e}, first-order "
            f"optimality {result.optimality:.2e}."
        )
        return
    print(f"         Current function value: {result.fun:f}")
    print(f"         Iterations: {result.nit}")
    print(f"         Function evaluations: {result.nfev}")
    print(f"         Gradient evaluations: {result.njev}")


class Table:
    """Print a line for each iteration, as SciPy does with ``verbose=2``."""

    def __init__(self) -> None:
        self._loss = math.nan
        self._x: np.ndarray | None = None
        print(f"{'Iteration':^15}{'Loss':^15}{'Reduction':^15}{'Step norm':^15}")

    def __call__(self, state: State) -> None:
        """Print a line."""
        loss, x = state.loss, np.array(state)
        step = math.nan if self._x is None else float(np.linalg.norm(x - self._x))
        print(f"{state.iteration:^15}{loss:^15.4e}{self._loss - loss:^15.2e}{step:^15.2e}")
        self._loss, self._x = loss, x

    def before(self, callback: Callable[..., Any] | None) -> Callable[[State], Any]:
        """Return a callback that prints a line, and calls another."""
        other = None if callback is None else of_state(callback)

        def both(state: State) -> Any:
            self(state)
            return None if other is None else other(state)

        return both
