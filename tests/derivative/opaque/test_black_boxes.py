"""Black boxes: values and derivatives against the same functions in NumPy, on all engines."""

import ctypes
import ctypes.util
import math
import threading

import numpy as np
import pytest
import scipy.optimize
from numpy.testing import assert_allclose

import steepest as st
from steepest.errors import InputError, RandomnessError, SettingError, UnsupportedError

ENGINES = ["native", "numpy", "torch"]
LIBM = ctypes.CDLL(ctypes.util.find_library("m"))
LIBM.tanh.restype, LIBM.tanh.argtypes = ctypes.c_double, [ctypes.c_double]

X = np.array([0.3, -1.2, 2.0])


def mixed(x, a):
    return np.array([LIBM.tanh(a * v) for v in x]) * sum(x)


def mixed_in_numpy(x, a):
    return np.tanh(a * x) * np.sum(x)


def nested(parts):
    (x, y), scale = parts["xy"], parts["scale"]
    total = float(scale) * float(x) * LIBM.tanh(y)
    return {"sum": [total, np.array([x, y]) ** 2], "name": "text", "none": None}


def nested_in_numpy(parts):
    (x, y), scale = parts["xy"], parts["scale"]
    return {"sum": [scale * x * np.tanh(y), np.stack([x, y]) ** 2]}


def of_nested(out, x):
    return out["sum"][0] * x[0] + np.sum(out["sum"][1])


LOSSES = {
    "arrays": (
        lambda f: lambda x: np.sum(f(x * 1.5, x[0]) * np.array([1.0, 2.0, 3.0])),
        (mixed, mixed_in_numpy),
    ),
    "nested": (
        lambda f: lambda x: of_nested(f({"xy": (x[0], x[1]), "scale": x[2]}), x),
        (nested, nested_in_numpy),
    ),
    "number": (lambda f: lambda x: f(x[0] * x[1]) * x[2], (LIBM.tanh, np.tanh)),
    "keywords": (lambda f: lambda x: np.sum(f(a=x[0], x=x)), (mixed, mixed_in_numpy)),
    "twice": (lambda f: lambda x: f(f(x[0]) + x[1]), (LIBM.tanh, np.tanh)),
    "many operands": (
        lambda f: lambda x: np.sum(f(np.linspace(0, x[0], 30), x[1]) ** 2),
        (mixed, mixed_in_numpy),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_are_those_of_the_same_function_in_numpy(name):
    make, (function, in_numpy) = LOSSES[name]
    boxed, exact = make(st.black_box(function)), make(in_numpy)
    assert_allclose(boxed(X), exact(X))
    assert_allclose(st.gradient(boxed)(X), st.gradient(exact)(X), rtol=1e-7, atol=1e-8)
    tangent = np.array([0.4, -0.3, 1.0])
    pushed, expected = (st.pushforward(f, (X,), (tangent,)) for f in (boxed, exact))
    assert_allclose(pushed, expected, rtol=1e-7, atol=1e-8)
    assert_allclose(st.hessian(boxed)(X), st.hessian(exact)(X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["arrays", "nested", "many operands"])
def test_engines_minimize_through_a_black_box(engine, name):
    if engine == "torch":
        pytest.importorskip("torch")
    make, (function, in_numpy) = LOSSES[name]
    boxed, exact = (
        lambda x, f=f: make(f)(x) ** 2 + np.sum((x - 1.0) ** 2)
        for f in (st.black_box(function), in_numpy)
    )
    found, expected = st.minimize(boxed, X, engine=engine), st.minimize(exact, X)
    assert_allclose(found.loss, expected.loss, rtol=1e-6)


def test_compiled_code_calls_the_function_at_each_call():
    calls = []

    @st.black_box
    def count(x):
        calls.append(float(x))
        return math.exp(x)

    f = st.compile(lambda x: 2.0 * count(x))
    assert_allclose([f(0.5), f(0.25)], 2 * np.exp([0.5, 0.25]))
    assert calls[-1] == 0.25


def test_an_analytic_function_is_differentiated_by_complex_steps():
    seen = set()

    @st.black_box
    def analytic(x):
        seen.add(x.dtype.kind)
        return np.exp(np.sin(x)) / x

    gradient = st.gradient(lambda x: np.sum(analytic(x)))(X)
    exact = np.exp(np.sin(X)) * (np.cos(X) / X - 1 / X**2)
    assert "c" in seen
    assert_allclose(gradient, exact, rtol=1e-14)


def test_a_kink_in_complex_numbers_is_noticed_where_it_is_met():
    function = st.black_box(lambda x: np.where(np.real(x) > 0, x**2, np.abs(x) ** 3))
    gradient = st.gradient(lambda x: np.sum(function(x)))
    assert_allclose(gradient(np.array([1.0, 2.0])), [2.0, 4.0], rtol=1e-9)
    assert_allclose(gradient(np.array([1.0, -2.0])), [2.0, -12.0], rtol=1e-7)


def test_methods_and_lambdas_and_closures():
    class Pipe:
        def __init__(self):
            self.scale = 2.0

        @st.black_box
        def flow(self, p):
            return self.scale * LIBM.tanh(p)

    pipe, power = Pipe(), 3.0
    f = st.gradient(lambda x: pipe.flow(x[0]) + st.black_box(lambda v: float(v) ** power)(x[1]))
    assert_allclose(f(X[:2]), [2 / np.cosh(0.3) ** 2, 3 * 1.2**2], rtol=1e-9)
    inside = lambda x: st.black_box(lambda v: float(x[1]) * LIBM.tanh(v))(x[0])
    assert_allclose(
        st.gradient(inside)(X[:2]), [-1.2 / np.cosh(0.3) ** 2, np.tanh(0.3)], rtol=1e-9
    )


# Jacobians that the user gives.


def decay(t, a, b):
    return np.array([a * math.exp(-b * u) for u in t])


def decay_jac(t, a, b):
    return np.stack([np.exp(-b * t), -a * t * np.exp(-b * t)], axis=1)


T = np.linspace(0.0, 3.0, 20)


def test_scipys_jac_is_called_in_place_of_differences():
    rosen = st.black_box(scipy.optimize.rosen, derivative=scipy.optimize.rosen_der)
    found = st.gradient(lambda x: rosen(x) * 2)(X)
    assert np.array_equal(found, 2 * scipy.optimize.rosen_der(X))
    hessian = st.hessian(lambda x: rosen(x))(X)
    assert_allclose(hessian, scipy.optimize.rosen_hess(X), rtol=1e-6, atol=1e-5)
    y = decay(T, 2.0, 0.7)
    model = st.black_box(decay, derivative=decay_jac)
    popt, _ = st.curve_fit(model, T, y + 0.01 * np.cos(9 * T), [1.0, 1.0])
    expected, _ = scipy.optimize.curve_fit(decay, T, y + 0.01 * np.cos(9 * T), [1.0, 1.0])
    assert_allclose(popt, expected, rtol=1e-6)


def test_a_tuple_has_a_jacobian_for_each_argument():
    product = st.black_box(lambda x, y: float(x @ y), derivative=lambda x, y: (y, x))
    f = st.gradient(lambda x: product(x, 2 * x))
    assert_allclose(f(X), 4 * X)
    only = st.black_box(lambda x, y: float(x @ y), derivative=lambda x, y: (y, None))
    with pytest.raises(InputError, match="argument number 2"):
        st.gradient(lambda x: only(x, 2 * x))(X)


def test_a_jac_of_the_wrong_shape_is_an_error():
    wrong = st.black_box(lambda x: x * 2.0, derivative=lambda x: np.ones(2))
    with pytest.raises(InputError, match=r"got shape \(2,\)"):
        st.gradient(lambda x: np.sum(wrong(x)))(X)


# Evaluations in parallel.


@pytest.mark.parametrize("workers", [1, 3, -1, "map"])
def test_workers_compute_the_same(workers):
    threads, barrier = set(), threading.Barrier(3)

    def function(x):
        threads.add(threading.get_ident())
        if workers == 3 and threading.current_thread() is not threading.main_thread():
            barrier.wait(timeout=20)  # three are computed at a time
        return [math.sin(v) for v in x]

    given = (lambda f, items: [f(item) for item in items]) if workers == "map" else workers
    boxed = st.black_box(function, workers=given)
    assert_allclose(st.gradient(lambda x: sum(boxed(x)))(X), np.cos(X), rtol=1e-9)
    assert (len(threads) > 1) == (workers in (3, -1))


# Refusals.


def test_settings_are_checked():
    with pytest.raises(SettingError, match="'differences' or a function"):
        st.black_box(decay, derivative="exact")
    with pytest.raises(SettingError, match="needs a function"):
        st.black_box(3.0)
    for workers in (0, 2.5, True, "two"):
        with pytest.raises(SettingError, match="workers must be"):
            st.black_box(decay, workers=workers)


def test_functions_that_have_no_derivative_are_refused():
    draw = np.random.default_rng(0)
    noisy = st.black_box(lambda x: float(x) + draw.normal())
    with pytest.raises(RandomnessError, match="different values for the same arguments"):
        st.gradient(lambda x: noisy(x[0]))(X)
    for returned, name in ((None, "None"), ("text", "str"), (object(), "object")):
        boxed = st.black_box(lambda x, returned=returned: returned)
        with pytest.raises(UnsupportedError, match=f"returns {name}, and no numbers"):
            st.gradient(lambda x, boxed=boxed: boxed(x[0]))(X)

    @st.black_box
    def fills(x):
        x[0] = 5.0
        return x

    with pytest.raises(UnsupportedError, match="changes its arguments"):
        st.gradient(lambda x: np.sum(fills(x)))(X)


def test_a_result_of_another_shape_is_an_error_at_that_call():
    cut = st.black_box(lambda x: x[x > 0])
    f = st.compile(lambda x: np.sum(cut(x)))
    assert f(np.array([1.0, 2.0])) == 3.0
    with pytest.raises(UnsupportedError, match=r"must return float64 of shape \(2,\)"):
        f(np.array([1.0, -2.0]))


def test_the_users_own_error_surfaces():
    @st.black_box
    def fails(x):
        if x > 1:
            raise KeyError("too large")
        return float(x)

    f = st.compile(lambda x: fails(x) * 2)
    assert f(0.5) == 1.0
    with pytest.raises(KeyError, match="too large"):
        f(2.0)


def test_texts_in_results_are_not_read_as_numbers():
    report = st.black_box(lambda x: (float(x), f"{float(x)}"))
    with pytest.raises(TypeError, match="text"):
        st.gradient(lambda x: float(report(x[0])[1]) + x[0])(X)
