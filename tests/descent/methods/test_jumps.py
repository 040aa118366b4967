"""Least squares whose residuals jump, or do not follow their derivative."""

import numpy as np
import pytest
from scipy.optimize import least_squares

import steepest as st

T = np.linspace(0.0, 4.0, 40)
RANDOM = np.random.default_rng(3)
Y = 2.0 * np.exp(-0.7 * T) + 0.5 + 0.05 * RANDOM.normal(size=T.size)
MIX = RANDOM.normal(size=(T.size, 3))
START = np.ones(3)


def smooth(p):
    return p[0] * np.exp(-p[1] * T) + p[2] - Y


def stairs(size, rate):
    """Residuals with jumps of a size, whose derivative does not show the slope of the stairs."""
    return lambda p: smooth(p) + size / rate * np.sum(MIX * np.floor(rate * p), axis=1)


def teeth(size, rate):
    """Residuals with jumps of a size, and a slope between them that they undo."""
    return lambda p: smooth(p) + size * np.sum(MIX * (rate * p - np.floor(rate * p)), axis=1)


SIZES = [(1e-10, 1e2), (1e-7, 1e6), (1e-4, 1e3), (1e-2, 1e2), (1e-2, 1e6)]
LOWEST = least_squares(smooth, START).cost


@pytest.mark.filterwarnings("ignore:The search found no lower point")
@pytest.mark.parametrize("method", [st.LevenbergMarquardt(), st.Dogleg()], ids=["lm", "dogleg"])
@pytest.mark.parametrize("kind", [stairs, teeth])
@pytest.mark.parametrize(("size", "rate"), SIZES)
def test_a_run_on_a_loss_that_jumps_ends_soon_and_says_so(method, kind, size, rate):
    residuals = kind(size, rate)
    run = st.least_squares(residuals, START, method=method)
    assert run.evaluations < 100
    assert run.loss == pytest.approx(0.5 * np.sum(residuals(run.x) ** 2), rel=1e-12)
    known = st.Status.CONVERGED, st.Status.NOISE, st.Status.JUMPS, st.Status.STALLED
    assert run.status in known
    if kind is stairs or size * rate < 1e-3:
        # Moving a residual by a jump moves the loss by its product with the residual.
        assert run.loss < LOWEST + 10 * size * np.sqrt(2 * LOWEST * T.size)
    if size * rate < 1e-3:
        assert run.converged, run.message
    if size * rate > 1e3 and kind is teeth:  # the slope between the jumps leads nowhere
        assert not run.converged


def test_the_sentence_says_that_the_loss_is_noisy():
    residuals = lambda p: smooth(p) + st.stop_gradient(np.round(smooth(p), 3) - smooth(p))
    run = st.least_squares(residuals, START)
    assert run.status is st.Status.NOISE
    assert run.converged
    assert run.message.startswith("Jumps or errors of the loss are larger than any decrease")
    assert run.evaluations < 50


def test_a_wrong_derivative_is_no_noise():
    residuals = lambda p: smooth(st.stop_gradient(p)) - 0.5 * (p - st.stop_gradient(p)) @ MIX.T
    with pytest.warns(st.FitWarning, match="the loss jumps, or does not follow its derivative"):
        run = st.least_squares(residuals, START)
    assert run.status is st.Status.JUMPS
    assert run.status == 2
    assert run.evaluations < 50
