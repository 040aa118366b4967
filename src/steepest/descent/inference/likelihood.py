"""The result of a maximum-likelihood fit: its parameters, their errors, and its criteria."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from steepest.derivative import MAX_PATHS, Function
from steepest.descent.fit_problem import FEW_GOAL
from steepest.descent.inference.answers import Answers
from steepest.descent.inference.criteria import aic, aicc, bic
from steepest.descent.inference.derived import derive
from steepest.descent.inference.profile import NO_REFITS, Profiles
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import TrustRegion
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.evaluation import Evaluation, call_at, value_slopes
from steepest.descent.problem.in_blocks import slope_sums
from steepest.descent.problem.in_blocks.fit_data import any_in_blocks
from steepest.descent.problem.model import NegativeLogLikelihood
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import (
    ParameterLayout,
    as_plain_dict,
    ravel_parameters,
)
from steepest.descent.problem.streamed import require_memory
from steepest.descent.problem.transforms import Reparametrization
from steepest.descent.results.covariance import propagate_covariance
from steepest.descent.results.fit_statistics import check_level, names_of_all
from steepest.descent.results.keyed_result import KeyedResult, OfDescent
from steepest.descent.results.result import Result
from steepest.engines import get_engine
from steepest.errors import InputError
from steepest.frames import hides_method_frames
from steepest.lazy import lazy
from steepest.presentation import presenter
from steepest.trace import as_traced

__all__ = ["LikelihoodFit"]


_KEYS = (
    *("x", "loss", "gradient", "iterations", "evaluations", "converged", "status", "message"),
    *("history", "timings", "names", "values", "covariance", "standard_errors", "correlation"),
    *("robust_covariance", "robust_standard_errors", "observed_information", "scores"),
    *("observations", "degrees_of_freedom", "log_likelihood", "aic", "aicc", "bic"),
)
"""Names of the fields of a fit."""


@hides_method_frames
@dataclass(frozen=True, eq=False)
class LikelihoodFit(Answers, OfDescent, KeyedResult):
    """The result of :func:`maximum_likelihood`, which answers what a :class:`Fit` answers.

    Its profiles, intervals and joint regions are those of likelihood ratios: tau is the signed
    root of twice the fall of the log-likelihood. Fields can be read by name, as ``fit["aic"]``.

    Attributes
    ----------
    run : Result
        The descent.
    objective : NegativeLogLikelihood
        Minus the log-likelihood, as a function of the parameters and the data.
    data : ndarray or nested arrays
        The data.
    free_names : tuple of str
        A name for each free parameter.
    layout : ParameterLayout
        Where each free parameter is in a vector.
    expand : Reparametrization, optional
        Map from the free parameters to all; None if no start value is marked.
    box : Box, optional
        Bounds on the free parameters.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> counts = np.array([2.0, 5, 3, 4, 1, 3])
    >>> def poisson(counts, mean):
    ...     return counts * np.log(mean) - mean  # up to a constant
    >>> fit = st.maximum_likelihood(poisson, counts, {"mean": 1.0})
    >>> float(fit.x["mean"].round(4)), float(fit.standard_errors["mean"].round(4))
    (3.0, 0.7071)
    """

    run: Result
    objective: NegativeLogLikelihood = field(repr=False)
    data: Any = field(repr=False)
    free_names: tuple[str, ...]
    layout: ParameterLayout = field(repr=False)
    expand: Reparametrization | None = field(default=None, repr=False)
    box: Box | None = field(default=None, repr=False)
    absolute_sigma: ClassVar[bool] = True  # tau needs no scale

    @property
    def x(self) -> Any:
        """The parameters, in the structure of the start values."""
        return as_plain_dict(self.run.x)

    @property
    def vector(self) -> np.ndarray:
        """The free parameters as a vector, shape (n,)."""
        return self.run.vector

    @property
    def converged(self) -> bool:
        """Whether the descent met a goal."""
        return self.run.converged

    @property
    def loss(self) -> float:
        """Minus the log-likelihood at the end."""
        return float(self.run.loss)

    @lazy
    def _values_and_slopes(self) -> tuple[np.ndarray, np.ndarray]:
        if self.expand is None:
            return self.vector, np.eye(len(self.vector))
        layout, expand = self.layout, self.expand
        evaluate: Callable[[Any], Any] = lambda vector: value_slopes(layout, expand, vector)
        result: tuple[np.ndarray, np.ndarray] = Function(evaluate)(self.vector)
        return result

    @property
    def values(self) -> np.ndarray:
        """All parameters as a vector, shape (k,)."""
        return self._values_and_slopes[0]

    @property
    def value_slopes(self) -> np.ndarray:
        """Derivatives of :attr:`values` by the free parameters, shape (k, n)."""
        return self._values_and_slopes[1]

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each element of :attr:`values`."""
        if self.expand is None:
            return self.free_names
        return names_of_all(self.expand, self.run.x)

    def _at(self, vector: Any, data: Any) -> Evaluation:
        """Return minus the log-likelihood, with the log-densities as its residuals."""
        layout, expand, loss = self.layout, self.expand, self.objective
        arguments = lambda p: (p, data)
        found = as_traced(call_at(loss.densities, layout, expand, vector, arguments, loss))
        return Evaluation(vector, -np.sum(found), plain=found)

    @lazy
    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log-densities, their derivatives by the free parameters, and the information."""
        require_memory(
            self.data,
            "scores of all data are not kept: fit.robust_covariance is computed from their sums",
        )

        def evaluate(vector: Any, data: Any) -> Any:
            here = self._at(vector, data)
            return here.equations, here.plain_jacobian, here.hessian

        parts: tuple[np.ndarray, np.ndarray, np.ndarray] = Function(evaluate)(
            self.vector.astype(np.float64), self.data
        )
        return parts

    def _sum(self, of: Callable[..., Any]) -> Any:
        """Return a sum over data that are read in blocks."""
        return of(self._at, self.vector.astype(np.float64), self.data)

    @lazy
    def _score_products(self) -> np.ndarray:
        """The sum of the outer products of the scores, shape (n, n)."""
        if any_in_blocks(self.data):
            return np.asarray(self._sum(slope_sums.products))
        return np.asarray(self.scores.T @ self.scores)

    @lazy
    def observations(self) -> int:
        """Number of data."""
        if any_in_blocks(self.data):
            return int(self._sum(slope_sums.number_of))
        return len(self._parts[0])

    @property
    def free_count(self) -> int:
        """The number of free parameters that are not on a bound."""
        return int(np.sum(self.is_free))

    @property
    def degrees_of_freedom(self) -> int:
        """Number of data minus :attr:`free_count`."""
        return self.observations - self.free_count

    @property
    def log_likelihood(self) -> float:
        """Sum of the log-densities at the end."""
        return -self.run.loss

    @property
    def scores(self) -> np.ndarray:
        """Derivatives of each log-density by the free parameters, shape (m, n)."""
        return self._parts[1]

    @lazy
    def observed_information(self) -> np.ndarray:
        """Observed information: minus the Hessian of the log-likelihood, shape (n, n)."""
        if any_in_blocks(self.data):
            return np.asarray(self._sum(slope_sums.hessian))
        return self._parts[2]

    @lazy
    def is_free(self) -> np.ndarray:
        """Which free parameters are not on a bound, shape (n,)."""
        if self.box is None:
            return np.ones(len(self.vector), bool)
        return np.asarray(self.box.inside(self.vector))

    @property
    def aic(self) -> float:
        """Akaike's information criterion, ``2 * k - 2 * log_likelihood``; smaller is better.

        k counts the free parameters that are not on a bound.
        """
        return aic(self.log_likelihood, self.free_count)

    @property
    def aicc(self) -> float:
        """:attr:`aic` with the correction for small samples; infinite for too few data."""
        return aicc(self.log_likelihood, self.free_count, self.observations)

    @property
    def bic(self) -> float:
        """Schwarz's Bayesian information criterion, ``k * log(m) - 2 * log_likelihood``."""
        return bic(self.log_likelihood, self.free_count, self.observations)

    @lazy
    def _inverse(self) -> np.ndarray | None:
        """The inverse information by parameters not on a bound; None if it is not positive."""
        free = np.flatnonzero(self.is_free)
        information = self.observed_information[np.ix_(free, free)]
        if not np.isfinite(information).all():
            return None
        scale = np.sqrt(np.abs(np.diag(information)))
        scale = np.where(scale > 0, scale, 1.0)
        values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
        if values.min(initial=np.inf) <= 1e-12 * values.max(initial=0.0):
            return None
        half = vectors / np.sqrt(values) / scale[:, None]
        return np.asarray(half @ half.T)

    def _of_all(self, known: np.ndarray | None) -> np.ndarray:
        """Return a covariance of the free parameters, from that of those not on a bound."""
        free = np.flatnonzero(self.is_free)
        result = np.full((len(self.vector), len(self.vector)), np.nan)
        result[np.ix_(free, free)] = np.inf if known is None else known
        return result

    @lazy
    def free_covariance(self) -> np.ndarray:
        """Covariance of the free parameters, shape (n, n)."""
        return self._of_all(self._inverse)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the parameters, shape (k, k): the inverse of the observed information.

        Infinite where the information is not positive definite, NaN for a parameter on its bound.
        """
        return propagate_covariance(self.free_covariance, self._values_and_slopes[1])

    @property
    def robust_covariance(self) -> np.ndarray:
        """Covariance of the parameters that does not assume the densities to be right.

        The sandwich ``A @ B @ A``, shape (k, k), of the inverse A of the observed information and
        the sum B of outer products of the scores [1]_. It is White's HC0 for linear models.

        References
        ----------
        .. [1] P. J. Huber, "The behavior of maximum likelihood estimates under nonstandard
           conditions", Proceedings of the Fifth Berkeley Symposium on Mathematical Statistics and
           Probability 1, 221-233, 1967.
        """
        inverse, free = self._inverse, self.is_free
        products = self._score_products[np.ix_(free, free)]
        known = None if inverse is None else inverse @ products @ inverse
        return propagate_covariance(self._of_all(known), self._values_and_slopes[1])

    @property
    def correlation(self) -> np.ndarray:
        """Correlations of the parameters, shape (k, k)."""
        errors = np.sqrt(np.diag(self.covariance))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.covariance / np.outer(errors, errors))

    def _structured(self, covariance: np.ndarray) -> Any:
        layout = self.layout if self.expand is None else ravel_parameters(self.run.x)[0]
        return as_plain_dict(layout.unpack(np.sqrt(np.diag(covariance))))

    @property
    def standard_errors(self) -> Any:
        """Roots of the diagonal of :attr:`covariance`, in the structure of the start values."""
        return self._structured(self.covariance)

    @property
    def robust_standard_errors(self) -> Any:
        """Roots of the diagonal of :attr:`robust_covariance`, as :attr:`standard_errors`."""
        return self._structured(self.robust_covariance)

    def quantile(self, level: float) -> float:
        """Return the quantile of the normal distribution that a two-sided interval needs."""
        from scipy.special import ndtri

        check_level(level)
        return float(ndtri(0.5 + 0.5 * level))

    @lazy
    def _profiles(self) -> Profiles:
        require_memory(self.data, NO_REFITS)
        if self._inverse is None:
            raise InputError(f"there is no profile: {' '.join(self.remarks)}")
        return Profiles(self, (1.0, self._first_steps(self._inverse)))

    def _first_steps(self, inverse: np.ndarray) -> np.ndarray:
        """Return a covariance of all free parameters, by which profiles make their first steps.

        Of a parameter on its bound it is the square of the distance where the log-likelihood has
        fallen by 1/2, by its slope or by its curvature there.
        """
        slopes = 2.0 * np.abs(np.sum(self.scores, axis=0))
        curvatures = np.maximum(np.diag(self.observed_information), 0.0)
        falls = np.nan_to_num(np.maximum(slopes, np.sqrt(curvatures)), posinf=0.0)
        sizes = np.maximum(np.abs(self.vector), 1.0)
        steps = np.divide(1.0, falls, out=sizes, where=falls > 0)
        result = np.diag(np.where(self.is_free, 0.0, steps**2))
        free = np.flatnonzero(self.is_free)
        result[np.ix_(free, free)] = inverse
        return result

    @lazy
    def problem(self) -> Problem:
        """The problem that refits solve, by Newton's method within a trust region."""
        return Problem(
            Objective(self.objective, expand=self.expand), self.layout, (self.data,),
            TrustRegion(), FEW_GOAL, dtype=self.layout.dtype, engine=get_engine("native"),
            max_paths=MAX_PATHS, box=self.box,
        )  # fmt: skip

    @property
    def end(self) -> LikelihoodFit:
        """The end of the fit: itself."""
        return self

    def confidence_intervals(
        self, level: float = 0.95, method: str = "linear", *, robust: bool = False
    ) -> np.ndarray:
        """Return a confidence interval for each parameter, shape (k, 2).

        Parameters
        ----------
        level : float, optional
            Probability, in (0, 1).
        method : {"linear", "profile"}, optional
            ``"linear"`` for estimates plus and minus multiples of the standard errors, by normal
            quantiles. ``"profile"`` for the values that the likelihood ratio does not reject.
        robust : bool, optional
            Whether to use :attr:`robust_covariance`, which only ``"linear"`` does.

        Returns
        -------
        ndarray
            Lower and upper ends, shape (k, 2).

        Raises
        ------
        InputError
            If an argument is invalid, or if there is no profile.

        Warns
        -----
        FitWarning
            As :meth:`Fit.confidence_intervals`.
        """
        if not robust:
            return super().confidence_intervals(level, method)
        if method != "linear":
            raise InputError(f"method must be 'linear' if robust is true, got {method!r}")
        half_width = self.quantile(level) * np.sqrt(np.diag(self.robust_covariance))
        return np.stack([self.values - half_width, self.values + half_width], axis=1)

    def derive(self, function: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return a function of the parameters and its standard errors, as :meth:`Fit.derive`."""
        return derive(self, function)

    @property
    def remarks(self) -> list[str]:
        """Sentences on parameters without standard errors."""
        on_bound = [
            f"{self.free_names[i]} is on its bound, {self.vector[i]:g}: it has no standard error, "
            "and those of the others hold with it fixed there."
            for i in np.flatnonzero(~self.is_free)
        ]
        if not math.isfinite(self.run.loss):
            return on_bound  # the log-density is at fault, not the data
        if not np.isfinite(self.observed_information).all():
            on_bound.append(
                "The observed information is not finite: the log-density has no second "
                "derivatives at the estimates."
            )
        elif self._inverse is None and self.is_free.any():
            on_bound.append(
                "The observed information is not positive definite: the data do not determine "
                "all parameters, or this is no maximum."
            )
        return on_bound

    @property
    def message(self) -> str:
        """How the descent ended, and :attr:`remarks`."""
        return " ".join([self.run.message, *self.remarks])

    def report(self, level: float = 0.95, method: str = "linear") -> str:
        """Return a table of the parameters and criteria of the fit, as text.

        Parameters
        ----------
        level, method
            As for :meth:`Fit.report`.

        Returns
        -------
        str
            The table. The column ``robust`` has :attr:`robust_standard_errors`.
        """
        text: str = presenter("report").text(self, level, method)
        return text

    def __str__(self) -> str:
        return self.report()

    def _repr_html_(self) -> str:
        text: str = presenter("report").html(self)
        return text

    def plot(self, path: Any = None, ax: Any = None) -> Any:
        """Plot the data and the fitted density, or profiles (needs matplotlib).

        Data that are one array of numbers, with a density that adds up to 1, are drawn as a
        histogram, and below it are their quantiles over those of the density, or standardized
        residuals of the counts if they are whole numbers. Otherwise
        (predictors, censored data, densities up to a constant) each parameter's profile is drawn,
        as by :meth:`plot_profile`. If there is no profile, the descent is plotted.

        Parameters
        ----------
        path : path_like, optional
            File to write the figure to, in the format of its suffix: ``.png``, ``.svg``, ``.pdf``.
        ax : matplotlib.axes.Axes or pair of them, optional
            Axes to draw data and density in; of a pair, the second is for what is below. By
            default those of a new figure.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        InputError
            If axes are given, but there is no density to draw.
        """
        require_memory(
            self.data,
            "not every datum can be drawn: read some and draw them with matplotlib, or plot the "
            "descent, fit.run.plot()",
        )
        return presenter("density_plots").plot_likelihood(self, path, ax)

    def _names(self) -> Sequence[str]:
        return _KEYS
