"""Stop rules: ours, combined ones, and a user's own."""

import numpy as np
import pytest

import steepest as st

ENGINES = ["native", "numpy", "torch"]
CURVATURE = np.array([1.0, 4.0, 9.0])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * x**2)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("rule", "iterations", "converged"),
    [
        (st.MaxIterations(0), 0, False),
        (st.LossBelow(100.0), 0, True),
        (st.LossBelow(0.5) | st.MaxIterations(500), None, True),
        (st.GradientNormBelow(1e-3) | st.MaxIterations(500), None, True),
        (st.LossBelow(0.5) & st.MaxIterations(30), 30, True),
        (st.LossBelow(-1.0) | st.MaxIterations(7), 7, False),
    ],
    ids=str,
)
def test_stop_rules(rule, iterations, converged, engine):
    run = st.minimize(
        quadratic, np.ones(3), method=st.GradientDescent(0.05), stop=rule, engine=engine
    )
    assert run.converged is converged
    if iterations is not None:
        assert run.iterations == iterations
    else:
        path = run.history.x
        point = [(quadratic(x), np.linalg.norm(CURVATURE * x)) for x in path]
        which = 0 if isinstance(rule.first, st.LossBelow) else 1
        met = [values[which] <= rule.first.threshold for values in point]
        assert met.index(True) == run.iterations == len(path) - 1


def test_a_users_rule_compiles():
    class StepBelow(st.StopRule):
        def met(self, point):
            return np.max(np.abs(point.gradient)) * 0.05 < 1e-3

    runs = [
        st.minimize(
            quadratic,
            np.ones(3),
            method=st.GradientDescent(0.05),
            stop=StepBelow() | st.MaxIterations(10_000),
            engine=engine,
        )
        for engine in ENGINES
    ]
    assert len({run.iterations for run in runs}) == 1
    assert all(run.converged for run in runs)
    assert "StepBelow" in runs[0].message


def test_a_rule_must_return_one_truth_value():
    class Wrong(st.StopRule):
        def met(self, point):
            return point.gradient

    with pytest.raises(ValueError, match="one truth value"):
        st.minimize(quadratic, np.ones(3), stop=Wrong())


START = np.array([-1.2, 1.0])


def test_a_time_limit_ends_a_run_where_it_is():
    slow = {"method": st.GradientDescent(1e-12), "record": None}
    run = st.minimize(quadratic, np.ones(3), stop=st.TimeLimit(0.1), **slow)
    assert run.status is st.Status.TIME_LIMIT
    assert "time limit" in run.message
    assert 0.1 <= run.timings.run < 1.0
    first = st.minimize(quadratic, np.ones(3), stop=st.TimeLimit(5) | st.MaxIterations(3), **slow)
    assert first.iterations == 3
    with pytest.raises(ValueError, match=r"combine it with \|"):
        st.TimeLimit(1) & st.MaxIterations(3)


T = np.linspace(0, 3, 20)
Y = 2 * np.exp(-T) + 0.01 * np.sin(40 * T)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def decay(t, a, b):
    return a * np.exp(-b * t)


@pytest.mark.parametrize("rule", [st.MaxIterations(3), st.LossBelow(1) | st.MaxIterations(3)])
def test_a_stop_rule_has_no_truth_value(rule):
    for wrong in (lambda: rule or st.LossBelow(1), lambda: not rule, lambda: rule and rule):
        with pytest.raises(TypeError, match=r"write a \| b"):
            wrong()


class Damped(st.Search):
    """Gauss-Newton with a little damping."""

    says = True

    def init(self, x):
        return np.zeros((), x.dtype)

    def advance(self, base, trial, state, is_first):
        jacobian = trial.jacobian
        slopes = jacobian.T @ trial.residual
        step = -np.linalg.solve(jacobian.T @ jacobian + 1e-6 * np.eye(2), slopes)
        gain = -0.5 * np.sum(slopes * step) if self.says else np.nan
        accepted = is_first | (trial.loss <= base.loss * (1 + 1e-12))
        return st.Move(accepted, trial.x + step, state, np.where(accepted, 0, 2), gain)


class Silent(Damped):
    says = False


def test_a_users_method_for_residuals_stops_where_ours_do():
    model = lambda p: decay(T, *p) - Y
    ours = st.least_squares(model, [1.8, 0.9])
    own = st.least_squares(model, [1.8, 0.9], method=Damped())
    assert own.converged
    assert own.message.startswith("DecrementBelow(threshold=5e-21) was met")
    np.testing.assert_allclose(own.x, ours.x, rtol=1e-9)
    silent = st.least_squares(model, [1.8, 0.9], method=Silent())
    assert silent.converged
    assert silent.message.startswith("GradientNormBelow(threshold=1e-06)")


class Low(st.StopRule):
    def met(self, point):
        return point.loss < 1e-3


class Enough(Low):
    is_goal = False


@pytest.mark.parametrize("method", ["bfgs", "gradient-descent"])
@pytest.mark.parametrize("more", [None, st.MaxIterations(100_000)])
def test_a_users_rule_ends_a_run_with_its_status(method, more):
    for rule, status in ((Low(), st.Status.CONVERGED), (Enough(), st.Status.LIMIT)):
        whole = rule if more is None else rule | more
        run = st.minimize(rosenbrock, START, method=method, stop=whole)
        assert run.status is status
        assert run.converged is rule.is_goal
        assert type(rule).__name__ in run.message
    assert int(st.Status.LIMIT) == 1
