"""``compare``: several methods on one loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from steepest.descent.calling.entry import entry_point
from steepest.descent.methods import Method, Search
from steepest.descent.minimize import Record, minimize
from steepest.descent.problem.batches import Batches
from steepest.descent.results.result import Result
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine
from steepest.errors import InputError, SettingError
from steepest.presentation import presenter

__all__ = ["MethodComparison", "compare"]


@dataclass(frozen=True, eq=False, repr=False)
class MethodComparison:
    """Descents of the same loss from the same start by several methods.

    ``print(comparison)`` shows a table, and so does a notebook.

    Attributes
    ----------
    names : tuple of str
        A name for each descent.
    runs : tuple of Result
        The descents.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> both = st.compare(lambda x: np.sum(x**4), np.ones(2), methods=["bfgs", "newton-cg"])
    >>> both.names, both["BFGS"].converged
    (('BFGS', 'NewtonCG'), True)
    """

    names: tuple[str, ...]
    runs: tuple[Result, ...]

    def __len__(self) -> int:
        return len(self.runs)

    def __getitem__(self, which: str | int) -> Result:
        """Return a descent by its name or number."""
        if isinstance(which, str):
            if which not in self.names:
                raise KeyError(f"{which!r}: there is {', '.join(self.names)}")
            which = self.names.index(which)
        return self.runs[which]

    def __repr__(self) -> str:
        text: str = presenter("descent_tables").methods(self)
        return text

    def _repr_html_(self) -> str:
        text: str = presenter("descent_tables").methods_html(self)
        return text

    def plot(self, path: Any = None, ax: Any = None) -> Any:
        """Plot the descents together (needs matplotlib).

        With two parameters, the paths on contours of the loss. Then the loss by evaluations and by
        time. The time of a run is divided evenly among its evaluations.

        Parameters
        ----------
        path : path_like, optional
            File to write the figure to, in the format of its suffix: ``.png``, ``.svg``, ``.pdf``.
        ax : matplotlib.axes.Axes, optional
            Axes to draw one panel in: the paths, or for other than two parameters the loss by
            evaluations. By default a new figure has all panels.

        Returns
        -------
        matplotlib.figure.Figure
            The figure. Notebooks show it, and so does ``plt.show()`` if pyplot was imported before
            and no path is given.
        """
        return presenter("comparison_plots").plot_methods(self, path, ax)


@entry_point()
def compare(
    function: Callable[..., Any],
    x0: Any,
    methods: Sequence[Method | Search | str] = ("gradient-descent", "adam", "lbfgs", "bfgs"),
    args: Sequence[Any] = (),
    *,
    names: Sequence[str] | None = None,
    bounds: Any = None,
    stop: StopRule | None = None,
    engine: str | Engine = "native",
    record: Record = "auto",
    batches: Batches | None = None,
) -> MethodComparison:
    """Minimize a loss by several methods, from the same start.

    Parameters
    ----------
    function : callable
        The loss: ``function(x, *args)`` returns one real number.
    x0 : array_like or nested parameters
        Start values, as for :func:`minimize`.
    methods : sequence of Method, Search or str, optional
        The methods, or their names.
    args : tuple, optional
        Further arguments of the loss.
    names : sequence of str, optional
        What to call the methods; by default as their classes are called, with their settings if
        several are of one class.
    bounds : nested pairs or scipy.optimize.Bounds, optional
        Bounds, as for :func:`minimize`.
    stop : StopRule, optional
        Stop rule of each descent.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descents run.
    record : {"auto", "all"} or int, optional
        What the histories hold, as for :func:`minimize`.
    batches : Batches, optional
        Minibatches, as for :func:`minimize`.

    Returns
    -------
    MethodComparison
        The descents, as a table and as a plot.

    Raises
    ------
    InputError
        If there are no methods or not as many names, or if :func:`minimize` raises it.
    SettingError
        If `methods` is a single method.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def rosenbrock(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> found = st.compare(rosenbrock, np.zeros(2), methods=[st.GradientDescent(0.001), "bfgs"],
    ...                    stop=st.LossBelow(1e-3) | st.MaxIterations(100_000))
    >>> [(name, run.iterations) for name, run in zip(found.names, found.runs)]
    [('GradientDescent', 5771), ('BFGS', 15)]
    """
    if isinstance(methods, str) or not isinstance(methods, Sequence):
        raise SettingError(f"methods must be a list of methods or of their names, got {methods!r}")
    if not len(methods):
        raise InputError("there is nothing to compare: methods is empty")
    if names is not None and (isinstance(names, str) or len(names) != len(methods)):
        raise InputError(f"there are {len(methods)} methods, but names is {names!r}")
    runs = tuple(
        minimize(
            function,
            x0,
            args,
            method,
            bounds=bounds,
            stop=stop,
            engine=engine,
            record=record,
            batches=batches,
        )
        for method in methods
    )
    return MethodComparison(tuple(_names(runs) if names is None else names), runs)


def _names(runs: Sequence[Result]) -> list[str]:
    """Return the names of the methods, with settings where a name is there twice."""
    short = [type(run.method).__name__ for run in runs]
    counts = Counter(short)
    names = [
        repr(run.method) if counts[name] > 1 else name
        for name, run in zip(short, runs, strict=True)
    ]
    return [
        f"{name} {names[: i + 1].count(name)}" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]
