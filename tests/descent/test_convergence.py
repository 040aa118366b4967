"""Runs end at a minimum, or their result says that they did not."""

import warnings

import numpy as np
import pytest
import scipy.optimize

import steepest as st
from steepest.descent.methods.registry import BY_NAME, FOR_RESIDUALS
from steepest.errors import InputError
from tests.cases.more_garbow_hillstrom import CASES as MGH
from tests.cases.nist import CASES as NIST
from tests.cases.textbook_models import CASES

STARTS = 8
BOUNDS = {"free": None, "positive": (0.0, np.inf)}


def theirs(residuals, jacobian, start, bounds):
    """Return the lowest loss that SciPy's methods find."""
    losses = []
    for method in ["trf"] if bounds else ["trf", "lm"]:
        try:
            with np.errstate(all="ignore"):
                run = scipy.optimize.least_squares(
                    residuals,
                    start,
                    jacobian,
                    bounds=bounds or (-np.inf, np.inf),
                    method=method,
                    max_nfev=400,
                )
            losses.append(run.cost)
        except ValueError:  # the residuals overflow
            continue
    return losses


@pytest.fixture(scope="module")
def outcomes():
    """Return, for each kind of bounds, what every start of every model came to.

    Rows are: SciPy's methods that found the best minimum, whether ours did, whether ours says
    that it converged, where it ended, and the residuals.
    """
    found = {kind: [] for kind in BOUNDS}
    for case in CASES:
        model, x, y = case.model, case.x, case.y

        def residuals(p, model=model, x=x, y=y):
            return model(x, *p) - y

        slopes = st.compile(st.jacobian(residuals))
        best = st.least_squares(residuals, np.array(case.truth)).cost
        for kind, bounds in BOUNDS.items():
            for start in case.starts(STARTS):
                losses = theirs(residuals, lambda p, s=slopes: np.array(s(p)), start, bounds)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", st.FitWarning)  # not all starts are good
                    fit = st.least_squares(residuals, start, bounds=bounds)
                good = [loss <= 1.001 * best for loss in [*losses, fit.cost]]
                found[kind].append((good[:-1], good[-1], fit.converged, fit.x, residuals))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOUNDS)
def test_as_many_best_minima_are_found_as_by_scipy(outcomes, kind):
    rows = outcomes[kind]
    ours = sum(row[1] for row in rows)
    for number in range(max(len(row[0]) for row in rows)):
        assert ours >= sum(row[0][number] for row in rows if number < len(row[0]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOUNDS)
def test_what_is_not_the_best_minimum_seldom_says_that_it_converged(outcomes, kind):
    wrong = [row for row in outcomes[kind] if row[2] and not row[1] and any(row[0])]
    assert len(wrong) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOUNDS)
def test_what_says_that_it_converged_is_a_strict_local_minimum(outcomes, kind):
    for _, is_best, converged, x, residuals in outcomes[kind]:
        if is_best or not converged or np.any(x == 0):
            continue
        jacobian = np.array(st.jacobian(residuals)(x))
        columns = jacobian / np.linalg.norm(jacobian, axis=0)
        assert np.linalg.matrix_rank(columns) == x.size
        hessian = np.array(st.hessian(lambda p, r=residuals: 0.5 * np.sum(r(p) ** 2))(x))
        sizes = np.sqrt(np.diagonal(hessian))
        assert np.linalg.eigvalsh(hessian / np.outer(sizes, sizes)).min() > 1e-8


@pytest.mark.parametrize("kind", BOUNDS)
def test_the_first_step_is_not_too_long(kind):
    for case in CASES[::3]:
        starts = case.starts(STARTS, seed=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fits = [
                st.curve_fit(
                    case.model,
                    case.x,
                    case.y,
                    start,
                    bounds=BOUNDS[kind],
                    stop=st.MaxIterations(1),
                )
                for start in starts
            ]
        ends = np.array([fit.x for fit in fits])
        assert np.any(ends != starts)
        assert np.all(np.abs(ends - starts) <= 0.5 * starts * (1 + 1e-12))


SQUARES = [case for case in MGH if case.name.startswith(("penalty", "variably"))]


@pytest.mark.parametrize("case", SQUARES, ids=lambda case: case.name)
@pytest.mark.parametrize("place", ["standard", "far"])
def test_a_parameter_whose_slopes_vanish_on_the_way_does_not_hold_the_fit_up(case, place):
    start = case.starts[place]
    run = st.least_squares(case.residuals, start)
    theirs = scipy.optimize.least_squares(case.residuals, start, method="lm")
    assert run.converged
    assert run.loss <= 1.001 * theirs.cost
    assert run.evaluations < 10 * theirs.nfev


@pytest.mark.parametrize("bounds", [None, (-np.inf, 1e12)], ids=["free", "bounded"])
@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_a_linear_fit_is_at_its_end_at_once_however_far_that_is(size, bounds):
    x = np.linspace(-1, 1, 30)
    y = size * (3 + 2 * x) + 0.1 * size * np.sin(9 * x)
    fit = st.curve_fit(lambda x, a, b: a + b * x, x, y, bounds=bounds)
    assert fit.evaluations <= 8
    np.testing.assert_allclose(fit.x, np.polyfit(x, y, 1)[::-1], rtol=1e-9)


def test_bounds_hold(outcomes):
    assert all(np.all(row[3] >= 0) for row in outcomes["positive"])


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_many_fits_do_not_end_on_a_bound_where_the_model_is_singular(engine):
    case = CASES[0]
    starts = np.array([[1.0, 10.0], [0.5, 30.0], [20.0, 5.0]])
    many = st.curve_fit_many(
        case.model, case.x, np.tile(case.y, (3, 1)), starts, bounds=(0, np.inf), engine=engine
    )
    expected, _ = scipy.optimize.curve_fit(case.model, case.x, case.y, case.truth)
    assert many.converged.all()
    np.testing.assert_allclose(many.x, np.tile(expected, (3, 1)), rtol=1e-6)


# Parameters that do not matter, or cannot be told apart.


def test_redundant_parameters_end_at_once_and_are_named(random):
    x = np.linspace(0, 5, 40)
    for _ in range(10):
        y = random.normal() * x + random.normal() + 0.3 * random.normal(size=x.size)
        with pytest.warns(st.FitWarning, match="a and b"):
            fit = st.curve_fit(lambda x, a, b, c: (a + b) * x + c, x, y)
        assert fit.converged, fit.message
        assert fit.iterations < 20
        assert fit.message.startswith("The Jacobian has rank 2 for 3 parameters")
        slope, intercept = np.polyfit(x, y, 1)
        np.testing.assert_allclose([fit.x[0] + fit.x[1], fit.x[2]], [slope, intercept], rtol=1e-6)


def test_a_parameter_without_a_slope_at_the_start_does_not_run_away():
    x = np.linspace(0, 3, 30)
    y = 2 * np.exp(-1.5 * x) + 1
    # With amplitude 0 the rate has no slope at the start.
    fit = st.curve_fit(lambda x, a, b, c: a * np.exp(-b * x) + c, x, y, [0.0, 1.0, 0.0])
    np.testing.assert_allclose(fit.x, [2, 1.5, 1], rtol=1e-6)


BLIND = [[0.0, 0.0], [1.0, 0.0, 1e3, 1.0], [1.0, 1.0, 50.0, 1.0]]


def blind(start):
    """Return a model that has no slopes at a start, and data."""
    x = np.linspace(0, 5, 40)
    model = {
        2: lambda x, a, b: a * np.sin(b * x),
        4: lambda x, o, a, c, w: o + a * np.exp(-(((x - c) / w) ** 2)),
    }[len(start)]
    return model, x, model(x, *[1.0, 2.0, 2.0, 0.5][: len(start)])


@pytest.mark.parametrize("start", BLIND)
def test_a_fit_that_sees_no_slopes_has_not_converged(start):
    model, x, y = blind(start)
    with pytest.warns(st.FitWarning):
        fit = st.curve_fit(model, x, y, start)
    assert not fit.converged, fit.message
    assert "rank" in fit.message.split(":")[0]


LOST = [
    ("gaussian", [14.3146, 2.2, 0.02]),  # a peak that reaches a single datum
    ("gaussian", [0.4, 7.24, 0.02]),
    ("lorentzian", [1.0, 5.0, 1e-13]),
    ("biexponential", [0.58, 400.0, 3.47, 0.35]),  # gone before the first datum
    ("exponential_with_offset", [5.0, 900.0, 1.0]),
]


@pytest.mark.parametrize("size", [1e60, 1e100, 1e140, 1e150, 1e153, 1e160, 1e250])
@pytest.mark.parametrize("bounds", [None, (0, np.inf)], ids=["free", "bounded"])
def test_residuals_whose_squares_overflow_have_not_converged(size, bounds):
    t = np.linspace(0.1, 10, 40)
    y = 2 * t**1.5
    start = [2.0 * size / 10**1.5, 1.5]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for p0 in (start, [2.0, np.log10(size / 2)]):
            fit = st.curve_fit(lambda t, a, b: a * t**b, t, y, p0, bounds=bounds)
            assert not fit.converged or fit.loss < 1e-20, fit.message


@pytest.mark.parametrize("is_refit", [False, True], ids=["first", "refit"])
@pytest.mark.parametrize(("name", "start"), LOST)
def test_a_fit_that_lost_sight_of_what_is_determined_elsewhere_has_not_converged(
    name, start, is_refit
):
    (case,) = [case for case in CASES if case.name == name]
    best = scipy.optimize.curve_fit(case.model, case.x, case.y, case.truth)[0]
    if is_refit:
        for _ in range(3):
            assert st.curve_fit(case.model, case.x, case.y, np.array(case.truth)).converged
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = st.curve_fit(case.model, case.x, case.y, np.array(start))
    if fit.converged:
        np.testing.assert_allclose(fit.x, best, rtol=1e-4)
    else:
        assert fit.message.startswith("The Jacobian has rank")
        assert any(w.category is st.FitWarning for w in caught)


def assert_each_says_the_same(model, x, y, starts, bounds=None):
    """Many fits end as each does by itself, however many there are."""
    stop = st.DecrementBelow(1e-20) | st.LossBelow(0.0) | st.MaxIterations(100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        singles = [st.curve_fit(model, x, y, start, bounds=bounds, stop=stop) for start in starts]
    for times in (1, 1 + 200 // len(starts)):  # few are looked at one by one, others at once
        many = st.curve_fit_many(
            model, x, np.tile(y, (times * len(starts), 1)), np.tile(starts, (times, 1)),
            bounds=bounds, stop=stop,
        )  # fmt: skip
        assert [status.name for status in many.status] == times * [f.status.name for f in singles]
    return many


@pytest.mark.parametrize("kind", BOUNDS)
@pytest.mark.parametrize("name", sorted({name for name, _ in LOST}))
def test_many_fits_lose_sight_as_each_does_by_itself(name, kind):
    (case,) = [case for case in CASES if case.name == name]
    starts = [start for other, start in LOST if other == name]
    starts = np.array([*starts, *case.starts(STARTS), *case.starts(STARTS, spread=1000.0)])
    assert_each_says_the_same(case.model, case.x, case.y, starts, BOUNDS[kind])


@pytest.mark.parametrize("start", BLIND)
def test_many_fits_that_see_no_slopes_have_not_converged(start):
    many = assert_each_says_the_same(*blind(start), np.array([start]))
    assert not many.converged.any()


def test_many_fits_need_not_tell_apart_what_is_redundant(random):
    x = np.linspace(0, 5, 40)
    y = 2 * x + 1 + 0.3 * random.normal(size=x.size)
    starts = random.normal(size=(8, 3))
    many = assert_each_says_the_same(lambda x, a, b, c: (a + b) * x + c, x, y, starts)
    assert many.converged.all()


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_many_fits_one_by_one_lose_sight_too(engine):
    case = CASES[[case.name for case in CASES].index("gaussian")]
    starts = np.array([start for name, start in LOST if name == "gaussian"])
    y = np.tile(case.y, (len(starts), 1))
    many = st.curve_fit_many(case.model, case.x, y, starts, engine=engine)
    assert all(status is st.Status.SINGULAR for status in many.status)


@pytest.mark.parametrize("power", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("start", [[1.0, 1.0], [0.0, 0.0], [3.0, -2.0]])
def test_a_line_far_from_the_origin_is_right_or_says_that_it_is_not_determined(power, start):
    x, y = 10.0**power + np.arange(5.0), np.array([1.0, 3.0, 2.0, 5.0, 4.0])
    slope = np.polyfit(np.arange(5.0), y, 1)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = st.curve_fit(lambda x, a, b: a * x + b, x, y, start)
    if fit.rank == 2:
        assert fit.x[0] == pytest.approx(slope, rel=1e-13 * 10.0**power)
    else:
        assert fit.message.startswith("The Jacobian has rank 1")


# Starts without slopes.

STATIONARY = {
    "maximum": (lambda x: np.sum(np.cos(x)), 3),
    "saddle": (lambda x: x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4, 2),
    "product": (lambda x: (x[0] * x[1] - 1) ** 2, 2),
    "layers": (lambda x: np.sum((np.outer(x[:3], x[3:]) - np.ones((3, 2))) ** 2), 5),
    "one of many": (lambda x: np.sum(x**2) - 3 * x[70] ** 2 + np.sum(x**4), 100),
}
MINIMA = {
    "squares": (lambda x: np.sum(x**2), 2),
    "powers": (lambda x: np.sum(x**4), 2),
    "kinks": (lambda x: np.sum(np.abs(x)), 3),
    "valley": (lambda x: (x[0] + x[1]) ** 2, 2),
}
SEARCHES = [name for name in BY_NAME if BY_NAME[name] not in FOR_RESIDUALS]


@pytest.mark.parametrize("method", SEARCHES)
@pytest.mark.parametrize("name", STATIONARY)
def test_a_start_at_a_maximum_or_a_saddle_is_left_or_is_no_success(name, method):
    loss, number = STATIONARY[name]
    run = st.minimize(loss, np.zeros(number), method=method)
    if (method == "trust-region" and number <= 50) or run.success:
        assert run.converged
        assert method in ("trust-region", "sqp"), "others do not look at the curvature"
        assert np.linalg.eigvalsh(np.array(st.hessian(loss)(run.x))).min() > -1e-4
        assert run.loss < loss(np.zeros(number)) - 0.1
    else:
        assert not run.success
        assert run.status is st.Status.FLAT
        assert "a maximum or a saddle point" in run.message


@pytest.mark.parametrize("method", SEARCHES)
@pytest.mark.parametrize("name", MINIMA)
def test_a_start_at_a_minimum_is_one_that_might_be_a_maximum(name, method):
    loss, number = MINIMA[name]
    run = st.minimize(loss, np.zeros(number), method=method)
    assert run.success
    assert run.iterations == 0
    assert "a maximum or a saddle point" in run.message


def test_a_start_without_slopes_is_judged_within_the_bounds():
    def loss(x):
        return np.sum(x[:1] ** 2) - np.sum(x[1:] ** 2)

    fixed = st.minimize(loss, np.zeros(2), bounds=[(-1, 1), (0, 0)])
    assert fixed.success
    free = st.minimize(loss, np.zeros(2), bounds=[(0, 0), (-1, 1)])
    assert free.status is st.Status.FLAT


def test_a_goal_of_the_loss_counts_at_a_maximum_too():
    run = st.minimize(lambda x: np.cos(x[0]), np.zeros(1), stop=st.LossBelow(2.0))
    assert run.success
    assert run.iterations == 0


def test_residuals_at_right_angles_to_their_slopes_are_a_success():
    x = np.array([-1.0, 0.0, 1.0])
    fit = st.curve_fit(lambda x, a: a * x, x, np.array([1.0, -2.0, 1.0]), [0.0])
    assert fit.converged
    assert fit.x[0] == 0


# Walls, and the same sums of squares as SciPy's methods.


def walled(height):
    def loss(x):
        inside = (x[0] - 0.01) ** 2 * 1e4 + (x[1] - 2) ** 2
        return np.where(x[0] <= 0, height, inside)

    return loss


@pytest.mark.parametrize("method", [st.BFGS(), st.LBFGS(), st.NonlinearCG()], ids=repr)
@pytest.mark.parametrize("height", [1e8, 1e20, 1e100, 1e300, np.inf, np.nan])
def test_searches_return_from_where_the_loss_is_huge(method, height):
    run = st.minimize(walled(height), np.array([0.5, 0.0]), method=method)
    assert run.converged, run.message
    np.testing.assert_allclose(run.x, [0.01, 2], rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "start"),
    [("Nelson", 0), ("Nelson", 1), ("Hahn1", 0), ("Hahn1", 1), ("MGH10", 0), ("Gauss1", 0)],
)
def test_bfgs_finds_no_higher_a_minimum_than_scipys(name, start):
    (case,) = [case for case in NIST if case.name == name]
    model, x, y = case.model, case.x, case.y

    def loss(p):
        return np.sum((model(x, *p) - y) ** 2)

    pair = st.compile(st.value_and_gradient(loss))

    def value_and_gradient(p):
        value, slopes = pair(np.array(p))
        return float(value), np.array(slopes)

    begin = np.array(case.starts[start], float)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = scipy.optimize.minimize(
            value_and_gradient, begin, jac=True, method="BFGS", options={"maxiter": 10_000}
        )
    stop = st.GradientNormBelow(1e-5) | st.MaxIterations(10_000)
    run = st.minimize(loss, begin, method=st.BFGS(), stop=stop, record=None)
    assert run.loss <= 1.001 * other.fun
    assert run.iterations <= 2 * other.nit


# Precision, stop rules, units.


@pytest.mark.parametrize("bounds", [None, (-2.0, 2.0)], ids=["free", "bounded"])
@pytest.mark.parametrize("name", BY_NAME)
def test_float32_runs_without_a_warning(name, bounds):
    start = np.array([-1.0, 0.5, 0.3], np.float32)

    def residuals(x):
        return np.concatenate([3 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if BY_NAME[name] in FOR_RESIDUALS:
            run = st.least_squares(residuals, start, method=name, bounds=bounds)
        else:
            stop = st.GradientNormBelow(1e-3) | st.MaxIterations(100)
            run = st.minimize(
                lambda x: np.sum(residuals(x) ** 2), start, method=name, bounds=bounds, stop=stop
            )
    assert run.x.dtype == np.float32
    assert run.loss < 15
    if issubclass(BY_NAME[name], st.descent.methods.Search):
        np.testing.assert_allclose(run.x, 1, atol=0.01)


@pytest.mark.parametrize("method", [st.LevenbergMarquardt(), st.GaussNewton(), st.Dogleg()])
def test_an_exact_fit_ends_at_its_rounding_errors(method):
    t = np.linspace(0, 2, 20)
    fit = st.least_squares(
        lambda p: p[0] * np.exp(-p[1] * t) - 3 * np.exp(-0.5 * t), np.ones(2), method=method
    )
    assert fit.converged
    assert fit.iterations < 20


@pytest.mark.parametrize("absolute", [False, True])
def test_a_prediction_is_in_the_units_of_y(random, absolute):
    x = np.linspace(0, 5, 400)
    y = 2 * x + 1 + 0.1 * random.normal(size=x.size)
    width = 1.96 * 0.1
    covariance = np.diag(np.full(x.size, 0.01))
    for sigma in (0.1, np.full(x.size, 0.1), covariance):
        fit = st.curve_fit(lambda x, a, b: a * x + b, x, y, sigma=sigma, absolute_sigma=absolute)
        low, high = fit.band(np.array([2.5]), kind="prediction")
        assert (high - low) / 2 == pytest.approx(width, rel=0.1)


def test_a_prediction_from_uneven_data_takes_their_scatter_or_is_told(random):
    x = np.linspace(0, 5, 400)
    sigma = np.linspace(0.05, 0.2, x.size)
    y = 2 * x + 1 + sigma * random.normal(size=x.size)
    fit = st.curve_fit(lambda x, a, b: a * x + b, x, y, sigma=sigma, absolute_sigma=True)
    low, high = fit.band(x, kind="prediction")
    np.testing.assert_allclose((high - low) / 2, 1.96 * sigma, rtol=0.05)
    at = np.array([1.0, 2.0])
    low, high = fit.band(at, kind="prediction", sigma=0.3)
    np.testing.assert_allclose((high - low) / 2, 1.96 * 0.3, rtol=0.05)
    with pytest.raises(InputError, match="differ from point to point"):
        fit.band(at, kind="prediction")


def test_a_parameter_that_is_not_used_is_no_fault():
    x = np.linspace(0, 5, 40)
    with pytest.warns(st.FitWarning, match="determine c"):
        fit = st.curve_fit(lambda x, a, b, c: a * x + b + 0 * c, x, 2 * x + np.sin(9 * x))
    assert fit.converged
    assert fit.message.startswith("The Jacobian has rank 2 for 3 parameters")
    assert fit.x[2] == 1


def test_gtol_is_scipys_largest_slope():
    def loss(x):
        return np.sum((x - 1) ** 2)

    # 100 slopes of 0.02 each: the largest is below the threshold, their norm is not.
    start = np.full(100, 1.01)
    assert st.minimize(loss, start, options={"gtol": 0.03}).iterations == 0
    assert scipy.optimize.minimize(loss, start, options={"gtol": 0.03}).nit == 0


def test_a_residual_method_of_ones_own_stops_like_ours():
    class Own(st.LevenbergMarquardt):
        pass

    class Halved(st.descent.methods.Search):
        needs_residuals = True

        def init(self, x):
            return st.LevenbergMarquardt().init(x)

        def advance(self, base, trial, state, is_first):
            return st.LevenbergMarquardt().advance(base, trial, state, is_first)

    t = np.linspace(0, 2, 20)
    y = np.exp(-t) + 0.1 * np.sin(40 * t)

    def residuals(p):
        return p[0] * np.exp(-p[1] * t) - y

    expected = st.least_squares(residuals, np.ones(2))
    for method in (Own(), Halved()):
        fit = st.least_squares(residuals, np.ones(2), method=method)
        assert fit.run.message == expected.run.message
    with pytest.raises(InputError, match="needs residuals"):
        st.minimize(lambda p: np.sum(p**2), np.ones(2), method=Halved())


def test_an_interrupted_fit_warns(ctrl_c):
    t = np.linspace(0.0, 4.0, 200)

    def slow(t, a):
        return a + 0.0 * np.sum(np.sin(t[:, None] * t), axis=1)

    with pytest.warns(st.FitWarning, match="was interrupted"):
        fit = st.curve_fit(
            slow, t, np.cos(t), [5.0], method=st.GradientDescent(1e-9), stop=st.LossBelow(0.0)
        )
    assert fit.status is st.Status.INTERRUPTED
