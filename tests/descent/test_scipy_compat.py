"""Calls as SciPy's users write them: each argument and option means what it means there, or is
refused in a sentence."""

import copy
import functools
import inspect
import math
import pickle
import re
import warnings

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.descent.methods.registry import FOR_LOSSES, FOR_RESIDUALS

START = np.array([-1.2, 1.0])
T = np.linspace(0, 3, 20)
Y = 2 * np.exp(-T) + 0.01 * np.sin(40 * T)
HERE = f"{__file__.rpartition('/')[2]}:"


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def with_gradient(x):
    slopes = np.stack(
        [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)]
    )
    return rosenbrock(x), slopes


def residuals(x):
    return np.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def decay(t, a, b):
    return a * np.exp(-b * t)


MINIMIZE = {
    "fun": [rosenbrock],
    "x0": [START, list(START), tuple(START)],
    "args": [(), []],
    "method": ["BFGS", "cg", "L-BFGS-B", "trust-exact", "SLSQP", "TNC", "COBYLA", "Powell"],
    "jac": [scipy.optimize.rosen_der, "2-point", "3-point", "cs", None, False],
    "hess": [scipy.optimize.rosen_hess, "2-point", None, scipy.optimize.BFGS()],
    "hessp": [scipy.optimize.rosen_hess_prod, None],
    "bounds": [None, [(-2, 2), (None, 3)], scipy.optimize.Bounds([-2, -2], [2, 3])],
    "constraints": [(), [], None, {"type": "ineq", "fun": rosenbrock}],
    "tol": [1e-8, None],
    "callback": [None, lambda xk: None],
    "options": [None, {}, {"maxiter": 500}],
}
LEAST_SQUARES = {
    "fun": [residuals],
    "x0": MINIMIZE["x0"],
    "jac": ["2-point", "3-point", "cs", lambda x: np.eye(2)],
    "bounds": [(-np.inf, np.inf), ([-2, -2], [2, 3]), scipy.optimize.Bounds([-2, -2], [2, 3])],
    "method": ["trf", "lm", "dogbox"],
    "ftol": [1e-10, None],
    "xtol": [1e-10, None],
    "gtol": [1e-10, None],
    "x_scale": [None, "jac", 1.0, [1.0, 2.0]],
    "loss": ["linear", "huber", "soft_l1", "cauchy", "arctan"],
    "f_scale": [1.0],
    "diff_step": [None, 1e-6],
    "tr_solver": [None, "exact", "lsmr"],
    "tr_options": [None, {}],
    "jac_sparsity": [None, np.ones((2, 2))],
    "max_nfev": [None, 500, 500.0],
    "verbose": [0, 1, 2],
    "args": [(), []],
    "kwargs": [None, {}],
    "callback": [None, lambda intermediate_result: None],
    "workers": [None, map],
}
CURVE_FIT = {
    "f": [decay],
    "xdata": [T, list(T)],
    "ydata": [Y, list(Y)],
    "p0": [None, [1, 1], np.ones(2)],
    "sigma": [None, np.ones(20), -np.ones(20), np.eye(20)],
    "absolute_sigma": [False, True],
    "check_finite": [None, True, False],
    "bounds": [(-np.inf, np.inf), ([0, 0], [5, 5]), scipy.optimize.Bounds([0, 0], [5, 5])],
    "method": [None, "lm", "trf", "dogbox"],
    "jac": [None, "2-point", "3-point", "cs", lambda t, a, b: np.stack([t, t])],
    "full_output": [False, True],
    "nan_policy": [None, "raise", "omit"],
    # What it hands on to leastsq and to least_squares.
    "maxfev": [0, 1000, 1e5],
    "epsfcn": [None, 1e-8],
    "factor": [100],
    "diag": [None, [1, 1]],
    "col_deriv": [False],
    **{name: LEAST_SQUARES[name] for name in ("ftol", "xtol", "gtol", "max_nfev", "x_scale")},
    **{name: LEAST_SQUARES[name] for name in ("loss", "f_scale", "diff_step", "tr_solver")},
    **{name: LEAST_SQUARES[name] for name in ("tr_options", "jac_sparsity", "verbose", "workers")},
}
REQUIRED = {
    st.minimize: {"fun": rosenbrock, "x0": START},
    st.least_squares: {"fun": residuals, "x0": START},
    st.curve_fit: {"f": decay, "xdata": T, "ydata": Y},
}
TABLES = {
    st.minimize: (MINIMIZE, scipy.optimize.minimize),
    st.least_squares: (LEAST_SQUARES, scipy.optimize.least_squares),
    st.curve_fit: (CURVE_FIT, scipy.optimize.curve_fit),
}
ANSWERS = {st.minimize: [1, 1], st.least_squares: [1, 1], st.curve_fit: None}


def test_every_argument_of_scipys_functions_is_tried():
    for ours, (table, theirs) in TABLES.items():
        names = set(inspect.signature(theirs).parameters) - {"kwargs"}
        assert names <= set(table), ours.__name__
    leastsq = inspect.signature(scipy.optimize.leastsq).parameters
    propagate_covariance = set(leastsq) - {"func", "x0", "args", "Dfun", "full_output"}
    assert propagate_covariance <= set(CURVE_FIT)


def tried(call):
    """Return a result and None, or None and the sentence that refuses it."""
    try:
        return call(), None
    except st.SteepestError as error:
        return None, str(error)


CASES = [
    pytest.param(ours, name, value, id=f"{ours.__name__}-{name}-{number}")
    for ours, (table, _) in TABLES.items()
    for name, values in table.items()
    for number, value in enumerate(values)
]


@pytest.mark.parametrize(("function", "name", "value"), CASES)
def test_arguments_are_honored_or_refused_in_a_sentence(function, name, value, capsys):
    given = {**REQUIRED[function], name: value}
    result, refusal = tried(lambda: function(**given))
    if refusal:
        assert f"(st.{function.__name__} at {HERE}" in refusal
        assert str(value) in refusal or name in refusal
        assert name in ("method", "constraints")
        return
    known = ANSWERS[function]
    if known is None:
        known, _ = scipy.optimize.curve_fit(
            decay, T, Y, [1, 1], sigma=given.get("sigma"), loss=given.get("loss", "linear"),
            method="trf", xtol=1e-12, ftol=1e-12, gtol=1e-12,
        )  # fmt: skip
    np.testing.assert_allclose(result.x, known, rtol=1e-4)
    printed = capsys.readouterr().out
    assert bool(printed) is (name == "verbose" and value > 0)
    if name in ("jac", "hess", "hessp") and callable(value) and not isinstance(value, type):
        assert f"{name} was not called" in result.message


WITH_OPTIONS = ["BFGS", "CG", "L-BFGS-B", "Newton-CG", "trust-exact", "trust-ncg"]
OPTIONS = {
    "maxiter": 400, "maxfun": 400, "gtol": 1e-7, "ftol": 1e-12, "xtol": 1e-12, "xrtol": 1e-14,
    "norm": np.inf, "disp": True, "iprint": -1, "maxcor": 7, "c1": 1e-4, "c2": 0.8, "maxls": 20,
    "initial_trust_radius": 0.5, "max_trust_radius": 10.0, "eta": 0.1, "inexact": True,
    "subproblem_maxiter": 9, "eps": 1e-8, "finite_diff_rel_step": None, "workers": map,
    "return_all": True, "hess_inv0": np.eye(2),
}  # fmt: skip


def documented(method):
    text = inspect.cleandoc(scipy.optimize.show_options("minimize", method, disp=False))
    text = text.partition("Returns\n")[0]
    return set(re.findall(r"^([a-z_]\w*) : ", text, re.MULTILINE))


@pytest.mark.parametrize("method", WITH_OPTIONS)
def test_every_option_is_honored_or_refused_in_a_sentence(method, capsys):
    names = documented(method)
    assert names
    assert names <= set(OPTIONS)
    for name in names:
        settings = {"method": method, "options": {name: OPTIONS[name]}}
        run, refusal = tried(functools.partial(st.minimize, rosenbrock, START, **settings))
        if refusal:
            assert f"options has '{name}'" in refusal
            assert f"(st.minimize at {HERE}" in refusal
            continue
        np.testing.assert_allclose(run.x, 1, atol=1e-3)
        assert bool(capsys.readouterr().out) is (name == "disp")


def test_options_of_methods_are_theirs():
    run = lambda **given: st.minimize(rosenbrock, START, **given)
    assert run(method="L-BFGS-B", options={"maxcor": 5.0}).method.memory == 5
    search = run(method="BFGS", options={"c1": 1e-3, "c2": 0.5}).method.search
    assert (search.decrease, search.flatness) == (1e-3, 0.5)
    assert run(method="trust-exact", options={"initial_trust_radius": 2}).method.radius == 2
    for method, options in [
        ("BFGS", {"maxcor": 5}),
        ("trust-exact", {"c1": 1e-3}),
        ("CG", {"initial_trust_radius": 1}),
        (None, {"c1": 1e-3}),
    ]:
        with pytest.raises(ValueError, match=f"options has '{next(iter(options))}'"):
            run(method=method, options=options)


@pytest.mark.parametrize("options", [{"maxite": 3}, {"gtoll": 1e-3}, {"fatol": 1.0}])
def test_unknown_options_are_said(options):
    (name,) = options
    near = {"maxite": "maxiter", "gtoll": "gtol"}.get(name)
    message = f"options has '{name}'" + (f", did you mean '{near}'" if near else "")
    with pytest.raises(ValueError, match=message):
        st.minimize(rosenbrock, START, options=options)


@pytest.mark.parametrize("wrong", [3, "maxiter", [("maxiter", 3)]])
def test_options_are_a_dict(wrong):
    with pytest.raises(TypeError, match="options must be a dict"):
        st.minimize(rosenbrock, START, options=wrong)


# Counts and tolerances.

COUNTED = [
    (lambda n: st.minimize(rosenbrock, START, options={"maxiter": n}), "maxiter"),
    (lambda n: st.minimize(rosenbrock, START, method="CG", options={"maxfun": n}), "maxfun"),
    (lambda n: st.least_squares(residuals, START, max_nfev=n), "max_nfev"),
    (lambda n: st.curve_fit(decay, T, Y, [40, 9], maxfev=n), "maxfev"),
    (lambda n: st.curve_fit(decay, T, Y, [40, 9], max_nfev=n), "max_nfev"),
    (lambda n: st.curve_fit_many(decay, T, Y[None], [40, 9], max_nfev=n), "max_nfev"),
    (lambda n: st.least_squares_many(residuals, START[None], max_nfev=n), "max_nfev"),
]


@pytest.mark.filterwarnings("ignore:MaxIterations")
@pytest.mark.parametrize(("call", "name"), COUNTED)
def test_counts_may_be_whole_floats(call, name):
    for three in (3, 3.0, np.float64(3), np.int32(3)):
        result = call(three)
        assert np.all(result.nit == 3)
        assert np.all(result.status == 1)
    for many in (1e5, np.inf):
        assert np.all(call(many).converged)
    for wrong in (2.5, -1, "9", True, np.nan):
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            call(wrong)


@pytest.mark.parametrize("order", [1, 2, 3.5, np.inf])
@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_gtol_is_of_the_norm_that_scipy_means(order, engine):
    curved = lambda x: np.sum(np.arange(1.0, 31.0) * x**2) / 2
    options = {"gtol": 1e-2} if order == np.inf else {"gtol": 1e-2, "norm": order}
    method = st.GradientDescent(0.01)
    run = st.minimize(curved, np.ones(30), method=method, options=options, engine=engine)
    norms = [np.linalg.norm(np.arange(1.0, 31.0) * x, order) for x in (run.x, last_but_one(run))]
    assert run.converged
    assert norms[0] <= 1e-2 < norms[1]


def last_but_one(run):
    return run.x / (1 - 0.01 * np.arange(1.0, 31.0))


def test_tol_is_a_tolerance_of_the_largest_slope():
    run = st.minimize(rosenbrock, START, tol=1e-3)
    assert run.message.startswith("GradientNormBelow(threshold=0.001, order=inf)")
    assert st.minimize(rosenbrock, START, tol=1e-3, options={"gtol": 1e-9}).nit > run.nit


def test_a_limit_alone_leaves_the_goal():
    assert st.minimize(rosenbrock, START, options={"maxiter": 1000}).status == 0
    assert st.minimize(rosenbrock, START, method="CG", options={"maxiter": 1000}).status == 0
    squares = st.least_squares(residuals, START, max_nfev=1000, method="bfgs")
    assert squares.converged
    assert squares.nit < 100


@pytest.mark.parametrize("wrong", [-1e-3, "small", np.nan, True])
@pytest.mark.parametrize("name", ["ftol", "xtol", "gtol"])
def test_tolerances_are_numbers(wrong, name):
    with pytest.raises(ValueError, match=f"{name} must be a number that is not negative"):
        st.least_squares(residuals, START, **{name: wrong})
    with pytest.raises(ValueError, match=f"{name} must be a number that is not negative"):
        st.minimize(rosenbrock, START, options={name: wrong})


# Losses and residuals as SciPy takes them.


def test_a_function_may_return_its_gradient_too():
    run = st.minimize(with_gradient, START, jac=True)
    plain = st.minimize(rosenbrock, START)
    np.testing.assert_array_equal(run.x, plain.x)
    assert run.nit == plain.nit
    assert "jac=True" in run.message
    wrong = lambda x: (rosenbrock(x) * math.exp(0.0 * x[0]), 7 * x)
    np.testing.assert_allclose(st.minimize(fun=wrong, x0=START, jac=True).x, plain.x, atol=1e-5)
    with pytest.raises(ValueError, match=f"at {HERE}.*return one number as its loss"):
        st.minimize(with_gradient, START)


@pytest.mark.parametrize("shape", [(1,), (1, 1), ()])
@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_loss_may_be_in_an_array_of_one(shape, engine):
    run = st.minimize(lambda x: np.reshape(rosenbrock(x), shape), START, engine=engine)
    np.testing.assert_array_equal(run.x, st.minimize(rosenbrock, START, engine=engine).x)
    many = st.minimize_many(lambda x: np.reshape(rosenbrock(x), shape), START[None])
    np.testing.assert_allclose(many.x[0], run.x, rtol=1e-6)
    theirs = scipy.optimize.minimize(lambda x: np.reshape(rosenbrock(x), shape), START)
    np.testing.assert_allclose(run.x, theirs.x, atol=1e-4)


@pytest.mark.parametrize("sigma", [-0.3, -0.1 - T, np.where(T > 1, -0.2, 0.4)])
@pytest.mark.parametrize("absolute", [False, True])
def test_only_squares_of_sigma_matter(sigma, absolute):
    whole = np.broadcast_to(sigma, T.shape)
    theirs = scipy.optimize.curve_fit(decay, T, Y, [1, 1], whole, absolute, xtol=1e-13)
    fit = st.curve_fit(decay, T, Y, [1, 1], sigma, absolute)
    np.testing.assert_allclose(fit.popt, theirs[0], rtol=1e-6)
    np.testing.assert_allclose(fit.pcov, theirs[1], rtol=1e-4)
    many = st.curve_fit_many(decay, T, Y[None], [1, 1], sigma, absolute)
    np.testing.assert_allclose(many.pcov[0], theirs[1], rtol=1e-4)


def test_a_start_outside_the_bounds_is_moved_or_refused_as_in_scipy():
    bounds = [(0, 2), (None, 0.5)]
    theirs = scipy.optimize.minimize(scipy.optimize.rosen, [5.0, 3.0], bounds=bounds, tol=1e-10)
    with pytest.warns(st.OptimizeWarning, match=r"x0\[0\] starts at 5, outside of its bounds 0"):
        run = st.minimize(rosenbrock, [5.0, 3.0], bounds=bounds)
    np.testing.assert_allclose(run.x, theirs.x, atol=1e-5)
    np.testing.assert_array_equal(run.history.x[0], [2, 0.5])
    for call in (
        lambda module: module.least_squares(residuals, [5.0, 3.0], bounds=(0, 2)),
        lambda module: module.curve_fit(decay, T, Y, [9, 9], bounds=(0, 5)),
    ):
        for module in (scipy.optimize, st):
            with pytest.raises(ValueError, match=r"outside of|infeasible"):
                call(module)


def test_bounds_that_hold_a_start_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        st.minimize(rosenbrock, [0.0, 0.5], bounds=[(0, 2), (None, 0.5)])


@pytest.mark.parametrize("given", [{"disp": True}, {"options": {"disp": True}}, {"verbose": 1}])
def test_disp_prints_how_it_ended(given, capsys):
    run = st.minimize(rosenbrock, START, **given)
    printed = capsys.readouterr().out
    assert printed.startswith(run.message)
    assert f"Iterations: {run.nit}" in printed
    scipy.optimize.minimize(scipy.optimize.rosen, START, options={"disp": True})
    assert "Iterations:" in capsys.readouterr().out


@pytest.mark.parametrize("call", [st.least_squares, st.curve_fit])
def test_verbose_prints_a_line_for_each_iteration(call, capsys):
    fit = call(**REQUIRED[call], verbose=2)
    lines = capsys.readouterr().out.splitlines()
    numbers = [int(line.split()[0]) for line in lines if re.match(r"\s+\d", line)]
    assert numbers == list(range(1, fit.nit + 1))
    assert "first-order optimality" in lines[-1]


# Callbacks.


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
def test_callbacks_that_cannot_be_called_are_said(callback):
    with pytest.raises(TypeError, match=rf"callback at {HERE}.*write callback\(state\)"):
        st.minimize(rosenbrock, START, callback=callback)


# What is not known.

PUBLIC = {
    st.minimize: (rosenbrock, START),
    st.least_squares: (residuals, START),
    st.curve_fit: (decay, T, Y),
    st.minimize_many: (rosenbrock, START[None]),
    st.least_squares_many: (residuals, START[None]),
    st.curve_fit_many: (decay, T, Y[None]),
    st.resume: ("nothing.safetensors", rosenbrock),
}


@pytest.mark.parametrize("function", PUBLIC)
def test_a_misspelled_argument_is_guessed(function):
    for name in inspect.signature(function).parameters:
        if len(name) < 5:
            continue
        for wrong in (name[:-1], name.upper(), name[0] + name[2] + name[1] + name[3:]):
            if wrong in inspect.signature(function).parameters:
                continue
            with pytest.raises(TypeError, match="unexpected keyword argument") as caught:
                function(*PUBLIC[function], **{wrong: 1})
            assert f"argument {wrong!r}: did you mean" in str(caught.value)
            assert name.split("_")[0] in str(caught.value)
            assert f"(st.{function.__name__} at {HERE}" in str(caught.value)


FOREIGN = {
    "lr": "step_size=7", "learning_rate": "step_size=7", "maxiters": "st.MaxIterations(7)",
    "max_iter": "st.MaxIterations(7)", "n_iter": "st.MaxIterations(7)", "optimizer": "method=7",
    "upper": "bounds", "verbosity": "progress", "fprime": "found exactly",
}  # fmt: skip


@pytest.mark.parametrize(("name", "instead"), FOREIGN.items())
@pytest.mark.parametrize("function", PUBLIC)
def test_what_others_call_an_argument_is_translated(function, name, instead):
    with pytest.raises(TypeError, match="unexpected keyword argument") as caught:
        function(*PUBLIC[function], **{name: 7})
    assert "did you mean" in str(caught.value)
    assert instead in str(caught.value)


def test_batches_are_more_than_a_number():
    X = np.ones((4, 2))
    loss = lambda w, X: np.sum((X @ w - 1) ** 2)
    for wrong in (32, np.int64(32)):
        with pytest.raises(TypeError, match=r"did you mean batches=st.Batches\(size=32\)\?"):
            st.minimize(loss, np.zeros(2), (X,), batches=wrong)
    with pytest.raises(TypeError, match=r"did you mean batches=st.Batches\(size=32\)\?"):
        st.minimize(loss, np.zeros(2), (X,), batch_size=32)


def pair(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@pytest.mark.parametrize(
    ("call", "start"),
    [
        (st.minimize, (0.0, 0.0)),
        (st.minimize, [0.0, 0.0]),
        (st.minimize, np.zeros(2)),
        (st.minimize, {"x": 0.0, "y": 0.0}),
        (st.least_squares, np.zeros(2)),
        (st.minimize_many, np.zeros((3, 2))),
        (st.least_squares_many, np.zeros((3, 2))),
    ],
)
def test_a_function_of_several_numbers_gets_both_spellings(call, start):
    with pytest.raises(TypeError, match="takes 2 arguments, x, y, and is given 1") as caught:
        call(pair, start)
    sentence = str(caught.value)
    assert sentence.startswith(f"pair at {HERE}")
    assert "def pair(p): x, y = p" in sentence
    assert "lambda p: pair(*p)" in sentence
    assert f"(st.{call.__name__} at {HERE}" in sentence
    assert len(caught.traceback) < 4
    np.testing.assert_allclose(st.minimize(lambda p: pair(*p), (0.0, 0.0)).x, 1, atol=1e-5)


def test_what_is_called_is_what_counts():
    @functools.wraps(pair)
    def spread(p):
        return pair(*p)

    np.testing.assert_allclose(st.minimize(spread, (0.0, 0.0)).x, 1, atol=1e-5)
    bound = functools.partial(pair, y=1.0)
    np.testing.assert_allclose(st.minimize(bound, 2.0).x, 1, atol=1e-5)
    with pytest.raises(TypeError, match="lambda p: pair"):
        st.minimize(functools.partial(pair), (0.0, 0.0))


@pytest.mark.parametrize(
    ("function", "args", "sentence"),
    [
        (lambda: 3.0, (), "takes 0 arguments, and is given 1: x0"),
        (lambda x: np.sum(x), (1.0,), "takes 1 argument, and is given 2: x0 and 1 further, args"),
        (lambda x, *, k: k * np.sum(x), (), "needs k by name"),
        (lambda x, y, z: np.sum(x), (1.0,), "takes 3 arguments, x, y, z, and is given 2"),
    ],
)
def test_arguments_that_do_not_fit_are_said(function, args, sentence):
    with pytest.raises(TypeError, match=sentence):
        st.minimize(function, START, args)


WRONG = {
    "no function": lambda call, given: call(3, *given[1:]),
    "no stop rule": lambda call, given: call(*given, stop=3),
    "no method": lambda call, given: call(*given, method=3),
    "no engine": lambda call, given: call(*given, engine="abacus"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("function", [f for f in PUBLIC if f is not st.resume])
def test_each_error_names_the_function_that_was_called(function, wrong):
    with pytest.raises(st.SteepestError) as caught:
        wrong(function, PUBLIC[function])
    assert f"(st.{function.__name__} at {HERE}" in str(caught.value)
    assert str(caught.value).count("(st.") == 1
    others = {f.__name__ for f in PUBLIC} - {function.__name__}
    assert not any(f"st.{name} " in str(caught.value) for name in others)


@pytest.mark.parametrize("rule", [st.MaxIterations(3), st.LossBelow(1) | st.MaxIterations(3)])
def test_rules_to_stop_at_have_no_truth(rule):
    for wrong in (lambda: rule or st.LossBelow(1), lambda: not rule, lambda: rule and rule):
        with pytest.raises(TypeError, match=r"write a \| b"):
            wrong()


# Where to stop.


class Damped(st.Search):
    """Gauss-Newton with a little damping."""

    says = True

    def init(self, x):
        return np.zeros((), x.dtype)

    def advance(self, base, trial, state, is_first):
        jacobian = trial.jacobian
        slopes = jacobian.T @ trial.residual
        step = -np.linalg.solve(jacobian.T @ jacobian + 1e-6 * np.eye(2), slopes)
        gain = -0.5 * np.sum(slopes * step) if self.says else np.nan
        accepted = is_first | (trial.loss <= base.loss * (1 + 1e-12))
        return st.Move(accepted, trial.x + step, state, np.where(accepted, 0, 2), gain)


class Silent(Damped):
    says = False


def test_a_method_for_residuals_of_ones_own_stops_where_ours_do():
    model = lambda p: decay(T, *p) - Y
    ours = st.least_squares(model, [1.8, 0.9])
    own = st.least_squares(model, [1.8, 0.9], method=Damped())
    assert own.converged
    assert own.message.startswith("DecrementBelow(threshold=5e-21) was met")
    np.testing.assert_allclose(own.x, ours.x, rtol=1e-9)
    silent = st.least_squares(model, [1.8, 0.9], method=Silent())
    assert silent.converged
    assert silent.message.startswith("GradientNormBelow(threshold=1e-06)")


class Low(st.StopRule):
    def met(self, point):
        return point.loss < 1e-3


class Enough(Low):
    is_goal = False


@pytest.mark.parametrize("method", ["bfgs", "gradient-descent"])
@pytest.mark.parametrize("more", [None, st.MaxIterations(100_000)])
def test_a_rule_of_ones_own_ends_as_it_says(method, more):
    for rule, status in ((Low(), st.Status.CONVERGED), (Enough(), st.Status.LIMIT)):
        whole = rule if more is None else rule | more
        run = st.minimize(rosenbrock, START, method=method, stop=whole)
        assert run.status is status
        assert run.converged is rule.is_goal
        assert type(rule).__name__ in run.message
    assert int(st.Status.LIMIT) == 1
