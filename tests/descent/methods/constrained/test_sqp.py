"""Sequential quadratic programming, on problems with known solutions."""

import numpy as np
import pytest
from scipy.linalg import null_space

import steepest as st
from tests.cases.hock_schittkowski import PROBLEMS
from tests.cases.saddles import DISC, SADDLES
from tests.support.multipliers import multiplier_error

ELSEWHERE = {
    **{2: 4.9412293, 16: 3.9820605, 20: 40.198730, 47: -0.026714182, 55: 20 / 3},
    **{97: 4.0712464, 98: 4.0712464},
}
"""The loss where the given start leads to another minimum than the published one. That of 47 is
less than the published one.
"""

FEW_SHAPES = [n for n, p in PROBLEMS.items() if p.start.size in (2, 3, 4) and n != 13]
"""Problems of few sizes, so that few steps are compiled."""

NO_SLOPE = [99, 316, 322]
"""Problems where the constraints have no slope at the start, or far less of it than the loss."""


def solved(problem, **settings):
    return st.minimize(
        problem.loss,
        problem.start,
        method="sqp",
        bounds=problem.bounds,
        constraints=problem.constraints(),
        **settings,
    )


def check(problem, run):
    least = ELSEWHERE.get(problem.number, problem.least)
    assert run.success, run.message
    assert run.loss == pytest.approx(least, rel=1e-5, abs=1e-5)
    assert run.kkt_residual < 1e-6
    assert run.constraint_violation < 1e-6
    if problem.bounds is not None:
        pairs = np.broadcast_to(np.array(problem.bounds, float), (problem.start.size, 2))
        assert not np.any((run.x < pairs[:, 0]) | (run.x > pairs[:, 1]))


@pytest.mark.sampled(4)
@pytest.mark.filterwarnings("ignore:x0:steepest.OptimizeWarning")
@pytest.mark.parametrize("number", FEW_SHAPES)
def test_hock_and_schittkowskis_problems(number):
    check(PROBLEMS[number], solved(PROBLEMS[number]))


def curvatures(problem, run):
    """Return those of the Lagrangian along what has multipliers, by exact second derivatives."""
    slopes = [np.eye(run.x.size)[np.abs(run.bound_multipliers) > 1e-6]]
    parts = list(zip(problem.constraints(), run.multipliers, strict=True))
    for constraint, multipliers in parts:
        slopes.append(np.atleast_2d(st.jacobian(constraint["fun"])(run.x))[multipliers != 0])

    def lagrangian(x):
        return problem.loss(x) - sum(np.sum(m * c["fun"](x)) for c, m in parts)

    free = null_space(np.concatenate(slopes)) if any(map(len, slopes)) else np.eye(run.x.size)
    return np.linalg.eigvalsh(free.T @ st.hessian(lagrangian)(run.x) @ free)


@pytest.mark.filterwarnings("ignore:x0:steepest.OptimizeWarning")
@pytest.mark.parametrize("number", ELSEWHERE)
def test_what_a_run_ends_at_that_misses_the_published_minimum(number):
    loss, problem = ELSEWHERE[number], PROBLEMS[number]
    run = solved(problem)
    assert run.status in (st.Status.CONVERGED, st.Status.PRECISION)
    assert run.loss == pytest.approx(loss, rel=1e-6)
    assert (run.loss < problem.least) == (number == 47)
    assert np.min(curvatures(problem, run), initial=0.0) >= -1e-12


@pytest.mark.sampled(3)
@pytest.mark.parametrize("number", [39, 43, 71, 76, 77, 80])
def test_units_of_the_parameters_do_not_matter(number):
    problem = PROBLEMS[number]
    units = 10.0 ** np.resize([3, -3, 0, -2, 2], problem.start.size)
    in_units = lambda function: lambda z: function(units * z)
    pairs = (
        None
        if problem.bounds is None
        else np.broadcast_to(np.array(problem.bounds, float), (units.size, 2))
    )
    run = st.minimize(
        in_units(problem.loss),
        problem.start / units,
        bounds=None if pairs is None else pairs / units[:, None],
        constraints=[{**one, "fun": in_units(one["fun"])} for one in problem.constraints()],
    )
    plain = solved(problem)
    assert run.success
    assert run.evaluations <= plain.evaluations + 5
    assert run.loss == pytest.approx(problem.least, rel=1e-5, abs=1e-5)
    for found, expected in zip(run.multipliers, plain.multipliers, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        run.bound_multipliers / units, plain.bound_multipliers, rtol=1e-4, atol=1e-5
    )


FAR_STARTS = {
    # Losses and functions of constraints, limits, and the least losses where all units are 1.
    "product": (lambda z: z[0] + z[1], lambda z: z[0] * z[1], (1.0, np.inf), 2.0),
    "reciprocals": (
        lambda z: z[0] + z[1],
        lambda z: 1 / z[0] + 1 / z[1],
        (-np.inf, 1.0),
        4.0,
    ),
    "disk": (lambda z: 9 + z[0] + z[1], lambda z: z[0] ** 2 + z[1] ** 2, (-np.inf, 2.0), 7.0),
    "curved loss": (
        lambda z: z[0] ** 2 + z[1],
        lambda z: z[0] * z[1],
        (1.0, np.inf),
        1.889881574842,
    ),
}


@pytest.mark.parametrize("factors", [(1e3, 1e-2), (1e5, 1.0), (1e-3, 10.0), (1.0, 1e4)])
@pytest.mark.parametrize("name", FAR_STARTS)
def test_units_at_the_start_that_are_not_those_of_the_solution(name, factors):
    loss, constraint, (lower, upper), least = FAR_STARTS[name]
    run = st.minimize(
        lambda x: loss(x),
        np.array(factors),
        constraints=st.Constraint(lambda x: constraint(x), lower=lower, upper=upper),
        bounds=None if name == "disk" else [(1e-6, None)] * 2,
        method=st.SQP(),
        stop=st.MaxIterations(400),
    )
    assert run.loss == pytest.approx(least, rel=1e-6)
    assert lower - 1e-6 <= constraint(run.x) <= upper + 1e-6


@pytest.mark.parametrize("size", [1e3, 1e5])
def test_a_linear_loss_whose_constraint_alone_shows_units(size):
    run = st.minimize(
        lambda x: x[0] + x[1],
        np.array([size, 1.0]),
        constraints=st.Constraint(lambda x: x[0] / size * x[1], lower=1.0),
        bounds=[(1e-6 * size, None), (1e-6, None)],
        method=st.SQP(),
    )
    assert run.x == pytest.approx(np.sqrt([size, size]), rel=1e-4)
    assert run.iterations <= 40


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", SADDLES)
def test_saddle_points_are_left(name):
    loss, start, constraint, least = SADDLES[name]
    run = st.minimize(loss, start, method="SLSQP", constraints=constraint)
    assert run.success
    assert run.loss == pytest.approx(least, abs=1e-5)
    assert run.kkt_residual < 1e-6


def test_a_saddle_point_of_what_bounds_forbid_to_leave_is_a_minimum():
    run = st.minimize(
        lambda x: x[0] * x[1],
        [0.5, 0.5],
        bounds=[(0, 1), (0, 1)],
        constraints={"type": "ineq", "fun": lambda x: 2.0 - np.sum(x)},
    )
    assert run.success
    assert run.loss == 0
    assert run.evaluations < 10


def test_a_loss_that_is_not_finite_beside_a_saddle_point():
    run = st.minimize(
        lambda x: np.where(np.abs(x[1]) < 1e-3, x[0] ** 2 - x[1] ** 2, np.nan),
        [1.0, 0.0],
        constraints=DISC,
    )
    assert run.success
    np.testing.assert_allclose(run.x, 0.0, atol=1e-6)


@pytest.mark.parametrize("number", NO_SLOPE)
def test_starts_where_no_step_reduces_the_violation(number):
    check(PROBLEMS[number], solved(PROBLEMS[number]))


def test_multipliers_of_a_run_that_rounding_ended():
    run = solved(PROBLEMS[14], stop=st.GradientNormBelow(0.0) | st.MaxIterations(100))
    assert run.status is st.Status.PRECISION
    assert run.kkt_residual < 1e-8


@pytest.mark.parametrize("number", [14, 43, 71])
def test_multipliers_are_derivatives_of_the_published_minima(number):
    error = multiplier_error(PROBLEMS[number], solved(PROBLEMS[number]))
    assert error < 1e-4


def test_bounds_hold_at_all_iterates_and_linear_constraints_once_satisfied():
    problem = PROBLEMS[76]
    run = solved(problem, record="all")
    values = np.array([problem.inequalities(x) for x in run.history.x])
    satisfied = np.all(values >= -1e-12, axis=1)
    first = int(np.argmax(satisfied))
    assert satisfied[first:].all()
    assert np.all(run.history.x >= 0)


def test_multipliers_are_derivatives_of_the_least_loss():
    def loss(x):
        return (x[0] - 2) ** 2 + np.exp(x[1]) + x[2] ** 4 - x[0] * x[2]

    def least(limits):
        low, high, equal, bound = limits
        return st.minimize(
            loss,
            np.array([0.5, 0.5, 0.7]),
            bounds=[(None, None), (None, None), (bound, None)],
            constraints=[
                st.Constraint(lambda x: x[0] + x[1] ** 2, upper=high),
                st.Constraint(lambda x: x[1], lower=low),
                st.Constraint(lambda x: x[0] - x[2] ** 3, lower=equal, upper=equal),
            ],
            stop=st.GradientNormBelow(1e-11) | st.MaxIterations(50),
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


def test_curvature_that_is_negative_off_the_constraints():
    # The Hessian is indefinite, and positive definite along the equation.
    run = st.minimize(
        lambda x: x[0] * x[1],
        np.array([1.0, 2.5]),
        constraints=st.Constraint(lambda x: x[0] - x[1], lower=1.0, upper=1.0),
    )
    np.testing.assert_allclose(run.x, [0.5, -0.5], atol=1e-8)
    assert run.evaluations <= 3


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_engines_agree(engine):
    problem = PROBLEMS[14]
    np.testing.assert_allclose(solved(problem, engine=engine).x, solved(problem).x, atol=1e-7)


def test_a_limit_leaves_multipliers_of_what_is_active():
    run = solved(PROBLEMS[71], stop=st.MaxIterations(2))
    assert run.status is st.Status.ITERATION_LIMIT
    assert len(run.multipliers) == 2
    assert run.evaluations == 3
    seen = []
    run = solved(PROBLEMS[71], callback=lambda state: seen.append(state.loss) or len(seen) == 2)
    assert run.status is st.Status.CALLBACK
    assert np.isfinite(run.multipliers).all()


@pytest.mark.parametrize(
    ("loss", "start", "constraint", "status"),
    [
        (lambda x: x[0], [1.0, 1.0], st.Constraint(lambda x: x[1], lower=0), "UNBOUNDED"),
        (lambda x: x[0], [1.0, 1.0], st.Constraint(lambda x: x[0] ** 2, upper=0), "DEGENERATE"),
        (np.sum, [1.0, 2.0], st.Constraint(lambda x: x[0] ** 2 + 1, upper=0), "INFEASIBLE"),
        (np.sum, [0.0, 0.0], st.Constraint(lambda x: np.sqrt(x[0]), lower=1.0), "FLAT"),
    ],
)
def test_how_a_run_ends_without_a_solution(loss, start, constraint, status):
    run = st.minimize(loss, start, constraints=constraint)
    assert run.status.name == status, run.message
    assert not run.success
    assert run.evaluations < 100


def test_a_problem_whose_constraints_are_degenerate_at_its_solution():
    with pytest.warns(st.OptimizeWarning, match="outside of its bounds"):
        run = solved(PROBLEMS[13])
    assert run.status is st.Status.DEGENERATE
    np.testing.assert_allclose(run.x, [1.0, 0.0], atol=1e-3)


def test_problems_without_constraints():
    run = st.minimize(PROBLEMS[1].loss, PROBLEMS[1].start, method=st.SQP())
    np.testing.assert_allclose(run.x, 1.0)
    assert run.multipliers == []
    fit = st.least_squares(lambda x: x**2 - np.array([1.0, 4.0]), np.ones(2) * 3, method="sqp")
    np.testing.assert_allclose(fit.x, [1.0, 2.0])


@pytest.mark.parametrize("settings", [{"radius": 0.0}, {"price": -1.0}, {"price": np.nan}])
def test_settings_must_be_positive(settings):
    with pytest.raises(ValueError, match="must be a positive number"):
        st.SQP(**settings)


@pytest.mark.parametrize("number", [27, 14, 39])
def test_other_starts_lead_to_a_solution(number):
    problem, rng = PROBLEMS[number], np.random.default_rng(27)
    for _ in range(8):
        start = problem.start * (1 + 0.5 * rng.normal(size=problem.start.size))
        run = solved(problem._replace(start=start))
        assert run.success, run.message
        assert run.evaluations < 100
        assert run.loss == pytest.approx(problem.least, abs=1e-4)


def test_a_step_that_the_filter_rejects_is_shortened():
    start = np.array([1.81378434, 2.43297608, 0.71264867])
    check(PROBLEMS[27], solved(PROBLEMS[27]._replace(start=start)))
