"""The interior point method, on problems with known solutions, dense and sparse."""

import os
import pickle
import signal

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import LinearConstraint

import steepest as st
from steepest.errors import InputError
from tests.cases.hock_schittkowski import PROBLEMS
from tests.cases.saddles import SADDLES

LOCAL = {20: 40.198730}
"""Local minima that are met first from the given start."""

FEW_SHAPES = [1, 7, 20, 22, 26, 27, 35, 39, 43, 71]


def solved(problem, **settings):
    return st.minimize(
        problem.loss,
        problem.start,
        method="interior-point",
        bounds=problem.bounds,
        constraints=problem.constraints(),
        **settings,
    )


@pytest.mark.filterwarnings("ignore:x0:steepest.OptimizeWarning")
@pytest.mark.parametrize("number", FEW_SHAPES)
def test_hock_and_schittkowskis_problems(number):
    problem = PROBLEMS[number]
    run = solved(problem)
    assert run.success, run.message
    assert run.loss == pytest.approx(LOCAL.get(number, problem.least), rel=1e-5, abs=1e-5)
    assert run.kkt_residual < 1e-6
    assert run.constraint_violation < 1e-6
    if problem.bounds is not None:
        pairs = np.broadcast_to(np.array(problem.bounds, float), (problem.start.size, 2))
        assert not np.any((run.x < pairs[:, 0]) | (run.x > pairs[:, 1]))


def curved(x):
    return (x[0] - 2) ** 2 + np.exp(x[1]) + x[2] ** 4 - x[0] * x[2]


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_multipliers_are_derivatives_of_the_least_loss(engine):
    def least(limits):
        low, high, equal, bound = limits
        return st.minimize(
            curved,
            np.array([0.5, 0.5, 0.7]),
            method=st.InteriorPoint(),
            bounds=[(None, None), (None, None), (bound, None)],
            constraints=[
                st.Constraint(lambda x: x[0] + x[1] ** 2, upper=high),
                st.Constraint(lambda x: x[1], lower=low),
                st.Constraint(lambda x: x[0] - x[2] ** 3, lower=equal, upper=equal),
            ],
            stop=st.GradientNormBelow(1e-9) | st.MaxIterations(50),
            engine=engine,
        )

    at, step = np.array([-0.5, 1.0, 0.125, 0.6]), 1e-5
    run = least(at)
    upper, lower, equation = run.multipliers
    found = np.array([lower, upper, equation, run.bound_multipliers[2]])
    slopes = [
        (least(at + move).loss - least(at - move).loss) / (2 * step) for move in step * np.eye(4)
    ]
    np.testing.assert_allclose(found, slopes, atol=1e-5)
    assert np.count_nonzero(np.abs(found) > 0.01) >= 2
    assert run.engine == engine


SIZE = 120
MATRIX = scipy.sparse.diags_array([1.0, 2.0, -1.0], offsets=[0, 1, 3], shape=(SIZE - 3, SIZE))
TARGET = np.sin(np.arange(SIZE)) * 2


def rough(x):
    return np.sum((x - TARGET) ** 2) + np.sum(x[1:] ** 2 * x[:-1] ** 2)


def large(matrix, **settings):
    return st.minimize(
        rough,
        np.zeros(SIZE),
        bounds=(-0.4, 0.4),
        constraints=LinearConstraint(matrix, -0.5, 0.8),
        **settings,
    )


def test_sparse_and_dense_matrices_lead_to_the_same_point(monkeypatch):
    monkeypatch.setattr("steepest.descent.large.program._LARGE", 10)
    run = large(MATRIX.tocsr())
    assert isinstance(run.method, st.InteriorPoint)
    assert "need sparse matrices" in run.reason
    assert run.success
    assert run.kkt_residual < 1e-6
    monkeypatch.setattr("steepest.descent.large.program._LARGE", 10_000)
    other = large(MATRIX.toarray())
    np.testing.assert_allclose(run.x, other.x, atol=1e-7)
    np.testing.assert_allclose(run.multipliers, other.multipliers, atol=1e-5)
    assert np.all(np.abs(run.x) <= 0.4)
    assert np.count_nonzero(run.active) > 2
    np.testing.assert_array_equal(run.active != 0, np.abs(run.x) > 0.4 - 1e-7)
    assert set(np.unique(run.active_constraints)) == {-1, 0, 1}
    assert np.all(run.bound_multipliers[run.active == 0] == pytest.approx(0, abs=1e-6))


def test_a_loop_of_many_steps_is_followed():
    steps, width = 60, 0.05

    def gaps(z):
        position, speed, force = z.reshape(3, -1)
        found = []
        for i in range(steps - 1):
            mean = 0.5 * (speed[i] + speed[i + 1])
            found.append(position[i + 1] - position[i] - width * mean)
            found.append(speed[i + 1] - speed[i] - width * (force[i] - 0.1 * speed[i] ** 3))
        return np.stack(found)

    def ends(z):
        position, speed, _ = z.reshape(3, -1)
        return np.stack([position[0], speed[0], position[-1], speed[-1]])

    run = st.minimize(
        lambda z: width * np.sum(z[2 * steps :] ** 2),
        np.zeros(3 * steps),
        constraints=[
            st.Constraint(gaps, lower=0.0, upper=0.0),
            st.Constraint(ends, lower=[0.0, 0, 1, 0], upper=[0.0, 0, 1, 0]),
        ],
    )
    assert run.success
    assert run.iterations < 15
    assert run.kkt_residual < 1e-6
    assert run.constraint_violation < 1e-8


def volume(x):
    return np.prod(x)


def test_what_contradicts_what_is_said():
    run = st.minimize(
        np.sum,
        np.ones(2),
        bounds=(0, 1),
        constraints=[st.Constraint(volume, lower=3.0)],
        method="interior-point",
    )
    assert run.status is st.Status.INFEASIBLE
    assert run.message.endswith(
        "violates constraints[0] (volume) by 2, against the bound of x0[0] and the bound of x0[1]."
    )
    np.testing.assert_allclose(run.x, 1.0, atol=1e-5)


def limited(loss, start, constraint, **settings):
    return st.minimize(
        loss, np.array(start), constraints=constraint, method=st.InteriorPoint(), **settings
    )


WITHIN = st.Constraint(np.sum, upper=1.0)
ENDS = {
    "UNBOUNDED": lambda: limited(lambda x: x[0] - x[1], [1.0, 1.0], WITHIN),
    "FLAT": lambda: limited(lambda x: np.sqrt(x[0]) + x[1] ** 2, [0.0, 1.0], WITHIN),
    "DIVERGED": lambda: limited(lambda x: np.sum(np.log(x)), [-1.0, -1.0], WITHIN),
    "ITERATION_LIMIT": lambda: limited(
        lambda x: np.sum((x - 1) ** 4), [0.0, 0.0], WITHIN, stop=st.MaxIterations(3)
    ),
    "TIME_LIMIT": lambda: limited(curved, [0.0, 0.0, 0.0], WITHIN, stop=st.TimeLimit(1e-9)),
    "CALLBACK": lambda: limited(
        curved, [0.0, 0.0, 0.0], WITHIN, callback=lambda state: state.iteration == 2
    ),
    "PRECISION": lambda: limited(
        lambda x: np.sum((x - 1) ** 4 + np.exp(x)),
        [0.0, 0.0],
        WITHIN,
        stop=st.GradientNormBelow(1e-300) | st.MaxIterations(200),
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_run_says_how_it_ended(name):
    run = ENDS[name]()
    assert run.status is st.Status[name], run.message
    assert run.message
    assert np.isfinite(run.x).all()


@pytest.mark.filterwarnings("ignore::steepest.OptimizeWarning")
def test_ctrl_c_keeps_the_point_that_was_reached():
    def press(state):
        if state.iteration == 2:
            os.kill(os.getpid(), signal.SIGINT)

    run = limited(curved, [0.0, 0.0, 0.0], WITHIN, callback=press)
    assert run.status is st.Status.INTERRUPTED
    assert run.iterations in (2, 3)


def test_history_callback_and_counts():
    seen = []
    run = limited(
        curved,
        [0.0, 0.0, 0.0],
        WITHIN,
        callback=lambda state: seen.append((state.iteration, state.loss, state.copy())),
    )
    assert [number for number, _, _ in seen] == list(range(1, run.iterations + 1))
    assert run.history.iteration.tolist() == list(range(run.iterations + 1))
    np.testing.assert_array_equal(run.history.loss[1:], [loss for _, loss, _ in seen])
    np.testing.assert_array_equal(run.history.x[1:], [x for _, _, x in seen])
    assert run.nfev > run.iterations
    assert run.history.gradient_norm[-1] <= 1e-6
    again = pickle.loads(pickle.dumps(run))
    assert again.multipliers == run.multipliers


def test_nested_parameters_bounds_alone_and_equal_bounds():
    budget = st.Constraint(lambda p: p["a"] + np.sum(p["b"]), upper=3.0)
    run = st.minimize(
        lambda p: (p["a"] - 1) ** 2 + np.sum((p["b"] - 2) ** 2),
        {"a": 0.0, "b": np.zeros(2)},
        constraints=budget,
        method="interior-point",
    )
    np.testing.assert_allclose(run.x["b"], 4 / 3, atol=1e-7)
    assert run.multipliers == pytest.approx(-4 / 3)
    run = st.minimize(
        lambda x: np.sum((x - 2) ** 2),
        np.zeros(2),
        bounds=[(0, 1), (0, 5)],
        method="interior-point",
    )
    np.testing.assert_array_equal(run.active, [1, 0])
    np.testing.assert_allclose(run.bound_multipliers, [-2, 0], atol=1e-6)
    run = st.minimize(
        lambda x: np.sum((x - 2) ** 2),
        np.array([0.0, 0.5]),
        bounds=[(None, None), (0.5, 0.5)],
        constraints=WITHIN,
        method="interior-point",
    )
    np.testing.assert_allclose(run.x, 0.5)
    assert run.kkt_residual < 1e-6


def test_a_loss_that_branches_is_solved_with_dense_matrices():
    def loss(x):
        return np.sum((x - 2) ** 2) + ((x[0] - 1.5) ** 2 if x[0] > 1.5 else 0.0)

    run = limited(loss, [0.0, 0.0, 0.0], st.Constraint(np.sum, upper=5.0))
    np.testing.assert_allclose(run.x, [1.6, 1.7, 1.7], atol=1e-7)


def test_changed_data_give_another_solution():
    def distance(x, target):
        return 0.5 * np.sum((x - target) ** 2)

    for target in (np.arange(4.0), np.arange(4.0)[::-1].copy()):
        run = st.minimize(
            distance,
            np.zeros(4),
            args=(target,),
            constraints=st.Constraint(lambda x, a: a @ x, upper=1.0, args=(target,)),
            method="interior-point",
        )
        expected = target - target * (target @ target - 1) / (target @ target)
        np.testing.assert_allclose(run.x, expected, atol=1e-8)


def squares(x, d):
    return np.sum((x - d) ** 2)


REFUSED = {
    "each batch has its own loss": lambda: st.minimize(
        squares, np.zeros(2), (np.ones((8, 2)),), "interior-point", batches=st.Batches(4)
    ),
    "one problem at a time": lambda: st.minimize_many(
        squares, np.zeros((3, 2)), (np.ones((3, 2)),), method="interior-point"
    ),
    "only st.minimize runs": lambda: st.least_squares(
        lambda x: x - 1, np.zeros(2), method=st.InteriorPoint()
    ),
    "cannot be saved": lambda: st.minimize(
        lambda x: np.sum(x**2), np.ones(2), method="interior-point"
    ).save("nowhere"),
    "barrier must be a positive number": lambda: st.InteriorPoint(barrier=0.0),
    "dense: take method=st.AugmentedLagrangian": lambda: st.minimize(
        lambda x: np.sum(x) ** 4, np.ones(3001), constraints=WITHIN
    ),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_it_does_not_do_is_refused(sentence):
    with pytest.raises(InputError, match=sentence):
        REFUSED[sentence]()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", SADDLES)
def test_saddle_points_are_left(name):
    loss, start, constraint, least = SADDLES[name]
    run = st.minimize(loss, start, method=st.InteriorPoint(), constraints=constraint)
    assert run.success
    assert run.loss == pytest.approx(least, abs=1e-5)
    assert run.kkt_residual < 1e-6


def test_a_large_problem_that_starts_at_a_maximum():
    run = st.minimize(
        lambda x: np.sum((x**2 - 1) ** 2),
        np.zeros(120),
        constraints=st.Constraint(lambda x: x[1:] - x[:-1], lower=-3.0, upper=3.0),
    )
    assert type(run.method) is st.InteriorPoint
    assert run.success
    np.testing.assert_allclose(np.abs(run.x), 1.0, atol=1e-5)
