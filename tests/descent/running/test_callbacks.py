"""Callbacks: what they are given, how they are called, and how they end a run."""

import copy
import pickle

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest import Status
from steepest.descent.methods.registry import FOR_LOSSES, FOR_RESIDUALS

ENGINES = ["native", "numpy", "torch"]
CURVATURE = np.array([1.0, 4.0, 9.0])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * x**2)


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


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


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


START = np.array([-1.2, 1.0])
T = np.linspace(0, 3, 20)
Y = 2 * np.exp(-T) + 0.01 * np.sin(40 * T)
HERE = f"{__file__.rpartition('/')[2]}:"


def residuals(x):
    return np.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def decay(t, a, b):
    return a * np.exp(-b * t)


REQUIRED = {
    st.minimize: {"fun": rosenbrock, "x0": START},
    st.least_squares: {"fun": residuals, "x0": START},
    st.curve_fit: {"f": decay, "xdata": T, "ydata": Y},
}


@pytest.mark.parametrize("method", FOR_LOSSES)
@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_the_loss_of_a_callback_is_that_of_its_x(method, engine):
    seen = []
    run = st.minimize(
        rosenbrock, START, method=method, engine=engine, callback=seen.append,
        stop=st.MaxIterations(5),
    )  # fmt: skip
    assert [state.iteration for state in seen] == list(range(1, run.nit + 1))
    for state in seen:
        assert state.loss == pytest.approx(rosenbrock(state.x), rel=1e-13)
        assert state.fun == state["fun"] == state.loss
    np.testing.assert_array_equal(seen[-1].x, run.x)
    assert seen[-1].loss == pytest.approx(run.loss, rel=1e-13)


@pytest.mark.parametrize("method", FOR_RESIDUALS)
def test_the_loss_of_a_callback_of_residuals_is_that_of_its_x(method):
    seen = []
    st.least_squares(residuals, START, method=method(), callback=seen.append)
    for state in seen:
        np.testing.assert_allclose(state.fun, residuals(state.x), rtol=1e-12, atol=1e-12)
        assert state.loss == pytest.approx(0.5 * np.sum(residuals(state.x) ** 2), abs=1e-25)
        assert state["cost"] == state.cost == state.loss
    again = pickle.loads(pickle.dumps(seen[-1]))
    np.testing.assert_array_equal(again.fun, seen[-1].fun)
    np.testing.assert_array_equal(copy.deepcopy(seen[0]).fun, seen[0].fun)


def test_the_loss_of_a_callback_is_of_all_data_where_there_are_batches():
    X, y = np.linspace(0, 1, 12), np.linspace(1, 3, 12)
    loss = lambda w, X, y: np.mean((w[0] * X + w[1] - y) ** 2)
    seen = []
    st.minimize(loss, np.zeros(2), (X, y), batches=st.Batches(4), callback=seen.append)
    for state in seen:
        assert state.loss == pytest.approx(loss(state.x, X, y), rel=1e-12)


def test_a_state_is_an_array_as_scipys_callbacks_are_given():
    seen, theirs = [], []

    def callback(xk):
        first, second = xk
        assert (first, second) == (xk[0], xk[1]) == tuple(xk.tolist())
        assert len(xk) == 2
        assert xk.shape == (2,)
        for plain in (xk - 1, 2 * xk, np.sin(xk), xk[:1], xk[::-1], xk.copy(), np.copy(xk)):
            assert type(plain) is np.ndarray
        assert np.linalg.norm(xk) == pytest.approx(np.sqrt(np.sum(xk**2)))
        assert str(xk) == f"{xk}" == str(np.array(xk))
        assert rosenbrock(xk) == pytest.approx(scipy.optimize.rosen(xk))
        seen.append(xk)

    run = st.minimize(rosenbrock, START, callback=callback)
    scipy.optimize.minimize(
        scipy.optimize.rosen, START, callback=lambda xk: theirs.append(np.copy(xk))
    )
    assert np.array(seen).shape == (run.nit, 2)
    assert np.array(theirs).shape[1:] == np.array(seen).shape[1:]
    np.testing.assert_array_equal(seen, run.history.x[1:])
    for how in (copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))):
        again = how(seen[3])
        np.testing.assert_array_equal(again.x, seen[3].x)
        assert (again.loss, again.iteration) == (seen[3].loss, 4)


def test_a_state_of_nested_parameters_holds_all_their_numbers():
    seen = []
    loss = lambda p: (p["a"] - 1) ** 2 + np.sum(p["b"] ** 2)
    st.minimize(loss, {"a": 0.0, "b": np.ones(2)}, callback=seen.append)
    for state in seen:
        np.testing.assert_array_equal(state, [state.x["a"], *state.x["b"]])


def named(intermediate_result):
    assert np.isfinite(intermediate_result.fun).all()
    assert np.shape(intermediate_result.x) == (2,)
    raise StopIteration


def named_only(*, intermediate_result):
    named(intermediate_result)


def both(xk, state):
    assert type(xk) is np.ndarray
    np.testing.assert_array_equal(xk, state.x)
    raise StopIteration


class Callable:
    def __call__(self, xk, more=None):
        raise StopIteration

    def method(self, intermediate_result):
        named(intermediate_result)


@pytest.mark.parametrize(
    "callback", [named, named_only, both, Callable(), Callable().method, lambda *a: exec("1/0")]
)
def test_callbacks_are_called_as_their_parameters_say(callback):
    for call in (st.minimize, st.least_squares):
        needs = REQUIRED[call]
        if callback.__class__.__name__ == "function" and callback.__name__ == "<lambda>":
            with pytest.raises(ZeroDivisionError):
                call(**needs, callback=callback)
            continue
        result = call(**needs, callback=callback)
        assert (result.nit, int(result.status)) == (1, 99)


@pytest.mark.parametrize("callback", [lambda: None, lambda a, b, c: None, lambda *, xk: None])
def test_callbacks_that_cannot_be_called_are_refused(callback):
    with pytest.raises(TypeError, match=rf"callback at {HERE}.*write callback\(state\)"):
        st.minimize(rosenbrock, START, callback=callback)
