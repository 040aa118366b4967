"""Methods that search: along lines, in trust regions, with Newton's or learned curvature."""

import itertools

import numpy as np
import pytest
import scipy.optimize

import steepest as st

CURVATURE = np.array([1.0, 4.0, 25.0])
START = np.array([1.0, -2.0, 0.5])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * (x - 1) ** 2) + 0.1 * np.sum(x**4)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def beale(x):
    y = 1.5 - x[0] * (1 - x[1]), 2.25 - x[0] * (1 - x[1] ** 2), 2.625 - x[0] * (1 - x[1] ** 3)
    return y[0] ** 2 + y[1] ** 2 + y[2] ** 2


PROBLEMS = {
    "rosenbrock": (rosenbrock, np.array([-1.2, 1.0]), np.ones(2)),
    "rosenbrock in 6": (rosenbrock, np.tile([-1.2, 1.0], 3), None),
    "beale": (beale, np.array([1.0, 1.0]), np.array([3.0, 0.5])),
    "quadratic": (quadratic, START, None),
}
SEARCHES = {
    "bfgs": st.BFGS(),
    "lbfgs": st.LBFGS(),
    "lbfgs by Armijo": st.LBFGS(memory=3, search=st.Armijo()),
    "lbfgs by Hager-Zhang": st.LBFGS(search=st.HagerZhang()),
    "cg": st.NonlinearCG(),
    "cg by Hager-Zhang": st.NonlinearCG(search=st.HagerZhang()),
    "newton-cg": st.NewtonCG(),
    "trust region": st.TrustRegion(exact=True),
    "steihaug": st.TrustRegion(exact=False),
}
TIGHT = st.GradientNormBelow(1e-8) | st.MaxIterations(5000)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", SEARCHES)
def test_searches_find_the_minimum(name, problem):
    loss, start, minimum = PROBLEMS[problem]
    run = st.minimize(loss, start, method=SEARCHES[name], stop=TIGHT)
    assert run.converged, run.message
    if minimum is None:
        # Rosenbrock's function in 6 variables has two.
        found = scipy.optimize.minimize(loss, run.x, method="Nelder-Mead", tol=1e-12).fun
        assert run.loss <= found + 1e-9
    else:
        np.testing.assert_allclose(run.x, minimum, rtol=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("name", SEARCHES)
def test_searches_agree_between_engines(name, engine):
    stop, start = st.MaxIterations(6), np.array([-1.2, 1.0, 0.5])
    runs = [
        st.minimize(rosenbrock, start, method=SEARCHES[name], stop=stop, engine=e)
        for e in ("native", engine)
    ]
    assert runs[0].evaluations == runs[1].evaluations
    np.testing.assert_allclose(runs[0].history.x, runs[1].history.x, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", SEARCHES)
def test_history_of_a_search_has_a_row_for_each_point_it_accepted(name):
    run = st.minimize(rosenbrock, np.array([-1.2, 1.0]), method=SEARCHES[name], stop=TIGHT)
    history = run.history
    np.testing.assert_array_equal(history.iteration, np.arange(run.iterations + 1))
    losses = [rosenbrock(x) for x in history.x]
    np.testing.assert_allclose(history.loss, losses, rtol=1e-12, atol=1e-25)
    slopes = np.array([np.linalg.norm(st.gradient(rosenbrock)(x)) for x in history.x])
    np.testing.assert_allclose(history.gradient_norm, slopes, rtol=1e-9, atol=1e-12)
    steps = np.linalg.norm(np.diff(history.x, axis=0), axis=1)
    np.testing.assert_allclose(history.step_length[1:], steps, rtol=1e-9, atol=1e-15)
    assert history.step_length[0] == 0
    assert np.all(np.diff(history.evaluations) >= 1)
    assert history.evaluations[-1] == run.evaluations == run.nfev
    assert np.all(np.diff(history.loss) <= 1e-12)


@pytest.mark.parametrize("name", [*SEARCHES, "descent", "adam"])
def test_bounds_hold_and_the_minimum_within_them_is_found(name):
    more = {"descent": st.GradientDescent(1e-3), "adam": st.Adam(0.01)}
    method = {**SEARCHES, **more}[name]
    start, pairs = np.array([0.1, 0.3, 0.2]), [(-2, 0.5), (None, None), (0.1, 3)]
    stop = st.GradientNormBelow(1e-6) | st.MaxIterations(100_000)
    run = st.minimize(rosenbrock, start, method=method, bounds=pairs, stop=stop)
    low, high = np.array([-2, -np.inf, 0.1]), np.array([0.5, np.inf, 3])
    assert np.all((run.history.x >= low) & (run.history.x <= high))
    assert run.converged, run.message
    theirs = scipy.optimize.minimize(
        scipy.optimize.rosen,
        start,
        jac=scipy.optimize.rosen_der,
        bounds=pairs,
        options={"gtol": 1e-10, "ftol": 0},
    )
    np.testing.assert_allclose(run.x, theirs.x, atol=2e-4)
    assert run.loss <= theirs.fun + 1e-9
    assert run.active.tolist() == [1, 0, -1]


def spread_quadratic(size, seed=0):
    random = np.random.default_rng(seed)
    q, _ = np.linalg.qr(random.normal(size=(size, size)))
    matrix = q @ np.diag(np.linspace(1, 20, size)) @ q.T
    target = random.normal(size=size)
    return lambda x: 0.5 * (x - target) @ (matrix @ (x - target))


@pytest.mark.parametrize(
    "method",
    [
        st.NonlinearCG(search=st.StrongWolfe(1e-10, flatness=1e-9)),
        st.BFGS(search=st.StrongWolfe(1e-10, flatness=1e-9)),
        st.LBFGS(memory=12, search=st.StrongWolfe(1e-10, flatness=1e-9)),
    ],
)
@pytest.mark.parametrize("size", [2, 5, 8])
def test_conjugate_directions_end_in_as_many_steps_as_there_are_variables(method, size):
    # With exact line searches all three make the same steps on a quadratic.
    run = st.minimize(
        spread_quadratic(size),
        np.zeros(size),
        method=method,
        stop=st.GradientNormBelow(1e-6) | st.MaxIterations(50),
    )
    assert run.iterations <= size


@pytest.mark.parametrize(
    "method", [st.NewtonCG(), st.TrustRegion(radius=100.0), st.TrustRegion(100.0, exact=False)]
)
def test_newton_needs_one_step_on_a_quadratic(method):
    def nearly_flat(x):  # so that inner iterations end within rounding at once
        return 0.5 * np.sum((x - 3.0) ** 2)

    run = st.minimize(nearly_flat, np.zeros(4), method=method, stop=st.GradientNormBelow(1e-10))
    assert run.iterations == 1


def test_newtons_method_converges_quadratically():
    run = st.minimize(
        lambda x: np.sum(np.exp(x) - 2 * x),
        np.array([0.2, 1.0]),
        method=st.TrustRegion(),
        stop=st.GradientNormBelow(1e-14) | st.MaxIterations(30),
    )
    errors = np.abs(run.history.x[:, 1] - np.log(2))
    tail = [(a, b) for a, b in itertools.pairwise(errors) if 1e-7 < a < 0.1]
    assert tail
    # e' = e^2 f'''/(2 f'') = e^2 / 2 here
    assert all(b <= 0.6 * a**2 for a, b in tail)


def test_a_trust_region_leaves_a_saddle_where_the_gradient_is_zero():
    run = st.minimize(
        lambda x: x[0] ** 4 - x[0] ** 2 + x[1] ** 2, np.array([0.0, 1.0]), method=st.TrustRegion()
    )
    assert abs(run.x[0]) == pytest.approx(np.sqrt(0.5), abs=1e-6)


def test_bfgs_learns_the_hessian_of_a_quadratic():
    size = 4
    loss = spread_quadratic(size, seed=3)
    run = st.minimize(
        loss,
        np.zeros(size),
        method=st.BFGS(search=st.StrongWolfe(1e-10, flatness=1e-9)),
        stop=st.GradientNormBelow(1e-9) | st.MaxIterations(20),
    )
    assert run.iterations <= size + 1


# Counts of evaluations are those of SciPy's codes.


@pytest.mark.parametrize("size", [2, 10, 100])
def test_lbfgs_needs_as_many_evaluations_as_scipys(size):
    start = np.tile([-1.2, 1.0], size // 2)
    stop = st.GradientNormBelow(1e-5) | st.MaxIterations(9999)
    run = st.minimize(rosenbrock, start, method=st.LBFGS(), stop=stop)
    theirs = scipy.optimize.minimize(
        scipy.optimize.rosen,
        start,
        jac=scipy.optimize.rosen_der,
        method="L-BFGS-B",
        options={"gtol": 3e-6, "ftol": 0, "maxfun": 99999, "maxiter": 9999},
    )
    assert run.converged
    assert run.evaluations <= 1.1 * theirs.nfev


# Special starts, and what goes wrong.


def logistic(w, X, y):
    return np.mean(np.logaddexp(0, -y * (X @ w))) + 0.5e-4 * np.sum(w * w)


@pytest.mark.parametrize("seed", range(4))
def test_lbfgs_starts_a_well_scaled_loss_as_scipys_does(seed):
    random = np.random.default_rng(seed)
    X = random.normal(size=(2000, 20))
    y = np.where(random.random(2000) < 1 / (1 + np.exp(-X @ random.normal(size=20))), 1.0, -1.0)
    stop = st.GradientNormBelow(1e-6) | st.MaxIterations(1000)
    run = st.minimize(logistic, np.zeros(20), (X, y), method=st.LBFGS(), stop=stop)
    other = scipy.optimize.minimize(
        st.compile(st.value_and_gradient(lambda w: logistic(w, X, y))), np.zeros(20),
        jac=True, method="L-BFGS-B", options={"gtol": 2e-7, "ftol": 0},
    )  # fmt: skip
    np.testing.assert_allclose(run.x, other.x, atol=1e-5)
    assert run.evaluations <= 1.1 * other.nfev


@pytest.mark.parametrize("method", [st.LBFGS(), st.BFGS(), st.NonlinearCG()])
def test_a_search_that_starts_at_the_minimum_stays_there(method):
    run = st.minimize(lambda x: np.sum(x**2), np.zeros(3), method=method)
    assert run.converged
    assert run.iterations == 0


def test_a_search_refuses_batches():
    with pytest.raises(ValueError, match=r"LBFGS compares losses.*use st.Adam\(\)"):
        st.minimize(
            lambda w, X: np.mean((w * X - 1) ** 2),
            0.0,
            np.ones(8),
            method=st.LBFGS(),
            batches=st.Batches(size=4),
        )


@pytest.mark.parametrize("name", SEARCHES)
def test_a_loss_unbounded_below_is_reported(name):
    run = st.minimize(lambda x: x[0] - x[1] ** 2, np.array([1.0, 0.1]), method=SEARCHES[name])
    assert run.status is st.Status.UNBOUNDED
    assert not run.converged
    assert run.loss < -1e10


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_stay_where_the_loss_is_finite(name):
    run = st.minimize(
        lambda x: np.sum(x - np.log(x)), np.array([0.1, 30.0]), method=SEARCHES[name]
    )
    np.testing.assert_allclose(run.x, 1, rtol=1e-4)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_start_that_is_not_finite_is_reported(name):
    with pytest.raises(ValueError, match=r"x0\[1\] is nan"):
        st.minimize(quadratic, np.array([1.0, np.nan, 0]), method=SEARCHES[name])
    run = st.minimize(lambda x: np.log(x[0]), np.array([-1.0]), method=SEARCHES[name])
    assert run.status is st.Status.DIVERGED
    assert "at the start point" in run.message


def test_a_stalled_search_says_so():
    def kinked(x):  # the slope that is given does not fit the loss
        return np.sum(np.abs(x)) + 0.0

    run = st.minimize(kinked, np.array([1.0, 0.3]), method=st.BFGS())
    assert run.status in (st.Status.STALLED, st.Status.PRECISION, st.Status.CONVERGED)
    assert run.loss < 1.3


def test_compiled_functions_can_be_passed_to_scipy():
    pair = st.compile(st.value_and_gradient(rosenbrock))
    found = scipy.optimize.minimize(pair, np.array([-1.2, 1.0]), jac=True)
    np.testing.assert_allclose(found.x, 1, rtol=1e-5)


def test_branches_in_a_loss_are_crossed_while_searching():
    def loss(x):
        if x[0] > 0:
            return (x[0] - 1) ** 2 + x[1] ** 2
        return (x[0] - 1) ** 2 + 3 * x[1] ** 2

    run = st.minimize(loss, np.array([-2.0, 1.0]), method=st.LBFGS())
    np.testing.assert_allclose(run.x, [1, 0], atol=1e-5)


@pytest.mark.parametrize("size", [20, 60, 100])
@pytest.mark.parametrize("memory", [1, 3, 10])
def test_arrays_of_an_iteration_keep_their_memory_until_their_last_reader(memory, size):
    # History, stop rule and update read the same arrays, one after the other.
    start = np.tile([-1.2, 1.0], size // 2)
    runs = [
        st.minimize(
            rosenbrock, start, method=st.LBFGS(memory), stop=st.MaxIterations(12), engine=engine
        )
        for engine in ("native", "numpy")
    ]
    assert runs[0].evaluations == runs[1].evaluations
    np.testing.assert_allclose(runs[0].x, runs[1].x, rtol=1e-6)


@pytest.mark.parametrize(("size", "bounds"), [(2, (-1, 0.9)), (5, (0.2, 0.8)), (30, (-1, 0.9))])
def test_conjugate_gradients_converge_within_bounds(size, bounds):
    def banana(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    start = np.clip(np.zeros(size), *bounds)
    run = st.minimize(banana, start, method=st.NonlinearCG(), bounds=bounds)
    best = st.minimize(banana, start, method=st.LBFGS(), bounds=bounds)
    assert run.converged
    np.testing.assert_allclose(run.loss, best.loss, rtol=1e-9)


@pytest.mark.parametrize("bounds", [None, (-2, 2)])
@pytest.mark.parametrize("size", [3, 5])
def test_conjugate_gradients_converge_with_armijo(size, bounds):
    weights = 10.0 ** np.arange(size)
    run = st.minimize(
        lambda x: np.sum(weights * (x - 1.5) ** 2),
        np.zeros(size),
        method=st.NonlinearCG(search=st.Armijo()),
        bounds=bounds,
    )
    assert run.converged
    np.testing.assert_allclose(run.x, 1.5, atol=1e-5)


def test_bfgs_says_that_its_matrix_would_be_too_large():
    with pytest.raises(ValueError, match="which is 75 GiB"):
        st.minimize(lambda x: np.sum(x * x), np.ones(100_000), method="BFGS")
