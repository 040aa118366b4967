"""An iteration compiled in two parts, of which the second is shared, equals one compiled whole."""

import importlib

import numpy as np
import pytest

import steepest as st
from steepest.descent.iteration import setting_numbers
from steepest.descent.iteration import split as parts
from steepest.descent.iteration.trace import Settings
from steepest.engines.native.jit import background
from steepest.errors import GraphIndexError

prepare = importlib.import_module("steepest.descent.running.compile")
T = np.linspace(0.0, 3.0, 31)


def decay(t, a, b):
    return a * np.exp(-b * t)


def wave(t, a, b, c, d):
    return a * np.sin(b * t + c) + d


def line(t, a, b, c, d, e):
    return np.stack([t**k for k in range(5)], axis=1) @ np.stack([a, b, c, d, e])


MODELS = {
    "decay": (decay, [2.0, 1.3], [1.0, 1.0]),
    "wave": (wave, [1.5, 2.0, 0.3, 0.5], [1.0, 1.9, 0.0, 0.0]),
    "line": (line, [1.0, 2.0, 3.0, 2.0, 1.0], np.zeros(5)),
    "many": (
        lambda t, *p: np.exp(np.sum([q * np.cos(k * t) for k, q in enumerate(p)], axis=0)),
        0.1 * np.arange(20),
        np.zeros(20),
    ),
}


@pytest.mark.filterwarnings("ignore::steepest.FitWarning")  # Gauss-Newton may get stuck
@pytest.mark.parametrize("method", [st.LevenbergMarquardt(), st.Dogleg(), st.GaussNewton()])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", ["plain", "sigma", "robust"])
def test_two_parts_make_the_whole(name, method, kind, monkeypatch):
    model, truth, start = MODELS[name]
    y = model(T, *truth) + 0.01 * np.sin(40 * T)
    settings = {"sigma": {"sigma": 0.1 + T}, "robust": {"loss": "cauchy"}}.get(kind, {})

    def fit():
        return st.curve_fit(model, T, y, start, method=method, **settings)

    parts = fit()
    assert parts.run.timings.compile > 0
    prepare._prepared.clear()
    monkeypatch.setattr(prepare, "is_separable", lambda *_: False)
    whole = fit()
    assert whole.run.timings.compile > 0
    assert parts.status == whole.status
    assert parts.iterations == whole.iterations
    np.testing.assert_array_equal(parts.x, whole.x)
    np.testing.assert_allclose(parts.covariance, whole.covariance, rtol=1e-8)
    for column in ("loss", "gradient_norm", "step_length", "evaluations"):
        np.testing.assert_array_equal(
            getattr(parts.history, column), getattr(whole.history, column)
        )


def test_the_step_is_compiled_once_for_as_many_parameters(monkeypatch):
    jit = importlib.import_module("steepest.engines.native.jit.compile")
    made = []
    original = jit.Code.__init__
    monkeypatch.setattr(
        jit.Code,
        "__init__",
        lambda self, module, name, *rest, **more: (
            made.append(name),
            original(self, module, name, *rest, **more),
        )[1],
    )
    rule = st.GradientNormBelow(1.2345e-6) | st.MaxIterations(77)  # nobody else's
    y = decay(T, 2.0, 1.3)
    for k in range(1, 4):
        st.least_squares(lambda p, k=k: decay(T, *p) / k - y, np.ones(2), stop=rule)
    assert made == ["descend", "run_graph", "run_graph", "run_graph"]


def test_a_users_stop_rule_is_traced_with_the_problem():
    class After(st.MaxIterations):
        def met(self, point):
            return point.iteration >= 2

    with pytest.warns(st.FitWarning, match="before any goal was met"):
        run = st.least_squares(lambda p: p**2 - 2.0, np.ones(3), stop=After(5)).run
    assert run.iterations == 2


def test_an_index_out_of_bounds_in_a_model_names_its_line():
    table = np.arange(5.0)

    def residuals(p):
        return table[np.floor(p[0] * 1e3).astype(int)] + p

    with pytest.raises(GraphIndexError, match=r"test_split.py:\d+"):
        st.least_squares(residuals, np.array([1.0, 2.0]))


def test_what_numpy_computes_in_a_model_raises_as_numpy_does():
    def residuals(p):
        return np.linalg.solve(np.array([[1.0, 1.0], [1.0, 1.0]]) * p[0], p)

    with pytest.raises(np.linalg.LinAlgError):
        st.least_squares(residuals, np.array([1.0, 2.0]))


def test_a_model_that_branches_is_traced_whole():
    def model(t, a, b):
        return a * t if a > 0 else b * t**2

    with pytest.warns(st.FitWarning, match="do not determine a"):
        fit = st.curve_fit(model, T, -2 * T**2, np.array([-1.0, 1.0]))
    np.testing.assert_allclose(fit.x[1], -2.0)


def test_optimized_code_gives_the_bits_of_baseline_code():
    y = wave(T, 1.5, 2.0, 0.3, 0.5)
    start = np.array([1.0, 1.7, 0.1, 0.0])
    model = lambda t, a, b, c, d: wave(t, a, b, c, d)
    xs = [st.curve_fit(model, T, y, start).x.tobytes() for _ in range(40)]
    assert len(set(xs)) == 1


@pytest.mark.parametrize("method", [st.LevenbergMarquardt(), st.Dogleg(), st.GaussNewton()])
@pytest.mark.parametrize("every", [0, 1, 3])
@pytest.mark.parametrize("number", [1, 4, 17])
def test_a_step_loaded_from_disk_is_the_same(method, every, number, monkeypatch):
    rule = st.GradientNormBelow(1e-7) | st.MaxIterations(1234)
    background.finish()  # which may keep something else
    kept = {}
    monkeypatch.setattr(parts.cache, "find", kept.get)
    monkeypatch.setattr(parts.cache, "keep", kept.__setitem__)

    def step():
        parts._steps.clear()
        setting_numbers._questions.clear()
        return parts.step_of(
            Settings(setting_numbers.split_settings(method, rule), every),
            number,
            np.dtype(float),
            False,
        )

    traced = step()
    monkeypatch.setattr(parts, "iterate", None)  # what is found is not traced again
    again = step()
    assert again.iteration == traced.iteration
    assert again.names == traced.names
    np.testing.assert_equal(again.state, traced.state)


@pytest.mark.parametrize("method", [st.LevenbergMarquardt(), st.Dogleg(), st.GaussNewton()])
@pytest.mark.parametrize("number", [8, 9, 31, 32, 33, 64, 65])
def test_any_number_of_parameters(method, number):
    random = np.random.default_rng(number)
    A = random.normal(size=(2 * number, number)) / np.sqrt(number)
    y = A @ np.full(number, 0.5) + 0.01 * random.normal(size=2 * number)
    residuals = lambda p: A @ np.sin(p) - y
    start = np.full(number, 0.3)
    fit = st.least_squares(residuals, start, method=method)
    other = st.least_squares(residuals, start, method=method, engine="numpy")
    np.testing.assert_allclose(fit.x, other.x, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, other.covariance, rtol=1e-6)


def squares(dtype):
    """Return a square whose derivative, written by hand, is of a dtype."""
    return st.custom_derivative(
        lambda x: x**2, pullback=lambda c, out, x: ((2 * x * c).astype(dtype),)
    )


@pytest.mark.parametrize(("start", "slope"), [("f", "d"), ("d", "f")])
def test_derivatives_of_another_dtype_are_not_mistaken(start, slope):
    square = squares(slope)
    residuals = lambda p: square(p) - np.array([2.0, 3.0], start)
    for _ in range(5):
        found = st.least_squares(residuals, np.ones(2, start))
    expected = st.least_squares(residuals, np.ones(2, start), engine="numpy")
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-5)
    np.testing.assert_allclose(found.run.gradient, expected.run.gradient, atol=1e-5)


def test_a_robust_loss_of_another_dtype_is_not_mistaken():
    t = np.linspace(0, 1, 11, dtype=np.float32)
    y = 1 + 2 * t
    y[3] += 5
    welsch = lambda z: np.float64(2.0) * (1 - np.exp(-z / np.float64(2.0)))
    fits = [
        st.curve_fit(lambda t, a, b: a + b * t, t, y, np.zeros(2, "f"), loss=welsch, engine=engine)
        for engine in ("native", "numpy")
    ]
    np.testing.assert_allclose(fits[0].x, fits[1].x, rtol=1e-4)


def test_derivatives_that_branch_are_traced_whole():
    def slope(c, out, x):
        return (c * np.ones_like(x),) if np.sum(x) > 0 else (-c * np.ones_like(x),)

    size = st.custom_derivative(lambda x: np.abs(x), pullback=slope)
    t = np.array([1.0, 2.0, 3.0])
    residuals = lambda p: size(p[0]) * t - 2 * t + 0 * p[0]
    for start in (0.5, -0.5, 3.0, -3.0):
        found = st.least_squares(residuals, np.array([start])).x
        np.testing.assert_allclose(found, [2 * np.sign(start)])


def test_a_users_engine_need_not_support_two_parts():
    class Engine:
        name = "numpy"

        def __getattr__(self, name):
            if name in ("takes_parts", "prepare_call"):
                raise AttributeError(name)
            return getattr(st.engines.Interpreter(), name)

    fit = st.least_squares(lambda p: p - 2.0, np.ones(3), engine=Engine())
    np.testing.assert_allclose(fit.x, 2.0)
