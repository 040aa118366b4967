"""What a result says of constraints: multipliers, violations, contradictions."""

import pickle

import numpy as np
import pytest

import steepest as st
from tests.cases.hock_schittkowski import PROBLEMS


def square(x):
    return np.sum(x**2)


def test_scipys_names():
    p = PROBLEMS[71]
    run = st.minimize(p.loss, p.start, bounds=p.bounds, constraints=p.constraints())
    assert run["constr_violation"] == run.maxcv == run.constraint_violation < 1e-6
    assert run.optimality < 1e-6
    assert {"x", "fun", "nfev", "njev", "multipliers", "success"} <= set(run.keys())
    assert (run.nfev, run.status, run.success) == (run.evaluations, 0, True)
    # As SciPy's SLSQP has them.
    np.testing.assert_allclose(run.multipliers, [-0.16146856, 0.55229366], atol=1e-6)
    np.testing.assert_array_equal(run.active, [-1, 0, 0, 0])
    np.testing.assert_array_equal(run.active_constraints, [1, -1])


def test_a_result_can_be_pickled():
    run = st.minimize(square, np.ones(2), constraints=[st.Constraint(np.sum, lower=1.0)])
    copy = pickle.loads(pickle.dumps(run))
    np.testing.assert_allclose(copy.multipliers, run.multipliers)
    assert copy.kkt_residual == run.kkt_residual


def high(x):
    return x[0] + x[1]


@pytest.mark.parametrize(
    ("bounds", "constraints", "message"),
    [
        (
            (0, 1),
            [st.Constraint(high, lower=3.0)],
            r"violates constraints\[0\] \(high\) by 1, against the bound of x0\[0\] and",
        ),
        (
            None,
            [st.Constraint(high, lower=4.0), st.Constraint(square, upper=1.0)],
            r"violates constraints\[0\] \(high\) by 2.59, against constraints\[1\] \(square\)\.",
        ),
        (
            None,
            st.Constraint(lambda x: np.abs(x[0]), lower=1.0),
            "violates the constraint by 1. A slope is 0 there: start elsewhere",
        ),
    ],
)
def test_contradictions_are_named(bounds, constraints, message):
    run = st.minimize(square, [0.0, 0.5], bounds=bounds, constraints=constraints)
    assert run.status is st.Status.INFEASIBLE
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(run.message)


def test_repeated_descents_are_one_call():
    def loss(x, target):
        return np.sum((x - target) ** 2)

    budget = st.Constraint(high, upper=1.0)
    starts = [np.zeros(2), np.array([0.5, -1.0])]
    again = [
        st.minimize(loss, start, (np.array([k, 2.0]),), constraints=budget, bounds=(-40, 40))
        for k in range(30)
        for start in starts
    ]
    for number, run in enumerate(again):
        k = number // 2
        np.testing.assert_allclose(run.x, [k - (k + 1) / 2, 2 - (k + 1) / 2], atol=1e-6)
        assert run.multipliers == pytest.approx(-(k + 1))
