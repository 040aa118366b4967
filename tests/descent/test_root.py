"""Systems of equations: solutions beside SciPy's, and what a result says where there is none."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.descent.results.status import Status
from steepest.errors import InputError


def badly_scaled(x):
    return np.array([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


def helical_valley(x):
    turn = np.arctan2(x[1], x[0]) / (2 * np.pi)
    return np.array([10 * (x[2] - 10 * turn), 10 * (np.hypot(x[0], x[1]) - 1), x[2]])


def tridiagonal(x):
    padded = np.pad(x, 1)
    return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1


def trigonometric(x):
    n = len(x)
    return n - np.sum(np.cos(x)) + np.arange(1, n + 1) * (1 - np.cos(x)) - np.sin(x)


def boundary_values(x):
    h = 1 / (len(x) + 1)
    padded, t = np.pad(x, 1), h * np.arange(1, len(x) + 1)
    return 2 * x - padded[:-2] - padded[2:] + h * h * (x + t + 1) ** 3 / 2


def lists(x):
    return [x[0] + 0.5 * (x[0] - x[1]) ** 3 - 1.0, 0.5 * (x[1] - x[0]) ** 3 + x[1]]


def powells_singular(x):
    return np.array(
        [x[0] + 10 * x[1], 5**0.5 * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, (x[0] - x[3]) ** 2]
    )


# Moré, Garbow and Hillstrom's systems, from their usual starts.
SYSTEMS = {
    "badly scaled": (badly_scaled, [0.0, 1.0]),
    "helical valley": (helical_valley, [-1.0, 0.0, 0.0]),
    "tridiagonal": (tridiagonal, -np.ones(12)),
    "trigonometric": (trigonometric, np.full(10, 0.1)),
    "boundary values": (boundary_values, np.full(9, -0.2)),
    "lists": (lists, [0.0, 0.0]),
    "singular": (powells_singular, [3.0, -1.0, 0.0, 1.0]),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_systems_are_solved_up_to_rounding(name):
    equations, x0 = SYSTEMS[name]
    found = st.root(equations, x0)
    assert found.success, found.message
    assert np.abs(np.asarray(equations(found.x))).max() < 1e-12
    theirs = scipy.optimize.root(equations, x0)
    if theirs.success and np.linalg.cond(found.jac) < 1e6:
        np.testing.assert_allclose(found.x, theirs.x, atol=1e-6)


@pytest.mark.parametrize("method", ["hybr", "lm", "krylov", "broyden1", "df-sane", st.Dogleg()])
def test_names_of_methods_are_scipys(method):
    found = st.root(tridiagonal, -np.ones(12), method=method)
    assert found.success, found.message
    if isinstance(method, str) and method in ("broyden1", "df-sane"):
        assert method in found.reason


def test_many_unknowns_need_no_jacobian():
    found = st.root(tridiagonal, -np.ones(300))
    assert found.success
    assert type(found.method).__name__ == "NewtonKrylov"
    assert np.abs(found.fun).max() < 1e-10


def test_gmres_solves_linear_equations():
    rng = np.random.default_rng(3)
    matrix = np.eye(30) + 0.3 * rng.normal(size=(30, 30)) / np.sqrt(30)
    matrix[:2, :2] = [[0.0, 1.0], [-1.0, 0.0]]  # no symmetric part: residuals first stay
    right = rng.normal(size=30)
    found = st.root(lambda x: matrix @ x - right, np.zeros(30), method="krylov")
    assert found.success
    np.testing.assert_allclose(found.x, np.linalg.solve(matrix, right), rtol=1e-8)


def test_fields_are_scipys():
    found = st.root(lists, [0.0, 0.0])
    theirs = scipy.optimize.root(lists, [0.0, 0.0])
    for name in ("x", "fun", "success", "status", "message", "nfev"):
        assert name in theirs
        assert name in found
        assert found[name] is not None
    assert isinstance(found.fun, list)  # as the function returns it
    np.testing.assert_allclose(found.jac, st.jacobian(lambda x: np.stack(lists(x)))(found.x))


def test_the_second_call_and_the_first_agree():
    first, x0 = None, np.array([0.3, 0.7])

    def equations(x, a):
        return np.array([x[0] ** 2 + x[1] - a, x[0] - x[1] ** 3])

    for _ in range(4):
        found = st.root(equations, x0, (np.array(1.5),))
        first = found.x if first is None else first
        np.testing.assert_array_equal(found.x, first)
        assert found.success
    other = st.root(equations, x0, (np.array(2.5),))
    assert np.abs(equations(other.x, 2.5)).max() < 1e-14


def test_nested_unknowns_and_marks():
    def equations(p):
        return {"sum": p["a"] + p["b"].sum() - 4, "rest": p["b"] ** 2 - p["a"]}

    found = st.root(equations, {"a": st.Positive(1.0), "b": np.array([1.0, 2.0])})
    assert found.success
    assert found.x["a"] > 0
    assert set(found.fun) == {"sum", "rest"}
    assert abs(found.fun["sum"]) < 1e-12


def test_one_unknown():
    assert abs(st.root(np.cos, 1.0).x - np.pi / 2) < 1e-15
    assert abs(st.root(lambda x: x[0] ** 2 - 2, 1.0).x[0] - 2**0.5) < 1e-15


def test_a_root_at_zero_and_at_the_start():
    assert st.root(np.sin, 0.4).success
    assert st.root(lambda x: x**3, [1.0]).success  # the Jacobian is singular there
    assert st.root(lambda x: x * 0.5, [0.0]).success


@pytest.mark.parametrize(
    ("equations", "x0", "least"),
    [
        (lambda x: x**2 + 1, [2.0], 1.0),
        (lambda x: x**2 + 1, [1.0], 1.0),  # the first step leads to where the slope is 0
        (lambda x: np.array([x[0] ** 2 + x[1] ** 2 + 1, x[0] - x[1]]), [1.0, 2.0], 1.0),
        (lambda x: np.array([x[0] - 1, x[0] + 1, x[1]]), [3.0, 3.0], 1.0),
    ],
)
def test_without_a_solution_the_least_residual_is_returned(equations, x0, least):
    found = st.root(equations, x0)
    assert not found.success
    assert found.status is Status.NO_ROOT
    assert np.abs(found.fun).max() == pytest.approx(least)
    assert "least residual" in found.message


def test_a_singular_jacobian_is_named():
    found = st.root(lambda x: np.array([np.exp(x[0]), x[1]]), [-30.0, 1.0])
    assert found.status is not Status.DIVERGED
    assert found.success == (np.abs(found.fun).max() < 1e-12)
    flat = st.root(lambda x: np.array([1.0 + 0 * x[0], x[1]]), [0.5, 1.0])
    assert flat.status in (Status.NO_ROOT, Status.SINGULAR)


def test_values_that_are_not_finite():
    found = st.root(lambda x: np.log(x), [-1.0])
    assert found.status is Status.DIVERGED
    assert not found.success


def test_a_slope_that_is_not_finite_at_the_start():
    found = st.root(lambda x: np.sqrt(np.sum(x**2)) - 0.01 + 0 * x, [0.0])
    assert not found.success
    assert found.fun == pytest.approx(-0.01)


def test_too_few_equations():
    with pytest.raises(InputError, match="1 equations cannot determine 2 unknowns"):
        st.root(lambda x: x[:1] ** 2, [1.0, 2.0])


def test_jac_and_options():
    def both(x):
        return x**2 - 2, np.diag(2 * x)

    assert st.root(both, [1.0], jac=True).success
    assert st.root(fun=np.cos, x0=[1.0], tol=1e-3).success
    short = st.root(badly_scaled, [0.0, 1.0], options={"maxfev": 3}, method="hybr")
    assert short.status is Status.ITERATION_LIMIT
    with pytest.raises(InputError, match="did you mean 'maxiter'"):
        st.root(np.cos, [1.0], options={"maxiters": 3})
    with pytest.raises(InputError, match="did you mean 'hybr'"):
        st.root(np.cos, [1.0], method="hybrd")


def test_a_callback_ends_the_search():
    found = st.root(badly_scaled, [0.0, 1.0], callback=lambda state: True)
    assert found.status is Status.CALLBACK


WITHOUT_ROOT = {
    "square": lambda x: x**2 + 1,
    "higher square": lambda x: x**2 + 2,
    "exponential": lambda x: np.exp(1e-6 * x) + 1,
    "paraboloid": lambda x: np.array([np.sum(x**2) + 1e-3, x[0] - x[-1] / 3]),
    "overdetermined": lambda x: np.concatenate([x - 1, np.sin(x) - np.sin(1) + 1]),
    "parallel": lambda x: np.array([x[0] - x[-1], x[0] - x[-1] + 1e-3]),
}
WITH_ROOT = {
    "square": lambda x: x**2 - 2,
    "double": lambda x: (x - 3) ** 2,
    "at zero": lambda x: x**2,
    "overdetermined": lambda x: np.concatenate([x - 1, x**3 - x]),
    "overdetermined at zero": lambda x: np.concatenate([x, x * (1 + x**2)]),
    "linear": lambda x: np.array([x[0] - 3 * x[-1], x[0] + x[-1] - 4]),
}


@pytest.mark.parametrize("start", [1.0, 10.0, 1e3, 1e6])
@pytest.mark.parametrize("name", WITHOUT_ROOT)
def test_no_start_makes_a_solution(name, start):
    for x0 in (np.array([start]), np.array([start, -0.3 * start])):
        found = st.root(WITHOUT_ROOT[name], x0)
        assert not found.success
        assert found.status in (Status.NO_ROOT, Status.SINGULAR)


@pytest.mark.parametrize("start", [1.0, 10.0, 1e3, 1e6])
@pytest.mark.parametrize("name", WITH_ROOT)
def test_no_start_hides_a_solution(name, start):
    found = st.root(WITH_ROOT[name], np.array([start, -0.3 * start]))
    assert found.success, found.message
    assert np.abs(found.fun).max() < 1e-12


@pytest.mark.parametrize("start", [1.0, 1e3, 1e6])
def test_many_unknowns_are_judged_by_their_equations(start):
    x0 = np.full(210, start)
    assert not st.root(lambda x: x**2 + 1, x0).success
    assert st.root(lambda x: x**2 - 2, x0).success
    assert st.root(lambda x: np.sinh(x / start) * x, x0).success  # a double root at zero


@pytest.mark.parametrize("n", [50, 210])
@pytest.mark.parametrize("start", [-1.0, -1e3, -1e6])
def test_newtons_method_by_gmres_goes_on_to_a_solution(start, n):
    found = st.root(tridiagonal, np.full(n, start), method="krylov")
    assert found.success, found.message
    assert np.abs(found.fun).max() < 1e-11


def overdetermined(x, a):
    return np.stack([x[0] - 1, np.sin(x[0]) - np.sin(1) + a])


CALLS = {
    "solvable": (lambda x, a: x**2 - 2 - a, {}),
    "unsolvable": (lambda x, a: x**2 + 2 + a, {}),
    "overdetermined": (overdetermined, {}),
    "threshold": (overdetermined, {"stop": st.LossBelow(1.0)}),
    "tolerance": (overdetermined, {"tol": 0.3}),
    "solvable with a tolerance": (lambda x, a: x**2 - 2 - a, {"tol": 1e-3}),
    "unsolvable with a tolerance": (lambda x, a: x**2 + 2 + a, {"tol": 1e-3}),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_first_call_and_later_ones_judge_alike(name):
    equations, settings = CALLS[name]
    x0 = np.array([3.0])
    seen = {}
    for a in (0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0):
        found = st.root(equations, x0, (np.array(a),), **settings)
        end = found.status, found.message, found.x.tolist()
        assert seen.setdefault(a, end) == end
    expected = {
        "solvable": (True, True),
        "unsolvable": (False, False),
        "overdetermined": (True, False),
        "threshold": (True, True),
        "tolerance": (True, False),
    }[name.split(" ")[0]]
    assert (seen[0.0][0].is_success, seen[1.0][0].is_success) == expected


def test_a_threshold_of_the_caller_is_met():
    found = st.root(lambda x: x**2 + 0.5, [2.0], stop=st.LossBelow(1.0))
    assert found.status is Status.CONVERGED


def test_where_the_slope_is_zero_at_the_start():
    assert st.root(lambda x: x**2 - 4, [0.0]).status is Status.SINGULAR  # there are roots
    assert st.root(lambda x: x**2 + 2, [3.0]).status is Status.NO_ROOT
