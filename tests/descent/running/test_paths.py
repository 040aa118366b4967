"""Descents of losses that branch: each path is compiled once and found again."""

import numpy as np
import pytest

import steepest as st
from steepest.engines.native.jit.compile import Code
from steepest.errors import GraphIndexError
from tests.cases.branching import CROSSING, newton_inside

SETTINGS = {"method": st.GradientDescent(0.05), "stop": st.MaxIterations(300), "record": "all"}


@pytest.mark.parametrize("loss", CROSSING, ids=lambda f: f.__name__)
@pytest.mark.parametrize("method", [st.GradientDescent(0.05), st.Adam(0.1)], ids=str)
def test_a_compiled_descent_crosses_branches_as_numpy_does(loss, method):
    settings = {**SETTINGS, "method": method}
    native = st.minimize(loss, CROSSING[loss], engine="native", **settings)
    numpy = st.minimize(loss, CROSSING[loss], engine="numpy", **settings)
    np.testing.assert_array_equal(native.history.loss, numpy.history.loss)
    np.testing.assert_array_equal(native.history.x, numpy.history.x)
    np.testing.assert_array_equal(native.history.iteration, np.arange(301))
    plain = [loss(x.copy()) for x in numpy.history.x]
    np.testing.assert_allclose(numpy.history.loss, plain, rtol=1e-14)
    torch = st.minimize(loss, CROSSING[loss], engine="torch", **settings)
    np.testing.assert_allclose(torch.history.x, numpy.history.x, rtol=1e-10, atol=1e-14)


def test_a_second_run_knows_all_paths():
    st.minimize(newton_inside, CROSSING[newton_inside], **SETTINGS)
    again = st.minimize(newton_inside, CROSSING[newton_inside], **SETTINGS)
    assert (again.timings.trace, again.timings.compile) == (0.0, 0.0)


def test_paths_are_crossed_within_minibatches():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(50, 2)), random.normal(size=50)

    def loss(w, X, y):
        total = 0.0
        for row, target in zip(X, y, strict=True):
            r = row @ w - target
            total = total + (r * r if r > 0 else 0.1 * r * r)
        return total / len(y)

    # Three rows: fewer branches than are merged.
    settings = {"args": (X, y), "batches": st.Batches(size=3, epochs=3, shuffle=True, seed=1)}
    settings |= {"method": st.Adam(0.05), "max_paths": 1000}
    native = st.minimize(loss, np.zeros(2), **settings)
    numpy = st.minimize(loss, np.zeros(2), engine="numpy", **settings)
    assert native.iterations == 51
    np.testing.assert_allclose(native.history.loss, numpy.history.loss, rtol=1e-13)
    np.testing.assert_allclose(native.x, numpy.x, rtol=1e-13)


def test_the_state_of_the_method_survives_a_new_path():
    def loss(x):
        return (x[0] - 3.0) ** 2 if x[0] < 2.0 else 2.0 * (x[0] - 3.0) ** 2 - 1.0

    def without(x):
        return np.where(x[0] < 2.0, (x[0] - 3.0) ** 2, 2.0 * (x[0] - 3.0) ** 2 - 1.0)

    settings = {"method": st.Adam(0.3), "stop": st.MaxIterations(60), "record": "all"}
    one, other = (st.minimize(f, np.zeros(1), **settings) for f in (loss, without))
    np.testing.assert_array_equal(one.history.x, other.history.x)


def test_branches_of_stop_rules_and_methods_are_paths_too():
    class Impatient(st.StopRule):
        def met(self, point):
            return point.iteration >= 5 if point.loss < 1.0 else point.iteration >= 50

    class Careful:
        def init(self, x):
            return np.zeros(())

        def update(self, x, gradient, state, iteration):
            step = 0.1 if np.max(np.abs(gradient)) > 1.0 else 0.3
            return x - step * gradient, state + 1.0

    settings = {"method": Careful(), "stop": Impatient()}
    runs = [
        st.minimize(lambda x: np.sum(x * x), np.full(3, 4.0), engine=engine, **settings)
        for engine in ("native", "numpy")
    ]
    assert runs[0].iterations == runs[1].iterations
    np.testing.assert_array_equal(runs[0].x, runs[1].x)


def test_a_descent_beyond_the_limit_goes_on_interpreted():
    def loss(x):  # three branches: fewer than are merged
        return sum(abs(v - k) if v > k else (v - k) ** 2 for k, v in enumerate(x))

    x0, settings = np.array([3.0, -2.0, 7.0]), {**SETTINGS, "method": st.GradientDescent(0.11)}
    with pytest.warns(st.PathLimitWarning, match="more than 2 paths"):
        limited = st.minimize(loss, x0, max_paths=2, **settings)
    full = st.minimize(loss, x0, **settings)
    np.testing.assert_array_equal(limited.history.x, full.history.x)
    np.testing.assert_array_equal(limited.history.loss, full.history.loss)


def test_a_diverging_run_does_not_trace_at_infinity():
    run = st.minimize(
        lambda x: x[0] ** 4 if x[0] > 0 else 2 * x[0] ** 4,
        np.array([3.0]),
        method=st.GradientDescent(10.0),
        stop=st.MaxIterations(100),
    )
    assert run.status is st.Status.DIVERGED
    assert np.isfinite(run.x).all()


def test_a_new_path_costs_its_own_code_alone(monkeypatch):
    made, original = [], Code.__init__

    def note(self, module, name, *rest, **more):
        made.append(name)
        original(self, module, name, *rest, **more)

    monkeypatch.setattr(Code, "__init__", note)

    def loss(x):
        if x[0] > 0.31:
            return np.sum(x**2)
        return np.sum((x - 1.7) ** 4) if x[1] > 0.0 else np.sum((x - 1.1) ** 2)

    start = np.array([3.0, -2.0])
    st.minimize(loss, start, record=41)  # nobody else's
    assert made.count("descend") == 1
    assert made.count("run_graph") >= 2


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_error_in_any_path_names_its_line(number):
    table = np.arange(4.0)

    def loss(x):
        far = np.sum((x - 9.0) ** 2)
        if x[0] < 0.3:
            return far if number else far + table[np.int64(x[0] * 1e3) + 200]
        if x[0] < 0.6:
            return far + 1.0 if number != 1 else far + table[np.int64(x[0] * 1e3)]
        return far + 2.0 if number != 2 else far + table[np.int64(x[0] * 1e3)]

    method, stop = st.GradientDescent(0.01), st.MaxIterations(100)
    with pytest.raises(GraphIndexError, match=r"test_paths.py:\d+"):
        st.minimize(loss, np.zeros(1), method=method, stop=stop)


def test_a_later_path_may_read_other_arrays():
    left, right = np.array([1.0, 2.0]), np.array([3.0, 5.0])

    def loss(x):
        return np.sum((x - left) ** 2) if x[0] < 0.5 else np.sum((x - right) ** 2)

    method = st.GradientDescent(0.3)
    found = [st.minimize(loss, np.zeros(2), method=method).x]
    right[:] = [4.0, 6.0]
    found.append(st.minimize(loss, np.zeros(2), method=method).x)
    np.testing.assert_allclose(found, [[3.0, 5.0], [4.0, 6.0]], rtol=1e-6)
