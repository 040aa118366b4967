"""Plots of descents whose numbers grow until they overflow."""

import itertools

import numpy as np
import pytest

import steepest as st

pytestmark = pytest.mark.filterwarnings("error")


def bowl(p):
    return np.sum(np.array([10.0, 1.0, 3.0])[: p.size] * p**2)


def unbounded(p):
    return -np.sum(p**4) + p[0]


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


START = np.array([3.0, 1.0, -2.0])
CASES = [
    *itertools.product([bowl], [START[:1], START[:2], START], [0.12, 0.15, 0.2, 0.5]),
    *itertools.product([unbounded], [START[:1], START[:2], START], [0.2]),
    (rosenbrock, np.array([-1.2, 1.0]), 0.02),
]


def diverged(loss, start, step_size):
    run = st.minimize(loss, start, method=st.GradientDescent(step_size))
    assert run.status is st.Status.DIVERGED
    return run


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("loss", "start", "step_size"), CASES)
def test_a_descent_that_diverged_is_drawn(loss, start, step_size):
    run = diverged(loss, start, step_size)
    figure = run.plot()
    figure.draw_without_rendering()
    assert "diverged" in figure.get_suptitle()
    for ax in figure.axes:
        assert np.isfinite([ax.get_xlim(), ax.get_ylim()]).all()
    ax = figure.axes[0]
    (steps,) = [line.get_xdata() for line in ax.lines if line.get_label() == "steps"] or [[0, 1]]
    assert 2 <= len(steps) <= len(run.history)
    assert np.ptp(ax.get_xlim()) < 1e6, "the first steps can be told apart"


def test_the_steps_that_are_shown_are_the_first_ones():
    run = diverged(bowl, START[:2], 0.2)
    ax = run.plot().axes[0]
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_array_equal(drawn["steps"], run.history.x[: len(drawn["steps"])])
    assert 3 < len(drawn["steps"]) < 20
    np.testing.assert_array_equal(drawn["diverged"], drawn["steps"][-1:])


def test_descents_that_diverge_are_compared_and_filmed(tmp_path):
    methods = [st.GradientDescent(0.02), st.GradientDescent(0.2)]
    st.compare(bowl, START[:2], methods=methods).plot().draw_without_rendering()
    assert diverged(bowl, START[:1], 0.2).animate(tmp_path / "film.gif", seconds=1).exists()
