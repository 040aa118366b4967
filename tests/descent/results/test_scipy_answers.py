"""Results have every key of SciPy's results, with the same meaning."""

import collections
import copy
import pickle
from collections.abc import Mapping

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest import Status
from steepest.descent.methods.registry import FOR_LOSSES

START = np.array([-1.2, 1.0, 0.7])


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def residuals(x):
    return np.array([x[0] - 1, x[1] ** 2 - 2, x[0] * x[1], x[0] - x[1]])


def decay(t, a, b):
    return a * np.exp(-b * t)


T = np.linspace(0, 3, 20)
Y = decay(T, 2.0, 1.0) + 0.01 * np.sin(40 * T)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan"])
def test_the_jacobian_of_a_robust_loss_is_weighted_as_scipys(loss):
    y = Y.copy()
    y[[3, 11]] += [1.0, -0.02]

    def residuals(p):
        return decay(T, p[0], p[1]) - y

    def slopes(p):
        shape = np.exp(-p[1] * T)
        return np.stack([shape, -p[0] * T * shape], axis=1)

    ours = st.least_squares(residuals, [2.0, 1.0], loss=loss, f_scale=0.02)
    theirs = scipy.optimize.least_squares(
        residuals, ours.x, slopes, loss=loss, f_scale=0.02, max_nfev=1
    )
    np.testing.assert_allclose(ours.jac, theirs.jac, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(ours.fun, theirs.fun, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(ours.jacobian, slopes(ours.x), rtol=1e-9)


WITH_HESSIANS = {"Newton-CG", "trust-exact", "trust-ncg", "trust-krylov"}


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", *sorted(WITH_HESSIANS)])
@pytest.mark.parametrize("limit", [None, 3])
def test_minimize_has_every_key_of_scipys_results(method, limit):
    slopes = {"jac": scipy.optimize.rosen_der}
    if method in WITH_HESSIANS:
        slopes["hess"] = scipy.optimize.rosen_hess
    options = {} if limit is None else {"maxiter": limit}
    theirs = scipy.optimize.minimize(
        scipy.optimize.rosen, START, method=method, options=options, **slopes
    )
    ours = st.minimize(rosenbrock, START, method=method, options=options)
    assert set(theirs) <= set(ours.keys())
    for name in theirs:
        assert name in ours
        assert ours[name] is getattr(ours, name) or np.all(ours[name] == getattr(ours, name))
        if name not in ("message", "hess_inv"):
            assert np.shape(ours[name]) == np.shape(theirs[name])
    assert (ours.status == theirs.status) is True
    assert ours.success is bool(theirs.success)
    if limit is None:
        np.testing.assert_allclose(ours.x, theirs.x, atol=1e-4)
        if "hess" in theirs:
            np.testing.assert_allclose(ours.hess, scipy.optimize.rosen_hess(ours.x), rtol=1e-9)
    else:
        assert (ours.nit, int(ours["status"])) == (limit, 1)


@pytest.mark.parametrize("size", [3, 400])
def test_inverse_hessians_are_what_the_methods_have_learned(size):
    start = np.resize([-1.2, 1.0], size)
    run = st.minimize(rosenbrock, start, method="BFGS" if size < 10 else "L-BFGS-B", record="all")
    inverse = run.hess_inv
    if size < 10:
        exact = np.linalg.inv(scipy.optimize.rosen_hess(run.x))
        assert np.linalg.norm(inverse - exact) < 0.1 * np.linalg.norm(exact)
    else:
        assert isinstance(inverse, scipy.optimize.LbfgsInvHessProduct)
        assert inverse.shape == (size, size)
        dense = inverse.todense()
        np.testing.assert_allclose(dense, dense.T, atol=1e-12 * np.abs(dense).max())
    # The secant equation of the last pair that either has learned.
    xs = run.history.x
    step = xs[-2] - xs[-3]
    change = scipy.optimize.rosen_der(xs[-2]) - scipy.optimize.rosen_der(xs[-3])
    np.testing.assert_allclose(inverse @ change, step, atol=1e-6 * np.linalg.norm(step))


@pytest.mark.parametrize("method", FOR_LOSSES)
def test_only_what_a_method_knows_is_there(method):
    run = st.minimize(rosenbrock, START, method=method, stop=st.MaxIterations(2))
    for name in ("hess", "hess_inv", "nhev"):
        assert hasattr(run, name) is (name in run)
        if name not in run:
            with pytest.raises(AttributeError, match="Hessian"):
                getattr(run, name)
            with pytest.raises(KeyError, match=name):
                run[name]


@pytest.mark.parametrize("method", ["trf", "lm", "dogbox"])
def test_least_squares_has_every_key_of_scipys_results(method):
    theirs = scipy.optimize.least_squares(
        residuals, START[:2], method=method, xtol=1e-12, ftol=1e-12
    )
    ours = st.least_squares(residuals, START[:2], method=method)
    assert set(theirs) <= set(ours.keys())
    for name in ("x", "cost", "fun", "jac"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.grad, ours.jac.T @ ours.fun, atol=1e-12)
    assert ours.optimality == np.max(np.abs(ours.grad))
    np.testing.assert_array_equal(ours.active_mask, theirs.active_mask)
    assert ours.success is bool(theirs.success)
    assert ours.status == 0
    assert ours.nfev == ours.njev == ours.evaluations


def test_active_mask_is_scipys():
    bounds = ([-2, -2], [0.5, 2])
    theirs = scipy.optimize.least_squares(residuals, [0.1, 1.0], bounds=bounds)
    ours = st.least_squares(residuals, [0.1, 1.0], bounds=bounds)
    np.testing.assert_array_equal(ours.active_mask, theirs.active_mask)


@pytest.mark.parametrize("method", ["lm", "trf"])
@pytest.mark.parametrize("calls", [1, 40])
def test_curve_fit_gives_scipys_full_output(method, calls):
    settings = {"method": method, "full_output": True, "sigma": 0.5 + T}
    theirs = scipy.optimize.curve_fit(decay, T, Y, [1.0, 1.0], **settings)
    for _ in range(calls):
        fit = st.curve_fit(decay, T, Y, np.ones(2), **settings)
    popt, pcov, infodict, mesg, ier = fit
    assert len(fit) == 5
    np.testing.assert_allclose(popt, theirs[0], rtol=1e-6)
    np.testing.assert_allclose(pcov, theirs[1], rtol=1e-5)
    assert set(theirs[2]) <= set(infodict)
    for name in theirs[2]:
        assert np.shape(infodict[name]) == np.shape(theirs[2][name])
    np.testing.assert_allclose(infodict["fvec"], theirs[2]["fvec"], atol=1e-6)
    r = np.triu(infodict["fjac"].T[:2])
    scatter = np.sum(infodict["fvec"] ** 2) / (T.size - 2)
    np.testing.assert_allclose(np.linalg.inv(r.T @ r) * scatter, pcov, rtol=1e-9)
    slopes = fit.jacobian.T @ infodict["fvec"]
    np.testing.assert_allclose(r.T @ infodict["qtf"], slopes, atol=1e-9)
    assert isinstance(mesg, str)
    assert ier in (1, 2, 3, 4)
    assert fit[2]["nfev"] == fit.nfev
    assert fit["popt"] is fit.popt or np.all(fit["popt"] == fit.popt)


@pytest.mark.filterwarnings("ignore:MaxIterations")
def test_full_output_says_that_a_fit_has_not_converged():
    theirs = {"maxfev": 3, "full_output": True}
    with pytest.raises(RuntimeError, match="maxfev"):
        scipy.optimize.curve_fit(decay, T, Y, [30.0, 9.0], **theirs)
    *_, mesg, ier = st.curve_fit(decay, T, Y, [30.0, 9.0], **theirs)
    assert ier == 5
    assert "MaxIterations(limit=3) was reached" in mesg


def some_results():
    yield st.minimize(rosenbrock, START)
    yield st.minimize(lambda p: (p["a"] - 1) ** 2, {"a": 3.0}, method="gradient-descent")
    yield st.least_squares(residuals, START[:2], bounds=(-5, 5))
    yield st.curve_fit(decay, T, Y)
    yield st.minimize_many(rosenbrock, np.stack([START, START + 0.1]))
    yield st.least_squares_many(residuals, np.ones((2, 2)))
    yield st.curve_fit_many(decay, T, np.stack([Y, 2 * Y]))


def test_every_result_answers_to_names_in_brackets():
    for result in some_results():
        whole = dict(result.items())
        assert dict(result).keys() == whole.keys()
        assert list(whole) == list(result.keys())
        assert len(result.items()) == len(whole)
        for name, value in result.items():
            assert name in result
            known = getattr(result, name)
            assert type(known) is type(value)
            if isinstance(value, np.ndarray | float | int) and name != "status":
                np.testing.assert_array_equal(known, value)
        assert result.get("x") is not None
        assert result.get("nothing") is None
        assert result.get("nothing", 3) == 3
        assert "nothing" not in result
        with pytest.raises(KeyError, match=r"did you mean 'converged'"):
            result["convergd"]
        assert dict(**result).keys() == result.keys()


def test_results_of_minimize_are_mappings():
    run = st.minimize(rosenbrock, START)
    assert isinstance(run, Mapping)
    assert list(run) == list(run.keys())
    assert len(run.values()) == len(run)
    assert len(run) == len(dict(run))


@pytest.mark.parametrize("name", ["converge", "los", "nfeval", "hess_invs", "_nothing"])
def test_a_misspelled_attribute_is_an_attribute_error(name):
    for result in some_results():
        with pytest.raises(AttributeError, match=f"'{type(result).__name__}' .* '{name}'"):
            getattr(result, name)
        assert not hasattr(result, name)


def test_an_error_inside_an_attribute_is_not_hidden():
    offset = np.zeros(4)
    fit = st.least_squares(lambda x: residuals(x) - offset, START[:2])
    offset += 100.0
    with pytest.raises(ValueError, match="has changed since"):
        fit.residuals  # noqa: B018 - looking at it is what raises


# Statuses.


def test_statuses_are_scipys_numbers_and_our_sentences():
    for status in Status:
        assert status == int(status)
        assert hash(status) == hash(int(status))
        assert (status == 0) is status.is_success
        assert str(status) == f"{status}" == status.value
        assert str(status).endswith(".")
        assert Status[status.name] is Status(status.value) is status
        assert status.name in repr(status)
        for other in Status:
            assert (status == other) is (status is other)
            assert (status != other) is (status is not other)
        for how in (copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))):
            assert how(status) is status
    numbers = collections.defaultdict(set)
    for status in Status:
        numbers[int(status)].add(status.name)
    shared = {number: names for number, names in numbers.items() if number and len(names) > 1}
    assert shared == {1: {"ITERATION_LIMIT", "LIMIT"}, 2: {"STALLED", "JUMPS"}}


@pytest.mark.parametrize(
    ("settings", "number"),
    [
        ({}, 0),
        ({"options": {"maxiter": 2}}, 1),
        ({"callback": lambda xk: exec("raise StopIteration")}, 99),
    ],
)
@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG"])
def test_statuses_mean_what_scipys_mean(settings, number, method):
    slope = {"jac": scipy.optimize.rosen_der}
    theirs = scipy.optimize.minimize(
        scipy.optimize.rosen, START, method=method, **settings, **slope
    )
    ours = st.minimize(rosenbrock, START, method=method, **settings)
    assert ours.status == theirs.status == number


def test_many_statuses_are_compared_with_numbers():
    many = st.minimize_many(
        lambda x, s: np.sum(s * x**4), np.ones((3, 2)), args=(np.array([1.0, 1.0, np.nan]),)
    )
    np.testing.assert_array_equal(many.status == 0, many.converged)
    np.testing.assert_array_equal(many.converged, [True, True, False])
    assert all(isinstance(status, Status) for status in many.status)
    for count in ("STALLED", "DIVERGED"):
        assert sum(n for status, n in many.counts().items() if status == Status[count]) in (0, 1)
    stopped = st.minimize_many(lambda x: np.sum(x**4), np.ones((3, 2)), stop=st.MaxIterations(1))
    assert set(stopped.status) == {Status.ITERATION_LIMIT}


@pytest.mark.parametrize("name", ["x", "status", "hess_inv", "history", "converged"])
def test_results_out_of_pickles_answer_the_same(name):
    run = st.minimize(rosenbrock, START, method="BFGS")
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(run))))
    assert again.status is run.status
    assert list(again.keys()) == list(run.keys())
    if name == "history":
        np.testing.assert_array_equal(again.history.loss, run.history.loss)
    else:
        np.testing.assert_array_equal(again[name], run[name])
