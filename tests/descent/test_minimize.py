"""Descents: closed forms, other people's optimizers, and every engine."""

import signal
from collections import OrderedDict

import numpy as np
import optree
import pytest

import steepest as st
from steepest import Status
from steepest.descent.running import compile as prepare
from steepest.engines.native.programs import function as program
from steepest.engines.native.runs import descent_run as running
from steepest.engines.native.runs import workspace

ENGINES = ["native", "numpy", "torch"]
CURVATURE = np.array([1.0, 4.0, 9.0])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * x**2)


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


@pytest.mark.parametrize("engine", ENGINES)
def test_gradient_descent_on_a_quadratic_has_a_closed_form(engine):
    start, step = np.array([1.0, -2.0, 3.0]), 0.1
    run = st.minimize(
        quadratic,
        start,
        method=st.GradientDescent(step),
        stop=st.MaxIterations(50),
        engine=engine,
    )
    k = np.arange(51)[:, None]
    expected = start * (1 - step * CURVATURE) ** k
    np.testing.assert_allclose(run.history.x, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(run.history.iteration, np.arange(51))
    np.testing.assert_allclose(run.history.loss, [quadratic(x) for x in expected], rtol=1e-12)
    assert run.iterations == run.nit == 50
    assert run.status is Status.ITERATION_LIMIT
    assert not run.converged
    assert not run.success


ELEMENTWISE = {
    "gradient descent": st.GradientDescent(0.01),
    "momentum": st.Momentum(0.001, 0.9),
    "nesterov": st.Nesterov(0.001, 0.8),
    "adam": st.Adam(0.02, beta1=0.8, beta2=0.99),
    "rmsprop": st.RMSProp(0.01, momentum=0.5),
    "lion": st.Lion(0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("size", [3, 40])
@pytest.mark.parametrize("method", ELEMENTWISE.values(), ids=list(ELEMENTWISE))
def test_engines_agree_bit_for_bit_on_elementwise_losses(method, size):
    def loss(x):
        return (x[0] * 2.5 - 1.0) ** 2 + x[-1] * x[-1] * 0.3

    runs = [
        st.minimize(
            loss,
            np.linspace(0.1, 0.7, size),
            method=method,
            stop=st.MaxIterations(30),
            engine=engine,
            record="all",
        )
        for engine in ENGINES
    ]
    for run in runs[1:]:
        np.testing.assert_array_equal(run.history.loss, runs[0].history.loss)
        np.testing.assert_array_equal(run.history.x, runs[0].history.x)


@pytest.mark.parametrize("engine", ENGINES)
def test_parameters_keep_their_structure_and_dtypes(engine):
    start = {"w": np.ones((2, 3), np.float32), "b": (np.zeros(2), 1.0), "n": [2]}

    def loss(p):
        offset = p["b"][0] + p["b"][1] + p["n"][0]
        return np.sum((p["w"] @ np.arange(3.0) - 2.0 + offset) ** 2)

    run = st.minimize(
        loss, start, method=st.GradientDescent(0.01), stop=st.MaxIterations(20), engine=engine
    )
    same = optree.tree_map(lambda a, b: np.shape(a) == np.shape(b), run.x, start)
    assert all(optree.tree_leaves(same))
    assert run.x["w"].dtype == np.float32
    assert run.x["b"][0].dtype == np.float64
    assert run.x["n"][0].dtype == np.float64
    assert run.loss < loss(start)
    assert run.gradient["w"].shape == (2, 3)
    assert run.history.x["w"].shape == (21, 2, 3)


def test_storage_is_rounded_after_each_update():
    runs = [
        st.minimize(
            rosenbrock,
            np.zeros(2, np.float32),
            method=st.GradientDescent(0.001),
            stop=st.MaxIterations(100),
            compute_dtype=np.float64,
            engine=engine,
        )
        for engine in ENGINES
    ]
    x = np.zeros(2, np.float32)
    for _ in range(100):
        a, b = x.astype(np.float64)
        g = np.array([-2 + 2 * a - 400 * (b - a * a) * a, 200 * (b - a * a)])
        x = (x.astype(np.float64) - 0.001 * g).astype(np.float32)
    for run in runs:
        assert run.x.dtype == np.float32
        np.testing.assert_array_equal(run.x, x)


def test_mixed_storage_is_rounded_leaf_by_leaf():
    def loss(p):
        return (p["a"] - 1.1) ** 2 + (p["b"] - 1.1) ** 2

    start = {"a": np.float32(0.3), "b": 0.3}
    for engine in ENGINES:
        run = st.minimize(
            loss, start, method=st.GradientDescent(0.1), stop=st.MaxIterations(7), engine=engine
        )
        a, b = np.float32(0.3), 0.3
        for _ in range(7):
            a = np.float32(np.float64(a) - 0.1 * (2 * (np.float64(a) - 1.1)))
            b = b - 0.1 * (2 * (b - 1.1))
        assert abs(float(run.x["a"]) - float(a)) <= 2e-7
        assert run.x["b"] == b


@pytest.mark.parametrize("size", [3, 40])
@pytest.mark.parametrize(
    ("loss", "slope"),
    [
        (lambda x, a: np.sum(a * x), lambda a: a),
        (lambda x, a: np.sum(x), np.ones_like),
        (lambda x, a: np.sum(a), np.zeros_like),
    ],
    ids=["data", "constant", "zero"],
)
def test_gradients_that_do_not_depend_on_x(loss, slope, size):
    a = np.linspace(1.0, 2.0, size)
    for engine in ENGINES:
        run = st.minimize(
            loss,
            np.zeros(size),
            args=(a,),
            method=st.Momentum(0.5),
            stop=st.MaxIterations(2),
            engine=engine,
            record=1,
        )
        np.testing.assert_allclose(run.x, -0.5 * slope(a) * (1 + 1.9))
        np.testing.assert_array_equal(run.gradient, slope(a))


# Stop rules.


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


def test_a_rule_of_ones_own_compiles():
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


# Step sizes and methods of one's own.


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "schedule",
    [
        st.ExponentialDecay(0.1, factor=0.5, every=10),
        st.CosineDecay(0.1, iterations=20, final=0.01),
        lambda k: 0.1 / (1 + 0.1 * k),
    ],
    ids=["exponential", "cosine", "own"],
)
def test_schedules_set_the_step_size(schedule, engine):
    run = st.minimize(
        quadratic,
        np.ones(3),
        method=st.GradientDescent(schedule),
        stop=st.MaxIterations(30),
        engine=engine,
    )
    x = np.ones(3)
    for k in range(30):
        x = x - schedule(k) * CURVATURE * x
    np.testing.assert_allclose(run.x, x, rtol=1e-12)


def test_schedules_do_not_widen_float32():
    run = st.minimize(
        lambda x: np.sum(x * x),
        np.ones(3, np.float32),
        method=st.Adam(st.CosineDecay(0.1, 10)),
        stop=st.MaxIterations(3),
    )
    assert run.x.dtype == np.float32


def test_a_changed_schedule_is_seen():
    rate = 0.1
    method = st.GradientDescent(lambda k: rate)
    settings = {"method": method, "stop": st.MaxIterations(1)}
    assert st.minimize(lambda x: x * x, 1.0, **settings).x == 0.8
    rate = 0.25
    assert st.minimize(lambda x: x * x, 1.0, **settings).x == 0.5


class SignDescent:
    """A method of one's own: not a dataclass, not of ours, with a nested state."""

    rate = 0.125

    def init(self, x):
        return {"count": np.zeros(()), "last": np.zeros_like(x)}

    def update(self, x, gradient, state, iteration):
        step = self.rate * np.sign(gradient)
        return x - step, {"count": state["count"] + 1.0, "last": step}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_method_of_ones_own_runs_on_every_engine(engine):
    method = SignDescent()
    run = st.minimize(
        quadratic, np.ones(3), method=method, stop=st.MaxIterations(4), engine=engine
    )
    np.testing.assert_array_equal(run.x, 0.5)
    method.rate = 0.25  # seen at the next call
    run = st.minimize(
        quadratic, np.ones(3), method=method, stop=st.MaxIterations(4), engine=engine
    )
    np.testing.assert_array_equal(run.x, 0.0)


def test_a_method_must_keep_shapes():
    class Wrong(SignDescent):
        def update(self, x, gradient, state, iteration):
            return x[:1], state

    with pytest.raises(ValueError, match=r"Wrong\.update must return x with shape \(3,\)"):
        st.minimize(quadratic, np.ones(3), method=Wrong())


# History.


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [2, 40])
@pytest.mark.parametrize(
    ("record", "iterations"),
    [("auto", range(11)), ("all", range(11)), (3, range(0, 11, 3)), (None, [])],
)
def test_history_keeps_what_was_asked_for(record, iterations, size, engine):
    run = st.minimize(
        lambda x: np.sum(x * x),
        np.ones(size),
        method=st.GradientDescent(0.25),
        stop=st.MaxIterations(10),
        record=record,
        engine=engine,
    )
    np.testing.assert_array_equal(run.history.iteration, list(iterations))
    expected = np.array([0.5**k for k in iterations])
    np.testing.assert_array_equal(run.history.loss, size * expected**2)
    if record is None or (size > 16 and record != "all"):
        assert run.history.x is None
    else:
        np.testing.assert_array_equal(run.history.x, expected[:, None] * np.ones(size))


def with_little_room_for_history(monkeypatch, rows):
    monkeypatch.setattr(workspace, "_HISTORY_ROWS", rows)
    monkeypatch.setattr(prepare, "_prepared", OrderedDict())  # and with it memory that is kept
    monkeypatch.setattr(program, "_programs", OrderedDict())


def test_history_survives_many_calls_of_machine_code(monkeypatch):

    settings = {
        "method": st.GradientDescent(1e-3),
        "stop": st.LossBelow(1e-3) | st.MaxIterations(100_000),
        "record": 7,
    }
    whole = st.minimize(rosenbrock, np.zeros(2), **settings)
    with_little_room_for_history(monkeypatch, 100)
    pieces = st.minimize(rosenbrock, np.zeros(2), **settings)
    np.testing.assert_array_equal(whole.history.iteration, pieces.history.iteration)
    np.testing.assert_array_equal(whole.history.loss, pieces.history.loss)
    np.testing.assert_array_equal(whole.history.x, pieces.history.x)
    assert whole.iterations == pieces.iterations == 5771


# How runs end.


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [2, 40])
def test_divergence_returns_the_last_finite_point(engine, size):
    run = st.minimize(
        lambda x: np.sum(x**4),
        np.full(size, 2.0),
        method=st.GradientDescent(1.0),
        engine=engine,
        record="all",
    )
    assert run.status is Status.DIVERGED
    assert not run.converged
    assert np.isfinite(run.x).all()
    assert np.isfinite(run.loss)
    assert run.loss == pytest.approx(np.sum(run.x**4), rel=1e-14)
    assert f"at iteration {run.iterations + 1}" in run.message
    assert "smaller step size than 1" in run.message
    np.testing.assert_array_equal(run.x, run.history.x[run.iterations])


def test_a_loss_that_is_not_finite_at_the_start_is_said():
    with np.errstate(all="ignore"):
        run = st.minimize(lambda x: np.log(x), -1.0)
    assert run.status is Status.DIVERGED
    assert run.iterations == 0
    assert run.x == -1.0
    assert "at the start point" in run.message


@pytest.mark.parametrize("engine", ENGINES)
def test_callback_sees_every_update_and_can_stop(engine):
    seen = []

    def callback(state):
        seen.append((state.iteration, state.x.copy()))
        return np.bool_(state.iteration == 5)

    run = st.minimize(
        quadratic,
        np.ones(3),
        method=st.GradientDescent(0.1),
        callback=callback,
        engine=engine,
    )
    assert [iteration for iteration, _ in seen] == [1, 2, 3, 4, 5]
    assert run.status is Status.CALLBACK
    np.testing.assert_array_equal(run.x, seen[-1][1])
    assert run.loss == pytest.approx(quadratic(run.x), rel=1e-14)


def test_callback_may_raise_stop_iteration():
    def callback(state):
        raise StopIteration

    assert st.minimize(quadratic, np.ones(3), callback=callback).iterations == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_returns_the_point_reached(engine, ctrl_c):
    with pytest.warns(st.OptimizeWarning, match="was interrupted"):
        run = st.minimize(
            lambda x: np.sum((x - 1.0) ** 2),
            np.zeros(3),
            method=st.GradientDescent(1e-9),
            stop=st.LossBelow(0.0),
            record=1000,
            engine=engine,
        )
    assert run.status is Status.INTERRUPTED
    assert run.iterations > 0
    assert run.loss == pytest.approx(np.sum((run.x - 1.0) ** 2))
    assert len(run.history) > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_progress_goes_to_stderr_and_away(capsys):
    st.minimize(
        quadratic, np.ones(3), stop=st.MaxIterations(2_000_000), progress=True, record=None
    )
    assert capsys.readouterr().out == ""


def test_results_answer_to_scipys_names():
    run = st.minimize(quadratic, np.ones(3), method=st.GradientDescent(0.1))
    assert (run.fun, run.nit, run.success) == (run.loss, run.iterations, True)
    assert run.nfev == run.iterations + 1
    np.testing.assert_allclose(run.jac, CURVATURE * run.x)
    assert run.message.startswith("GradientNormBelow(threshold=1e-06) was met after")
    assert run.timings.total == run.timings.trace + run.timings.compile + run.timings.run
    assert "input" in str(run.graph)


def test_the_second_run_neither_traces_nor_compiles():
    settings = {"method": st.GradientDescent(0.1), "stop": st.MaxIterations(3)}
    st.minimize(quadratic, np.ones(3), **settings)
    again = st.minimize(quadratic, np.zeros(3) + 2, **settings)
    assert (again.timings.trace, again.timings.compile) == (0.0, 0.0)
    np.testing.assert_allclose(again.x, 2 * (1 - 0.1 * CURVATURE) ** 3)


# Bad input.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: st.minimize(quadratic, np.array([0.0, np.nan, 1.0])), r"x0\[1\] is nan"),
        (lambda: st.minimize(lambda p: p["a"][0] ** 2, {"a": [np.inf]}), r"x0\['a'\]\[0\] is inf"),
        (lambda: st.minimize(quadratic, np.array([])), "x0 is empty"),
        (lambda: st.minimize(quadratic, "abc"), "x0 has dtype"),
        (lambda: st.minimize(quadratic, np.ones(2) + 1j), "x0 has dtype complex128"),
        (lambda: st.GradientDescent(0.0), "positive finite number, got 0.0"),
        (lambda: st.GradientDescent(-1.0), "positive finite number, got -1.0"),
        (lambda: st.Adam(np.nan), "positive finite number"),
        (lambda: st.GradientDescent("fast"), "number or a function"),
        (lambda: st.Momentum(0.1, momentum=1.0), "momentum must be"),
        (lambda: st.Adam(0.1, beta2=1.5), "beta2 must be"),
        (lambda: st.Adam(0.1, epsilon=0.0), "epsilon must be positive"),
        (lambda: st.minimize(quadratic, np.ones(3), engine="nativ"), "did you mean 'native'"),
        (lambda: st.minimize(quadratic, np.ones(3), record="some"), "record must be"),
        (lambda: st.minimize(quadratic, np.ones(3), compute_dtype=int), "compute_dtype must be"),
        (lambda: st.MaxIterations(-1), "at least 0"),
        (lambda: st.MaxIterations(1.5), "whole number"),
        (lambda: st.LossBelow(np.nan), "got NaN"),
        (lambda: st.Batches(size=0), "positive whole number as size"),
        (
            lambda: st.minimize(lambda w, X: np.sum(w * X), 1.0, args=(np.ones((0, 3)),)),
            r"args\[0\] is empty \(shape \(0, 3\)\)",
        ),
        (
            lambda: st.minimize(
                lambda w, X, y: np.sum(w * X[0] * y[0]),
                1.0,
                args=(np.ones(3), np.ones(4)),
                batches=st.Batches(2),
            ),
            "equally long",
        ),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert isinstance(caught.value, st.SteepestError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: st.minimize(3, np.zeros(2)), "must be a function, got 3"),
        (lambda: st.minimize(quadratic, np.ones(3), method=3), "such as st.Adam"),
        (lambda: st.minimize(quadratic, np.ones(3), method=st.Adam), "such as st.Adam"),
        (lambda: st.minimize(quadratic, np.ones(3), stop=100), "such as st.MaxIterations"),
        (lambda: st.minimize(quadratic, np.ones(3), engine=3), "engine must be a name"),
    ],
)
def test_settings_of_the_wrong_kind_are_said(call, message):
    with pytest.raises(TypeError, match=message) as caught:
        call()
    assert isinstance(caught.value, st.SteepestError)


def test_a_single_argument_needs_no_tuple():
    X = np.ones((4, 3))
    settings = {"method": st.GradientDescent(0.1), "stop": st.MaxIterations(3)}
    runs = [
        st.minimize(lambda w, X: np.sum((X @ w - 1) ** 2), np.zeros(3), args=args, **settings)
        for args in (X, (X,), [X])
    ]
    assert all(np.array_equal(run.x, runs[0].x) for run in runs)


def test_nan_in_the_data_is_named():
    X = np.ones((4, 3))
    X[2, 1] = np.nan
    run = st.minimize(lambda w, X: np.sum((X @ w) ** 2), np.zeros(3), args=(X,))
    assert run.status is Status.DIVERGED
    assert "args[0][2, 1] is nan" in run.message


def test_integer_starts_are_converted():
    run = st.minimize(quadratic, np.array([1, 2, 3]), method=st.GradientDescent(0.1))
    assert run.x.dtype == np.float64


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    import steepest.engines.pytorch.engine as engine

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(engine.importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"pip install 'steepest\[torch\]'"):
        st.minimize(quadratic, np.ones(3), engine="torch")


def test_an_unknown_device_is_said():
    with pytest.raises(ImportError, match="cannot use the device 'cuda"):
        st.engines.Torch(device="cuda:7")


# Minibatches.


def least_squares(w, X, y, weight=1.0):
    return weight * np.mean((X @ w - y) ** 2)


@pytest.mark.parametrize("samples", [24, 23])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_the_same_on_every_engine_and_as_written_by_hand(samples, shuffle, random):
    X, y = random.normal(size=(samples, 3)), random.normal(size=samples)
    batches = st.Batches(size=5, epochs=4, shuffle=shuffle, seed=3)
    w = np.zeros(3)
    losses = []
    for epoch in range(4):
        order = (
            np.random.default_rng([3, epoch]).permutation(samples)
            if shuffle
            else np.arange(samples)
        )
        for start in range(0, samples, 5):
            rows = order[start : start + 5]
            residual = X[rows] @ w - y[rows]
            losses.append(2.0 * np.mean(residual**2))
            w = w - 0.05 * 2.0 * 2 / len(rows) * X[rows].T @ residual
    for engine in ENGINES:
        run = st.minimize(
            least_squares,
            np.zeros(3),
            args=(X, y, 2.0),
            method=st.GradientDescent(0.05),
            batches=batches,
            engine=engine,
        )
        assert run.status is Status.EPOCHS_DONE
        assert run.converged
        np.testing.assert_allclose(run.x, w, rtol=1e-11)
        np.testing.assert_allclose(run.history.loss, losses, rtol=1e-11)
        assert run.loss == pytest.approx(least_squares(w, X, y, 2.0), rel=1e-11)
        assert run.iterations == len(losses)


def test_batches_survive_being_dealt_in_pieces(monkeypatch, random):

    X, y = random.normal(size=(23, 3)), random.normal(size=23)
    settings = {
        "args": (X, y),
        "method": st.Momentum(0.01),
        "batches": st.Batches(size=5, epochs=9, seed=1),
    }
    whole = st.minimize(least_squares, np.zeros(3), **settings)
    monkeypatch.setattr(running, "_ROWS_IN_ORDER", 50)
    with_little_room_for_history(monkeypatch, 3)
    pieces = st.minimize(least_squares, np.zeros(3), **settings)
    stopped = st.minimize(least_squares, np.zeros(3), callback=lambda state: None, **settings)
    for run in (pieces, stopped):
        np.testing.assert_array_equal(whole.x, run.x)
        np.testing.assert_array_equal(whole.history.loss, run.history.loss)


def test_a_batch_larger_than_the_data_is_all_of_it():
    X, y = np.ones((4, 1)), np.ones(4)
    run = st.minimize(
        least_squares, np.zeros(1), args=(X, y), batches=st.Batches(size=100, epochs=3)
    )
    assert run.iterations == 3


def test_stop_rules_end_batches_early():
    X, y = np.ones((8, 1)), np.ones(8)
    run = st.minimize(
        least_squares,
        np.zeros(1),
        args=(X, y),
        method=st.GradientDescent(0.25),
        batches=st.Batches(size=4, epochs=100),
        stop=st.LossBelow(1e-3),
    )
    assert run.status is Status.CONVERGED
    assert run.iterations == 5
