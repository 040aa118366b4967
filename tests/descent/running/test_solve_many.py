"""Many problems in one call: each result is that of the problem solved alone."""

import pickle
import signal
import threading

import numpy as np
import pytest
import scipy.special

import steepest as st
from steepest.descent.methods.registry import BY_NAME, FOR_RESIDUALS
from steepest.engines.native import engine

T = np.linspace(0, 4, 20)


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


def peak(t, height, center, width):
    return height * np.exp(-(((t - center) / width) ** 2))


def wave(t, amplitude, frequency, phase):
    return amplitude * np.sin(frequency * t + phase) + 0.1 * np.tanh(t * phase)


def saturation(t, top, half):
    return top * t / (half + t)


MODELS = {
    decay: ([2.0, 1.0, 0.5], [1.0, 1.0, 0.0]),
    peak: ([2.0, 1.8, 0.8], [1.0, 2.0, 1.0]),
    wave: ([2.0, 1.5, 0.4], [1.5, 1.4, 0.3]),
    saturation: ([3.0, 0.7], [1.0, 1.0]),
}


def sets(model, number, random, scatter=0.02):
    """Return start values, and data of as many sets."""
    true, start = (np.array(values) for values in MODELS[model])
    truths = true * random.uniform(0.9, 1.1, (number, len(true)))
    y = np.array([model(T, *p) for p in truths]) + scatter * random.normal(size=(number, len(T)))
    return start, y


def assert_same(many, singles):
    """Every row is what the fit by itself gives, in every bit."""
    for i, single in enumerate(singles):
        assert many.status[i] is single.status
        assert many.iterations[i] == single.iterations
        assert many.evaluations[i] == single.evaluations
        np.testing.assert_array_equal(many.x[i], single.x)
        np.testing.assert_array_equal(many.loss[i], single.loss)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
def test_fits_are_those_of_each_set_by_itself(model, loss, random):
    start, y = sets(model, 23, random)
    patient = st.DecrementBelow(1e-20) | st.MaxIterations(1000)
    many = st.curve_fit_many(model, T, y, start, loss=loss, stop=patient)
    assert many.side_by_side
    singles = [st.curve_fit(model, T, row, start, loss=loss, stop=patient) for row in y]
    assert_same(many, singles)
    assert many.converged.all()
    for i, single in enumerate(singles):
        errors = single.standard_errors
        np.testing.assert_allclose(many.standard_errors[i], errors, rtol=1e-9)
        correlation = many.covariance[i] / np.outer(errors, errors)
        np.testing.assert_allclose(correlation, single.correlation, atol=1e-9)


def test_each_set_may_have_its_own_x_and_sigma_and_start(random):
    start, y = sets(decay, 9, random)
    x = T + random.uniform(0, 0.05, y.shape)
    sigma = random.uniform(0.5, 2.0, y.shape)
    starts = start * random.uniform(0.9, 1.1, (9, 3))
    many = st.curve_fit_many(decay, x, y, starts, sigma=sigma, absolute_sigma=True)
    singles = [
        st.curve_fit(decay, x[i], y[i], starts[i], sigma=sigma[i], absolute_sigma=True)
        for i in range(9)
    ]
    assert_same(many, singles)
    np.testing.assert_allclose(many.covariance, [s.covariance for s in singles], rtol=1e-9)


@pytest.mark.filterwarnings("ignore:.* is on its .* bound")
def test_bounds_hold_for_every_set(random):
    start, y = sets(decay, 12, random)
    bounds = ([0.0, 0.0, 0.45], [2.0, 5.0, 1.0])
    start = np.array([1.0, 1.0, 0.5])
    many = st.curve_fit_many(decay, T, y, start, bounds=bounds)
    singles = [st.curve_fit(decay, T, row, start, bounds=bounds) for row in y]
    assert_same(many, singles)
    assert many.on_bound.any()
    for i, single in enumerate(singles):
        np.testing.assert_allclose(many.covariance[i], single.covariance, rtol=1e-8)


@pytest.mark.parametrize("size", [512, 519, 1500])
def test_long_sets_are_what_they_are_alone(size, random):
    t = np.linspace(0, 4, size)
    truth = random.uniform([1, 0.5, 0], [3, 2, 1], (9, 3))
    y = np.array([decay(t, *p) for p in truth]) + 0.02 * random.normal(size=(9, size))
    stop = st.DecrementBelow(1e-20) | st.MaxIterations(100)
    many = st.curve_fit_many(decay, t, y, np.ones(3), stop=stop)
    assert many.side_by_side
    assert_same(many, [st.curve_fit(decay, t, row, np.ones(3), stop=stop) for row in y])


def test_named_parameters_come_back_by_name(random):
    _, y = sets(decay, 5, random)
    start = {"amplitude": 1.0, "rate": np.full(5, 1.0), "offset": 0.0}
    many = st.curve_fit_many(decay, T, y, start)
    plain = st.curve_fit_many(decay, T, y, [1.0, 1.0, 0.0])
    assert set(many.x) == set(start)
    np.testing.assert_allclose(many.x["rate"], plain.x[:, 1], rtol=1e-9)
    assert many.standard_errors["rate"].shape == (5,)


@pytest.mark.parametrize("name", [n for n, m in BY_NAME.items() if m not in FOR_RESIDUALS])
def test_every_method_does_the_same_as_for_one_problem(name, random):
    targets = random.normal(size=(11, 3))
    scales = random.uniform(0.5, 2.0, (11, 3))

    def loss(x, target, scale, power):
        d = (x - target) * scale
        return np.sum(d * d) + 0.1 * np.sum(np.square(d * d)) * power

    stop = st.GradientNormBelow(1e-7) | st.MaxIterations(300)
    starts, weight = random.normal(size=(11, 3)), np.array(0.5)
    many = st.minimize_many(
        loss, starts, (targets, scales), (weight,), method=BY_NAME[name](), stop=stop
    )
    singles = [
        st.minimize(
            loss, starts[i], (targets[i], scales[i], weight), method=BY_NAME[name](), stop=stop
        )
        for i in range(11)
    ]
    assert_same(many, singles)


def test_many_problems_may_be_averaged(random):
    method = st.Averaged(st.GradientDescent(0.9), start=3)
    starts, stop = random.normal(size=(7, 2)), st.MaxIterations(20)
    loss = lambda x: np.sum(x * x)
    many = st.minimize_many(loss, starts, method=method, stop=stop)
    for start, x, value in zip(starts, many.x, many.loss, strict=True):
        single = st.minimize(loss, start, method=method, stop=stop)
        np.testing.assert_array_equal(single.x, x)
        np.testing.assert_allclose(single.loss, value, rtol=1e-14)


def test_starts_may_be_nested():
    def loss(model, target):
        return np.sum((model["w"] - target) ** 2) + (model["b"] - 2.0) ** 2

    targets = np.arange(8.0).reshape(4, 2)
    many = st.minimize_many(loss, {"w": np.zeros((4, 2)), "b": np.zeros(4)}, args=(targets,))
    np.testing.assert_allclose(many.x["w"], targets, atol=1e-6)
    np.testing.assert_allclose(many.x["b"], 2.0, atol=1e-6)


def test_many_problems_may_have_long_vectors(random):
    def banana(x, a):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (a - x[:-1]) ** 2)

    levels = random.uniform(0.9, 1.1, 9)
    starts = random.normal(size=(9, 40)) * 0.1
    many = st.minimize_many(banana, starts, (levels,), method=st.LBFGS())
    assert many.side_by_side
    singles = [
        st.minimize(banana, x, (a,), method=st.LBFGS())
        for x, a in zip(starts, levels, strict=True)
    ]
    assert_same(many, singles)


@pytest.mark.parametrize("method", [st.BFGS(), st.LBFGS(), None])
@pytest.mark.parametrize("size", [5, 9])
def test_matrices_of_any_size_have_lanes(method, size, random):
    centers = random.normal(size=(11, size))
    mixed = random.normal(size=(11, size, size)) + 4 * np.eye(size)
    weights = 10.0 ** np.linspace(0, 3, size)

    def loss(x, center, mix, weights):
        return np.sum(weights * (mix @ (x - center)) ** 2)

    starts = np.zeros((11, size))
    stop = st.GradientNormBelow(1e-6) | st.MaxIterations(20_000)
    arguments = (centers, mixed), (weights,)
    many = st.minimize_many(loss, starts, *arguments, method=method, stop=stop)
    assert many.side_by_side
    assert many.converged.all()
    np.testing.assert_allclose(many.x, centers, atol=1e-6)
    for i in (0, 7):
        own = (centers[i], mixed[i], weights)
        single = st.minimize(loss, starts[i], own, method=method, stop=stop)
        assert abs(single.iterations - many.iterations[i]) <= 0.3 * single.iterations
        alone = [array[i : i + 1] for array in arguments[0]]
        one = st.minimize_many(loss, starts[:1], alone, (weights,), method=method, stop=stop)
        np.testing.assert_array_equal(one.x[0], many.x[i])


MODELS_OF_MANY_OPS = {
    "matmul": lambda t, a, b: np.stack([t, np.ones_like(t)], 1) @ np.stack([a, b]),
    "cumsum": lambda t, a, b: np.cumsum(a * np.exp(-b * t)) / 5,
    "erf": lambda t, a, b: a * scipy.special.erf(b * t),
    "gammaln": lambda t, a, b: a * scipy.special.gammaln(1 + t) + b,
    "far angles": lambda t, a, b: a * np.sin(3e9 * t) + b * t,
    "where": lambda t, a, b: np.where(t < 2, a * t, b),
    "slices": lambda t, a, b: np.concatenate([a * t[:7], b * t[7:]]),
    "constant indices": lambda t, a, b: (a * t)[np.arange(20)[::-1]] + b,
    "power": lambda t, a, b: a * (t + 1) ** b,
    "maximum": lambda t, a, b: np.maximum(a * t, b),
    "row sums": lambda t, a, b: np.sum(a * t[:, None] * np.arange(3.0) + b, axis=1),
    "integers": lambda t, a, b: a * np.floor(t).astype(int) + b,
    "interp": lambda t, a, b: a * np.interp(t, np.arange(5.0), np.arange(5.0) ** 2) + b,
}


@pytest.mark.parametrize("name", MODELS_OF_MANY_OPS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("is_own", [False, True])
def test_every_kind_of_op_has_lanes_or_is_taken_alone(name, dtype, is_own, random):
    model, truth = MODELS_OF_MANY_OPS[name], random.uniform(0.8, 1.5, (9, 2))
    t = T.astype(dtype)
    y = np.array([model(t, *p) for p in truth]).astype(dtype)
    start = np.ones(2, dtype)
    many = st.curve_fit_many(model, np.tile(t, (9, 1)) if is_own else t, y, start)
    np.testing.assert_allclose(many.x, truth, rtol=1e-6 if dtype is np.float64 else 2e-2)
    assert many.x.dtype == dtype
    for i in range(3):
        single = st.curve_fit(model, t, y[i], start)
        tolerance = 1e-9 if dtype is np.float64 else 1e-3
        np.testing.assert_allclose(many.x[i], single.x, rtol=tolerance)


def test_more_points_than_a_block_of_a_sum(random):
    t = np.linspace(0, 4, 700)
    truth = random.uniform([1, 0.5, 0.2], [3, 2, 1], (9, 3))
    y = np.array([decay(t, *p) for p in truth]) + 0.01 * random.normal(size=(9, 700))
    many = st.curve_fit_many(decay, t, y, [1.0, 1.0, 0.0])
    for row, x in zip(y, many.x, strict=True):
        np.testing.assert_allclose(x, st.curve_fit(decay, t, row, [1, 1, 0]).x, rtol=1e-9)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_answers_do_not_depend_on_threads_or_neighbors(threads, random):
    start, y = sets(decay, 150, random)
    order = random.permutation(150)
    alone = st.curve_fit_many(decay, T, y, start)
    before = st.get_num_threads()
    st.set_num_threads(threads)
    try:
        mixed = st.curve_fit_many(decay, T, y[order], start)
    finally:
        st.set_num_threads(before)
    for name in ("vectors", "loss", "iterations", "evaluations", "factor"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(alone, name)[order])


def test_failed_problems_do_not_affect_the_others(random):
    start, y = sets(decay, 60, random)
    good = st.curve_fit_many(decay, T, y, start)
    spoiled = y.copy()
    spoiled[7, 3] = np.nan
    spoiled[20] = np.inf
    spoiled[33] = 0.0
    many = st.curve_fit_many(decay, T, spoiled, start)
    assert many.status[7] is many.status[20] is st.Status.DIVERGED
    np.testing.assert_array_equal(many.x[7], start)
    assert np.isnan(many.covariance[7]).all()
    fine = np.setdiff1d(np.arange(60), [7, 20, 33])
    np.testing.assert_array_equal(many.x[fine], good.x[fine])
    assert many.converged[fine].all()
    assert not many.converged[[7, 20]].any()
    assert many.counts()[st.Status.DIVERGED] == 2
    assert "57" in str(many) or "58" in str(many)


def test_what_data_do_not_determine_has_no_standard_error(random):
    def twice(t, a, b):
        return (a + b) * t

    many = st.curve_fit_many(twice, T, random.normal(size=(4, 20)) + T, [1.0, 0.5])
    assert np.isinf(many.covariance).all()


def test_data_may_differ_in_length_or_be_masked(random):
    start, y = sets(decay, 13, random)
    lengths = random.integers(8, 21, 13)
    ragged = [row[:n] for row, n in zip(y, lengths, strict=True)]
    xs = [T[:n] for n in lengths]
    many = st.curve_fit_many(decay, xs, ragged, start)
    mask = np.arange(20) < lengths[:, None]
    masked = st.curve_fit_many(decay, T, np.where(mask, y, np.nan), start, nan_policy="omit")
    explicit = st.curve_fit_many(decay, T, np.where(mask, y, np.nan), start, mask=mask)
    for i, row in enumerate(ragged):
        single = st.curve_fit(decay, xs[i], row, start)
        for fits in (many, masked, explicit):
            assert fits.status[i].is_success
            np.testing.assert_allclose(fits.x[i], single.x, rtol=1e-8)
            np.testing.assert_allclose(fits.covariance[i], single.covariance, rtol=1e-6)
            assert fits.degrees_of_freedom[i] == lengths[i] - 3


def test_sets_with_too_few_points_say_so(random):
    start, y = sets(saturation, 4, random)
    mask = np.ones((4, 20), bool)
    mask[1], mask[2, 1:] = False, False
    many = st.curve_fit_many(saturation, T, y, start, mask=mask)
    for i in (1, 2):
        assert many.status[i] is st.Status.UNDERDETERMINED
        np.testing.assert_array_equal(many.x[i], start)
        assert np.isnan(many.covariance[i]).all()
    assert many.converged.tolist() == [True, False, False, True]


def test_residuals_may_be_fewer_than_parameters():
    def residuals(p, target):
        return np.stack([p[0] + p[1] - target, p[1] - 2 * p[2]])

    targets, starts = np.array([1.0, 2.0, 5.0]), np.ones((3, 3))
    many = st.least_squares_many(residuals, starts, (targets,))
    singles = [st.least_squares(residuals, np.ones(3), (target,)) for target in targets]
    assert_same(many, singles)
    assert many.converged.all()
    np.testing.assert_allclose(many.loss, 0, atol=1e-20)


def test_infinite_data_are_omitted_too(random):
    start, y = sets(saturation, 3, random)
    y[1, 4] = np.inf
    many = st.curve_fit_many(saturation, T, y, start, nan_policy="omit")
    single = st.curve_fit(saturation, T, y[1], start, nan_policy="omit")
    np.testing.assert_allclose(many.x[1], single.x, rtol=1e-8)


def test_a_set_that_fails_has_no_statistics_of_another_one_by_one(random):
    start, y = sets(saturation, 3, random)
    y[1, 0] = np.nan
    fits = st.curve_fit_many(saturation, T, y, start, engine="numpy", absolute_sigma=True)
    assert np.isnan(fits.covariance[1]).all()
    assert np.isfinite(fits.covariance[[0, 2]]).all()
    st.curve_fit(saturation, T, y[0], start)
    with pytest.raises(ValueError, match=r"residuals\[0\] is nan"):
        st.least_squares(lambda p: saturation(T, *p) - y[1], start)
    with pytest.warns(st.FitWarning, match="not finite|is nan"):
        alone = st.curve_fit(saturation, T, y[1], start, nan_policy="propagate")
    assert alone.status is st.Status.DIVERGED
    assert not np.isfinite(alone.covariance).any()


def test_a_thread_that_cannot_start_is_not_needed(monkeypatch, random):
    start, y = sets(decay, 40, random)
    expected = st.curve_fit_many(decay, T, y, start)
    begin = threading.Thread.start
    for allowed in (0, 1):
        left = [allowed]

        def start_few(self, left=left):
            if not left[0]:
                raise RuntimeError("can't start new thread")
            left[0] -= 1
            begin(self)

        monkeypatch.setattr(threading.Thread, "start", start_few)
        many = st.curve_fit_many(decay, T, y, start)
        monkeypatch.undo()
        np.testing.assert_array_equal(many.x, expected.x)


def test_sums_one_after_the_other_share_their_room_in_lanes(monkeypatch, random):
    data = random.normal(size=(9, 500))
    sizes = []

    def loss(x, data):
        total = 0.0
        for i in range(12):
            total = total + np.sum((data - x[0] * (i + 1)) ** 2) / (i + 1) ** 4
        return total

    compiled = engine.compile_lanes

    def watched(program, lanes):
        code = compiled(program, lanes)
        sizes.append(code.arena_size / (8 * 500 * lanes))
        return code

    monkeypatch.setattr(engine, "compile_lanes", watched)
    stop = st.MaxIterations(0)
    many = st.minimize_many(loss, np.ones((9, 1)), (data,), stop=stop, method=st.Adam())
    expected = [loss(np.ones(1), row) for row in data]
    np.testing.assert_allclose(many.loss, expected, rtol=1e-12)
    assert sizes[0] < 40  # arrays of 500, of each of which there were 24 on the stack as well


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_other_engines_find_the_same(engine, random):
    start, y = sets(saturation, 3, random)
    many = st.curve_fit_many(saturation, T, y, start)
    other = st.curve_fit_many(saturation, T, y, start, engine=engine)
    assert other.side_by_side == (engine == "torch")
    np.testing.assert_allclose(other.x, many.x, rtol=1e-9)
    np.testing.assert_allclose(other.covariance, many.covariance, rtol=1e-6)
    assert other.converged.all()


def branching(x, target):
    d = x - target
    total = 0.0
    for i in range(2):
        if d[i] > 0:
            total = total + 3 * d[i] ** 2
        else:
            total = total + d[i] ** 2
    return total


def factoring(x, matrix):
    return np.sum(np.linalg.eigvalsh(matrix + np.outer(x, x)) ** 2)


def host(x, matrix):
    return np.sum(np.abs(np.fft.fft(x @ matrix)) ** 2)


@pytest.mark.parametrize("loss", [branching, factoring, host])
def test_what_has_a_control_flow_of_its_own_is_solved_too(loss, random):
    data = random.normal(size=(4, 2)) if loss is branching else np.stack([np.eye(2)] * 4)
    starts = random.normal(size=(4, 2))
    many = st.minimize_many(loss, starts, (data,))
    assert many.side_by_side is (loss is factoring)  # a thread runs one of these at a time
    assert_same(many, [st.minimize(loss, x, (d,)) for x, d in zip(starts, data, strict=True)])


def test_arrays_read_from_outside_are_bound_anew(random):
    weights = np.ones(3)

    def loss(x, target):
        return np.sum(weights * (x - target) ** 2) + np.sum(x * x)

    targets, starts = random.normal(size=(5, 3)), np.zeros((5, 3))
    first = st.minimize_many(loss, starts, (targets,))
    np.testing.assert_allclose(first.x, targets / 2, atol=1e-6)
    weights[:] = 3.0
    second = st.minimize_many(loss, starts, (targets,))
    np.testing.assert_allclose(second.x, 0.75 * targets, atol=1e-6)
    assert second.timings.trace == 0


def test_a_time_limit_gives_the_points_reached():
    loss = lambda x: np.sum(x**2)
    stop = st.GradientNormBelow(0.0) | st.TimeLimit(0.1)
    starts = np.ones((40, 2))
    many = st.minimize_many(loss, starts, method=st.GradientDescent(1e-9), stop=stop)
    assert all(status is st.Status.TIME_LIMIT for status in many.status)
    assert many.iterations.max() > 1000
    begun = many.iterations > 0
    assert (many.x[begun] < 1).all()
    np.testing.assert_array_equal(many.x[~begun], 1.0)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals")
def test_an_interrupt_gives_the_points_reached(ctrl_c):
    loss = lambda x: np.sum(x**2)
    stop = st.GradientNormBelow(0.0)
    with pytest.warns(st.OptimizeWarning, match="was interrupted"):
        many = st.minimize_many(
            loss, np.ones((40, 2)), method=st.GradientDescent(1e-12), stop=stop
        )
    assert all(status is st.Status.INTERRUPTED for status in many.status)
    assert (many.iterations > 0).any()


def test_results_can_be_pickled(random):
    start, y = sets(decay, 4, random)
    many = st.curve_fit_many(decay, T, y, start)
    again = pickle.loads(pickle.dumps(many))
    np.testing.assert_array_equal(again.x, many.x)
    np.testing.assert_array_equal(again.covariance, many.covariance)
    assert again.status[0] is many.status[0]


def test_progress_is_shown(capfd, random):
    start, y = sets(decay, 4, random)
    st.curve_fit_many(decay, T, y, start, progress=True)
    assert capfd.readouterr().out == ""


Y = np.ones((4, 20))

REFUSED = {
    "no sets": (lambda: st.curve_fit_many(decay, T, Y[:0]), "y has no rows"),
    "a sigma of 0": (
        lambda: st.curve_fit_many(decay, T, Y, sigma=np.arange(20.0)),
        r"sigma\[0\] is 0: standard deviations must be positive",
    ),
    "a model that looks at all points": (
        lambda: st.curve_fit_many(
            lambda t, a, b: a * (t - np.mean(t)) + b, [T, T[:5]], [T + 1, T[:5] + 1]
        ),
        "looks at all points of a set at once",
    ),
    "no row for each": (
        lambda: st.minimize_many(lambda x: x, np.float64(1.0)),
        r"x0 needs a row for each problem .* got shapes \[\(\)\]",
    ),
    "no problems": (lambda: st.minimize_many(np.sum, np.zeros((0, 2))), "x0 has no rows"),
    "rows that disagree": (
        lambda: st.minimize_many(lambda x, y: x, np.zeros((3, 2)), (np.zeros((4, 2)),)),
        r"args\[0\] has shape \(4, 2\): args need a row for each of the 3 problems; .*shared",
    ),
    "a number among args": (
        lambda: st.minimize_many(lambda x, y: x, np.zeros((3, 2)), (2.0,)),
        r"args\[0\] is 2.0: .* belongs in shared",
    ),
    "a start outside": (
        lambda: st.minimize_many(np.sum, np.array([[0.0], [9.0]]), bounds=(-1, 1)),
        r"problem 1 starts at 9 in parameter 0, outside of its bounds -1 and 1",
    ),
    "one set": (lambda: st.curve_fit_many(decay, T, Y[0]), r"shape \(N, m\), got \(20,\)"),
    "a wrong p0": (
        lambda: st.curve_fit_many(decay, T, Y, [1.0, 2.0]),
        "takes 3 parameters, amplitude, rate, offset: got 2 start values",
    ),
    "rows of p0": (
        lambda: st.curve_fit_many(decay, T, Y, np.ones((3, 3))),
        "p0 has 3 rows for 4 sets of data",
    ),
    "few points": (
        lambda: st.curve_fit_many(decay, T[:2], Y[:, :2]),
        "2 data points cannot determine 3 parameters",
    ),
    "sigma": (lambda: st.curve_fit_many(decay, T, Y, sigma=np.zeros(20)), "must be"),
    "mask": (
        lambda: st.curve_fit_many(decay, T, Y, mask=np.ones(20)),
        r"mask must have the shape of y, \(4, 20\), got \(20,\)",
    ),
    "NaN": (
        lambda: st.curve_fit_many(decay, T, Y * np.nan, nan_policy="raise"),
        "set 0 is not finite at point 0",
    ),
    "lengths": (
        lambda: st.curve_fit_many(decay, [T, T], [T, T[:5]]),
        r"x has rows of lengths \[20, 20\]..., y of \[20, 5\]",
    ),
    "a wrong shape": (
        lambda: st.curve_fit_many(lambda t, a: a * t[:5], T, Y),
        r"returns shape \(5,\) where y has shape \(20,\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_gets_a_sentence(name):
    call, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=sentence):
        call()
