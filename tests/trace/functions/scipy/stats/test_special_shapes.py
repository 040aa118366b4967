"""Slopes where a shape has a value at which formulas have a special case or a limit."""

import mpmath
import numpy as np
import pytest
import scipy.stats

import steepest as st
from tests.cases.distributions import CONTINUOUS, SEARCHED
from tests.support.differences import extrapolated

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of SciPy's own formulas

VALUES = (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0)
LEVELS = np.array([0.2, 0.45, 0.8])


def settings_of(case):
    """Return the shapes of a distribution with one of them at a special value."""
    for i, info in enumerate(case.distribution._shape_info()):
        for value in () if info.integrality else VALUES:
            shapes = [*map(float, case.shapes)]
            shapes[i] = value
            is_inside = info.domain[0] < value < info.domain[1]
            if is_inside and np.all(case.distribution._argcheck(*shapes)):
                yield i, shapes


def slope_of(function, at):
    """Return a slope; None if the function, or its slope, cannot be recorded."""
    try:
        return st.jacobian(function)(at)
    except st.errors.UnsupportedError:
        return None


@pytest.mark.sampled(8)
@pytest.mark.parametrize("key", [key for key, c in CONTINUOUS.items() if c.name not in SEARCHED])
def test_slopes_by_a_shape_at_its_special_values(key):
    case = CONTINUOUS[key]
    for i, shapes in settings_of(case):
        points = case.distribution.ppf(LEVELS, *shapes)
        if not np.all(np.isfinite(points)):
            continue
        for method, argument in (("logpdf", points), ("cdf", points), ("ppf", LEVELS)):
            call = getattr(case.distribution, method)

            def moved(t, i=i, shapes=shapes, call=call, argument=argument):
                return call(argument, *shapes[:i], t, *shapes[i + 1 :])

            found = slope_of(moved, shapes[i])
            if found is None:
                continue
            wanted, error = extrapolated(moved, shapes[i], 0.02 * max(1.0, abs(shapes[i])))
            allowed = 1e-6 * np.abs(wanted) + 30 * error + 1e-9
            wrong = np.isfinite(wanted) & ~(np.abs(found - wanted) <= allowed)
            assert not np.any(wrong), (method, i, shapes, found, wanted, error)


LIMITS = {
    "genpareto": lambda c: scipy.stats.genpareto.logpdf(1.3, c),
    "genextreme": lambda c: scipy.stats.genextreme.logpdf(1.3, c),
    "genextreme's quantile": lambda c: scipy.stats.genextreme.ppf(0.3, c),
    "kappa4 by h": lambda c: scipy.stats.kappa4.logpdf(1.3, c, 0.0),
    "kappa4 by k": lambda c: scipy.stats.kappa4.logcdf(1.3, 0.0, c),
    "skewnorm": lambda c: scipy.stats.skewnorm.logpdf(1.3, c),
    "pearson3": lambda c: scipy.stats.pearson3.logpdf(1.3, c),
}


@pytest.mark.parametrize("name", LIMITS)
def test_derivatives_to_third_order_at_a_limit(name):
    function = LIMITS[name]
    for _ in range(3):
        slope = st.gradient(function)
        wanted, error = extrapolated(function, 0.0, 0.05)
        if function is LIMITS[name] and name == "pearson3":  # SciPy's loses digits near 0
            wanted, error = (1.3**3 - 3 * 1.3) / 6, 0.0
        np.testing.assert_allclose(slope(0.0), wanted, rtol=1e-6, atol=1e-8 + 30 * error)
        function = slope


@pytest.mark.parametrize("skew", [1e-7, 1e-3, 0.05, 0.19, -0.1])
def test_pearson3_keeps_its_digits_near_the_normal_distribution(skew):
    for x in (-3.0, 0.4, 5.0):
        with mpmath.workdps(40):
            factor = 2 / mpmath.mpf(skew)
            shape, at = factor**2, factor * x + factor**2
            wanted = mpmath.log(abs(factor)) + (shape - 1) * mpmath.log(at) - at
            wanted = float(wanted - mpmath.loggamma(shape))
        found = st.trace(lambda s, x=x: scipy.stats.pearson3.logpdf(x, s), skew)(skew)
        assert abs(found - wanted) < 2e-14
