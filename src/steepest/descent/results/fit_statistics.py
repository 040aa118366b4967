"""Statistics of a fit's parameters: covariance, standard errors, intervals, rank."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods.base import needs_residuals
from steepest.descent.problem.evaluation import value_slopes
from steepest.descent.problem.in_blocks.triangles import triangle as triangle_in_blocks
from steepest.descent.problem.parameters import (
    ParameterLayout,
    as_plain_dict,
    ravel_parameters,
)
from steepest.descent.problem.streamed import require_memory, sources_in
from steepest.descent.problem.transforms import Reparametrization
from steepest.descent.results.covariance import (
    column_scales,
    covariance_from_r,
    propagate_covariance,
)
from steepest.descent.results.fit_state import FitState
from steepest.descent.results.result import Result
from steepest.errors import InputError
from steepest.graph import trees
from steepest.lazy import lazy


def names_of_all(expand: Reparametrization, x: Any) -> tuple[str, ...]:
    """Return a name for each number of all parameters: ``"b"``, or ``"b[2]"``."""
    return tuple(
        [
            name if np.ndim(value) == 0 else f"{name}[{', '.join(map(str, index))}]"
            for name, value in zip(expand.names, trees.leaves(x), strict=True)
            for index in np.ndindex(np.shape(value))
        ]
    )


def check_level(level: float) -> None:
    """Raise unless a level is a probability between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, got {level!r}")


@dataclass(frozen=True, eq=False)
class FitStatistics:
    """Statistics of the parameters at the end of a fit, from the linear model there.

    Attributes
    ----------
    end
        The end of the fit.
    free_names
        A name for each free parameter.
    absolute_sigma
        Whether the residuals are in units of known standard deviations. Otherwise the standard
        deviations are estimated from the residuals.
    notes
        Sentences on arguments that had no effect.
    """

    end: FitState
    free_names: tuple[str, ...]
    absolute_sigma: bool = False
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def run(self) -> Result:
        """The descent."""
        return self.end.run

    @property
    def problem(self) -> Problem:
        """The problem that was solved."""
        return self.end.problem

    @property
    def vector(self) -> np.ndarray:
        """The free parameters as a vector, shape (n,)."""
        return self.end.vector

    @property
    def observations(self) -> int:
        """Number of residuals."""
        return self.end.observations

    @property
    def x(self) -> Any:
        """The parameters, in the structure of the start values."""
        return as_plain_dict(self.end.x)

    @property
    def factor(self) -> np.ndarray:
        """R of the QR decomposition of the Jacobian at the end, shape (n, n)."""
        return self._r_and_qtr[:, :-1]

    @lazy
    def _r_and_qtr(self) -> np.ndarray:
        """R, with Q.T times the residuals as its last column: shape (n, n + 1)."""
        triangle = self.end.triangle
        if triangle is not None:
            return triangle
        p = self.problem
        if sources_in(p.args):
            at = self.vector.astype(p.dtype)
            return triangle_in_blocks(p.objective, p.layout, p.args, at, needs_residuals(p.method))
        residuals, _, jacobian = self._residuals_and_jacobians
        number = len(self.vector)
        rows = np.concatenate([jacobian, residuals[:, None]], axis=1)
        rows = np.concatenate([rows, np.zeros((number, number + 1))])
        return np.asarray(np.linalg.qr(rows, "r"))[:number]

    @property
    def layout(self) -> ParameterLayout:
        """The layout of the free parameters."""
        return self.problem.layout

    @property
    def expand(self) -> Reparametrization | None:
        """The map from free parameters to all parameters, where start values are marked."""
        return self.end.expand

    @lazy
    def _values_and_slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """All parameters as a vector, and their derivatives by the free ones, shape (k, n)."""
        layout, expand = self.problem.layout, self.expand

        def evaluate(vector: Any) -> Any:
            return value_slopes(layout, expand, vector)

        result: tuple[np.ndarray, np.ndarray] = Function(evaluate)(self.vector)
        return result

    @property
    def values(self) -> np.ndarray:
        """All parameters as a vector, shape (k,)."""
        return self.vector if self.expand is None else self._values_and_slopes[0]

    @property
    def value_slopes(self) -> np.ndarray:
        """Derivatives of :attr:`values` by the free parameters, shape (k, n)."""
        return np.eye(len(self.vector)) if self.expand is None else self._values_and_slopes[1]

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each element of :attr:`values`."""
        if self.expand is None:
            return self.free_names
        return names_of_all(self.expand, self.end.x)

    @lazy
    def _residuals_and_jacobians(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Residuals, their Jacobian, and the Jacobian weighted by the robust loss."""
        problem = self.problem

        def evaluate(vector: Any, *arguments: Any) -> Any:
            at = problem.objective(vector, problem.layout, arguments)
            return at.plain, at.plain_jacobian, at.jacobian, at.loss

        require_memory(
            problem.args,
            "residuals and Jacobian of all rows are not kept: read some rows, and compute them "
            "from these"
            + (
                "" if self._is_of_residuals else ", y.read(0, 1000) - fit.predict(x.read(0, 1000))"
            ),
        )
        vector = self.vector.astype(problem.dtype)
        plain, slopes, jacobian, loss = Function(evaluate)(vector, *problem.args)
        size = 1e4 * np.finfo(vector.dtype).eps * (np.abs(slopes) @ np.abs(vector))
        # Engines differ in their last bits, which is far less than this tolerance.
        with np.errstate(over="ignore", invalid="ignore"):
            rounding = np.sum(np.square(size), where=np.isfinite(size))
            is_same = abs(loss - self.cost) <= 1e-4 * self.cost + rounding
        if math.isfinite(self.cost) and not is_same:
            raise InputError(
                f"what the fit reads has changed since: its loss was {self.cost:g} and is now "
                f"{loss:g}; read residuals and jacobian before changing its arrays"
            )
        return plain, slopes, jacobian

    @property
    def _is_of_residuals(self) -> bool:
        return getattr(self, "data", None) is None

    @property
    def residuals(self) -> np.ndarray:
        """The residuals at the end, shape (m,), without any robust loss."""
        return self._residuals_and_jacobians[0]

    @property
    def jacobian(self) -> np.ndarray:
        """The Jacobian of the residuals by the free parameters, shape (m, n)."""
        return self._residuals_and_jacobians[1]

    @property
    def weighted_jacobian(self) -> np.ndarray:
        """The Jacobian, its rows weighted by the robust loss, shape (m, n)."""
        return self._residuals_and_jacobians[2]

    @property
    def cost(self) -> float:
        """Half the sum of squares, or the robust loss."""
        return self.end.loss

    @property
    def chi_square(self) -> float:
        """The sum of squared residuals."""
        return self._sum_of_squares if self.is_robust else 2 * self.cost

    @lazy
    def _sum_of_squares(self) -> float:
        problem = self.problem
        if not sources_in(problem.args):
            return float(np.sum(np.square(self.residuals)))

        def evaluate(vector: Any, *arguments: Any) -> Any:
            return np.sum(np.square(problem.objective(vector, problem.layout, arguments).plain))

        return float(Function(evaluate)(self.vector.astype(problem.dtype), *problem.args))

    @property
    def is_robust(self) -> bool:
        """Whether the loss is not the sum of squares."""
        return self.problem.objective.rho is not None

    @property
    def degrees_of_freedom(self) -> int:
        """Number of residuals minus number of free parameters that are not on a bound."""
        return self.end.observations - self.free_count

    @property
    def reduced_chi_square(self) -> float:
        """The sum of squares per degree of freedom; NaN if there are none."""
        freedom = self.degrees_of_freedom
        return 2 * self.cost / freedom if freedom > 0 else math.nan

    @property
    def residual_standard_deviation(self) -> float:
        """The root of :attr:`reduced_chi_square`, in units of the residuals."""
        return math.sqrt(self.reduced_chi_square)

    @lazy
    def is_free(self) -> np.ndarray:
        """Which free parameters are not on a bound."""
        box = self.end.box
        if box is None:
            return np.ones(len(self.vector), bool)
        return np.asarray(box.inside(self.vector))

    @lazy
    def free_count(self) -> int:
        """The number of free parameters that are not on a bound."""
        return len(self.vector) if self.end.box is None else int(np.sum(self.is_free))

    @lazy
    def _unscaled_covariance(self) -> tuple[np.ndarray, int]:
        """The inverse of ``J.T @ J`` for parameters not on a bound, and the rank of J."""
        inverse = self.end.inverse
        if inverse is not None:
            return inverse, len(inverse)
        return covariance_from_r(self.factor[:, self.is_free], self.end.observations)

    @property
    def is_determined(self) -> bool:
        """Whether the data determine the free parameters and their scatter."""
        if self.end.inverse is not None:
            return True
        return self.rank == self.free_count and self.degrees_of_freedom > 0

    @property
    def is_short_of_rank(self) -> bool:
        """Whether the data leave some parameters, or combinations of them, undetermined."""
        return self.end.inverse is None and self.rank < self.free_count

    @property
    def rank(self) -> int:
        """The rank of the Jacobian by the parameters that are not on a bound."""
        return self._unscaled_covariance[1]

    @lazy
    def covariance(self) -> np.ndarray:
        """Covariance of the parameters, shape (k, k).

        From the linear model at the end: the inverse of ``J.T @ J``, times the reduced
        chi-square unless sigma is absolute. Infinite where the data do not determine the
        parameters, NaN for a parameter on its bound. Tied and transformed parameters have
        the covariance that follows from the free ones to first order; fixed ones have zero.
        """
        if self.expand is None:
            return self.free_covariance
        free, slopes = self.free_covariance, self._values_and_slopes[1]
        return propagate_covariance(free, slopes)

    @lazy
    def free_covariance(self) -> np.ndarray:
        """Covariance of the free parameters, shape (n, n)."""
        end = self.end
        inverse = end.inverse
        if inverse is not None:  # the common case, which must be fast
            freedom = end.observations - len(inverse)
            return inverse * (1.0 if self.absolute_sigma else 2 * end.loss / freedom)
        unscaled, _ = self._unscaled_covariance
        scale = 1.0 if self.absolute_sigma else self.reduced_chi_square
        if math.isnan(scale):
            unscaled, scale = np.full_like(unscaled, np.inf), 1.0
        if self.end.box is None:
            return unscaled * scale
        free = np.flatnonzero(self.is_free)
        result = np.full((len(self.vector), len(self.vector)), np.nan)
        result[np.ix_(free, free)] = unscaled * scale
        return result

    @property
    def standard_errors(self) -> Any:
        """Standard deviations of the parameters, in the structure of the start values."""
        layout = self.problem.layout if self.expand is None else ravel_parameters(self.end.x)[0]
        return as_plain_dict(layout.unpack(np.sqrt(np.diag(self.covariance))))

    @property
    def correlation(self) -> np.ndarray:
        """Correlations of the parameters, shape (n, n)."""
        errors = np.sqrt(np.diag(self.covariance))
        with np.errstate(invalid="ignore"):
            correlation: np.ndarray = self.covariance / np.outer(errors, errors)
        return correlation

    def quantile(self, level: float) -> float:
        """Return the half-width of an interval of probability `level`, in standard errors."""
        from scipy.special import ndtri, stdtrit

        check_level(level)
        tail = 0.5 + 0.5 * level
        if self.absolute_sigma:
            return float(ndtri(tail))
        freedom = self.degrees_of_freedom
        return float(stdtrit(freedom, tail)) if freedom > 0 else math.nan

    @property
    def remarks(self) -> list[str]:
        """Sentences on parameters that the data do not determine or that are on a bound."""
        remarks = []
        box = self.end.box
        if box is not None:
            for i in np.flatnonzero(~self.is_free):
                side = "lower" if box.on_lower(self.vector)[i] else "upper"
                remarks.append(
                    f"{self.free_names[i]} is on its {side} bound, {self.vector[i]:g}: it has no "
                    "standard error, and those of the others hold with it fixed there."
                )
        number = self.free_count
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
        r = self.factor[:, self.is_free]
        if not np.isfinite(r).all():
            return "the parameters"
        rows = np.linalg.svd(r / column_scales(r), full_matrices=False)[2]
        null = np.abs(rows[self.rank :]).max(axis=0)
        names = np.array(self.free_names)[self.is_free][null > 0.1 * null.max()]
        return " and ".join(names)

    @property
    def message(self) -> str:
        """How the fit ended, and :attr:`remarks`; undetermined parameters come first."""
        ended = [self.run.message, *self.notes]
        if self.is_short_of_rank:
            return " ".join([*self.remarks, *ended])
        return " ".join([*ended, *self.remarks])
