"""SciPy's own solvers, and its names of methods that lead to ours."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


@pytest.mark.parametrize("name", ["Nelder-Mead", "powell"])
@pytest.mark.parametrize("bounds", [None, [(0, 0.5), (None, None)]])
def test_solvers_without_derivatives_are_scipys(name, bounds):
    given = {"tol": 1e-9, "options": {"maxiter": 400, "disp": False}}
    seen = []
    run = st.minimize(
        rosenbrock, [0.1, 1.0], method=name, bounds=bounds, callback=seen.append, **given
    )
    theirs = scipy.optimize.minimize(rosenbrock, [0.1, 1.0], method=name, bounds=bounds, **given)
    np.testing.assert_array_equal(run.x, theirs.x)
    assert (run.nfev, run.nit, run.success) == (theirs.nfev, theirs.nit, True)
    assert run.reason == f"SciPy's own {run.method.name}, on the compiled function"
    assert len(seen) == len(run.history) - 1 >= run.nit - 1


def test_nested_parameters_and_limits():
    run = st.minimize(
        lambda p: (p["a"] - 1) ** 2 + p["b"] ** 2,
        {"a": 0.0, "b": 1.0},
        method="Nelder-Mead",
        stop=st.MaxIterations(5),
    )
    assert run.status is st.Status.ITERATION_LIMIT
    assert set(run.x) == {"a", "b"}


@pytest.mark.parametrize("name", ["SLSQP", "trust-constr", "COBYLA", "COBYQA"])
def test_names_of_solvers_for_constraints_lead_to_sqp(name):
    run = st.minimize(
        rosenbrock, [0.1, 1.0], method=name, constraints={"type": "eq", "fun": lambda x: x[0] - 2}
    )
    assert type(run.method) is st.SQP
    assert name in run.reason
    np.testing.assert_allclose(run.x, [2.0, 4.0])


def test_tnc_leads_to_lbfgs():
    run = st.minimize(rosenbrock, [0.1, 1.0], method="TNC", bounds=(0, 2), options={"maxCGit": 3})
    assert type(run.method) is st.LBFGS
    assert "TNC" in run.reason
    assert "maxCGit, a setting of SciPy's TNC, has no effect" in run.message


def test_cobyla_is_scipys_where_there_are_no_derivatives():
    hidden = st.black_box(lambda x: float(rosenbrock(x)), derivative="differences")
    limit = {"type": "ineq", "fun": lambda x: 1 - x[0] - x[1]}
    run = st.minimize(hidden, [0.1, 1.0], method="COBYLA", constraints=limit)
    assert run.reason.startswith("SciPy's own COBYLA")
    exact = st.minimize(rosenbrock, [0.1, 1.0], constraints=limit)
    np.testing.assert_allclose(run.loss, exact.loss, atol=1e-3)
    np.testing.assert_allclose(run.multipliers, exact.multipliers, atol=0.01)


@pytest.mark.parametrize("call", [st.least_squares, st.minimize_many])
def test_only_minimize_runs_them(call):
    with pytest.raises(ValueError, match=r"'Powell' is SciPy's, and only st\.minimize runs it"):
        call(lambda x: x, np.zeros((2, 2)), method="Powell")


@pytest.mark.parametrize("name", ["Nelder-Mead", "Powell", "TNC", "L-BFGS-B", "BFGS", "CG"])
def test_methods_that_would_ignore_constraints_refuse_them(name):
    limit = {"type": "ineq", "fun": lambda x: 1 - x[0] - x[1]}
    with pytest.raises(ValueError, match="does not take constraints"):
        st.minimize(rosenbrock, [0.1, 1.0], method=name, constraints=limit)
    assert st.minimize(rosenbrock, [0.1, 1.0], method=name, constraints=()).success
