"""Parameters that the loss does not depend on are named, and do not count as converged."""

import warnings

import numpy as np
import pytest

import steepest as st
from steepest.descent.running.ends.dependence import elements_that_matter
from steepest.graph import make
from steepest.ops import Zero, input_node
from steepest.trace import TracedArray, open_session
from tests.cases.ops import FILLED_CASES

POINT = np.array([1.0, 1.5, 2.0, 3.0])
HERE = f"{__file__.rpartition('/')[2]}:"


def assigned(x):
    y = np.zeros(4)
    y[0], y[1] = x[3], x[2]
    return y[0] ** 2


def looped(x):
    total = 0.0
    for i in range(3):
        total = total + x[i] ** 2
    return total


LOSSES = {
    "all": lambda x: np.sum(x**2),
    "one": lambda x: x[0] ** 2,
    "a slice": lambda x: np.sum(np.sin(x[1:])),
    "one of many functions": lambda x: np.sin(x)[2],
    "nothing": lambda x: 3.0,
    "nothing but a shape": lambda x: 1.0 * x.size,
    "stacked": lambda x: np.sum(np.stack([x[0], x[2]]) ** 2),
    "reshaped": lambda x: np.sum(x.reshape(2, 2).T[0] ** 2),
    "reversed": lambda x: np.sum(x[::-1][:2]),
    "rolled": lambda x: np.roll(x, 1)[0],
    "joined": lambda x: np.concatenate([x[:1], np.zeros(2), x[3:]])[3],
    "picked": lambda x: np.sum(x[np.array([0, 2])]),
    "picked by truth": lambda x: np.sum(x[np.array([True, False, False, True])]),
    "assigned": assigned,
    "looped": looped,
    "broadcast": lambda x: np.sum((x[:2, None] + np.ones((2, 3)))[0]),
    "a product": lambda x: np.sum(np.ones((2, 2)) @ x[:2]),
    "differences": lambda x: np.sum(np.diff(x[:3]) ** 2),
    "single precision": lambda x: np.sum(x[:2].astype(np.float32)),
    "written over": lambda x: written_over(x.copy()),
}


def written_over(y):
    y[1:3] = 0.0
    return np.sum(y**2)


def changed_by(loss, x):
    """Return which elements change what NumPy computes."""
    return np.array([loss(x + 0.1 * unit) != loss(x) for unit in np.eye(x.size)])


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_a_parameter_without_effect_is_named_in_a_warning(loss, engine):
    matters = changed_by(loss, POINT)
    stop = st.LossBelow(1e9)  # met at once: what is said does not hang on the numbers
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = st.minimize(loss, POINT, stop=stop, engine=engine)
    idle = [f"x0[{i}]" for i in np.flatnonzero(~matters)]
    np.testing.assert_array_equal(run.x[~matters], POINT[~matters])
    if not idle:
        assert not caught
        assert "does not depend" not in run.message
        return
    (warning,) = caught
    assert warning.category is st.OptimizeWarning
    assert warning.filename == __file__
    sentence = str(warning.message)
    assert sentence in run.message
    assert f"at {HERE}{loss.__code__.co_firstlineno} does not depend on" in sentence
    if matters.any():
        assert f"does not depend on {', '.join(idle)}, or only" in sentence
    else:
        assert "does not depend on its parameters" in sentence
        assert run.status is st.Status.FLAT
        assert not run.converged
        assert not run.success


STEPS = {
    "rounded down": lambda x: np.floor(x[0]) + x[1] ** 2,
    "compared": lambda x: np.where(x[0] > 0, x[1], x[2]) ** 2 + x[3],
    "counted": lambda x: x[1] + np.sum(x[:1] > 0),
    "a sign": lambda x: np.sign(x[0]) * x[1],
}


@pytest.mark.parametrize("loss", STEPS.values(), ids=STEPS)
def test_a_parameter_without_slope_is_named_in_a_warning(loss):
    with pytest.warns(st.OptimizeWarning, match=r"x0\[0\].*or only through steps"):
        run = st.minimize(loss, POINT, stop=st.LossBelow(1e9))
    assert "x0[0]" in run.message


def test_a_run_that_does_not_claim_to_have_converged_says_it_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = st.minimize(lambda x: x[0] ** 4, POINT, stop=st.MaxIterations(2))
    assert "does not depend on x0[1], x0[2], x0[3], or" in run.message


def test_a_loss_of_steps_only_does_not_converge():
    with pytest.warns(st.OptimizeWarning, match="does not depend on its parameters, or only"):
        run = st.minimize(lambda x: np.sum(np.floor(x)), POINT)
    assert run.status is st.Status.FLAT


@pytest.mark.parametrize("method", ["bfgs", "adam", "gradient-descent", "trust-region"])
def test_a_constant_never_converges(method):
    with pytest.warns(st.OptimizeWarning, match="does not depend on its parameters"):
        run = st.minimize(lambda x: 3.0, POINT, method=method)
    assert not run.converged


def quiet(x):
    return st.stop_gradient(x[0]) * x[1] ** 2 + x[2] ** 2 + x[3] ** 2


def branched(x):
    return x[0] ** 2 if x[1] > 0 else x[2] ** 2 + x[3] ** 2


@pytest.mark.parametrize("loss", [quiet, lambda x: np.sum((x - POINT) ** 2)])
def test_parameters_that_may_matter_are_not_named(loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = st.minimize(loss, POINT)
    assert run.converged


def test_on_paths_that_were_not_taken_parameters_may_matter():
    with pytest.warns(st.OptimizeWarning, match=r"depends on x0\[1\] only through the branch"):
        run = st.minimize(branched, POINT)
    assert "x0[2]" not in run.message


TIMES = np.linspace(0.0, 4.0, 20)
LEVELS = np.linspace(0.0, 3.0, 31)
WITHOUT_SLOPE = {
    "round": lambda q: np.round(q, 1),
    "floor": lambda q: np.floor(10 * q) / 10,
    "trunc": lambda q: np.trunc(10 * q) / 10,
    "//": lambda q: q // 0.1,
    "int": lambda q: int(10 * q) / 10,
    "an index": lambda q: LEVELS[int(10 * q)],
    "astype": lambda q: (10 * q).astype(int) / 10,
    "searchsorted": lambda q: LEVELS[np.searchsorted(LEVELS, q)],
    "digitize": lambda q: LEVELS[np.digitize(q, LEVELS)],
    "argmin": lambda q: LEVELS[np.argmin(np.abs(LEVELS - q))],
    "argmax": lambda q: LEVELS[np.argmax(-((LEVELS - q) ** 2))],
    "argsort": lambda q: LEVELS[np.argsort(np.abs(LEVELS - q))[0]],
    "a comparison": lambda q: np.where(q > TIMES, 1.3, 1.0),
    "a truth value": lambda q: 1.0 + 0.3 * (q > TIMES),
    "sign": lambda q: np.sign(q - TIMES),
    "heaviside": lambda q: np.heaviside(q - TIMES, 0.5),
    "count_nonzero": lambda q: np.count_nonzero(q > TIMES) / 20,
    "len": lambda q: len(TIMES[q > TIMES]) / 20,
    "a branch": lambda q: 1.0 if q < 1 else 1.3,
    "bincount": lambda q: np.bincount((q * TIMES).astype(int), minlength=20)[:20] / 20,
    "histogram": lambda q: np.histogram(q * TIMES, bins=20, range=(0, 8))[0] / 20,
}


@pytest.mark.filterwarnings("ignore::steepest.FiniteDifferenceWarning")
@pytest.mark.filterwarnings("ignore:The Jacobian has rank")
@pytest.mark.parametrize("step", WITHOUT_SLOPE.values(), ids=WITHOUT_SLOPE)
def test_a_parameter_that_is_only_rounded_compared_or_counted_is_named(step):
    """Its slope is 0, so that no fit by derivatives can move it, SciPy's neither."""
    residuals = lambda p: p[0] * np.exp(-TIMES) + step(p[1]) - 2.0
    named = r"x0?\[1\].*(or|and|only) through .*steps"
    with pytest.warns(st.FitWarning, match=named):
        fit = st.least_squares(residuals, [1.0, 0.83])
    with pytest.warns(st.OptimizeWarning, match=named):
        run = st.minimize(lambda p: np.sum(residuals(p) ** 2), [1.0, 0.83])
    assert fit.x[1] == run.x[1] == 0.83
    with pytest.warns(st.FitWarning):
        alone = st.least_squares(lambda p: residuals([1.0, p[0]]), [0.83])
    assert not alone.converged


def test_nested_parameters_are_named():
    loss = lambda p: (p["a"] - 1) ** 2 + p["b"][1] ** 2
    with pytest.warns(st.OptimizeWarning, match=r"on x0\['b'\]\[0\], x0\['c'\], or"):
        st.minimize(loss, {"a": 1.0, "b": np.ones(2), "c": 2.0})


def test_residuals_and_models_that_do_not_look_at_a_parameter():
    with pytest.warns(st.OptimizeWarning, match=r"does not depend on x\[1\], or") as caught:
        fit = st.least_squares(lambda p: np.array([p[0] - 1, 2 * p[0], 3.0]), [2.0, 5.0])
    assert caught[0].filename == __file__
    assert "does not depend on x[1]" in fit.message
    t = np.arange(5.0)
    with pytest.warns(st.FitWarning, match="data do not determine b"):
        fit = st.curve_fit(lambda t, a, b: a * t, t, 2 * t + 1)
    assert "does not depend on b" in fit.message
    with pytest.warns(st.FitWarning, match="does not depend on its parameters"):
        fit = st.curve_fit(lambda t, a: 1.0 * t, t, 2 * t + 1)
    assert not fit.converged


@pytest.mark.parametrize("engine", ["native", "numpy"])
def test_many_problems_warn_once(engine):
    for call, function in (
        (st.minimize_many, lambda x: (x[0] - 1) ** 2),
        (st.least_squares_many, lambda x: np.array([x[0] - 1, 2.0])),
    ):
        with pytest.warns(st.OptimizeWarning, match=r"does not depend on x0\[1\]") as caught:
            many = call(function, np.ones((5, 2)), engine=engine)
        assert len(caught) == 1
        assert many.converged.all()
    with pytest.warns(st.OptimizeWarning, match="does not depend on its parameters"):
        many = st.minimize_many(lambda x: 3.0, np.ones((5, 2)), engine=engine)
    assert set(many.status) == {st.Status.FLAT}


def cases():
    for case in FILLED_CASES:
        if isinstance(case.row.derivative, Zero):
            continue
        for position, _ in enumerate(case.case.shapes):
            is_real = case.row.domain.interval(position) not in ("bool", "int")
            if is_real and position not in case.case.integers:
                yield pytest.param(case, position, id=f"{case}-{position}")


@pytest.mark.parametrize(("case", "position"), list(cases()))
def test_nothing_that_matters_is_called_idle(case, position, random):
    """An element that changes an output in NumPy has a say in it."""
    operands = [np.asarray(operand) for operand in case.operands(random)]
    inputs = [input_node(i, operand.shape, operand.dtype) for i, operand in enumerate(operands)]
    node = make(case.row, inputs, **case.case.attributes)
    plain = np.asarray(case.row.evaluate(*operands, **case.case.attributes))
    for place in {0, plain.size // 2, plain.size - 1} if plain.size else ():
        with open_session() as session:
            output = TracedArray(node, session)
            loss = np.reshape(output, (-1,))[place]
        matters = elements_that_matter(loss.node, inputs[position])
        for element in np.ndindex(operands[position].shape):
            moved = [operand.copy() for operand in operands]
            moved[position][element] += 1e-3
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # of numbers that SciPy cuts
                after = np.asarray(case.row.evaluate(*moved, **case.case.attributes))
            if after.reshape(-1)[place] != plain.reshape(-1)[place]:
                assert matters[element]


def shape(q, k):
    return -np.log(1 - q) if abs(k) < 1e-9 else ((1 - q) ** (-k) - 1) / k


@pytest.mark.parametrize("start", [0.0, 1e-3])
def test_a_parameter_that_only_chooses_the_branch_is_named(start):
    levels = np.array([0.3, 0.7, 0.88, 0.98])
    y = 0.6 * shape(levels, -0.15)

    def loss(p):
        return np.sum((p[1] * np.array([shape(q, p[0]) for q in levels]) - y) ** 2)

    if start:
        np.testing.assert_allclose(st.minimize(loss, [start, 1.0]).x, [-0.15, 0.6], rtol=1e-4)
        return
    with pytest.warns(st.OptimizeWarning, match=r"depends on x0\[0\] only through the branch"):
        run = st.minimize(loss, [start, 1.0])
    assert run.x[0] == start
