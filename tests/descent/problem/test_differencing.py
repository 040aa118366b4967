"""Fits of functions that cannot be recorded end where SciPy's fits do, and say what they did."""

import ctypes
import ctypes.util
import decimal
import functools
import math
import statistics
import types
import warnings

import numpy as np
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.optimize
import scipy.special
from numpy.testing import assert_allclose

import steepest as st
from steepest.errors import ConcreteValueError, RandomnessError, SteepestError, UnsupportedError

LIBM = ctypes.CDLL(ctypes.util.find_library("m"))
LIBM.exp.restype, LIBM.exp.argtypes = ctypes.c_double, [ctypes.c_double]
LIBM.tgamma.restype, LIBM.tgamma.argtypes = ctypes.c_double, [ctypes.c_double]

T = np.linspace(0.1, 4.0, 30)
NOISE = 0.01 * np.sin(37 * T)


def compiled(t, a, b):
    return a * np.array([LIBM.exp(-b * u) for u in t])


def compiled_by_vectorize(t, a, b):
    return a * np.vectorize(LIBM.exp)(-b * t)


def special(t, a, b):
    return a * scipy.special.mathieu_a(2, b * t)


def special_tuple(t, a, b):
    return a * scipy.special.mathieu_cem(2, 1.5, 10.0 * b * t)[0]


def special_order(t, a, b):
    return a * scipy.special.jv(b, t)


def switched(t, a, b):
    """Not recorded: the right-hand side branches on the state, which stays below 9 here."""

    def rates(time, y):
        gain = b * y[1] if y[1] < 9.0 else 0.0
        return [-a * y[0] + gain, -b * y[1]]

    options = {"rtol": 1e-10, "atol": 1e-12, "t_eval": t}
    return scipy.integrate.solve_ivp(rates, (0, 5), [1.0, 2.0], **options).y[0]


def interpolated(t, a, b):
    nodes = np.linspace(0, 5, 6)
    return scipy.interpolate.Rbf(nodes, a * np.sin(b * nodes))(t)


BUFFER = np.zeros(30)


def buffered(t, a, b):
    for i, u in enumerate(t):
        BUFFER[i] = a * np.exp(-b * u)
    return BUFFER.copy()


def helper(t, b):
    """Not recorded: it needs the bytes of its arguments."""
    return np.frombuffer(np.exp(-b * t).tobytes())


def with_a_helper(t, a, b):
    return a * helper(t, b)


def through_text(t, a, b):
    return np.array([float(f"{a * math.exp(-b * u):.17g}") for u in t])


class Instrument:
    offset = 0.1

    def response(self, t, a, b):
        return self.offset + a * np.array([LIBM.exp(-v) for v in (b * t).tolist()])

    def __call__(self, t, a, b):
        return self.response(t, a, b)


FITS = {
    "compiled": (compiled, [1.0, 1.0]),
    "compiled by vectorize": (compiled_by_vectorize, [1.0, 1.0]),
    "special": (special, [1.0, 1.0]),
    "special tuple": (special_tuple, [1.0, 1.0]),
    "special order": (special_order, [1.0, 1.0]),
    "switched": (switched, [0.8, 0.4]),
    "interpolated": (interpolated, [1.0, 1.0]),
    "buffered": (buffered, [1.0, 1.0]),
    "helper": (with_a_helper, [1.0, 1.0]),
    "text": (through_text, [1.0, 1.0]),
    "method": (Instrument().response, [1.0, 1.0]),
    "object": (Instrument(), [1.0, 1.0]),
}
TRUE = [1.3, 0.7]


def differenced(call):
    """Return the result of a call, and its warnings of differences."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        result = call()
    kinds = [w for w in noted if issubclass(w.category, st.FiniteDifferenceWarning)]
    return result, [str(w.message) for w in kinds]


@pytest.mark.parametrize("name", FITS)
def test_curve_fit_ends_where_scipys_does(name):
    model, start = FITS[name]
    y = np.array(model(T, *TRUE)) + NOISE
    (popt, pcov), noted = differenced(lambda: st.curve_fit(model, T, y, start))
    expected, covariance = scipy.optimize.curve_fit(model, T, y, start)
    assert_allclose(popt, expected, rtol=1e-5)
    assert_allclose(np.sqrt(np.diag(pcov)), np.sqrt(np.diag(covariance)), rtol=1e-4)
    (message,) = noted
    assert "test_differencing.py:" in message
    assert "st.black_box(" in message
    again, noted_again = differenced(lambda: st.curve_fit(model, T, y, start)[0])
    assert np.array_equal(again, popt)
    assert noted_again == noted


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", FITS)
def test_other_entry_points_find_the_same_minimum(name):
    model, start = FITS[name]
    y = np.array(model(T, *TRUE)) + NOISE
    residuals = lambda p: np.asarray(model(T, *p)) - y
    loss = lambda p: 0.5 * np.sum((np.asarray(model(T, *p)) - y) ** 2)
    expected = scipy.optimize.least_squares(residuals, start, xtol=1e-12, ftol=1e-12)
    squares, noted = differenced(lambda: st.least_squares(residuals, start))
    assert len(noted) == 1
    assert_allclose(squares.x, expected.x, rtol=1e-5)
    run, noted = differenced(lambda: st.minimize(loss, start))
    assert len(noted) == 1
    assert run.loss < expected.cost + 1e-8
    bounded, _ = differenced(lambda: st.minimize(loss, start, bounds=[(0.2, 1.2), (0.0, None)]))
    plain = scipy.optimize.minimize(loss, start, bounds=[(0.2, 1.2), (0.0, None)])
    assert bounded.loss < plain.fun + 1e-8


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_engines_agree(engine):
    if engine == "torch":
        pytest.importorskip("torch")
    y = with_a_helper(T, *TRUE) + NOISE
    fit, _ = differenced(lambda: st.curve_fit(with_a_helper, T, y, [1.0, 1.0], engine=engine))
    expected, _ = scipy.optimize.curve_fit(with_a_helper, T, y, [1.0, 1.0])
    assert_allclose(fit.x, expected, rtol=1e-5)


def test_only_what_cannot_be_recorded_is_differenced():
    calls = []

    def helper(b):
        calls.append(type(b))
        return LIBM.tgamma(b)

    def loss(p):
        return np.sum(np.cosh(p) ** 2) + (helper(p[0] + 1.0) - 1.0) ** 2

    run, (message,) = differenced(lambda: st.minimize(loss, np.array([0.5, 1.0])))
    assert "of tgamma at" in message
    assert_allclose(run.x, scipy.optimize.minimize(loss, [0.5, 1.0], tol=1e-10).x, atol=1e-6)


def test_the_innermost_function_is_named_with_the_reason():
    y = with_a_helper(T, *TRUE) + NOISE
    _, (message,) = differenced(lambda: st.curve_fit(with_a_helper, T, y))
    line = helper.__code__.co_firstlineno
    assert f"of helper at test_differencing.py:{line} " in message
    assert ".tobytes" in message


def test_many_fits_warn_once():
    data = np.stack([special(T, *TRUE), special(T, 1.1, 0.8)])
    fits, noted = differenced(lambda: st.curve_fit_many(special, T, data, [1.0, 1.0]))
    assert_allclose(fits.x, [TRUE, [1.1, 0.8]], rtol=1e-6)
    assert len(noted) == 1
    loss = lambda p, c: (LIBM.tgamma(p[0]) - c) ** 2
    starts, levels = np.full((3, 1), 3.0), np.array([1.5, 2.0, 3.0])
    runs, noted = differenced(lambda: st.minimize_many(loss, starts, (levels,)))
    assert_allclose([math.gamma(x) for x in np.ravel(runs.x)], levels, rtol=1e-3)
    assert len(noted) == 1


def test_a_path_that_is_met_later():
    def loss(p):
        if p[0] < 0.5:
            return (LIBM.exp(p[0]) - 1.2) ** 2
        return (p[0] + 1.0 - 1.2) ** 2 + 0.1

    run, (message,) = differenced(lambda: st.minimize(loss, np.array([2.0])))
    assert "of exp at" in message
    assert_allclose(run.x, [np.log(1.2)], atol=1e-5)


def test_results_of_changing_shape_are_differenced_outside():
    def positive(p):
        values = np.array(p.tolist())
        return values[values > 0.5]

    loss = lambda p: np.sum(positive(p) ** 2) + np.sum((p - 0.1) ** 2)
    run, _ = differenced(lambda: st.minimize(loss, np.array([1.0, 2.0])))
    assert_allclose(run.x, [0.1, 0.1], atol=1e-6)


def test_arguments_by_name_and_partials():
    def residuals(p, *, shift):
        return np.array([scipy.optimize.brentq(lambda u: u**3 - p[0] - shift, -9, 9), p[1]])

    expected = scipy.optimize.least_squares(residuals, [1.0, 2.0], kwargs={"shift": 0.5}).x
    for call in (
        lambda: st.least_squares(residuals, [1.0, 2.0], kwargs={"shift": 0.5}),
        lambda: st.least_squares(functools.partial(residuals, shift=0.5), [1.0, 2.0]),
    ):
        assert_allclose(differenced(call)[0].x[0], expected[0], atol=1e-6)


def test_large_operands_of_a_loss_are_not_differenced_one_by_one():
    calls = []

    def smooth(values):
        calls.append(1)
        return np.frombuffer(np.cumsum(values).tobytes())

    x = np.linspace(0.0, 1.0, 500)
    loss = lambda p: np.sum((smooth(p[0] * np.exp(p[1] * x)) - np.cumsum(np.exp(x))) ** 2)
    run, noted = differenced(lambda: st.minimize(loss, np.array([0.5, 0.5])))
    assert len(noted) == 1
    assert_allclose(run.x, [1.0, 1.0], atol=1e-4)
    assert len(calls) < x.size / 5 * run.evaluations  # how many depends on rounding errors


# What is not a refusal.


def test_a_users_own_error_surfaces():
    def fails(p):
        if p[0] > 0:
            raise ValueError("mine")
        return LIBM.exp(p[0])

    def misspelt(p):
        return LIBM.exp(p[0]) + undefined_name  # noqa: F821

    def later(p):
        if float(f"{float(p[0])}") < 0.5:
            raise RuntimeError("below")
        return float(f"{float(p[0])}") ** 2

    for loss, error in ((fails, ValueError), (misspelt, NameError), (later, RuntimeError)):
        with pytest.raises(error):
            st.minimize(loss, np.array([1.0]))


def test_random_functions_are_refused():
    draw = np.random.default_rng(0)
    hidden = types.SimpleNamespace(draw=draw.normal)

    def drawn(p):
        return LIBM.exp(p[0]) + np.random.normal()

    def behind(p):
        return np.frombuffer(np.asarray(p.tolist()).tobytes())[0] ** 2 + hidden.draw()

    for loss in (drawn, behind):
        with pytest.raises(RandomnessError):
            st.minimize(loss, np.array([1.0]))


def test_what_returns_no_numbers_is_refused_as_before():
    for loss in (lambda p: "text", lambda p: object(), lambda p: print(end="")):
        with pytest.raises(SteepestError):
            st.minimize(loss, np.array([1.0]))


def test_changed_arguments_are_not_lost():
    def fill(out, a):
        out[:] = [float(np.format_float_positional(a)) * i for i in range(3)]

    def loss(p):
        out = np.zeros(3)
        fill(out, p[0])
        return np.sum((out - 2.0 * np.arange(3)) ** 2)

    run, (message,) = differenced(lambda: st.minimize(loss, np.array([1.0])))
    assert "of loss at" in message
    assert_allclose(run.x, [2.0], atol=1e-6)


def test_state_that_a_function_wrote_is_not_read_from_before():
    class Model:
        scale = 1.0

        def simulate(self, p):
            return LIBM.exp(float(f"{float(p)}") * self.scale)

        def loss(self, p):
            self.scale = p[1]
            return (self.simulate(p[0]) - 2.0) ** 2 + (p[1] - 3.0) ** 2

    run, (message,) = differenced(lambda: st.minimize(Model().loss, np.array([0.1, 1.0])))
    assert "of Model.loss at" in message
    assert_allclose(run.x, [np.log(2.0) / 3.0, 3.0], atol=1e-5)


def test_gradient_and_compile_refuse_and_say_what_to_write():
    for transform in (st.gradient, st.compile):
        with pytest.raises(UnsupportedError, match=r"exp at .*st\.black_box\(exp"):
            transform(lambda x: LIBM.exp(x[0]))(T)
        refusals = (UnsupportedError, ConcreteValueError)
        with pytest.raises(refusals, match=r"^scipy\.interpolate\.\w+ at "):
            transform(lambda x: np.sum(interpolated(T, x[0], x[1])))(np.ones(2))
        with pytest.raises(UnsupportedError, match=r"^scipy\.special\.mathieu_cem at "):
            transform(lambda x: special_tuple(T, x[0], x[1])[0])(np.ones(2))


def test_foreign_errors_do_not_surface():
    exact = lambda x: float(decimal.Decimal.from_float(x))  # which checks the type
    with pytest.raises(UnsupportedError, match="cannot be recorded"):
        st.gradient(lambda x: exact(x[0]) * 2)(np.ones(2))
    run, (message,) = differenced(
        lambda: st.minimize(lambda x: (exact(x[0]) - 2) ** 2, np.ones(1))
    )
    assert "cannot be recorded" in message
    assert_allclose(run.x, [2.0], atol=1e-5)


def middle(x):
    return statistics.fmean([x[0], x[1]])


LIMIT = {"type": "ineq", "fun": lambda x: 1 - middle(x)}
RESULTS = {
    "loss": lambda: st.minimize(lambda x: (middle(x) - 1) ** 2 + (x[0] - x[1]) ** 2, np.zeros(2)),
    "constraint": lambda: st.minimize(
        lambda x: np.sum((x - 2) ** 2), np.zeros(2), constraints=LIMIT
    ),
    "residuals": lambda: st.least_squares(
        lambda x: [middle(x) - 1, x[0] - x[1], x[0] - 1, x[1] - 1 + 1e-6], np.zeros(2)
    ),
    "equations": lambda: st.root(lambda x: [middle(x) - 1, x[0] - x[1]], np.zeros(2)),
    "starts": lambda: st.multistart(
        lambda x: (middle(x) - 1) ** 2 + (x[0] - x[1]) ** 2, bounds=[(-2, 2)] * 2, count=3, seed=0
    ),
}
"""Calls of each kind of entry point, of functions that call what cannot be recorded."""


@pytest.mark.sampled(2)
@pytest.mark.filterwarnings("ignore::steepest.FiniteDifferenceWarning")
@pytest.mark.parametrize("name", RESULTS)
def test_all_that_a_result_says_of_what_was_differenced_can_be_read(name):
    result = RESULTS[name]()
    assert_allclose(result.x, 1.0, atol=1e-5)
    for attribute in dir(result):
        if not attribute.startswith("_") and attribute not in ("hess", "hess_inv", "nhev"):
            getattr(result, attribute)
    assert str(result)
