"""Results of many problems: arrays with a row for each."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.results.covariance import covariances_from_r
from steepest.descent.results.keyed_result import KeyedResult
from steepest.descent.results.result import Status, Timings
from steepest.presentation import presenter

_SCIPYS = ("x", "fun", "nit", "nfev", "njev", "status", "success")
_OURS = ("loss", "iterations", "evaluations", "converged", "timings", "method", "engine")
_OF_FITS = ("x", "cost", "nit", "nfev", "njev", "status", "success", "popt", "pcov")
_STATISTICS = ("covariance", "standard_errors", "degrees_of_freedom", "reduced_chi_square")


@dataclass(frozen=True, eq=False, repr=False)
class Many(KeyedResult):
    """The result of :func:`minimize_many`; every array has a row for each of N problems.

    SciPy's names of fields work too: ``many.nit``, ``many["x"]``. ``many.status == 0`` says which
    problems converged.

    Attributes
    ----------
    vectors : ndarray
        The points reached, each as a vector, shape (N, n). ``many.x`` has them in the structure of
        the start values.
    loss : ndarray
        The losses at these points, shape (N,).
    status : ndarray of Status
        How each problem ended, shape (N,).
    iterations, evaluations : ndarray
        Numbers of updates, and of evaluations of loss and gradient, shape (N,).
    timings : Timings
        Seconds for trace, compile and run, of all problems together.
    layout : ParameterLayout
        Where each parameter is in a vector.
    engine : str
        Name of the engine.
    method : Method or Search
        The descent method.
    side_by_side : bool
        Whether one call of machine code ran all problems, in SIMD lanes or on several threads,
        rather than a descent for each.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> targets = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> many = st.minimize_many(lambda x, target: np.sum((x - target) ** 2), np.zeros((2, 2)),
    ...                         args=(targets,))
    >>> many.x.round(6)
    array([[1., 2.],
           [3., 4.]])
    >>> many.converged, {status.name: number for status, number in many.counts().items()}
    (array([ True,  True]), {'CONVERGED': 2})
    """

    vectors: np.ndarray = field(repr=False)
    loss: np.ndarray
    status: np.ndarray = field(repr=False)
    iterations: np.ndarray = field(repr=False)
    evaluations: np.ndarray = field(repr=False)
    timings: Timings
    layout: ParameterLayout = field(repr=False)
    engine: str = "native"
    method: Any = None
    side_by_side: bool = True

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[Any]:
        """Yield the names of the fields, as SciPy's results do."""
        return iter(self._names())

    def _names(self) -> Sequence[str]:
        return (*_SCIPYS, *_OURS)

    @property
    def x(self) -> Any:
        """The points reached, in the structure of the start values, with a leading axis of N."""
        return self.layout.unpack_history(self.vectors)

    @functools.cached_property
    def converged(self) -> np.ndarray:
        """Which problems met a goal, shape (N,)."""
        return np.array([status.is_success for status in self.status.tolist()], bool)

    @property
    def success(self) -> np.ndarray:
        """Which problems met a goal, under SciPy's name."""
        return self.converged

    @property
    def fun(self) -> np.ndarray:
        """The losses, under SciPy's name."""
        return self.loss

    @property
    def nit(self) -> np.ndarray:
        """The numbers of iterations, under SciPy's name."""
        return self.iterations

    @property
    def nfev(self) -> np.ndarray:
        """The numbers of evaluations, under SciPy's name."""
        return self.evaluations

    @property
    def njev(self) -> np.ndarray:
        """The numbers of gradients computed: one for each evaluation."""
        return self.evaluations

    def counts(self) -> dict[Status, int]:
        """Return the number of problems for each status, the most frequent first."""
        return dict(Counter(self.status.tolist()).most_common())

    def __repr__(self) -> str:
        done = f"{np.count_nonzero(self.converged):,} converged"
        return f"{type(self).__name__}({len(self):,} problems, {done})"

    def _repr_html_(self) -> str:
        text: str = presenter("descent_tables").many_html(self)
        return text

    def __str__(self) -> str:
        lines = [f"{len(self):,} problems of {self.vectors.shape[1]} parameters"]
        lines += [f"{number:>12,}  {status}" for status, number in self.counts().items()]
        how = "side by side" if self.side_by_side else "one after the other"
        lines.append(
            f"{np.mean(self.iterations):.1f} iterations each, "
            f"{self.timings.run / max(len(self), 1) * 1e6:.3g} us each, {how}"
        )
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class ManyFits(Many):
    """The result of many fits; every array has a row for each of N problems.

    Besides the fields of :class:`Many` it has ``covariance``, ``standard_errors`` and
    ``reduced_chi_square``. ``popt, pcov = many`` unpacks parameters and covariances.

    Attributes
    ----------
    vectors : ndarray
        The points reached, each as a vector, shape (N, n). ``many.x`` has them in the structure of
        the start values.
    loss : ndarray
        Half the sums of squares, or the robust losses, at these points, shape (N,).
    status : ndarray of Status
        How each fit ended, shape (N,).
    iterations, evaluations : ndarray
        Numbers of updates, and of evaluations of residuals and Jacobian, shape (N,).
    timings : Timings
        Seconds for trace, compile and run, of all fits together.
    layout : ParameterLayout
        Where each parameter is in a vector.
    engine : str
        Name of the engine.
    method : Search
        The descent method.
    side_by_side : bool
        Whether one call of machine code ran all fits, in SIMD lanes or on several threads,
        rather than a descent for each.
    factor : ndarray
        R of the QR decomposition of each Jacobian, shape (N, n, n).
    observations : ndarray
        Number of residuals of each fit, shape (N,).
    on_bound : ndarray of bool
        Which parameters are on a bound, shape (N, n).
    absolute_sigma : bool
        Whether the residuals are in units of known standard deviations.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t, rates = np.linspace(0, 2, 12), np.array([0.5, 1.0])
    >>> data = 3 * np.exp(-rates[:, None] * t) + 0.01 * np.cos(20 * t)
    >>> fits = st.curve_fit_many(lambda t, a, rate: a * np.exp(-rate * t), t, data)
    >>> popt, pcov = fits
    >>> popt.round(2), fits.standard_errors.shape, pcov.shape
    (array([[3. , 0.5],
           [3. , 1. ]]), (2, 2), (2, 2, 2))
    """

    factor: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0)), repr=False)
    observations: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)
    on_bound: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool), repr=False)
    absolute_sigma: bool = False

    def __iter__(self) -> Iterator[Any]:
        """Yield parameters and covariances: ``popt, pcov = many``."""
        return iter((self.x, self.covariance))

    def __getitem__(self, index: Any) -> Any:
        """Return parameters (index 0) or covariances (index 1), or by a string a field."""
        if isinstance(index, str):
            return super().__getitem__(index)
        return (self.x, self.covariance)[index]

    def _names(self) -> Sequence[str]:
        return (*_OF_FITS, *_OURS, *_STATISTICS)

    @property
    def pcov(self) -> np.ndarray:
        """The covariances, under SciPy's name."""
        return self.covariance

    @property
    def cost(self) -> np.ndarray:
        """Half the sums of squares, or the robust losses."""
        return self.loss

    @property
    def popt(self) -> Any:
        """The parameters, under SciPy's name."""
        return self.x

    @property
    def degrees_of_freedom(self) -> np.ndarray:
        """Number of residuals minus number of parameters that are not on a bound, shape (N,)."""
        freedom: np.ndarray = self.observations - np.sum(~self.on_bound, axis=1)
        return freedom

    @property
    def reduced_chi_square(self) -> np.ndarray:
        """The sum of squares for each degree of freedom, shape (N,); NaN if there are none."""
        freedom = self.degrees_of_freedom
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(freedom > 0, 2 * self.loss / freedom, np.nan)

    @functools.cached_property
    def covariance(self) -> np.ndarray:
        """Covariances of the parameters, shape (N, n, n).

        Infinite where the data do not determine the parameters. NaN for a parameter on its
        bound, and for a problem whose Jacobian is not finite.
        """
        number = self.vectors.shape[1]
        result = np.full((len(self), number, number), np.nan)
        patterns, which = np.unique(self.on_bound, axis=0, return_inverse=True)
        for k, is_held in enumerate(patterns):
            rows, free = np.flatnonzero(which.reshape(-1) == k), np.flatnonzero(~is_held)
            if len(free):
                inverse = covariances_from_r(self.factor[rows], free, self.observations[rows])
                result[np.ix_(rows, free, free)] = inverse
        if self.absolute_sigma:
            return result
        scale = self.reduced_chi_square[:, None, None]
        unknown = np.isnan(scale) & np.isfinite(self.loss)[:, None, None] & ~np.isnan(result)
        with np.errstate(invalid="ignore"):  # 0 * inf, for residuals that are all 0
            return np.where(unknown, np.inf, result * scale)

    @property
    def standard_errors(self) -> Any:
        """Standard deviations of the parameters, in the structure of the start values."""
        variances = np.diagonal(self.covariance, axis1=1, axis2=2)
        return self.layout.unpack_history(np.sqrt(variances))
