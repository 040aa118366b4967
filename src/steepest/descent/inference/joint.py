"""The fit of several data sets that share parameters, and what it says of each set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.inference.fit import Fit
from steepest.descent.inference.fitted_data import FittedData
from steepest.descent.problem.data import Data
from steepest.descent.problem.joint_model import JointModel, OneOfJoint
from steepest.frames import hides_method_frames
from steepest.lazy import lazy
from steepest.presentation import presenter

__all__ = ["JointFit", "JointSet"]


@dataclass(frozen=True, eq=False, repr=False)
class JointSet:
    """One data set of a joint fit.

    Attributes
    ----------
    fit : Fit
        The fit of all data together.
    model : JointModel
        The models of all sets.
    number : int
        Which set it is.
    fitted : FittedData
        The data of this set, and what the fit says of them.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.arange(5.0)
    >>> decay = lambda t, a, rate: a * np.exp(-rate * t)
    >>> ys = [decay(t, 3, 0.5), decay(t, 1, 0.5)]
    >>> one, other = st.curve_fit_joint(decay, [t, t], ys, [1, 1], shared="rate").sets
    >>> float(other.x["a"].round(6)), float(other.predict(1.0).round(6))
    (1.0, 0.606531)
    """

    fit: Fit = field(repr=False)
    model: JointModel = field(repr=False)
    number: int
    fitted: FittedData = field(repr=False)

    def _of_set(self, values: Any) -> dict[str, Any]:
        names = [name for name, _ in self.model.places[self.number]]
        return dict(zip(names, self.model.values(self.number, values), strict=True))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!s}" for name, value in self.x.items())
        return f"JointSet(number={self.number}, {values})"

    def _repr_html_(self) -> str:
        text: str = presenter("report").joint_set_html(self)
        return text

    @property
    def x(self) -> dict[str, Any]:
        """The parameters of this set by name, shared ones among them."""
        return self._of_set(self.fit.x)

    @property
    def standard_errors(self) -> dict[str, Any]:
        """Their standard errors, from all data."""
        return self._of_set(self.fit.standard_errors)

    @property
    def residuals(self) -> np.ndarray:
        """The residuals of this set, as those of :class:`Fit`."""
        return self.fitted.residuals

    @property
    def standardized_residuals(self) -> np.ndarray:
        """Data minus model over the standard deviation of that difference, from all data."""
        return self.fitted.standardized_residuals

    @property
    def chi_square(self) -> float:
        """The sum of squares of this set's residuals."""
        return float(np.sum(np.square(self.residuals)))

    @property
    def r_squared(self) -> float:
        """The share of the variance of this set's y that its model explains."""
        return self.fitted.r_squared

    def predict(self, x: Any) -> np.ndarray:
        """Return this set's model at `x`, as :meth:`Fit.predict`."""
        return self.fitted.predict(x)

    def band(
        self, x: Any, level: float = 0.95, kind: str = "mean", sigma: Any = None
    ) -> tuple[Any, Any]:
        """Return a band around this set's curve, from all data.

        Parameters
        ----------
        x, level, kind, sigma
            As for :meth:`Fit.band`. The standard deviations of the data are those of this set.

        Returns
        -------
        lower, upper : ndarray
            Arrays of the shape of ``predict(x)``, in the units of y.
        """
        return self.fitted.band(x, level, kind, sigma)

    def plot(self, path: Any = None, ax: Any = None, level: float = 0.95) -> Any:
        """Plot data, curve, bands and residuals of this set (needs matplotlib).

        Parameters
        ----------
        path, ax, level
            As for :meth:`Fit.plot`.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return presenter("fit_plots").plot_fit(self.fitted, path, ax, level)


@hides_method_frames
@dataclass(frozen=True, eq=False, repr=False)
class JointFit:
    """The result of :func:`curve_fit_joint`.

    Attributes
    ----------
    fit : Fit
        The fit of all data together. It answers everything else that fits answer: profiles,
        contours, derived quantities, information criteria.
    model : JointModel
        The models of all sets.
    lengths : tuple of int
        Number of data of each set.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.arange(5.0)
    >>> decay = lambda t, a, rate: a * np.exp(-rate * t)
    >>> ys = [decay(t, 3, 0.5), decay(t, 1, 0.5)]
    >>> joint = st.curve_fit_joint(decay, [t, t], ys, [1, 1], shared="rate")
    >>> joint.names, float(joint.x["rate"].round(6)), joint.x["a"].round(6)
    (('a[0]', 'a[1]', 'rate'), 0.5, array([3., 1.]))
    """

    fit: Fit = field(repr=False)
    model: JointModel = field(repr=False)
    lengths: tuple[int, ...]

    @property
    def x(self) -> dict[str, Any]:
        """The parameters by name: numbers if they are shared, else one for each set."""
        found: dict[str, Any] = self.fit.x
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each parameter, such as ``a[0]`` of the first set."""
        return self.fit.names

    @property
    def standard_errors(self) -> dict[str, Any]:
        """Standard errors, in the structure of :attr:`x`."""
        errors: dict[str, Any] = self.fit.standard_errors
        return errors

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the parameters, in the order of :attr:`names`."""
        return self.fit.covariance

    @property
    def correlation(self) -> np.ndarray:
        """Correlations of the parameters, in the order of :attr:`names`."""
        return self.fit.correlation

    @property
    def converged(self) -> bool:
        """Whether the fit met a goal."""
        return self.fit.converged

    def derive(self, function: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return a function of the parameters and its standard errors, as :meth:`Fit.derive`.

        It gets them as :attr:`x` has them: ``lambda p: p["a"][0] / p["rate"]``.
        """
        return self.fit.derive(function)

    def confidence_intervals(self, level: float = 0.95, method: str = "linear") -> np.ndarray:
        """Return confidence intervals, as :meth:`Fit.confidence_intervals`."""
        return self.fit.confidence_intervals(level, method)

    @lazy
    def sets(self) -> Sequence[JointSet]:
        """What the fit says of each data set."""
        data, ends = self.fit.data, np.cumsum(self.lengths).tolist()
        assert data is not None
        result = []
        for number, x in enumerate(data.x.values()):
            rows = slice(ends[number] - self.lengths[number], ends[number])
            part = Data(OneOfJoint(self.model, number), x, data.y[rows], data.kind, True)
            fitted = FittedData.part_of(self.fit, data, part, rows)
            result.append(JointSet(self.fit, self.model, number, fitted))
        return tuple(result)

    def report(self, level: float = 0.95, method: str = "linear") -> str:
        """Return a table of all parameters and statistics, and a line for each set, as text.

        Parameters
        ----------
        level, method
            As for :meth:`Fit.report`.

        Returns
        -------
        str
            The table.
        """
        text: str = presenter("report").joint(self, level, method)
        return text

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return f"JointFit(run={self.fit.run!r}, names={self.names!r}, lengths={self.lengths!r})"

    def _repr_html_(self) -> str:
        text: str = presenter("report").joint_html(self)
        return text

    def plot(self, path: Any = None) -> Any:
        """Plot data, curve, bands and residuals of each set, side by side (needs matplotlib).

        Parameters
        ----------
        path : path_like, optional
            File to write the figure to.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return presenter("fit_plots").plot_joint(self, path)
