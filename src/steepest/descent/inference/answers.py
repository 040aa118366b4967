"""What a fit answers on request: derived quantities, profiles, intervals, resampling, tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.descent.inference.bootstrap import Bootstrap, bootstrap
from steepest.descent.inference.contour import Contour, contour
from steepest.descent.inference.criteria import Criteria
from steepest.descent.inference.derived import derive
from steepest.descent.inference.frames import kinds, parameters_frame, to_frame, uncertain
from steepest.descent.inference.profile import Profile, Profiles, row_of
from steepest.errors import InputError, OptimizeWarning
from steepest.frames import hides_method_frames, warn_user
from steepest.lazy import lazy
from steepest.presentation import presenter


class FitWarning(OptimizeWarning):
    """Warning of a fit that did not converge, or of parameters that the data do not determine."""


@hides_method_frames
class Answers(Criteria):
    """Questions to a fit that it computes when they are asked."""

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

    @property
    def kinds(self) -> tuple[str, ...]:
        """What restricts each parameter: "fixed", "tied", its bounds...; "" for nothing."""
        return kinds(self)

    @property
    def uncertain(self) -> dict[str, Any]:
        """The parameters as numbers of the package uncertainties, correlated, by name.

        Arithmetic with them propagates errors to first order, as :meth:`derive` does. It is an
        error if the package is not installed, or if standard errors are unknown.
        """
        return uncertain(self)

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
        return to_frame(self, self.data)

    def parameters_frame(self, level: float = 0.95, method: str = "linear") -> Any:
        """Return the parameters as a pandas data frame.

        Parameters
        ----------
        level : float, optional
            Probability of the confidence intervals, in (0, 1).
        method : {"linear", "profile"}, optional
            How they are computed, as for :meth:`confidence_intervals`.

        Returns
        -------
        pandas.DataFrame
            A row for each parameter: ``value``, ``standard_error``, ``relative``, ``t`` (value
            over standard error) and ``p_value`` (two-sided, for a true value of 0), the ends of
            the interval (named ``2.5%`` and ``97.5%`` if the level is 0.95, as in R), ``kind``.

        Raises
        ------
        EngineUnavailableError
            If pandas is not installed.
        InputError
            As :meth:`confidence_intervals`.
        """
        return parameters_frame(self, self.confidence_intervals(level, method), level)

    @lazy
    def _profiles(self) -> Profiles:
        return Profiles(self)

    def profile(self, name: str | int, level: float = 0.99) -> Profile:
        """Return the profile of a parameter: the best fits with it held at other values.

        Parameters
        ----------
        name : str or int
            The parameter: a name in ``fit.names``, or its number.
        level : float, optional
            Probability of the confidence interval out to which it is followed, in (0, 1).

        Returns
        -------
        Profile
            Values of the parameter, tau there, and all parameters of the refits.

        Raises
        ------
        InputError
            If there is no such parameter, if it is fixed or computed from several others, or if
            the data do not determine the parameters or their scatter.

        Warns
        -----
        FitWarning
            If a refit found a lower sum of squares than the fit.
        """
        profile = self._profiles.profile(self._named(name), level)
        self._warn(self._profiles.lower_loss())
        return profile

    def confidence_intervals(self, level: float = 0.95, method: str = "linear") -> np.ndarray:
        """Return a confidence interval for each parameter, shape (k, 2), in order of ``names``.

        Parameters
        ----------
        level : float, optional
            Probability, in (0, 1).
        method : {"linear", "profile"}, optional
            ``"linear"`` for estimates plus and minus multiples of the standard errors, by
            quantiles of Student's t-distribution, or of the normal distribution if sigma is
            absolute. ``"profile"`` for the values that :meth:`profile` does not reject, by the
            same quantiles. They need not be symmetric, stay within bounds, and do not depend on
            how the model is parametrized.

        Returns
        -------
        ndarray
            Lower and upper ends, shape (k, 2). Ends of open intervals are infinite. With
            ``"profile"``, an end is NaN if the refits on the way to it failed, fixed parameters
            have their value as both ends, and parameters that are computed from several others,
            or not monotonically from one, have NaN.

        Raises
        ------
        InputError
            If `level` or `method` is invalid, or if there is no profile.

        Warns
        -----
        FitWarning
            If an interval is open or ends on a bound, if refits failed, or if a refit found a
            lower sum of squares than the fit.
        """
        if method not in ("linear", "profile"):
            raise InputError(f"method must be 'linear' or 'profile', got {method!r}")
        if method == "linear":
            half_width = self.quantile(level) * np.sqrt(np.diag(self.covariance))
            return np.stack([self.values - half_width, self.values + half_width], axis=1)
        result = np.full((len(self.names), 2), np.nan)
        depends = np.count_nonzero(self.value_slopes, axis=1)
        result[depends == 0] = self.values[depends == 0, None]
        rows = np.flatnonzero(depends == 1)
        ends, remarks = self._profiles.intervals([self.names[row] for row in rows], level)
        result[rows] = ends
        self._warn(remarks)
        return result

    def contour(
        self,
        first: str | int,
        second: str | int,
        level: float = 0.99,
        size: int | tuple[int, int] = 41,
    ) -> Contour:
        """Return the joint confidence region of two parameters, on a grid.

        Parameters
        ----------
        first, second : str or int
            The parameters: names in ``fit.names``, or their numbers.
        level : float, optional
            Probability of the region that the grid holds, in (0, 1).
        size : int or tuple of int, optional
            Number of points of the grid in each direction.

        Returns
        -------
        Contour
            The probability of the region on whose edge each point lies. The other parameters are
            refitted at each point.

        Raises
        ------
        InputError
            As :meth:`profile`, or if an argument is invalid.
        """
        return contour(self._profiles, (self._named(first), self._named(second)), level, size)

    def plot_profile(self, name: str | None = None, ax: Any = None, level: float = 0.95) -> Any:
        """Plot the profile of one parameter, or of all of them (needs matplotlib).

        Straight profiles are those of a linear model; it is drawn dashed.

        Parameters
        ----------
        name : str, optional
            The parameter; by default each that has a profile gets a panel of its own.
        ax : matplotlib.axes.Axes, optional
            Axes to draw one profile in; a new figure's by default.
        level : float, optional
            Probability of the interval that is marked.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        InputError
            As :meth:`profile`.
        """
        plots = presenter("fit_plots")
        if name is not None:
            return plots.plot_profile_of(self, name, ax, level)
        _check_no_axes(ax, "a parameter")
        return plots.plot_profiles(self, level)

    def plot_contours(
        self,
        first: str | None = None,
        second: str | None = None,
        ax: Any = None,
        levels: Sequence[float] = (0.6827, 0.95),
    ) -> Any:
        """Plot joint confidence regions of two parameters, or of all pairs (needs matplotlib).

        The ellipses of the linear model are drawn dashed.

        Parameters
        ----------
        first, second : str, optional
            The parameters; by default each pair that has a profile gets a panel of its own.
        ax : matplotlib.axes.Axes, optional
            Axes to draw one pair in; a new figure's by default.
        levels : sequence of float, optional
            Probabilities of the regions.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        InputError
            As :meth:`contour`.
        """
        plots = presenter("fit_plots")
        if first is not None and second is not None:
            plots.check_levels(levels)
            return self.contour(first, second, max(levels)).plot(ax, levels)
        if first is not None or second is not None:
            raise InputError("contours need two parameters: give both names, or none")
        _check_no_axes(ax, "two parameters")
        return plots.plot_contours(self, levels)

    def plot_correlation(self, ax: Any = None) -> Any:
        """Plot the correlations of the parameters as a matrix (needs matplotlib).

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw in; a new figure's by default.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return presenter("fit_plots").plot_correlation(self, ax)

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
        found = bootstrap(self, n, kind, seed)
        if found.failed > 0.01 * n:
            self._warn([f"{found.failed} of {n} refits did not converge and are left out."])
        return found

    def _named(self, name: str | int) -> str:
        """Return the name of a parameter that is given by name or number."""
        return self.names[row_of(self.names, name)]

    def _warn(self, remarks: list[str]) -> None:
        if remarks:
            warn_user(" ".join(remarks), FitWarning)


def _check_no_axes(ax: Any, what: str) -> None:
    if ax is not None:
        raise InputError(f"one pair of axes holds one panel: name {what}, or leave ax out")
