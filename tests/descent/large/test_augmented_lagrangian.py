"""The augmented Lagrangian method, on problems with known solutions."""

import numpy as np
import pytest

import steepest as st
from steepest.errors import InputError, SettingError
from tests.cases.hock_schittkowski import PROBLEMS

FEW_SHAPES = [7, 22, 71]


@pytest.mark.filterwarnings("ignore:x0:steepest.OptimizeWarning")
@pytest.mark.parametrize("number", FEW_SHAPES)
def test_hock_and_schittkowskis_problems(number):
    problem = PROBLEMS[number]
    run = st.minimize(
        problem.loss,
        problem.start,
        method="augmented-lagrangian",
        bounds=problem.bounds,
        constraints=problem.constraints(),
    )
    assert run.success, run.message
    assert run.loss == pytest.approx(problem.least, rel=1e-5, abs=1e-5)
    assert run.kkt_residual < 1e-6
    assert run.constraint_violation < 1e-6


TARGET = np.linspace(-1.0, 3.0, 1000)
DIRECTION = np.cos(np.arange(1000.0))


def dense_loss(x):
    return np.sum((x - TARGET) ** 2) + 0.01 * np.sum(x) ** 2


def test_many_parameters_with_dense_derivatives():
    run = st.minimize(
        dense_loss,
        np.zeros(1000),
        bounds=(0.0, None),
        method=st.AugmentedLagrangian(),
        constraints=[
            st.Constraint(np.sum, lower=100.0, upper=100.0),
            st.Constraint(lambda x: np.sum(DIRECTION * x), upper=-5.0),
        ],
    )
    assert run.success, run.message
    assert run.kkt_residual < 1e-6
    total, along = run.multipliers
    free = run.x > 0
    expected = TARGET + 0.5 * (total + along * DIRECTION - 0.02 * 100.0)
    np.testing.assert_allclose(run.x[free], expected[free], atol=1e-6)
    assert along < 0
    assert np.all(run.active == np.where(free, 0, -1))


def test_infeasible_and_unbounded_problems_are_named():
    budget = [st.Constraint(np.sum, lower=3.0, upper=3.0), st.Constraint(np.max, upper=1.0)]
    run = st.minimize(
        lambda x: np.sum(x**2), np.ones(2), constraints=budget, method=st.AugmentedLagrangian()
    )
    assert run.status is st.Status.INFEASIBLE
    run = st.minimize(
        lambda x: x[0] - x[1],
        np.ones(2),
        constraints=st.Constraint(np.sum, upper=1.0),
        method=st.AugmentedLagrangian(st.LBFGS()),
    )
    assert run.status is st.Status.UNBOUNDED


def test_history_and_callback_count_descents():
    seen = []
    run = st.minimize(
        lambda x: np.sum((x - 2) ** 4),
        np.zeros(3),
        constraints=st.Constraint(np.sum, upper=1.0),
        method=st.AugmentedLagrangian(),
        callback=lambda state: seen.append(state.loss),
    )
    assert run.success
    np.testing.assert_array_equal(run.history.loss[1:], seen)
    assert run.nfev > run.iterations == len(seen)


def test_settings_are_checked():
    with pytest.raises(InputError, match="penalty must be a positive number"):
        st.AugmentedLagrangian(penalty=-1.0)
    with pytest.raises(SettingError, match="inner must be a method that compares losses"):
        st.AugmentedLagrangian(st.Adam())
