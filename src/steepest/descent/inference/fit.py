"""The result of a fit: its parameters, statistics, predictions and reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.inference.answers import Answers, FitWarning
from steepest.descent.inference.bootstrap import Bootstrap, bootstrap
from steepest.descent.inference.criteria import Criteria
from steepest.descent.inference.derived import derive
from steepest.descent.inference.fitted_data import FittedData
from steepest.descent.inference.frames import to_frame
from steepest.descent.inference.profile import Profiles
from steepest.descent.iteration.problem import Problem
from steepest.descent.problem.data import Data
from steepest.descent.problem.streamed import require_memory
from steepest.descent.results.fit_state import FinishedFit
from steepest.descent.results.keyed_result import KeyedResult, OfDescent
from steepest.descent.results.result import Result
from steepest.descent.results.scipy_fields import CURVE_FIT_KEYS, LEAST_SQUARES_KEYS
from steepest.errors import InputError
from steepest.frames import hides_method_frames
from steepest.lazy import lazy
from steepest.presentation import presenter

__all__ = ["Fit", "FitWarning"]


def _unpickle(
    kind: type[Fit], run: Result, problem: Problem, notes: tuple[str, ...], *rest: Any
) -> Fit:
    """Return a fit from the parts that its pickle holds."""
    return kind(FinishedFit.of(run, problem), *rest, notes=notes)


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
class Fit(Criteria, Answers, OfDescent, KeyedResult):
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
            type(self), self.run, self.problem, self.notes, self.free_names, self.absolute_sigma,
            self.data, self.full_output,
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

    @lazy
    def r_squared(self) -> float:
        """The share of y's variance that the model explains; NaN where there is no model."""
        return math.nan if self.data is None else self._fitted.r_squared

    @property
    def _fitted(self) -> FittedData:
        return FittedData.of(self, self._require_data())

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
        return self._fitted.predict(x)

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
        return self._fitted.band(x, level, kind, sigma)

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

    def plot(
        self,
        path: Any = None,
        ax: Any = None,
        level: float = 0.95,
        components: Mapping[str, Callable[..., Any]] | None = None,
    ) -> Any:
        """Plot data, fitted curve and bands, and the residuals (needs matplotlib).

        Error bars are the standard deviations of the data. The darker band holds the true curve,
        the lighter one a further observation; between data of different standard deviations, that
        of the observation is interpolated. Below are the standardized residuals. Axes are
        logarithmic for positive data of more than two decades. If x is not one number for each
        datum, the data are plotted against the fitted values. Without a model, the descent is
        plotted.

        Parameters
        ----------
        path : path_like, optional
            File to write the figure to, in the format of its suffix: ``.png``, ``.svg``, ``.pdf``.
        ax : matplotlib.axes.Axes or pair of them, optional
            Axes to draw data and curve in; of a pair, the second is for the residuals. By default
            those of a new figure.
        level : float, optional
            Probability of the bands, in (0, 1).
        components : mapping of str to callable, optional
            Parts of the model to draw, by name: functions of x and of parameters that the model
            has by the same names. By default, if the model returns a sum of what other functions
            of yours return, these.

        Returns
        -------
        matplotlib.figure.Figure
            The figure. Notebooks show it, and so does ``plt.show()`` if pyplot was imported before
            and no path is given.

        Raises
        ------
        InputError
            If `level` is no probability, or a component has an argument that is no parameter.
        """
        if self.data is None:
            return self.run.plot(path, ax)
        require_memory(
            self.problem.args,
            "not every datum can be drawn: read some rows and draw them with matplotlib, beside "
            "fit.predict(x.read(0, 1000)), or plot the descent, fit.run.plot()",
        )
        return presenter("fit_plots").plot_fit(self._fitted, path, ax, level, components)

    @lazy
    def _profiles(self) -> Profiles:
        require_memory(
            self.problem.args,
            "there is no profile, which refits all data many times: use method='linear' and "
            "fit.standard_errors, or fit some of the rows in memory",
        )
        return Profiles(self)

    def derive(self, function: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return a function of the parameters and its standard errors, to first order.

        Parameters
        ----------
        function : callable
            ``function(parameters)`` returns real numbers, nested or in arrays, in NumPy code. Its
            derivatives are exact. It gets the parameters as ``fit.x`` has them. If that is an
            array, it may also read them by name, as ``p["rate"]``.

        Returns
        -------
        value : float, ndarray or nested
            The function at the fit.
        standard_error : float, ndarray or nested
            Its standard errors, in the same structure, from the covariance of the parameters.

        Raises
        ------
        InputError
            If the function fails at the parameters, or does not return real numbers.
        SettingError
            If it is not a function.

        Examples
        --------
        >>> import numpy as np, steepest as st
        >>> t, y = np.arange(4.0), np.array([2.0, 1.2, 0.8, 0.5])
        >>> fit = st.curve_fit(lambda t, a, rate: a * np.exp(-rate * t), t, y)
        >>> life, error = fit.derive(lambda p: np.log(2) / p["rate"])
        >>> float(life.round(3)), float(error.round(3))
        (1.48, 0.057)
        """
        return derive(self, function)

    def to_frame(self) -> Any:
        """Return the data and what the fit makes of them as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row for each datum: the columns of x that have a number for each, ``y``, ``sigma`` if
            it is given, ``fitted``, ``residual`` (y minus fitted), ``leverage``,
            ``standardized_residual`` (the residual over its own standard deviation, which is
            smaller where the leverage is large), and ``normal_quantile`` (where it would be if the
            errors were normal, as R's ``qqnorm``). Without a model, residuals with their sign
            changed, and what follows from them.

        Raises
        ------
        EngineUnavailableError
            If pandas is not installed.
        """
        require_memory(
            self.problem.args,
            "a table with a row for each datum is not made: call fit.predict for some rows, "
            "fit.predict(x.read(0, 1000)), or fit.parameters_frame() for the parameters",
        )
        return to_frame(self, self.data)

    def bootstrap(self, n: int = 2000, kind: str = "residuals", *, seed: Any = None) -> Bootstrap:
        """Refit resampled data, to see how the parameters scatter.

        Parameters
        ----------
        n : int, optional
            Number of refits. They run side by side, as those of :func:`curve_fit_many`.
        kind : {"residuals", "cases", "parametric"}, optional
            ``"residuals"`` adds residuals of the fit, drawn with replacement, to the fitted curve.
            They are centered, and enlarged to the size of the errors by the root of
            ``observations / degrees_of_freedom``. ``"cases"`` draws data with replacement, which
            does not assume errors of one size. ``"parametric"`` adds normal errors, whose size is
            that of sigma if it is absolute; ``"residuals"`` takes the size from the residuals
            even then.
        seed : int or numpy.random.Generator, optional
            Seed of the random numbers.

        Returns
        -------
        Bootstrap
            Parameters of the refits, their scatter and intervals.

        Raises
        ------
        InputError
            If an argument is invalid, if the data do not determine the parameters or their
            scatter, or if cases are to be drawn and a robust loss or a covariance of the data
            forbids it.

        Warns
        -----
        FitWarning
            If more than 1% of the refits did not converge; they are left out.
        """
        require_memory(
            self.problem.args,
            "there is no bootstrap, which refits all data many times: use fit.standard_errors, or "
            "fit some of the rows in memory",
        )
        found = bootstrap(self, n, kind, seed)
        if found.failed > 0.01 * n:
            self._warn([f"{found.failed} of {n} refits did not converge and are left out."])
        return found
