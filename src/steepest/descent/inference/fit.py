"""The result of a fit: its parameters, statistics, predictions and reports."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.inference.answers import Answers, FitWarning
from steepest.descent.iteration.problem import Problem
from steepest.descent.problem.data import Data
from steepest.descent.results.fit_predict import FittedCurve
from steepest.descent.results.fit_state import FinishedFit
from steepest.descent.results.keyed_result import KeyedResult
from steepest.descent.results.result import Result
from steepest.descent.results.scipy_fields import CURVE_FIT_KEYS, LEAST_SQUARES_KEYS
from steepest.errors import InputError
from steepest.frames import hides_method_frames
from steepest.presentation import presenter

__all__ = ["Fit", "FitWarning"]


def _unpickle(run: Result, problem: Problem, notes: tuple[str, ...], *rest: Any) -> Fit:
    """Return a fit from the parts that its pickle holds."""
    return Fit(FinishedFit.of(run, problem), *rest, notes=notes)


def _of_run(name: str, doc: str) -> Any:
    """Return a property that reads an attribute of the descent's result."""
    return property(operator.attrgetter(f"run.{name}"), doc=doc)


_DESCENT_KEYS = (
    "loss",
    "gradient",
    "iterations",
    "evaluations",
    "converged",
    "history",
    "timings",
)
_STATISTICS_KEYS = (
    *("names", "covariance", "standard_errors", "correlation", "residuals", "jacobian"),
    *("chi_square", "reduced_chi_square", "degrees_of_freedom", "r_squared", "rank"),
    *("log_likelihood", "aic", "aicc", "bic"),
)


@hides_method_frames
@dataclass(frozen=True, eq=False)
class Fit(Answers, KeyedResult):
    """The result of a fit: the fields of a :class:`Result`, and statistics of the parameters.

    The statistics are properties, such as ``covariance``, ``standard_errors``, ``correlation``,
    ``residuals`` and ``jacobian``. SciPy's names of fields work too (``fit.cost``,
    ``fit["jac"]``), and ``popt, pcov = fit`` unpacks as SciPy's ``curve_fit`` does. Its status is
    0 if it converged; SciPy's ``least_squares`` has 1 to 4 for that, and 0 for a limit.

    Attributes
    ----------
    end : FitState
        The end of the descent, from which the statistics are computed.
    free_names : tuple of str
        A name for each free parameter.
    absolute_sigma : bool
        Whether the residuals are in units of known standard deviations. Otherwise the
        standard deviations are estimated from the residuals.
    data : Data, optional
        Model and data of a curve fit.
    full_output : bool
        Whether the fit unpacks to the five values of SciPy's ``curve_fit``.
    notes : tuple of str
        Sentences on arguments that had no effect.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t, y = np.arange(4.0), np.array([2.0, 1.2, 0.8, 0.5])
    >>> fit = st.curve_fit(lambda t, a, rate: a * np.exp(-rate * t), t, y)
    >>> fit.x.round(4), fit.standard_errors.round(4)
    (array([1.985 , 0.4683]), array([0.0349, 0.0179]))
    >>> low, high = fit.band(1.5)
    >>> float(fit.predict(1.5).round(3)), float(low.round(3)), float(high.round(3))
    (0.983, 0.888, 1.078)
    """

    data: Data | None = None
    full_output: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (
            self.run, self.problem, self.notes, self.free_names, self.absolute_sigma, self.data,
            self.full_output,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Fit(run={self.run!r}, names={self.names!r})"

    def _parts(self) -> tuple[Any, ...]:
        """Return the tuple that SciPy's ``curve_fit`` returns."""
        both = self.x, self.covariance
        return (*both, self.infodict, self.mesg, self.ier) if self.full_output else both

    def __iter__(self) -> Iterator[Any]:
        """Yield parameters and covariance, as SciPy's ``curve_fit`` returns them."""
        return iter(self._parts())

    def __len__(self) -> int:
        return 5 if self.full_output else 2

    def __getitem__(self, index: Any) -> Any:
        """Return a field by its name, or one of the values of ``curve_fit`` by its index."""
        return super().__getitem__(index) if isinstance(index, str) else self._parts()[index]

    def _names(self) -> Sequence[str]:
        of_curves = () if self.data is None else CURVE_FIT_KEYS
        return (*LEAST_SQUARES_KEYS, *of_curves, *_DESCENT_KEYS, *_STATISTICS_KEYS)

    # Attributes of the descent.

    gradient = _of_run("gradient", "The gradient of the loss, as :attr:`Result.gradient`.")
    iterations = _of_run("iterations", "Updates made.")
    evaluations = _of_run("evaluations", "Evaluations of residuals and Jacobian.")
    status = _of_run("status", "How the descent ended.")
    history = _of_run("history", "What was recorded at each iteration.")
    timings = _of_run("timings", "Seconds for trace, compile and run.")
    graph = _of_run("graph", "The graph of the loss.")
    engine = _of_run("engine", "Name of the engine.")
    method = _of_run("method", "The descent method.")
    reason = _of_run("reason", "Why this method was taken, unless it was asked for.")
    active = _of_run("active", "Which parameters are on a bound: :attr:`Result.active`.")

    @property
    def loss(self) -> float:
        """The loss: :attr:`cost`."""
        return self.end.loss

    @property
    def converged(self) -> bool:
        """Whether the descent met a goal."""
        return self.end.converged

    def _require_data(self) -> Data:
        if self.data is None:
            raise InputError("this needs a model: fit with st.curve_fit")
        return self.data

    @property
    def r_squared(self) -> float:
        """The share of y's variance that the model explains; NaN where there is no model."""
        if self.data is None:
            return math.nan
        y = self.data.y
        total = float(np.sum(np.square(y - np.mean(y))))
        with np.errstate(all="ignore"):  # the fit may have ended where the model is not finite
            rest = float(np.sum(np.square(y - self.predict(self.data.x))))
        return 1 - rest / total if total else math.nan

    @property
    def _curve(self) -> FittedCurve:
        return FittedCurve(self._require_data(), self.problem, self.vector, self.expand)

    def predict(self, x: Any) -> np.ndarray:
        """Return the fitted model's values at `x`, in the units of y.

        Parameters
        ----------
        x : array_like or nested arrays
            The model's first argument, as in the fit.

        Returns
        -------
        ndarray
            A value for each point.

        Raises
        ------
        InputError
            If the fit has no model.
        """
        return self._curve.at(x, self.x)

    def band(
        self, x: Any, level: float = 0.95, kind: str = "mean", sigma: Any = None
    ) -> tuple[Any, Any]:
        """Return a confidence or prediction band around the fitted curve.

        Parameters
        ----------
        x : array_like or nested arrays
            The model's first argument, as in the fit.
        level : float, optional
            Probability, in (0, 1).
        kind : {"mean", "prediction"}, optional
            ``"mean"`` for a band that holds the true curve, ``"prediction"`` for one that holds a
            further observation.
        sigma : array_like, optional
            Standard deviation of a further observation at `x`, in the units of the fit's `sigma`.
            Required for a prediction if `sigma` was an array and `x` is not that of the data.

        Returns
        -------
        lower, upper : ndarray
            Arrays of the shape of ``predict(x)``, in the units of y.

        Raises
        ------
        InputError
            If `level` or `kind` is invalid, if the fit has no model, or if a prediction needs
            `sigma` and it is not given.
        """
        if kind not in ("mean", "prediction"):
            raise InputError(f"kind must be 'mean' or 'prediction', got {kind!r}")
        curve = self._curve
        center, variance = curve.variance(x, self.free_covariance)
        if kind == "prediction":
            unit = 1.0 if self.absolute_sigma else self.reduced_chi_square
            variance = variance + unit * np.square(curve.scatter(x, sigma))
        half_width = self.quantile(level) * np.sqrt(variance)
        return curve.everywhere(x, center - half_width), curve.everywhere(x, center + half_width)

    def save(self, path: Any) -> None:
        """Save the end of the fit to a file, as :meth:`Result.save` does."""
        self.run.save(path)

    def report(self, level: float = 0.95, method: str = "linear") -> str:
        """Return a table of the parameters and statistics of the fit, as text.

        Parameters
        ----------
        level : float, optional
            Probability of the confidence intervals, in (0, 1).
        method : {"linear", "profile"}, optional
            How they are computed, as for :meth:`confidence_intervals`.

        Returns
        -------
        str
            The table.
        """
        text: str = presenter("report").text(self, level, method)
        return text

    def __str__(self) -> str:
        return self.report()

    def _repr_html_(self) -> str:
        text: str = presenter("report").html(self)
        return text

    def plot(self, path: Any = None) -> Any:
        """Plot data, curve and band; without a model, the descent (needs matplotlib).

        Parameters
        ----------
        path : path_like, optional
            File to write the figure to.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        if self.data is None:
            return self.run.plot(path)
        return presenter("plot").plot_fit(self, path)
