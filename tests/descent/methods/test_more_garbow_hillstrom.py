"""Methods on the test problems of Moré, Garbow and Hillstrom, from near and far starts."""

import numpy as np
import pytest

import steepest as st
from tests.cases.more_garbow_hillstrom import CASES

METHODS = [st.LBFGS(), st.BFGS(), st.TrustRegion(), st.LevenbergMarquardt()]

# Losses of minima that are 0 are squares of gradients, or powers 4 / 3 of them.
STOP = st.GradientNormBelow(1e-9) | st.MaxIterations(10_000)


def descend(case, method, start):
    """Return a run, and the sum of squares that it reached."""
    if isinstance(method, st.LevenbergMarquardt):
        run = st.least_squares(case.residuals, start, method=method, engine=case.engine)
        return run, 2 * run.loss
    run = st.minimize(case.sum_of_squares, start, method=method, stop=STOP, engine=case.engine)
    return run, run.loss


def is_one_of(value, known, relative):
    return any(abs(value - k) <= (relative * k if k else 1e-12) for k in known)


def is_stationary(case, x):
    """Return whether all slopes of the residuals are at right angles to them (MINPACK's gtol)."""
    residuals, slopes = case.residuals(x), st.jacobian(case.residuals)(x)
    lengths = np.linalg.norm(slopes, axis=0) * np.linalg.norm(residuals)
    return bool(np.all(np.abs(residuals @ slopes) <= 1e-5 * lengths))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_definitions(case):
    assert case.sum_of_squares(case.start) == pytest.approx(case.value, rel=1e-12)


# Of "linear, rank 1 with zeros" the first and the last parameter do not matter.
@pytest.mark.filterwarnings("ignore:.* at more_garbow_hillstrom.py.* does not depend on")
# At the minimum of "Powell singular", and on the plateau of "Jennrich-Sampson", rank is lost.
@pytest.mark.filterwarnings("ignore:.*Jacobian (has rank|is singular)")
# The starts of a case are neighbors, so that the second finds the code of the first.
@pytest.mark.sampled(5)
@pytest.mark.parametrize("start", ["standard", "far"])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_minima(case, method, start):
    run, value = descend(case, method, case.starts[start])
    if is_one_of(value, case.minima, relative=1e-8):
        assert run.converged, run.message
    elif is_one_of(value, case.limits, relative=1e-6):
        assert start == "far", run.message
    else:
        reason = case.elsewhere.get(f"{type(method).__name__} {start}")
        assert reason, f"{value:.9g}, {run.message}"
        assert not run.converged or is_stationary(case, run.x), f"{value:.9g}, {run.message}"
