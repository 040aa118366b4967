"""A saved run continues as if it had never stopped."""

import pickle
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as strategy

import steepest as st
from steepest.descent.methods.registry import BY_NAME, FOR_RESIDUALS
from steepest.descent.results.save import load
from tests.support.paths import ROOT

LOSS_METHODS = {n: make() for n, make in BY_NAME.items() if make not in FOR_RESIDUALS}
SQUARES_METHODS = {n: make() for n, make in BY_NAME.items() if make in FOR_RESIDUALS}
OTHERS = {
    "scheduled": st.Adam(st.WarmUp(st.CosineDecay(0.1, 60), 10)),
    "clipped": st.Clipped(st.Momentum(0.001), norm=1.0),
    "averaged": st.Averaged(st.WeightDecay(st.GradientDescent(0.001), 0.1), start=5),
    "searching": st.NonlinearCG(search=st.HagerZhang()),
    "inexact": st.TrustRegion(exact=False),
}
WHOLE = 40
T = np.linspace(0, 2, 9)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def residuals(p, t, y):
    return p[0] * np.exp(-p[1] * t) + p[2] * np.cos(t) - y


def model(t, a, b):
    return a * np.exp(-b * t)


def asymmetric(x):
    total = 0.0
    for i in range(3):
        total = total + (3.0 * x[i] ** 2 if x[i] > 0.3 else (x[i] - 1) ** 2)
    return total + 0.1 * np.sum(np.cos(3 * x))


Y = residuals(np.array([2.0, 1.3, 0.4]), T, 0.0) + 0.05 * np.sin(30 * T)
START = np.array([-1.2, 1.0, 0.5])
NEVER = st.GradientNormBelow(0.0)


def assert_same(run, whole):
    """Everything that a result says is the same, in every bit."""
    for name in ("loss", "iterations", "evaluations", "status", "message"):
        assert getattr(run, name) == getattr(whole, name), name
    for name in ("x", "gradient"):
        np.testing.assert_array_equal(getattr(run, name), getattr(whole, name))
    for name in ("iteration", "loss", "x", "gradient_norm", "step_length", "evaluations"):
        np.testing.assert_array_equal(getattr(run.history, name), getattr(whole.history, name))


def stop_after(number):
    return NEVER | st.MaxIterations(number)


ANY = {**LOSS_METHODS, **OTHERS}


def goes_on(name, engine, step, whole, bounded, path):
    """Compare a run that is saved after some steps with one that goes through."""
    low, high = (-2.0, 1.5) if bounded else (-np.inf, np.inf)
    if name in ANY:
        function, args = rosenbrock, ()

        def run(stop):
            return st.minimize(
                rosenbrock, START, method=ANY[name], bounds=(low, high), stop=stop, engine=engine
            )
    else:
        function, args = residuals, (T, Y)

        def run(stop):
            return st.least_squares(
                residuals,
                np.array([1.0, 0.5, 1.2]),
                args,
                method=SQUARES_METHODS[name],
                bounds=(low, high),
                stop=stop,
                engine=engine,
                loss="soft_l1",
            )

    run(stop_after(step)).save(path)
    assert_same(st.resume(path, function, args, stop=stop_after(whole)), run(stop_after(whole)))


@pytest.mark.filterwarnings("ignore:.*before any goal was met")  # they go on later
@pytest.mark.parametrize("name", [*ANY, *SQUARES_METHODS])
@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(step=strategy.integers(0, WHOLE), bounded=strategy.booleans())
def test_any_method_resumes_bit_for_bit(name, step, bounded, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"{name}.safetensors"
    goes_on(name, "native", step, WHOLE, bounded, path)


@pytest.mark.filterwarnings("ignore:.*before any goal was met")  # they go on later
@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("name", [*ANY, *SQUARES_METHODS])
def test_other_engines_resume_too(name, engine, random, tmp_path):
    goes_on(name, engine, int(random.integers(1, 6)), 6, False, tmp_path / "run")


def batched(stop, **kwargs):
    X = np.arange(44.0).reshape(11, 4) % 7
    return st.minimize(
        least, np.zeros(4), (X, X @ np.ones(4)), batches=st.Batches(4, 12, seed=3), stop=stop,
        method=st.Adam(0.02), **kwargs
    )  # fmt: skip


def least(w, X, y):
    return np.mean((X @ w - y) ** 2)


@pytest.mark.parametrize("engine", ["native", "numpy"])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 17, 35])
def test_batches_resume_where_they_were(engine, step, tmp_path):
    path = tmp_path / "run"
    X = np.arange(44.0).reshape(11, 4) % 7
    batched(st.MaxIterations(step), engine=engine).save(path)
    again = st.resume(path, least, (X, X @ np.ones(4)), stop=st.MaxIterations(1 << 62))
    assert_same(again, batched(None, engine=engine))


@pytest.mark.parametrize("step", [0, 1, 4, 9])
def test_paths_are_found_again(step, tmp_path):
    def run(stop):
        return st.minimize(asymmetric, START, method=st.GradientDescent(0.03), stop=stop)

    run(stop_after(step)).save(tmp_path / "run")
    again = st.resume(tmp_path / "run", asymmetric, stop=stop_after(WHOLE))
    assert_same(again, run(stop_after(WHOLE)))


def test_a_run_that_a_callback_ended_resumes(tmp_path):
    whole = st.minimize(rosenbrock, START, stop=stop_after(WHOLE))
    first = st.minimize(
        rosenbrock, START, stop=stop_after(WHOLE), callback=lambda state: state.iteration >= 7
    )
    assert first.status is st.Status.CALLBACK
    first.save(tmp_path / "run")
    assert_same(st.resume(tmp_path / "run", rosenbrock), whole)


def test_storage_of_another_precision_resumes(tmp_path):
    def run(stop):
        return st.minimize(
            rosenbrock,
            START.astype(np.float32),
            method=st.GradientDescent(0.001),
            stop=stop,
            compute_dtype=np.float64,
            record=3,
        )

    run(stop_after(13)).save(tmp_path / "run")
    again = st.resume(tmp_path / "run", rosenbrock, stop=stop_after(WHOLE))
    assert again.x.dtype == np.float32
    assert_same(again, run(stop_after(WHOLE)))


def test_curve_fits_resume_with_their_statistics(tmp_path):
    sigma = np.linspace(0.5, 1.5, 9)
    whole = st.curve_fit(model, T, Y, {"a": 1.0, "b": 1.0}, sigma=sigma, absolute_sigma=True)
    with pytest.warns(st.FitWarning, match="before any goal was met"):
        first = st.curve_fit(
            model, T, Y, {"a": 1.0, "b": 1.0}, sigma=sigma, absolute_sigma=True,
            stop=st.MaxIterations(2),
        )  # fmt: skip
    first.save(tmp_path / "fit")
    fit = st.resume(tmp_path / "fit", model, (T, Y, sigma), stop=whole.problem.stop)
    assert fit.x == whole.x
    np.testing.assert_array_equal(fit.covariance, whole.covariance)
    assert fit.report() == whole.report()


ELSEWHERE = """
import pickle, sys
import numpy as np
import steepest as st
sys.path.insert(0, {root!r})
from tests.descent.test_resume import ANY, NEVER, WHOLE, rosenbrock, stop_after
results = {{}}
for name in ANY:
    run = st.resume({folder!r} + "/" + name, rosenbrock, stop=stop_after(WHOLE))
    results[name] = run.x.tobytes(), run.loss, run.history.loss.tobytes()
sys.stdout.buffer.write(pickle.dumps(results))
"""


@pytest.mark.slow
def test_another_process_resumes_bit_for_bit(tmp_path, random):
    for name, method in ANY.items():
        step = int(random.integers(1, WHOLE))
        run = st.minimize(rosenbrock, START, method=method, stop=stop_after(step))
        run.save(tmp_path / name)
    code = ELSEWHERE.format(root=str(ROOT), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    for name, found in pickle.loads(done.stdout).items():
        whole = st.minimize(rosenbrock, START, method=ANY[name], stop=stop_after(WHOLE))
        assert found == (whole.x.tobytes(), whole.loss, whole.history.loss.tobytes()), name


Pair = namedtuple("Pair", ["w", "b"])


def test_named_tuples_need_a_likeness(tmp_path):
    start = Pair(np.ones(2), 0.5)
    loss = lambda p: np.sum(p.w**4) + (p.b - 1) ** 2
    first = st.minimize(loss, start, stop=st.MaxIterations(2))
    first.save(tmp_path / "run")
    with pytest.raises(ValueError, match=r"named tuples or dataclasses.*like=x0"):
        st.resume(tmp_path / "run", loss)
    run = st.resume(tmp_path / "run", loss, like=start, stop=st.GradientNormBelow(1e-6))
    assert isinstance(run.x, Pair)
    assert run.converged


class Sign:
    def __init__(self, step_size):
        self.step_size = step_size

    def init(self, x):
        return ()

    def update(self, x, gradient, state, iteration):
        return x - self.step_size * np.sign(gradient), state


def test_a_users_method_is_passed_again(tmp_path):
    stop = st.MaxIterations(5)
    st.minimize(rosenbrock, START, method=Sign(0.01), stop=stop).save(tmp_path / "run")
    with pytest.raises(ValueError, match=r"the run's method contains .*Sign.*method=\.\.\."):
        st.resume(tmp_path / "run", rosenbrock)
    again = st.resume(tmp_path / "run", rosenbrock, method=Sign(0.01), stop=st.MaxIterations(9))
    whole = st.minimize(rosenbrock, START, method=Sign(0.01), stop=st.MaxIterations(9))
    assert_same(again, whole)


DATA = (np.eye(2), np.ones(2))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "run.safetensors"
    method = st.Adam(st.WarmUp(st.CosineDecay(0.1, 60), 10))
    stop = st.MaxIterations(1)
    st.minimize(least, np.zeros(2), DATA, method=method, stop=stop).save(path)
    return path


def test_other_data_are_refused(saved):
    for args in ((), (np.eye(2), np.zeros(2)), (np.eye(2)[:1], np.ones(1))):
        with pytest.raises(ValueError, match="args are not those that the run was saved with"):
            st.resume(saved, least, args)


STILL = {
    "integers": (np.arange(9), np.array([9, 5, 3, 2, 1, 1, 1, 1, 1])),
    "lists": (list(range(9)), [9.0, 5, 3, 2, 1, 1, 1, 1, 1]),
    "one sigma": (T, Y, 0.1),
    "a covariance": (T, Y, np.diag(np.linspace(0.1, 0.2, 9))),
    "omitted": (T, np.where(T > 1.9, np.nan, Y)),
}


@pytest.mark.parametrize("kind", STILL)
def test_curve_fits_resume_with_the_data_as_they_were_given(kind, tmp_path):
    x, y, *sigma = STILL[kind]
    policy = "omit" if kind == "omitted" else None
    fit = st.curve_fit(model, x, y, [1.0, 1.0], *sigma, nan_policy=policy)
    for saved in (fit, fit.run):
        saved.save(tmp_path / "fit")
        again = st.resume(tmp_path / "fit", model, STILL[kind])
        np.testing.assert_array_equal(again.x, fit.x)
        np.testing.assert_array_equal(again.covariance, fit.covariance)


def test_another_function_is_refused(saved):
    with pytest.raises(ValueError, match="does not compute what the function of the saved run"):
        st.resume(saved, lambda w, X, y: np.mean((X @ w - 2 * y) ** 2), (np.eye(2), np.ones(2)))


def test_methods_by_name_and_settings_of_numpys_numbers(tmp_path):
    stop = st.MaxIterations(np.int64(3))
    first = st.minimize(rosenbrock, START, method=st.GradientDescent(np.float64(1e-3)), stop=stop)
    first.save(tmp_path / "run")
    assert st.resume(tmp_path / "run", rosenbrock).iterations == 3
    st.minimize(rosenbrock, START, method="bfgs", stop=stop).save(tmp_path / "run")
    again = st.resume(tmp_path / "run", rosenbrock, method="bfgs", stop=stop_after(WHOLE))
    assert_same(again, st.minimize(rosenbrock, START, method="bfgs", stop=stop_after(WHOLE)))


@pytest.mark.parametrize("engines", [("native", "numpy"), ("numpy", "native")])
def test_fits_resume_on_another_engine(tmp_path, engines):
    t = np.linspace(0, 3, 31)
    y = 2 * np.exp(-1.3 * t) + 0.01 * np.sin(40 * t)
    model = lambda t, a, b: a * np.exp(-b * t)
    whole = st.curve_fit(model, t, y, np.ones(2), engine=engines[0])
    rule = st.MaxIterations(2)
    with pytest.warns(st.FitWarning):
        st.curve_fit(model, t, y, np.ones(2), stop=rule, engine=engines[0]).save(tmp_path / "fit")
    stop = st.DecrementBelow(1e-20) | st.MaxIterations(1000)
    there = st.resume(tmp_path / "fit", model, (t, y), stop=stop, engine=engines[1])
    np.testing.assert_allclose(there.x, whole.x, rtol=1e-9)


SLOW = {"method": st.GradientDescent(1e-9), "stop": st.LossBelow(0.0)}


def resumed(tmp_path):
    loss = lambda x: np.sum((x - 1.0) ** 2)
    first = st.minimize(loss, np.zeros(2), method=SLOW["method"], stop=st.MaxIterations(2))
    first.save(tmp_path / "run.safetensors")
    return st.resume(tmp_path / "run.safetensors", loss, stop=SLOW["stop"])


INTERRUPTED = {
    "resume": resumed,
    "least_squares": lambda _: st.least_squares(lambda x: x - 1.0, np.zeros(2), **SLOW),
    "least_squares_many": lambda _: st.least_squares_many(
        lambda x: x - 1.0, np.zeros((3, 2)), **SLOW
    ),
}


@pytest.mark.parametrize("name", INTERRUPTED)
def test_ctrl_c_warns_wherever_the_run_began(name, tmp_path, ctrl_c):
    with pytest.warns(st.OptimizeWarning, match="was interrupted"):
        run = INTERRUPTED[name](tmp_path)
    assert st.Status.INTERRUPTED in np.atleast_1d(np.array(run.status, object)).tolist()


def on_sphere(x, square):
    return np.sum(x**2) - square


def squares_of(x, y):
    return x - y


LIMITS = [st.Constraint(on_sphere, 0.0, 0.0, args=(2.0,)), st.Constraint(np.sum, lower=-1.0)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_runs_with_constraints_go_on(dtype, tmp_path):
    start = START.astype(dtype)
    whole = st.minimize(rosenbrock, start, constraints=LIMITS, bounds=(-1.3, 2.0))
    stop = st.MaxIterations(3)
    first = st.minimize(rosenbrock, start, constraints=LIMITS, bounds=(-1.3, 2.0), stop=stop)
    first.save(tmp_path / "run")
    stop = st.GradientNormBelow(1e-6) | st.MaxIterations(10_000)
    run = st.resume(tmp_path / "run", rosenbrock, constraints=LIMITS, stop=stop)
    assert_same(run, whole)
    assert run.x.dtype == dtype
    np.testing.assert_array_equal(run.multipliers, whole.multipliers)


def test_fits_with_constraints_go_on(tmp_path):
    y, limit = np.array([1.0, 2.0, 3.0]), LIMITS[0]
    whole = st.least_squares(squares_of, START, (y,), constraints=limit)
    with pytest.warns(st.FitWarning, match="was reached"):
        first = st.least_squares(squares_of, START, (y,), constraints=limit, max_nfev=2)
    first.save(tmp_path / "fit")
    fit = st.resume(
        tmp_path / "fit", squares_of, (y,), constraints=limit, stop=st.MaxIterations(99)
    )
    np.testing.assert_allclose(fit.x, whole.x, rtol=1e-12)
    np.testing.assert_allclose(fit.covariance, whole.covariance, rtol=1e-8)


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (None, "has 2 constraints: give the same ones"),
        (LIMITS[:1], "has 2 constraints: give the same ones"),
        ([st.Constraint(on_sphere, 0.0, 0.0, args=(3.0,)), LIMITS[1]], "args are not those"),
        ([LIMITS[0], st.Constraint(np.prod, lower=-1.0)], "do not compute what those of the save"),
        ([LIMITS[0], st.Constraint(np.sum, lower=0.0)], "args are not those"),
    ],
)
def test_other_constraints_are_refused(constraints, message, tmp_path):
    st.minimize(rosenbrock, START, constraints=LIMITS, stop=st.MaxIterations(1)).save(
        tmp_path / "r"
    )
    with pytest.raises(ValueError, match=message):
        st.resume(tmp_path / "r", rosenbrock, constraints=constraints)


def spread(data, center, width):
    return -0.5 * ((data - center) / width) ** 2 - np.log(width)


LIKELIHOODS = {
    "an array": ((T + 0.1 * Y), np.ones(2)),
    "names": ((T + 0.1 * Y), {"width": 1.0, "center": 0.0}),
    "marked": ((T + 0.1 * Y), {"width": st.Positive(1.0), "center": 0.0}),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("wrap", [lambda data: data, lambda data: (data,)], ids=["alone", "args"])
@pytest.mark.filterwarnings("ignore::steepest.FitWarning")
def test_a_saved_likelihood_is_a_likelihood_again(name, wrap, tmp_path):
    data, start = LIKELIHOODS[name]
    whole = st.maximum_likelihood(spread, data, start)
    first = st.maximum_likelihood(spread, data, start, stop=st.MaxIterations(3))
    first.save(tmp_path / "run")
    like = start if name == "marked" else None
    stop = st.GradientNormBelow(1e-6) | st.MaxIterations(99)
    resumed = st.resume(tmp_path / "run", spread, wrap(data), like=like, stop=stop)
    assert isinstance(resumed, st.LikelihoodFit)
    assert np.array_equal(resumed.values, whole.values)
    assert resumed.names == whole.names
    assert np.array_equal(resumed.covariance, whole.covariance)
    assert np.array_equal(resumed.robust_covariance, whole.robust_covariance)
    with pytest.raises(st.SteepestError, match="args are not those"):
        st.resume(tmp_path / "run", spread, wrap(2 * data), like=like)


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
@pytest.mark.parametrize("method", [st.GradientDescent(0.1), st.LBFGS()], ids=["step", "search"])
def test_a_run_without_updates_has_no_earlier_point(method, engine, tmp_path):
    pytest.importorskip(engine if engine == "torch" else "numpy")
    st.minimize(rosenbrock, START, method=method, engine=engine)  # leaves memory behind
    run = st.minimize(rosenbrock, START, method=method, stop=st.MaxIterations(0), engine=engine)
    run.save(tmp_path / "run")
    saved = load(tmp_path / "run")
    assert np.isnan(saved.settings["previous_loss"])
    assert np.array_equal(saved.arrays["previous_x"], START)
