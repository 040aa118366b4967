"""Calls as SciPy's users write them: each argument is honored, or refused with an explanation."""

import functools
import inspect
import math
import re
import warnings

import numpy as np
import pytest
import scipy.optimize

import steepest as st

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
    "constraints": [(), [], None, {"type": "ineq", "fun": lambda x: 3 - x[0]}],
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


def test_options_become_settings_of_the_method_that_has_them():
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
def test_unknown_options_are_refused(options):
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


def line_of(t, a, b):
    return a * t + b


# Names and settings of SciPy's functions.


def test_scipys_names_and_settings_are_taken():
    fit = st.curve_fit(
        f=line_of, xdata=[0, 1, 2.5], ydata=[1, 3, 6], jac="3-point", full_output=False
    )
    np.testing.assert_allclose(fit.x, [2, 1])
    fit = st.least_squares(fun=lambda p: p - 3, x0=[1, 2], jac="2-point", x_scale="jac", verbose=0)
    np.testing.assert_allclose(fit.x, [3, 3])
    run = st.minimize(
        fun=lambda p: np.sum((2 * p - 3) ** 2), x0=[1.0, 2.0], jac=None, tol=1e-9,
        options={"maxiter": 500, "disp": False},
    )  # fmt: skip
    np.testing.assert_allclose(run.x, [1.5, 1.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: st.minimize(lambda p: p[0] ** 2, [1.0], jac=True), "returns something else"),
        (lambda: st.minimize(lambda p: p[0] ** 2, [1.0], options={"eps": 1}), "options has 'eps'"),
        (lambda: st.minimize(lambda p: p[0], [1.0], constraints=[{}]), "needs .type.: .eq."),
        (lambda: st.least_squares(lambda p: p, [1.0], lambda p: p), "third argument .* is args"),
        (lambda: st.least_squares(lambda p: p, [1.0], "2-point"), "third argument .* is args"),
    ],
)
def test_scipys_arguments_without_meaning_here_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        st.curve_fit(line_of, [1, 2, 3], [1, 2, 3], nonsense=1)
