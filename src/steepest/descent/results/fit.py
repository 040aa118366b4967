"""A finished fit: the point, and what the data say about how sure it is."""

from __future__ import annotations

import math
import operator
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.iteration.problem import Problem
from steepest.descent.problem.data import Data
from steepest.descent.problem.evaluation import value_slopes
from steepest.descent.problem.parameters import ravel_parameters
from steepest.descent.results.answers import Answers
from steepest.descent.results.covariance import covariance_from_r, propagate_covariance
from steepest.descent.results.fit_predict import FittedCurve
from steepest.descent.results.fit_state import FinishedFit, FitState
from steepest.descent.results.result import Result
from steepest.descent.results.scipy_answers import (
    IER,
    NAMES,
    NAMES_OF_CURVES,
    infodict,
    optimality,
)
from steepest.errors import InputError, OptimizeWarning
from steepest.graph import trees
from steepest.lazy import lazy
from steepest.presentation import presenter


class FitWarning(OptimizeWarning):
    """A fit whose parameters are not all determined by the data."""


def _in_order(x: Any) -> Any:
    """Return parameters by name as a plain dict, which keeps their order."""
    return dict(x) if type(x) is OrderedDict else x


def _of_parts(run: Result, problem: Problem, *rest: Any) -> Fit:
    """Return a fit out of a pickle."""
    return Fit(FinishedFit.of(run, problem), *rest)


def _of_run(name: str, what: str) -> Any:
    """Return a property that is the descent's."""
    return property(operator.attrgetter(f"run.{name}"), doc=what)


_OURS = ("loss", "gradient", "iterations", "evaluations", "converged", "history", "timings")
_STATISTICS = (
    *("names", "covariance", "standard_errors", "correlation", "residuals", "jacobian"),
    *("chi_square", "reduced_chi_square", "degrees_of_freedom", "r_squared", "rank"),
)


@dataclass(frozen=True, eq=False)
class Fit(Answers):
    """A finished fit of residuals: :class:`Result` and statistics.

    It also answers as SciPy's results do: by the names of ``least_squares``, in brackets too
    (``fit["cost"]``, ``fit.keys()``), and unpacked as ``curve_fit``'s, ``popt, pcov = fit``.
    Its status is 0 where it converged, as of every other run here; SciPy's ``least_squares``
    alone has 1 to 4 for that, and 0 for a limit.

    Attributes
    ----------
    end
        How it ended.
    free_names
        A name for each free parameter.
    absolute_sigma
        Whether the residuals are in units of known standard deviations; otherwise these are
        estimated from the residuals.
    data
        Model and data, where a model was fitted.
    full_output
        Whether it unpacks to five parts, as SciPy's ``curve_fit`` returns them then.
    notes
        Sentences on what was given and has no effect.
    """

    end: FitState
    free_names: tuple[str, ...]
    absolute_sigma: bool = False
    data: Data | None = None
    full_output: bool = False
    notes: tuple[str, ...] = ()

    @property
    def run(self) -> Result:
        """The descent."""
        return self.end.run

    @property
    def problem(self) -> Problem:
        """What was fitted."""
        return self.end.problem

    @property
    def vector(self) -> np.ndarray:
        """The free parameters as a vector, shape (n,)."""
        return self.end.vector

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_parts, (
            self.run, self.problem, self.free_names, self.absolute_sigma, self.data,
            self.full_output, self.notes,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Fit(run={self.run!r}, names={self.names!r})"

    def _parts(self) -> tuple[Any, ...]:
        """Return what SciPy's ``curve_fit`` returns."""
        both = self.x, self.covariance
        return (*both, self.infodict, self.mesg, self.ier) if self.full_output else both

    def __iter__(self) -> Iterator[Any]:
        """Yield parameters and covariance, as SciPy's ``curve_fit`` returns them."""
        return iter(self._parts())

    def __len__(self) -> int:
        return 5 if self.full_output else 2

    def __getitem__(self, place: Any) -> Any:
        """Return a part by its place in what SciPy's ``curve_fit`` gives, or by its name."""
        return super().__getitem__(place) if isinstance(place, str) else self._parts()[place]

    def _names(self) -> Sequence[str]:
        of_curves = () if self.data is None else NAMES_OF_CURVES
        return (*NAMES, *of_curves, *_OURS, *_STATISTICS)

    # What the descent itself knows.

    gradient = _of_run("gradient", "The gradient of the loss, as :attr:`Result.gradient`.")
    iterations = _of_run("iterations", "Updates made.")
    evaluations = _of_run("evaluations", "How often residuals and slopes were computed.")
    status = _of_run("status", "How it ended.")
    history = _of_run("history", "What was recorded on the way.")
    timings = _of_run("timings", "Seconds for trace, compile and run.")
    graph = _of_run("graph", "The graph of the loss.")
    engine = _of_run("engine", "Name of the engine.")
    method = _of_run("method", "The descent method.")
    reason = _of_run("reason", "Why it was taken, if nobody asked for it.")
    active = _of_run("active", "Which bounds are met, as :attr:`Result.active`.")
    nit = _of_run("nit", "The number of iterations, under SciPy's name.")
    nfev = _of_run("nfev", "The number of evaluations, under SciPy's name.")
    njev = _of_run("njev", "The same: they are evaluated together.")

    @property
    def loss(self) -> float:
        """The loss: :attr:`cost`."""
        return self.end.loss

    @property
    def observations(self) -> int:
        """Number of residuals."""
        return self.end.observations

    @property
    def converged(self) -> bool:
        """Whether the descent reached its goal."""
        return self.end.converged

    @property
    def success(self) -> bool:
        """The same, under SciPy's name."""
        return self.converged

    @property
    def x(self) -> Any:
        """The parameters, in the structure of the start."""
        return _in_order(self.end.x)

    @property
    def factor(self) -> np.ndarray:
        """R of the QR decomposition of the Jacobian at the end, shape (n, n)."""
        return self._triangle[:, :-1]

    @lazy
    def _triangle(self) -> np.ndarray:
        """The same, and Q.T times the residuals as a last column: shape (n, n + 1)."""
        triangle = self.end.triangle
        if triangle is not None:
            return triangle
        residuals, _, jacobian = self._at_end
        number = len(self.vector)
        rows = np.concatenate([jacobian, residuals[:, None]], axis=1)
        rows = np.concatenate([rows, np.zeros((number, number + 1))])
        return np.asarray(np.linalg.qr(rows, "r"))[:number]

    @property
    def message(self) -> str:
        """How it ended, and what of the parameters the data do not tell; what is wrong first."""
        ended = [self.run.message, *self.notes]
        if self.is_short_of_rank:  # which matters more
            return " ".join([*self.remarks, *ended])
        return " ".join([*ended, *self.remarks])

    # What the function is given, where start values are marked; else what is free.

    @property
    def _expand(self) -> Any:
        return self.end.expand

    @lazy
    def _made(self) -> tuple[np.ndarray, np.ndarray]:
        """All parameters as a vector, and its slopes by that of the free ones."""
        layout, expand = self.problem.layout, self._expand

        def look(vector: Any) -> Any:
            return value_slopes(layout, expand, vector)

        return Function(look)(self.vector)

    @property
    def values(self) -> np.ndarray:
        """All parameters as a vector, shape (k,)."""
        return self.vector if self._expand is None else self._made[0]

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each of them."""
        if self._expand is None:
            return self.free_names
        pairs = zip(self._expand.names, trees.leaves(self.end.x), strict=True)
        return tuple(
            [
                name if np.ndim(value) == 0 else f"{name}[{', '.join(map(str, place))}]"
                for name, value in pairs
                for place in np.ndindex(np.shape(value))
            ]
        )

    # Statistics.

    @property
    def cost(self) -> float:
        """Half the sum of squares, or the robust loss that stands for it."""
        return self.end.loss

    @property
    def chi_square(self) -> float:
        """The sum of squared residuals."""
        return float(np.sum(np.square(self.residuals))) if self._is_robust else 2 * self.cost

    @property
    def _is_robust(self) -> bool:
        return self.problem.objective.rho is not None

    @property
    def degrees_of_freedom(self) -> int:
        """Residuals less the parameters that were free to move."""
        return self.end.observations - self._number

    @property
    def reduced_chi_square(self) -> float:
        """The sum of squares for each degree of freedom; NaN if there are none."""
        freedom = self.degrees_of_freedom
        return 2 * self.cost / freedom if freedom > 0 else math.nan

    @property
    def residual_standard_deviation(self) -> float:
        """The root of :attr:`reduced_chi_square`, in units of the residuals."""
        return math.sqrt(self.reduced_chi_square)

    @property
    def r_squared(self) -> float:
        """Share of the variance of y that the model explains; NaN where there is no model."""
        if self.data is None:
            return math.nan
        y = self.data.y
        total = float(np.sum(np.square(y - np.mean(y))))
        rest = float(np.sum(np.square(y - self.predict(self.data.x))))
        return 1 - rest / total if total else math.nan

    @lazy
    def _free(self) -> np.ndarray:
        """Which parameters no bound holds."""
        box = self.end.box
        if box is None:
            return np.ones(len(self.vector), bool)
        return np.asarray(box.inside(self.vector))

    @lazy
    def _number(self) -> int:
        """How many these are."""
        return len(self.vector) if self.end.box is None else int(np.sum(self._free))

    @lazy
    def _unscaled_covariance(self) -> tuple[np.ndarray, int]:
        """The inverse of the Jacobian's square by the free parameters, and its rank."""
        inverse = self.end.inverse
        if inverse is not None:
            return inverse, len(inverse)
        return covariance_from_r(self.factor[:, self._free], self.end.observations)

    @property
    def is_determined(self) -> bool:
        """Whether the data determine the free parameters and their scatter."""
        if self.end.inverse is not None:
            return True
        return self.rank == self._number and self.degrees_of_freedom > 0

    @property
    def is_short_of_rank(self) -> bool:
        """Whether there are parameters that the data tell nothing of, or not one from another."""
        return self.end.inverse is None and self.rank < self._number

    @property
    def rank(self) -> int:
        """Of the Jacobian by the parameters that no bound holds."""
        return self._unscaled_covariance[1]

    @lazy
    def covariance(self) -> np.ndarray:
        """Covariance of the parameters, shape (k, k).

        From the linear model at the end: the inverse of ``J.T @ J``, times the reduced
        chi-square unless sigma is absolute. Infinite where the data do not determine the
        parameters, NaN for a parameter on its bound. What follows from free parameters has
        the covariance that their slopes hand on; what is fixed has none.
        """
        if self._expand is None:
            return self._free_covariance
        free, slopes = self._free_covariance, self._made[1]
        return propagate_covariance(free, slopes)

    @lazy
    def _free_covariance(self) -> np.ndarray:
        """The same of the free parameters, shape (n, n)."""
        end = self.end
        inverse = end.inverse
        if inverse is not None:  # most often, and it is what unpacking a fit waits for
            freedom = end.observations - len(inverse)
            return inverse * (1.0 if self.absolute_sigma else 2 * end.loss / freedom)
        unscaled, _ = self._unscaled_covariance
        scale = 1.0 if self.absolute_sigma else self.reduced_chi_square
        if math.isnan(scale):
            unscaled, scale = np.full_like(unscaled, np.inf), 1.0
        if self.end.box is None:
            return unscaled * scale
        free = np.flatnonzero(self._free)
        result = np.full((len(self.vector), len(self.vector)), np.nan)
        result[np.ix_(free, free)] = unscaled * scale
        return result

    @property
    def standard_errors(self) -> Any:
        """Standard deviations of the parameters, in the structure of the start."""
        layout = self.problem.layout if self._expand is None else ravel_parameters(self.end.x)[0]
        return _in_order(layout.unpack(np.sqrt(np.diag(self.covariance))))

    @property
    def correlation(self) -> np.ndarray:
        """Correlations of the parameters, shape (n, n)."""
        errors = np.sqrt(np.diag(self.covariance))
        with np.errstate(invalid="ignore"):
            return self.covariance / np.outer(errors, errors)

    def confidence_intervals(self, level: float = 0.95) -> np.ndarray:
        """Return an interval for each parameter, shape (n, 2).

        Parameters
        ----------
        level
            Probability, in (0, 1): of Student's distribution, or of the normal one if sigma
            is absolute.
        """
        errors = np.sqrt(np.diag(self.covariance))
        reach = self._quantile(level) * errors
        return np.stack([self.values - reach, self.values + reach], axis=1)

    def _quantile(self, level: float) -> float:
        from scipy.special import ndtri, stdtrit

        if not 0 < level < 1:
            raise InputError(f"level must be between 0 and 1, got {level!r}")
        tail = 0.5 + 0.5 * level
        if self.absolute_sigma:
            return float(ndtri(tail))
        freedom = self.degrees_of_freedom
        return float(stdtrit(freedom, tail)) if freedom > 0 else math.nan

    @property
    def remarks(self) -> list[str]:
        """Sentences on parameters that the data do not determine, or a bound holds."""
        remarks = []
        box = self.end.box
        if box is not None:
            for i in np.flatnonzero(~self._free):
                side = "lower" if self.vector[i] <= box.lower[i] else "upper"
                remarks.append(
                    f"{self.free_names[i]} is on its {side} bound, {self.vector[i]:g}: it has no "
                    "standard error, and those of the others hold with it fixed there."
                )
        number = self._number
        if not np.isfinite(self.end.loss):
            return remarks  # the model is at fault, not the data
        if self.rank < number:
            remarks.append(
                f"The Jacobian has rank {self.rank} for {number} parameters: the data do not "
                f"determine {self._undetermined()}, and no standard errors can be given; fix "
                "one of them, or give more data."
            )
        elif self.degrees_of_freedom <= 0 and not self.absolute_sigma:
            remarks.append(
                f"There are {self.end.observations} residuals for {number} parameters: their "
                "scatter cannot be estimated; give more data, or absolute_sigma=True."
            )
        return remarks

    def _undetermined(self) -> str:
        r = self.factor[:, self._free]
        if not np.isfinite(r).all():
            return "the parameters"
        norms = np.sqrt(np.sum(np.square(r), axis=0))
        rows = np.linalg.svd(r / np.where(norms > 0, norms, 1.0), full_matrices=False)[2]
        null = np.abs(rows[self.rank :]).max(axis=0)
        names = np.array(self.free_names)[self._free][null > 0.1 * null.max()]
        return " and ".join(names)

    # The model.

    @lazy
    def _at_end(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        problem = self.problem

        def look(vector: Any, *arguments: Any) -> Any:
            seen = problem.objective(vector, problem.layout, arguments)
            return seen.plain, seen.plain_jacobian, seen.jacobian, seen.loss

        vector = self.vector.astype(problem.dtype)
        plain, slopes, jacobian, loss = Function(look)(vector, *problem.args)
        size = 1e4 * np.finfo(vector.dtype).eps * (np.abs(slopes) @ np.abs(vector))
        # Engines round differently, by far less than this.
        is_same = abs(loss - self.cost) <= 1e-4 * self.cost + np.sum(np.square(size))
        if math.isfinite(self.cost) and not is_same:
            raise InputError(
                f"what the fit was made of has changed since: its loss was {self.cost:g}, and is "
                f"{loss:g} now; look at residuals before arrays that the function reads change"
            )
        return plain, slopes, jacobian

    @property
    def residuals(self) -> np.ndarray:
        """The residuals at the end, shape (m,), without any robust loss."""
        return self._at_end[0]

    @property
    def jacobian(self) -> np.ndarray:
        """Their slopes by the parameters, shape (m, n)."""
        return self._at_end[1]

    def _require_data(self) -> Data:
        if self.data is None:
            raise InputError("this needs a model: fit with st.curve_fit")
        return self.data

    @property
    def _curve(self) -> FittedCurve:
        return FittedCurve(self._require_data(), self.problem, self.vector, self._expand)

    def predict(self, x: Any) -> np.ndarray:
        """Return the fitted model at some x."""
        return self._curve.at(x, self.x)

    def band(
        self, x: Any, level: float = 0.95, kind: str = "mean", sigma: Any = None
    ) -> tuple[Any, Any]:
        """Return the ends of a band around the fitted curve.

        Parameters
        ----------
        x
            Where, as the model takes it.
        level
            Probability, in (0, 1).
        kind
            ``"mean"``: where the curve itself lies; ``"prediction"``: where a further
            observation would.
        sigma
            Standard deviation of a further observation at `x`, as `sigma` of the data: needed
            for a prediction where that differs from point to point, and `x` is not that of
            the data.

        Returns
        -------
        lower, upper
            Arrays of the shape of ``predict(x)``, in the units of y.

        Raises
        ------
        InputError
            If a setting makes no sense, or the scatter at `x` is not known.
        """
        if kind not in ("mean", "prediction"):
            raise InputError(f"kind must be 'mean' or 'prediction', got {kind!r}")
        curve = self._curve
        center, variance = curve.variance(x, self._free_covariance)
        if kind == "prediction":
            unit = 1.0 if self.absolute_sigma else self.reduced_chi_square
            variance = variance + unit * np.square(curve.scatter(x, sigma))
        reach = self._quantile(level) * np.sqrt(variance)
        return curve.everywhere(x, center - reach), curve.everywhere(x, center + reach)

    # SciPy's names for the same things.

    @property
    def popt(self) -> Any:
        """The parameters, under the name that users of SciPy give them."""
        return self.x

    @property
    def pcov(self) -> np.ndarray:
        """The covariance, under the name that users of SciPy give it."""
        return self.covariance

    @property
    def fun(self) -> np.ndarray:
        """The residuals, under SciPy's name."""
        return self.residuals

    @property
    def jac(self) -> np.ndarray:
        """The Jacobian, under SciPy's name."""
        return self.jacobian

    @property
    def grad(self) -> Any:
        """The gradient of the cost, under SciPy's name."""
        return self.run.gradient

    @property
    def active_mask(self) -> Any:
        """Which bounds are met, under SciPy's name: all 0 where there are none."""
        if self.active is not None:
            return self.active
        return self.problem.layout.unpack(np.zeros(len(self.vector), int), np.dtype(int))

    @property
    def optimality(self) -> float:
        """The largest slope of the cost by a free parameter, under SciPy's name."""
        return optimality(self.run.gradient, self._free)

    @property
    def infodict(self) -> dict[str, Any]:
        """What SciPy's ``curve_fit`` calls so, given full_output.

        Where there are no bounds, ``fjac.T`` is R of the Jacobian's QR decomposition, whose
        columns stay where they are, and ``qtf`` Q.T times the residuals.
        """
        has_triangle = self.end.box is None and not self._is_robust
        triangle = self._triangle if has_triangle else None
        return infodict(self.evaluations, self.residuals, triangle)

    @property
    def mesg(self) -> str:
        """The message, under the name that users of SciPy give it."""
        return self.message

    @property
    def ier(self) -> int:
        """What SciPy's ``curve_fit`` calls so, given full_output.

        1 where the fit converged, 5 at a limit, 7 where no better point was found, -1 where the
        callback or the user ended it, 0 for anything else.
        """
        return 1 if self.converged else IER.get(self.status.name, 0)

    def save(self, path: Any) -> None:
        """Write to a file where the fit ended, as :meth:`Result.save` does."""
        self.run.save(path)

    # For people.

    def report(self, level: float = 0.95) -> str:
        """Return what a notebook wants to know, as text.

        Parameters
        ----------
        level
            Probability of the confidence intervals.
        """
        return presenter("report").text(self, level)

    def __str__(self) -> str:
        return self.report()

    def _repr_html_(self) -> str:
        return presenter("report").html(self)

    def plot(self, path: Any = None) -> Any:
        """Plot data, curve and band, or without a model the descent (needs matplotlib).

        Parameters
        ----------
        path
            File to write; None returns the figure only.

        Returns
        -------
        matplotlib.figure.Figure
        """
        if self.data is None:
            return self.run.plot(path)
        return presenter("plot").plot_fit(self, path)
