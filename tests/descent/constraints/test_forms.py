"""Constraints in all forms in which they are given, and what is wrong with them."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

import steepest as st
from steepest.graph import trees


def loss(x):
    return (x[0] - 1) ** 2 + (x[1] - 2.5) ** 2


def halves(x, weight=2.0):
    return x[0] - weight * x[1] + 2


ROWS = np.array([[1.0, -2.0], [-1.0, -2.0]])

FORMS = {
    "dicts": [
        {"type": "ineq", "fun": halves},
        {"type": "ineq", "fun": lambda x: -x[0] - 2 * x[1] + 6},
    ],
    "a tuple": ({"type": "ineq", "fun": halves, "args": (2.0,)},),
    "one dict": {"type": "INEQ", "fun": halves, "args": [2.0]},
    "linear": scipy.optimize.LinearConstraint(ROWS, [-2, -6], np.inf),
    "sparse": scipy.optimize.LinearConstraint(scipy.sparse.csr_array(ROWS), [-2, -6]),
    "nonlinear": scipy.optimize.NonlinearConstraint(lambda x: ROWS @ x, [-2, -6], np.inf),
    "ours": st.Constraint(halves, lower=0.0),
    "ours, with arguments": st.Constraint(halves, 0.0, args=2.0),
    "mixed": [
        st.Constraint(halves, lower=0.0),
        scipy.optimize.LinearConstraint([[-1, -2]], -6),
        {"type": "ineq", "fun": lambda x: x[0]},
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_mean_the_same(form):
    run = st.minimize(loss, [2.0, 0.0], constraints=FORMS[form], bounds=[(0, None)] * 2)
    np.testing.assert_allclose(run.x, [1.4, 1.7], atol=1e-8)
    values = np.concatenate([np.ravel(part) for part in trees.leaves(run.multipliers)])
    np.testing.assert_allclose(values, [0.8, *np.zeros(values.size - 1)], atol=1e-7)


def test_given_slopes_are_not_called():
    def slopes(x):
        raise AssertionError

    run = st.minimize(loss, [2.0, 0.0], constraints={"type": "ineq", "fun": halves, "jac": slopes})
    assert "jac of the constraints was not called" in run.message


def test_parameters_and_values_of_any_structure():
    limits = {"sum": 1.0, "parts": np.array([0.1, 0.2])}
    run = st.minimize(
        lambda p: np.sum(p["a"] ** 2) + p["b"] ** 2,
        {"a": np.ones(2), "b": 3.0},
        constraints=st.Constraint(
            lambda p: {"sum": p["a"][0] + p["b"], "parts": p["a"]}, lower=limits
        ),
    )
    np.testing.assert_allclose(run.x["a"], [0.5, 0.2], atol=1e-8)
    assert float(run.multipliers["sum"]) == pytest.approx(1.0)
    np.testing.assert_allclose(run.multipliers["parts"], [0.0, 0.4], atol=1e-8)
    assert run.active_constraints["sum"] == -1
    np.testing.assert_array_equal(run.active_constraints["parts"], [0, -1])
    with pytest.raises(ValueError, match="of one of SciPy's forms, whose functions take one"):
        st.minimize(lambda p: p["a"] ** 2, {"a": 1.0}, constraints={"type": "eq", "fun": loss})


def test_marked_start_values():
    run = st.minimize(
        lambda p: (p["a"] - 3) ** 2 + p["b"] ** 2,
        {"a": st.Positive(1.0), "b": st.Fixed(0.5)},
        constraints=st.Constraint(lambda p: p["a"] + p["b"], upper=2.0),
    )
    assert float(run.x["a"]) == pytest.approx(1.5)
    assert run.multipliers == pytest.approx(-3.0)


def test_single_precision_is_computed_in_double():
    run = st.minimize(loss, np.array([2, 0], np.float32), constraints=FORMS["ours"])
    assert run.x.dtype == np.float32
    np.testing.assert_allclose(run.x, [1.4, 1.7], rtol=1e-6)


def test_branches_in_constraints():
    def bent(x):
        return x[0] + x[1] if x[0] > 0.5 else 2 * x[0] + x[1] - 0.5

    run = st.minimize(lambda x: np.sum(x**2), [3.0, 3.0], constraints=st.Constraint(bent, 2.0))
    np.testing.assert_allclose(run.x, 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("constraints", "error", "message"),
    [
        (3, TypeError, "the constraint must be st.Constraint"),
        ([loss], TypeError, r"constraints\[0\] must be st.Constraint"),
        ({"fun": halves}, ValueError, 'has type None: a dict needs "type"'),
        ({"type": "eq"}, ValueError, 'needs "fun", a function of x'),
        ({"type": "eq", "fun": halves, "hess": 1}, ValueError, "has 'hess': known are"),
        (scipy.optimize.Bounds(0, 1), ValueError, "give it as bounds="),
        (scipy.optimize.LinearConstraint(np.eye(3), 0), ValueError, r"a matrix of shape \(3, 3\)"),
        (scipy.optimize.LinearConstraint([[np.nan, 0]], 0), ValueError, "not finite"),
        (st.Constraint(halves, lower=2, upper=1), ValueError, "contradict each other: 2 below"),
        (st.Constraint(lambda x: x, lower=np.zeros(3)), ValueError, "has 3 numbers, its function"),
        (st.Constraint(halves, lower=np.nan), ValueError, "is NaN"),
        (st.Constraint(lambda x: x[:0], 0), ValueError, "returns nothing at the start"),
        (st.Constraint(lambda x: x[0] + 1j, 0), ValueError, "returns complex128 at the start"),
        (st.Constraint(lambda x: np.log(-x), 0), ValueError, "is nan at the start point"),
        (st.Constraint(lambda x, a: x, 0), TypeError, "takes 2 arguments|missing 1 required"),
    ],
)
@pytest.mark.filterwarnings("ignore:(invalid value|divide by zero):RuntimeWarning")
def test_what_is_wrong_is_said(constraints, error, message):
    with pytest.raises(error, match=message):
        st.minimize(loss, [2.0, 0.0], constraints=constraints)


def test_a_constraint_needs_a_function_and_a_limit():
    with pytest.raises(TypeError, match="needs a function of the parameters, got 3"):
        st.Constraint(3, lower=0)
    with pytest.raises(TypeError, match="needs a limit"):
        st.Constraint(loss)


def test_methods_that_do_not_take_constraints():
    with pytest.raises(ValueError, match="BFGS does not take constraints"):
        st.minimize(loss, [2.0, 0.0], constraints=FORMS["ours"], method="bfgs")
    with pytest.raises(ValueError, match="compares losses"):
        st.minimize(
            lambda x, y: loss(x) + np.sum(y),
            [2.0, 0.0],
            args=(np.ones(3),),
            constraints=FORMS["ours"],
            method="sqp",
            batches=st.Batches(2),
        )


def test_settings_of_differences_have_no_effect():
    options = {"eps": 1e-8, "ftol": 1e-9}
    run = st.minimize(loss, [2.0, 0.0], method="SLSQP", constraints=FORMS["ours"], options=options)
    assert run.success
    assert "eps, a setting of SciPy's SLSQP, has no effect." in run.message
