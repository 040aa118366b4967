"""What is wrong with constraints, in each of the entry points that take them."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st


def square(x):
    return np.sum(x**2)


def both(x):
    return x[0] + x[1]


START = np.array([0.25, 0.5])

ENTRIES = {
    "minimize": lambda **given: st.minimize(square, START, **given),
    "least_squares": lambda **given: st.least_squares(lambda x: x, START, **given),
    "minimize_many": lambda **given: st.minimize_many(square, START[None], **given),
}

WRONG = {
    "no constraint": (3, TypeError, "must be st.Constraint"),
    "no function": ({"type": "ineq"}, ValueError, 'needs "fun"'),
    "its kind": ({"type": "lt", "fun": both}, ValueError, "has type 'lt'"),
    "bounds": (scipy.optimize.Bounds(0, 1), ValueError, "give it as bounds="),
    "its limits": (st.Constraint(both, 2, 1), ValueError, "contradict each other"),
    "shape of limits": (
        st.Constraint(lambda x: x, [0, 0, 0]),
        ValueError,
        "its function returns 2",
    ),
    "shape of a matrix": (scipy.optimize.LinearConstraint(np.eye(3), 0), ValueError, "a column f"),
    "NaN at the start": (st.Constraint(lambda x: np.log(-x[0]), 0), ValueError, "is nan at the"),
    "text": (st.Constraint(lambda x: "a", 0), ValueError, "must return real numbers"),
    "nothing": (st.Constraint(lambda x: None, 0), ValueError, "returns nothing"),
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("name", WRONG)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_sentence_says_what_is_wrong(entry, name):
    constraint, error, message = WRONG[name]
    with pytest.raises(error, match=message) as caught:
        ENTRIES[entry](constraints=constraint)
    assert f"(st.{entry} at " in str(caught.value)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_error_of_the_function_names_the_constraint(entry):
    with pytest.raises(IndexError) as caught:
        ENTRIES[entry](constraints=[st.Constraint(lambda x: x[7], 0)])
    assert "constraints[0]" in caught.value.__notes__[0]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("method", ["bfgs", "lm"])
def test_methods_that_take_no_constraints(entry, method):
    with pytest.raises(ValueError, match=r"does not take constraints|needs residuals"):
        ENTRIES[entry](constraints=st.Constraint(both, 1.0), method=method)


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_cannot_be_recorded_is_differenced(entry):
    def by_text(x):
        return np.frombuffer(np.asarray(x).tobytes())[0] + x[1]

    with pytest.warns(st.FiniteDifferenceWarning, match="by_text"):
        run = ENTRIES[entry](constraints=st.Constraint(by_text, lower=2.0))
    np.testing.assert_allclose(np.ravel(run.x), 1.0, atol=1e-5)


SETS = {
    "contradicts bounds": ({"bounds": (0, 1)}, [st.Constraint(both, lower=3.0)], 1.0),
    "contradict each other": (
        {},
        [st.Constraint(both, lower=3.0), st.Constraint(lambda x: -x[0] - x[1], lower=1.0)],
        None,
    ),
    "empty": ({}, [st.Constraint(square, upper=-1.0)], 1.0),
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("name", SETS)
@pytest.mark.filterwarnings("ignore::steepest.FitWarning")
def test_empty_sets_end_where_the_violation_is_least(entry, name):
    given, constraints, least = SETS[name]
    run = ENTRIES[entry](constraints=constraints, **given)
    status = run.status[0] if entry == "minimize_many" else run.status
    assert status is st.Status.INFEASIBLE
    if least is not None:
        np.testing.assert_allclose(run.constraint_violation, least, atol=1e-6)
    if entry != "minimize_many":
        assert "it violates constraints[0]" in run.message


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.filterwarnings("ignore::steepest.FitWarning")
def test_a_start_without_a_slope(entry):
    at_corner = st.Constraint(lambda x: np.sqrt(x[0] - 0.25) + x[1], lower=1.0)
    run = ENTRIES[entry](constraints=at_corner)
    if entry == "minimize_many":
        assert run.status[0] is st.Status.FLAT
    else:
        assert run.status is st.Status.FLAT
        assert "The slope of the constraint" in run.message
        assert "start elsewhere" in run.message


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_start_that_violates_them(entry):
    run = ENTRIES[entry](constraints=st.Constraint(both, lower=2.0))
    np.testing.assert_allclose(np.ravel(run.x), 1.0, atol=1e-8)
