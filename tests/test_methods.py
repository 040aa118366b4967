"""Methods against torch.optim, optax, SciPy, and what theory says of them."""

import itertools

import jax
import numpy as np
import optax
import pytest
import scipy.optimize
import torch

import steepest as st

ENGINES = ["native", "numpy", "torch"]
CURVATURE = np.array([1.0, 4.0, 25.0])
START = np.array([1.0, -2.0, 0.5])
STEPS = 40


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * (x - 1) ** 2) + 0.1 * np.sum(x**4)


def gradient(x):
    return CURVATURE * (x - 1) + 0.4 * x**3


def path_of(method, engine="native", stop=None):
    stop = stop or st.MaxIterations(STEPS)
    return st.minimize(quadratic, START, method=method, stop=stop, engine=engine).history.x


# Method, torch's optimizer and its settings. AdamW decays x before the step, and so in effect
# with it; torch adds epsilon to the root, as here.
TORCH = {
    "gradient descent": (st.GradientDescent(0.01), "SGD", {"lr": 0.01}),
    "momentum": (st.Momentum(0.001, 0.9), "SGD", {"lr": 0.001, "momentum": 0.9}),
    "nesterov": (
        st.Nesterov(0.001, 0.8),
        "SGD",
        {"lr": 0.001, "momentum": 0.8, "nesterov": True},
    ),
    "adagrad": (st.Adagrad(0.3), "Adagrad", {"lr": 0.3}),
    "adagrad from 0.1": (
        st.Adagrad(0.3, initial=0.1, epsilon=1e-7),
        "Adagrad",
        {"lr": 0.3, "initial_accumulator_value": 0.1, "eps": 1e-7},
    ),
    "rmsprop": (st.RMSProp(0.02, decay=0.9), "RMSprop", {"lr": 0.02, "alpha": 0.9}),
    "rmsprop with momentum": (
        st.RMSProp(0.02, momentum=0.5),
        "RMSprop",
        {"lr": 0.02, "momentum": 0.5},
    ),
    "adam": (st.Adam(0.02, 0.8, 0.99), "Adam", {"lr": 0.02, "betas": (0.8, 0.99)}),
    "adamw": (
        st.AdamW(0.02, weight_decay=0.3),
        "AdamW",
        {"lr": 0.02, "weight_decay": 0.3},
    ),
    "weight decay": (
        st.WeightDecay(st.Momentum(0.001), 0.3),
        "SGD",
        {"lr": 0.001, "momentum": 0.9, "weight_decay": 0.3},
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", TORCH)
def test_methods_step_as_torchs_optimizers(name, engine):
    method, optimizer, settings = TORCH[name]
    x = torch.tensor(START, requires_grad=True)
    theirs = getattr(torch.optim, optimizer)([x], **settings)
    path = [x.detach().numpy().copy()]
    for _ in range(STEPS):
        x.grad = torch.tensor(gradient(x.detach().numpy()))
        theirs.step()
        path.append(x.detach().numpy().copy())
    np.testing.assert_allclose(path_of(method, engine), path, rtol=1e-12, atol=1e-14)


# optax adds Adagrad's and RMSProp's epsilon under the root unless it is told otherwise; it is
# so small here that this is no difference beyond rounding.
OPTAX = {
    "gradient descent": (st.GradientDescent(0.01), lambda: optax.sgd(0.01)),
    "momentum": (st.Momentum(0.001, 0.9), lambda: optax.sgd(0.001, momentum=0.9)),
    "nesterov": (st.Nesterov(0.001, 0.8), lambda: optax.sgd(0.001, momentum=0.8, nesterov=True)),
    "adagrad": (
        st.Adagrad(0.3, initial=0.1, epsilon=1e-30),
        lambda: optax.adagrad(0.3, initial_accumulator_value=0.1, eps=1e-60),
    ),
    "rmsprop": (
        st.RMSProp(0.02, decay=0.9, epsilon=1e-30),
        lambda: optax.rmsprop(0.02, decay=0.9, eps=1e-60),
    ),
    "adam": (st.Adam(0.02, 0.8, 0.99), lambda: optax.adam(0.02, b1=0.8, b2=0.99)),
    "adamw": (st.AdamW(0.02, weight_decay=0.3), lambda: optax.adamw(0.02, weight_decay=0.3)),
    "lion": (
        st.Lion(0.02, weight_decay=0.3),
        lambda: optax.lion(0.02, b1=0.9, b2=0.99, weight_decay=0.3),
    ),
    "clipped by norm": (
        st.Clipped(st.Adam(0.02), norm=2.0),
        lambda: optax.chain(optax.clip_by_global_norm(2.0), optax.adam(0.02)),
    ),
    "clipped by value": (
        st.Clipped(st.GradientDescent(0.02), value=2.0),
        lambda: optax.chain(optax.clip(2.0), optax.sgd(0.02)),
    ),
}


@pytest.mark.parametrize("name", OPTAX)
def test_methods_step_as_optaxs(name):
    method, make = OPTAX[name]
    with jax.enable_x64(True):
        theirs, x = make(), jax.numpy.array(START)
        state, path = theirs.init(x), [START]
        for _ in range(STEPS):
            updates, state = theirs.update(gradient(x), state, x)
            x = optax.apply_updates(x, updates)
            path.append(np.asarray(x))
    np.testing.assert_allclose(path_of(method), path, rtol=1e-12, atol=1e-14)


def torch_rates(make, initial, count):
    x = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=initial)
    schedule = make(optimizer)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


SCHEDULES = {
    "step": (
        st.StepDecay(0.3, factor=0.5, every=7),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5),
    ),
    "exponential": (
        st.ExponentialDecay(0.3, factor=0.9, every=1),
        lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    ),
    "cosine": (
        st.CosineDecay(0.3, iterations=30, final=0.1),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 30, eta_min=0.1),
    ),
    "warm-up": (
        st.WarmUp(0.3, iterations=10, initial=0.03),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, 1.0, 10),
    ),
    "one-cycle": (
        st.OneCycle(0.3, iterations=29, rise=0.31034482758620685),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(
            o, 0.3, total_steps=30, pct_start=1 / 3, cycle_momentum=False
        ),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_torchs(name):
    schedule, make = SCHEDULES[name]
    expected = torch_rates(make, 0.3, 30)
    np.testing.assert_allclose([schedule(i) for i in range(30)], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_compile(name):
    schedule, _ = SCHEDULES[name]
    run = st.minimize(
        lambda x: np.sum(x),
        np.zeros(1),
        method=st.GradientDescent(schedule),
        stop=st.MaxIterations(30),
    )
    steps = -np.diff(run.history.x[:, 0])
    np.testing.assert_allclose(steps, [schedule(i) for i in range(30)], rtol=1e-9, atol=1e-14)


def test_averages_of_the_path():
    plain = path_of(st.GradientDescent(0.05))
    averaged = st.minimize(
        quadratic,
        START,
        method=st.Averaged(st.GradientDescent(0.05), start=10),
        stop=st.MaxIterations(STEPS),
    )
    np.testing.assert_allclose(averaged.x, plain[11:].mean(axis=0), rtol=1e-12)
    assert averaged.loss == pytest.approx(quadratic(averaged.x), rel=1e-14)
    running = st.minimize(
        quadratic,
        START,
        method=st.Averaged(st.GradientDescent(0.05), decay=0.9),
        stop=st.MaxIterations(STEPS),
    )
    mean = plain[1]
    for x in plain[2:]:
        mean = 0.9 * mean + 0.1 * x
    np.testing.assert_allclose(running.x, mean, rtol=1e-12)


# Searches.


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
def test_engines_search_alike(name, engine):
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


# What theory says.


def test_gradient_descent_contracts_by_its_factor():
    eigenvalues, step = np.array([1.0, 3.0, 10.0]), 2 / 11  # the best: 2 / (largest + smallest)
    run = st.minimize(
        lambda x: 0.5 * np.sum(eigenvalues * x**2),
        np.array([1.0, 0.0, 1.0]),
        method=st.GradientDescent(step),
        stop=st.MaxIterations(50),
    )
    lengths = np.linalg.norm(run.history.x, axis=1)
    np.testing.assert_allclose(lengths[1:] / lengths[:-1], 9 / 11, rtol=1e-12)


def test_momentum_contracts_by_the_root_of_its_share():
    # Polyak 1964: with the best settings the spectral radius is the root of the momentum.
    low, high = 1.0, 100.0
    share = ((np.sqrt(high) - np.sqrt(low)) / (np.sqrt(high) + np.sqrt(low))) ** 2
    step = 4 / (np.sqrt(high) + np.sqrt(low)) ** 2
    run = st.minimize(
        lambda x: 0.5 * np.sum(np.array([low, high]) * x**2),
        np.ones(2),
        method=st.Momentum(step, share),
        stop=st.MaxIterations(400),
    )
    lengths = np.linalg.norm(run.history.x, axis=1)
    rate = (lengths[300] / lengths[100]) ** (1 / 200)
    assert rate == pytest.approx(np.sqrt(share), rel=0.01)


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


# Which method, and what goes wrong.


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


def test_the_method_is_chosen_and_the_choice_explained():
    small = st.minimize(quadratic, START)
    assert isinstance(small.method, st.BFGS)
    assert "3 parameters" in small.reason
    assert "BFGS (3 parameters" in str(small)
    large = st.minimize(lambda x: np.sum((x - 1) ** 2), np.zeros(500))
    assert isinstance(large.method, st.LBFGS)
    bounded = st.minimize(quadratic, START, bounds=(-3, 3))
    assert isinstance(bounded.method, st.LBFGS)
    X, y = np.arange(8.0), 2 * np.arange(8.0)
    batches = st.Batches(size=4)
    batched = st.minimize(lambda w, X, y: np.mean((w * X - y) ** 2), 0.0, (X, y), batches=batches)
    assert isinstance(batched.method, st.Adam)


@pytest.mark.parametrize(
    "name", ["BFGS", "L-BFGS-B", "CG", "Newton-CG", "trust-exact", "trust-ncg", "adam", "lbfgs"]
)
def test_names_of_methods(name):
    assert st.minimize(quadratic, START, method=name).loss < quadratic(START)


def test_an_unknown_name_is_said_with_the_nearest():
    with pytest.raises(ValueError, match=r"unknown method 'L-BFG' \(did you mean 'lbfgs'\?\)"):
        st.minimize(quadratic, START, method="L-BFG")


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
def test_a_loss_unbounded_below_is_said(name):
    run = st.minimize(lambda x: x[0] - x[1] ** 2, np.array([1.0, 0.1]), method=SEARCHES[name])
    assert run.status is st.Status.UNBOUNDED
    assert not run.converged
    assert run.loss < -1e10


@pytest.mark.parametrize("name", SEARCHES)
def test_a_loss_that_is_not_finite_further_on_is_kept_away_from(name):
    run = st.minimize(
        lambda x: np.sum(x - np.log(x)), np.array([0.1, 30.0]), method=SEARCHES[name]
    )
    np.testing.assert_allclose(run.x, 1, rtol=1e-4)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_wrong_start_is_said(name):
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


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ([(0, 1), (0, 1)], "pair \\(low, high\\) for each of 3 numbers"),
        ([(2, 1), (0, 1), (0, 1)], r"the bounds of x0\[0\] cross: 2 is above 1"),
    ],
)
def test_wrong_bounds_are_said(bounds, message):
    with pytest.raises(ValueError, match=message):
        st.minimize(quadratic, START, bounds=bounds)


def test_bounds_in_the_structure_of_the_start():
    def loss(p):
        return (p["a"] - 3) ** 2 + np.sum((p["b"] + 1) ** 2)

    start = {"a": 0.5, "b": np.zeros(2)}
    bounds = {"a": (0, 1), "b": [(None, None), (-0.5, None)]}
    run = st.minimize(loss, start, bounds=bounds)
    assert run.x["a"] == 1.0
    np.testing.assert_allclose(run.x["b"], [-1, -0.5], atol=1e-6)
    assert run.active["a"] == 1
    same = scipy.optimize.Bounds([0, -np.inf, -0.5], [1, np.inf, np.inf])
    np.testing.assert_array_equal(st.minimize(loss, start, bounds=same).x["b"], run.x["b"])


def test_our_compiled_functions_go_into_scipy():
    pair = st.compile(st.value_and_gradient(rosenbrock))
    found = scipy.optimize.minimize(pair, np.array([-1.2, 1.0]), jac=True)
    np.testing.assert_allclose(found.x, 1, rtol=1e-5)


def test_a_callback_sees_every_accepted_point_and_may_stop():
    seen = []

    def callback(state):
        seen.append((state.iteration, state.loss))
        return state.iteration == 5

    run = st.minimize(rosenbrock, np.array([-1.2, 1.0]), method=st.BFGS(), callback=callback)
    assert run.iterations == 5
    assert [i for i, _ in seen] == [1, 2, 3, 4, 5]
    assert run.loss == pytest.approx(seen[-1][1])
    assert run.status is st.Status.CALLBACK


def test_branches_in_a_loss_are_crossed_while_searching():
    def loss(x):
        if x[0] > 0:
            return (x[0] - 1) ** 2 + x[1] ** 2
        return (x[0] - 1) ** 2 + 3 * x[1] ** 2

    run = st.minimize(loss, np.array([-2.0, 1.0]), method=st.LBFGS())
    np.testing.assert_allclose(run.x, [1, 0], atol=1e-5)


def test_methods_for_residuals_say_so_where_there_is_a_loss():
    with pytest.raises(ValueError, match=r"LevenbergMarquardt needs residuals.*least_squares"):
        st.minimize(quadratic, START, method="lm")


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


def test_a_time_limit_ends_a_run_where_it_is():
    slow = {"method": st.GradientDescent(1e-12), "record": None}
    run = st.minimize(quadratic, START, stop=st.TimeLimit(0.1), **slow)
    assert run.status is st.Status.TIME_LIMIT
    assert "time limit" in run.message
    assert 0.1 <= run.timings.run < 1.0
    first = st.minimize(quadratic, START, stop=st.TimeLimit(5) | st.MaxIterations(3), **slow)
    assert first.iterations == 3
    with pytest.raises(ValueError, match=r"combine it with \|"):
        st.TimeLimit(1) & st.MaxIterations(3)


@pytest.mark.parametrize(("size", "bounds"), [(2, (-1, 0.9)), (5, (0.2, 0.8)), (30, (-1, 0.9))])
def test_conjugate_gradients_get_there_within_bounds(size, bounds):
    def banana(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    start = np.clip(np.zeros(size), *bounds)
    run = st.minimize(banana, start, method=st.NonlinearCG(), bounds=bounds)
    best = st.minimize(banana, start, method=st.LBFGS(), bounds=bounds)
    assert run.converged
    np.testing.assert_allclose(run.loss, best.loss, rtol=1e-9)


@pytest.mark.parametrize("bounds", [None, (-2, 2)])
@pytest.mark.parametrize("size", [3, 5])
def test_conjugate_gradients_that_only_shorten_steps_get_there(size, bounds):
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


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("SLSQP", "SciPy's method 'SLSQP' is not available: choose one of .*gradient-descent"),
        ("lbgfs", "did you mean 'lbfgs'"),
        ("foo", "unknown method 'foo': choose one of"),
    ],
)
def test_unknown_methods_are_said(name, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        st.minimize(lambda x: np.sum(x * x), np.ones(2), method=name)
    assert "levenberg" not in str(caught.value)
