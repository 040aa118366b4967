"""What fits of any kind answer on request: profiles, intervals, joint regions, tables, plots."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.descent.inference.contour import Contour, contour
from steepest.descent.inference.frames import kinds, parameters_frame, uncertain
from steepest.descent.inference.profile import Profile, row_of
from steepest.errors import InputError, OptimizeWarning
from steepest.frames import hides_method_frames, warn_user
from steepest.presentation import presenter


class FitWarning(OptimizeWarning):
    """Warning of a fit that did not converge, or of parameters that the data do not determine."""


@hides_method_frames
class Answers(abc.ABC):
    """Questions about estimated parameters, which fits of any kind compute when they are asked."""

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """A name for each element of :attr:`values`."""

    @property
    @abc.abstractmethod
    def values(self) -> np.ndarray:
        """All parameters as a vector, shape (k,)."""

    @property
    @abc.abstractmethod
    def covariance(self) -> Any:
        """Covariance of the parameters, shape (k, k)."""

    @abc.abstractmethod
    def quantile(self, level: float) -> float:
        """Return the half-width of an interval of probability `level`, in standard errors."""

    @property
    @abc.abstractmethod
    def _profiles(self) -> Any:
        """The :class:`Profiles` of the parameters, kept for further questions."""

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
        profile: Profile = self._profiles.profile(self._named(name), level)
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
        result, remarks = self._profiles.intervals_of_all(level)
        self._warn(remarks)
        return np.asarray(result)

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

    def plot_profile(
        self, name: str | None = None, ax: Any = None, level: float = 0.95, path: Any = None
    ) -> Any:
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
        path : path_like, optional
            File to write the figure to, in the format of its suffix.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        InputError
            As :meth:`profile`.
        """
        plots = presenter("inference_plots")
        if name is not None:
            return plots.plot_profile_of(self, name, ax, level, path)
        _check_no_axes(ax, "a parameter")
        return plots.plot_profiles(self, level, path)

    def plot_contours(
        self,
        first: str | None = None,
        second: str | None = None,
        ax: Any = None,
        levels: Sequence[float] = (0.6827, 0.95),
        path: Any = None,
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
        path : path_like, optional
            File to write the figure to, in the format of its suffix.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        InputError
            As :meth:`contour`.
        """
        plots = presenter("inference_plots")
        if first is not None and second is not None:
            plots.check_levels(levels)
            return self.contour(first, second, max(levels)).plot(ax, levels, path)
        if first is not None or second is not None:
            raise InputError("contours need two parameters: give both names, or none")
        _check_no_axes(ax, "two parameters")
        return plots.plot_contours(self, levels, path)

    def plot_correlation(self, ax: Any = None, path: Any = None) -> Any:
        """Plot the correlations of the parameters as a matrix (needs matplotlib).

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw in; a new figure's by default.
        path : path_like, optional
            File to write the figure to, in the format of its suffix.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return presenter("inference_plots").plot_correlation(self, ax, path)

    def _named(self, name: str | int) -> str:
        """Return the name of a parameter that is given by name or number."""
        return self.names[row_of(self.names, name)]

    def _warn(self, remarks: list[str]) -> None:
        if remarks:
            warn_user(" ".join(remarks), FitWarning)


def _check_no_axes(ax: Any, what: str) -> None:
    if ax is not None:
        raise InputError(f"one pair of axes holds one panel: name {what}, or leave ax out")
