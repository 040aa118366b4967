"""Comparison of fits of the same data: F tests, information criteria, Akaike weights."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.calling.entry import entry_point
from steepest.descent.inference.fit import Fit
from steepest.descent.inference.likelihood import LikelihoodFit
from steepest.errors import InputError, SettingError
from steepest.graph import trees
from steepest.presentation import presenter
from steepest.streams.source import have_same_rows

__all__ = ["FitComparison", "NestedTest", "compare_fits"]


class NestedTest(NamedTuple):
    """A test of a model against one that contains it.

    Attributes
    ----------
    smaller, larger : str
        Names of the fits.
    statistic : float
        F, or the difference of chi-squares if sigma is absolute; for fits by maximum likelihood,
        twice the difference of the log-likelihoods.
    degrees_of_freedom : tuple of int
        Those of the statistic: two for F, one for the others, which are chi-squares.
    p_value : float
        Probability of a statistic at least as large if the smaller model is true.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> x = np.linspace(0, 1, 20)
    >>> y = 1 + 2 * x + 0.05 * np.sin(40 * x)
    >>> line = st.curve_fit(lambda x, a, b: a + b * x, x, y)
    >>> curve = st.curve_fit(lambda x, a, b, c: a + b * x + c * x**2, x, y)
    >>> test, = st.compare_fits(line, curve).tests
    >>> test.degrees_of_freedom, bool(test.p_value > 0.05)
    ((1, 17), True)
    """

    smaller: str
    larger: str
    statistic: float
    degrees_of_freedom: tuple[int, ...]
    p_value: float

    def __str__(self) -> str:
        freedom = ", ".join(map(str, self.degrees_of_freedom))
        letter = "F" if len(self.degrees_of_freedom) == 2 else "chi2"
        return (
            f"{self.smaller} in {self.larger}: {letter}({freedom}) = {self.statistic:.4g}, "
            f"p = {self.p_value:.4g}"
        )


class FitComparison(NamedTuple):
    """Fits of the same data beside each other; ``print`` shows a table.

    Attributes
    ----------
    names : tuple of str
        Names of the fits, N of them.
    parameters, degrees_of_freedom : ndarray
        Numbers of free parameters, and of degrees of freedom, shape (N,).
    chi_square, log_likelihood, aic, aicc, bic : ndarray
        As those of a :class:`Fit`, shape (N,). Fits by maximum likelihood have no chi-square; it
        is NaN.
    tests : tuple of NestedTest
        Tests of each fit against all those with the next larger number of parameters.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.linspace(0, 4, 30)
    >>> y = 2 * np.exp(-t) + 0.3 + 0.02 * np.sin(40 * t)
    >>> a = st.curve_fit(lambda t, a, k: a * np.exp(-k * t), t, y)
    >>> b = st.curve_fit(lambda t, a, k, c: a * np.exp(-k * t) + c, t, y)
    >>> comparison = st.compare_fits(a, b, names=["decay", "decay and offset"])
    >>> comparison.best, comparison.akaike_weights.round(3)
    ('decay and offset', array([0., 1.]))
    """

    names: tuple[str, ...]
    parameters: np.ndarray
    degrees_of_freedom: np.ndarray
    chi_square: np.ndarray
    log_likelihood: np.ndarray
    aic: np.ndarray
    aicc: np.ndarray
    bic: np.ndarray
    tests: tuple[NestedTest, ...]

    @property
    def delta_aic(self) -> np.ndarray:
        """AIC minus the least one, shape (N,)."""
        return np.asarray(self.aic - np.min(self.aic))

    @property
    def akaike_weights(self) -> np.ndarray:
        """Akaike weights: how likely each fit is the best one for new data, shape (N,)."""
        likelihoods = np.exp(-0.5 * self.delta_aic)
        return np.asarray(likelihoods / np.sum(likelihoods))

    @property
    def best(self) -> str:
        """Name of the fit with the least AIC."""
        return self.names[int(np.argmin(self.aic))]

    def __repr__(self) -> str:
        return f"FitComparison({', '.join(self.names)}; best: {self.best})"

    def __str__(self) -> str:
        text: str = presenter("tables").comparison(self)
        return text

    def _repr_html_(self) -> str:
        text: str = presenter("tables").comparison_html(self)
        return text


AnyFit = Fit | LikelihoodFit


@entry_point()
def compare_fits(*fits: AnyFit, names: Sequence[str] | None = None) -> FitComparison:
    """Compare fits of the same data.

    Parameters
    ----------
    *fits : Fit or LikelihoodFit
        Two or more fits, all of least squares or all by maximum likelihood.
    names : sequence of str, optional
        Names of the fits. By default those of the models.

    Returns
    -------
    FitComparison
        Information criteria, and tests of each fit against all those with the next larger number
        of parameters.

    Raises
    ------
    InputError
        If there are fewer than two fits, if y, errors or losses differ, or if a fit has no finite
        likelihood, as one that fits the data exactly.
    SettingError
        If an argument is not a fit, or if there are fits of both kinds.

    Notes
    -----
    A test assumes that the smaller model is a special case of the larger one. This is not known
    from the fits, but fits that cannot be nested have no test: a larger model with a larger sum of
    squares. With ``absolute_sigma=True`` the difference of chi-squares is tested, otherwise F, as
    R's ``anova`` does for ``nls``. Whether x is the same is not checked, since models may use
    different predictors. Of fits of residuals, only the number of residuals is compared.

    Fits by maximum likelihood have the likelihood-ratio test: twice the difference of their
    log-likelihoods is compared with a chi-square [1]_. That does not hold where the smaller model
    is on the edge of the larger one, as a variance of 0 is. Their data must have an array in
    common; of single arrays, they must be the same. Their log-densities must include the same
    constants.

    References
    ----------
    .. [1] S. S. Wilks, "The large-sample distribution of the likelihood ratio for testing
       composite hypotheses", Annals of Mathematical Statistics 9, 60-62, 1938.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.linspace(0, 4, 30)
    >>> y = 2 * np.exp(-t) + 0.3 + 0.02 * np.sin(40 * t)
    >>> a = st.curve_fit(lambda t, a, k: a * np.exp(-k * t), t, y)
    >>> b = st.curve_fit(lambda t, a, k, c: a * np.exp(-k * t) + c, t, y)
    >>> print(st.compare_fits(a, b, names=["plain", "offset"]))
    fit     parameters  dof  chi-square      AIC  delta AIC  weight     AICc      BIC
    plain            2   28    0.240664   -53.63      111.7   0.000   -52.71   -49.43
    offset           3   27  0.00543811  -165.33        0.0   1.000  -163.73  -159.72
    <BLANKLINE>
    plain in offset: F(1, 27) = 1168, p = 9.254e-24
    """
    for fit in fits:
        if not isinstance(fit, AnyFit):
            raise SettingError(
                f"compare_fits takes results of fits, got an object of type {type(fit).__name__}"
            )
    if len({isinstance(fit, LikelihoodFit) for fit in fits}) > 1:
        raise SettingError(
            "compare_fits takes fits of one kind, got fits of least squares and fits by maximum "
            "likelihood: compare their fit.aic, if the log-densities include all constants"
        )
    if len(fits) < 2:
        raise InputError("a comparison needs at least two fits")
    labels = _labels(fits) if names is None else tuple(map(str, names))
    if len(labels) != len(fits):
        raise InputError(f"there are {len(labels)} names for {len(fits)} fits")
    for label, fit in zip(labels[1:], fits[1:], strict=True):
        _check_alike(labels[0], fits[0], label, fit)
    if isinstance(fits[0], Fit) and fits[0].is_robust:
        raise InputError("fits with a robust loss have no likelihood to compare")
    for label, fit in zip(labels, fits, strict=True):
        _check_likelihood(label, fit)
    sizes = sorted({fit.free_count for fit in fits})
    by_size = [[i for i, fit in enumerate(fits) if fit.free_count == size] for size in sizes]
    tests = [
        _test(labels[i], fits[i], labels[j], fits[j])
        for smaller, larger in itertools.pairwise(by_size)
        for i, j in itertools.product(smaller, larger)
    ]
    columns = {
        name: np.array([getattr(fit, name, math.nan) for fit in fits]) for name in _STATISTICS
    }
    return FitComparison(
        names=labels,
        parameters=np.array([fit.free_count for fit in fits]),
        tests=tuple(test for test in tests if test is not None),
        **columns,
    )


_STATISTICS = (
    *("degrees_of_freedom", "chi_square", "log_likelihood"),
    *("aic", "aicc", "bic"),
)
"""Statistics of a fit that a comparison lists."""


def _labels(fits: Sequence[AnyFit]) -> tuple[str, ...]:
    """Return the names of the models, numbered where they are not unique."""
    names = [_name(fit) for fit in fits]
    counts = Counter(names)
    return tuple(
        name if name and counts[name] == 1 else f"{name or 'fit'} {number}"
        for number, name in enumerate(names, 1)
    )


def _name(fit: AnyFit) -> str:
    function: Any = fit.problem.objective.function
    for attribute in ("curve", "model", "model"):
        function = getattr(function, attribute, function)
    of_scipy = getattr(getattr(function, "__self__", None), "name", None)  # norm.logpdf: norm
    name = of_scipy if isinstance(of_scipy, str) else getattr(function, "__name__", "")
    return name if name.isidentifier() else ""


def _check_alike(first: str, one: AnyFit, second: str, other: AnyFit) -> None:
    """Raise unless two fits are of the same data, errors and loss."""
    if one.observations != other.observations:
        raise InputError(
            f"{first} and {second} fit different data, {one.observations} and "
            f"{other.observations} of them: only fits of the same data can be compared"
        )
    if isinstance(one, LikelihoodFit) or isinstance(other, LikelihoodFit):
        if not _have_an_array_in_common(one.data, other.data):
            raise InputError(
                f"{first} and {second} fit different data, no array of one is in the other: only "
                "fits of the same data can be compared"
            )
        return
    if one.data is not None and other.data is not None:
        if not have_same_rows(one.data.y, other.data.y):
            raise InputError(
                f"{first} and {second} fit different data, y differs: only fits of the same data "
                "can be compared"
            )
        sigmas = [fit.problem.args[2:] for fit in (one, other)]
        if len(sigmas[0]) != len(sigmas[1]) or not all(map(have_same_rows, *sigmas)):
            raise InputError(
                f"{first} and {second} have different sigma: only fits with the same errors can "
                "be compared"
            )
    if one.absolute_sigma != other.absolute_sigma:
        raise InputError(
            f"sigma is absolute in one of {first} and {second}: fit both in the same way"
        )
    objectives = [fit.problem.objective for fit in (one, other)]
    losses = [(o.rho, None if o.rho is None else o.scale) for o in objectives]
    if losses[0] != losses[1]:
        raise InputError(f"{first} and {second} have different losses: fit both with the same one")


def _have_an_array_in_common(one: Any, other: Any) -> bool:
    """Whether two data sets, which may hold different predictors, can have the same responses."""
    columns = [
        column
        for tree in (one, other)
        for column in [[part for leaf in trees.leaves(tree) for part in (leaf, *_rows(leaf))]]
    ]
    return any(have_same_rows(*pair) for pair in itertools.product(*columns))


def _rows(leaf: Any) -> Sequence[np.ndarray]:
    """Return the rows of a matrix: variables that were given in a list or tuple."""
    return list(leaf) if isinstance(leaf, np.ndarray) and leaf.ndim == 2 else []


def _check_likelihood(label: str, fit: AnyFit) -> None:
    """Raise unless the log-likelihood of a fit is finite."""
    if fit.log_likelihood == math.inf:
        raise InputError(
            f"{label} fits the data exactly: its likelihood is infinite, so that nothing can be "
            "compared with it"
        )
    if not math.isfinite(fit.log_likelihood):
        what = "log-likelihood" if isinstance(fit, LikelihoodFit) else "sum of squares"
        raise InputError(f"{label} has no finite {what} to compare")


def _test(smaller: str, one: AnyFit, larger: str, other: AnyFit) -> NestedTest | None:
    """Return the test of a fit against one of more parameters; None if it cannot contain it."""
    from scipy.special import chdtrc, fdtrc

    more = other.free_count - one.free_count
    gain = _gain(one, other)
    if more == 0 or gain < 0 or not math.isfinite(gain):
        return None
    if one.absolute_sigma or not isinstance(other, Fit):
        return NestedTest(smaller, larger, gain, (more,), float(chdtrc(more, gain)))
    freedom = other.degrees_of_freedom
    if freedom <= 0 or other.chi_square == 0:
        return None
    statistic = gain / more / (other.chi_square / freedom)
    p_value = float(fdtrc(more, freedom, statistic))
    return NestedTest(smaller, larger, statistic, (more, freedom), p_value)


def _gain(one: AnyFit, other: AnyFit) -> float:
    """Return by how much a fit is better than another: twice the log-likelihood, or chi-square."""
    if isinstance(one, Fit) and isinstance(other, Fit):
        return one.chi_square - other.chi_square
    return 2 * (other.log_likelihood - one.log_likelihood)
