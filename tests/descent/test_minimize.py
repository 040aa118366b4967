"""``st.minimize``: closed forms, structure and dtypes, history, how runs end, bad input."""

import signal
from collections import OrderedDict

import numpy as np
import optree
import pytest

import steepest as st
from steepest import Status
from steepest.descent.running import compile as prepare
from steepest.engines.native.programs import function as program
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


def test_a_loss_that_is_not_finite_at_the_start_is_reported():
    with np.errstate(all="ignore"):
        run = st.minimize(lambda x: np.log(x), -1.0)
    assert run.status is Status.DIVERGED
    assert run.iterations == 0
    assert run.x == -1.0
    assert "at the start point" in run.message


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
def test_settings_of_the_wrong_type_are_refused(call, message):
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
