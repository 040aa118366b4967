"""Curve fits and likelihoods of data that are read in blocks, against the same data in memory."""

import os
import signal
import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

import steepest as st
from steepest.descent.problem.in_blocks import slope_sums, triangles
from steepest.descent.problem.in_blocks.row_by_row import values_in_blocks
from steepest.engines.native.runs import streaming
from steepest.errors import ConcreteValueError, InputError, UnsupportedError
from steepest.streams import opening, source

ROWS = 8201  # the triangle of fewer rows is made at once
NAMES = ["t", "u", "y", "s"]


@pytest.fixture(autouse=True)
def _many_blocks(monkeypatch):
    monkeypatch.setattr(opening, "READ_WHOLE", 0)
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 1 << 14)


def made():
    rng = np.random.default_rng(0)
    t, u = rng.uniform(0, 4, ROWS), rng.uniform(-1, 1, ROWS)
    s = rng.uniform(0.04, 0.06, ROWS)
    return t, u, 2 * np.exp(-0.7 * t) + 0.3 * u + s * rng.normal(size=ROWS), s


T, U, Y, S = made()


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


def of_columns(X, amplitude, rate, slope):
    return amplitude * np.exp(-rate * X[:, 0]) + slope * X[:, 1]


def of_pair(x, amplitude, rate, slope):
    t, u = x
    return amplitude * np.exp(-rate * t) + slope * u


def of_names(x, amplitude, rate, slope):
    return amplitude * np.exp(-rate * x["t"]) + slope * x["u"]


def parquet(folder, *columns):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = folder / "table.parquet"
    table = pa.table(dict(zip(NAMES, (T, U, Y, S), strict=True)))
    pq.write_table(table, path, row_group_size=700)
    return [st.blocks(path, columns=one) for one in columns]


X = np.column_stack([T, U])
DATA = {
    "one variable": (decay, T, lambda folder: parquet(folder, "t", "y", "s")),
    "columns of a table": (of_columns, X, lambda folder: parquet(folder, ["t", "u"], "y", "s")),
    "an array of columns": (of_columns, X, lambda _: map(st.blocks, (X, Y, S))),
    "a tuple": (of_pair, (T, U), lambda _: ((st.blocks(T), U), st.blocks(Y), S)),
    "a dict": (of_names, {"t": T, "u": U}, lambda _: ({"t": T, "u": st.blocks(U)}, Y, S)),
    "y alone": (of_pair, np.stack([T, U]), lambda _: (np.stack([T, U]), st.blocks(Y), S)),
    "x alone": (decay, T, lambda _: (st.blocks(T), Y, st.blocks(S))),
    "a function": (decay, T, lambda _: st.blocks(lambda: zip(*(np.split(a, [900, 1000])
                                                              for a in (T, Y, S))))),
}  # fmt: skip
MARKED = {"amplitude": st.Positive(1.0), "rate": 1.0, "offset": st.Fixed(0.0)}
SETTINGS = {
    "no sigma": ({}, None),
    "sigma": ({}, "each"),
    "absolute": ({"absolute_sigma": True}, "each"),
    "one sigma": ({"absolute_sigma": True}, 0.05),
    "bounds": ({"bounds": ([0, 0, 0], [1.5, 5, 5])}, None),
    "robust": ({"loss": "soft_l1", "f_scale": 0.1}, "each"),
    "marked": ({"p0": MARKED}, None),
}
STATISTICS = [
    *("chi_square", "reduced_chi_square", "degrees_of_freedom", "observations", "r_squared"),
    *("log_likelihood", "aic", "aicc", "bic", "values", "covariance", "correlation", "rank"),
]


def pair(model, x, given, sigma=None, **settings):
    """Return the fit in memory, and that in blocks."""
    gx, gy, gs = given
    inside = S if isinstance(sigma, str) else sigma
    one = st.curve_fit(model, x, Y, sigma=inside, **settings)
    return one, st.curve_fit(model, gx, gy, sigma=gs if isinstance(sigma, str) else sigma,
                             **settings)  # fmt: skip


def check_alike(whole, streamed):
    assert "streamed" in streamed.timings.tiers
    assert np.array_equal(streamed.values, whole.values)
    assert streamed.loss == whole.loss
    assert np.array_equal(streamed.history.loss, whole.history.loss)
    for name in STATISTICS:
        np.testing.assert_allclose(
            getattr(streamed, name), getattr(whole, name), rtol=1e-9, err_msg=name
        )
    assert streamed.remarks == whole.remarks


@pytest.mark.parametrize("name", DATA)
def test_data_of_any_kind_give_the_fit_of_memory(name, tmp_path):
    model, x, given = DATA[name]
    check_alike(*pair(model, x, given(tmp_path), "each"))


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.filterwarnings("ignore::steepest.FitWarning")
def test_settings_of_any_kind_give_the_fit_of_memory(name):
    settings, sigma = SETTINGS[name]
    check_alike(*pair(decay, T, map(st.blocks, (T, Y, S)), sigma, **settings))


def slopes(t, amplitude, rate, offset):
    power = np.exp(-rate * t)
    return np.column_stack([power, -amplitude * t * power, np.ones_like(t)])


def test_a_fit_in_blocks_is_that_of_scipy():
    x, y, sigma = map(st.blocks, (T, Y, S))
    fit = st.curve_fit(decay, x, y, sigma=sigma, absolute_sigma=True)
    exact = {"jac": slopes, "ftol": 1e-14, "xtol": 1e-14}
    popt, pcov = scipy.optimize.curve_fit(decay, T, Y, sigma=S, absolute_sigma=True, **exact)
    np.testing.assert_allclose(fit.popt, popt, rtol=1e-7)
    np.testing.assert_allclose(fit.pcov, pcov, rtol=1e-7)


def test_what_a_fit_in_blocks_answers_is_what_memory_answers():
    whole, streamed = pair(decay, T, map(st.blocks, (T, Y, S)))
    lines = [fit.report().splitlines() for fit in (whole, streamed)]
    assert lines[0] == lines[1]
    at = np.linspace(0, 4, 7)
    for ask in (
        lambda fit: fit.predict(at),
        lambda fit: fit.band(at),
        lambda fit: fit.band(at, kind="prediction"),
        lambda fit: fit.derive(lambda p: np.log(2) / p["rate"]),
        lambda fit: fit.confidence_intervals(0.9),
        lambda fit: list(fit.standard_errors),
        lambda fit: fit.optimality,
    ):
        np.testing.assert_allclose(ask(streamed), ask(whole), rtol=1e-9)


def test_integers_and_single_precision_become_double_as_in_memory():
    t, y = np.round(10 * T).astype(np.int32), Y.astype(np.float32)
    line = lambda t, a, b: a + b * t
    whole = st.curve_fit(line, t, y)
    streamed = st.curve_fit(line, st.blocks(t), st.blocks(y))
    assert np.array_equal(streamed.x, whole.x)
    start = np.ones(2, np.float32)
    single = [st.curve_fit(line, *data, start) for data in ((t, y), (st.blocks(t), st.blocks(y)))]
    assert np.array_equal(single[0].x, single[1].x)


def test_fits_in_blocks_are_compared_as_those_in_memory():
    models = [decay, lambda t, a, rate: a * np.exp(-rate * t)]
    data = (T, Y), (st.blocks(T), st.blocks(Y))
    fits = [[st.curve_fit(model, *each) for model in models] for each in data]
    whole, streamed = (st.compare_fits(*each, names=["one", "two"]) for each in fits)
    assert str(streamed) == str(whole)
    mixed = st.compare_fits(fits[0][0], fits[1][1], names=["one", "two"])
    assert str(mixed) == str(whole), "the data are the same, wherever they are"
    other = st.curve_fit(decay, st.blocks(T), st.blocks(Y + (np.arange(ROWS) == ROWS - 1)))
    with pytest.raises(InputError, match="y differs"):
        st.compare_fits(other, fits[1][1])


def test_predictions_of_rows_on_disk_are_those_of_memory(tmp_path):
    whole, streamed = pair(of_columns, X, parquet(tmp_path, ["t", "u"], "y", "s"))
    (again,) = parquet(tmp_path, ["t", "u"])
    assert np.array_equal(streamed.predict(again), whole.predict(X))
    (t, u) = parquet(tmp_path, "t", "u")
    of_two = st.curve_fit(of_pair, (T, U), Y)
    assert np.array_equal(of_two.predict((t, u)), of_two.predict((T, U)))
    assert np.array_equal(of_two.predict((t, U)), of_two.predict((T, U)))
    constant = st.curve_fit(lambda t, a: a, st.blocks(T), st.blocks(Y))
    assert constant.predict(st.blocks(T)).shape == (ROWS,)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_blocks_of_one_row_are_no_constants(rows, monkeypatch):
    fit = st.curve_fit(decay, T, Y)
    monkeypatch.setattr(source, "_SEARCHED_BYTES", 8)
    assert np.array_equal(fit.predict(st.blocks(T[:rows])), fit.predict(T[:rows]))


def test_rows_as_long_as_they_are_many_are_no_constants():
    square = np.random.default_rng(0).normal(size=(40, 40))
    mean = lambda x, a: a * np.mean(x) + 0 * x[:, 0]
    total = lambda x, a: a * np.sum(x)
    for model in (mean, total):
        fit = st.curve_fit(model, square, np.ones(40))
        with pytest.raises(InputError, match="several rows"):
            fit.predict(st.blocks(square))


CAPTURED = np.linspace(0, 1, ROWS)
BY_ROWS = {
    "number of rows": lambda t, a, b: a * t / len(t) + b * t.size * t.shape[0],
    "branch on it": lambda t, a, b: a * t + b if len(t) > ROWS // 2 else a * t - b,
    "place of a row": lambda t, a, b: a * t + b * np.linspace(0, 1, len(t)) + np.arange(len(t)),
    "captured": lambda t, a, b: a + b * t * CAPTURED,
    "sum of ones": lambda t, a, b: a * t / np.sum(np.ones_like(t)) + b * np.mean(CAPTURED),
    "polynomial": lambda t, a, b: np.polyval([a, b], t),
    "powers": lambda t, a, b: sum(c * t**k for k, c in enumerate([a, b])),
    "ones": lambda t, a, b: a * np.ones_like(t) + b * t,
    "numbers": lambda t, a, b: np.full(len(t), a) + 0 * b,
    "numbers and rows": lambda t, a, b: np.full(len(t), a) + b * t,
    "columns": lambda t, a, b: np.column_stack([t, np.ones(len(t))]) @ np.stack([a, b]),
    "matrix": lambda t, a, b: np.vander(t, 2) * np.array([a, b]) / len(t),
    "one number": lambda t, a, b: a + b,
}


@pytest.mark.parametrize("name", BY_ROWS)
def test_values_in_blocks_are_those_of_all_rows(name, monkeypatch):
    monkeypatch.setattr(source, "_SEARCHED_BYTES", 1 << 13)
    model = lambda t: BY_ROWS[name](t, np.float64(2.0), np.float64(0.3))
    found = values_in_blocks(model, st.blocks(T), BY_ROWS[name])
    expected = np.broadcast_to(model(T), found.shape)
    assert len(found) == ROWS
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_arrays_in_memory_beside_rows_in_blocks_are_whole(monkeypatch):
    monkeypatch.setattr(source, "_SEARCHED_BYTES", 1 << 13)
    model = lambda x: x[0] * x[1] / x[1][-1] - np.sum(x[1]) / len(x[0])
    found = values_in_blocks(model, (st.blocks(T), CAPTURED + 1), model)
    np.testing.assert_allclose(found, model((T, CAPTURED + 1)), rtol=1e-14)


NOT_BY_ROWS = {
    "mean": lambda t, a, b: a + b * (t - np.mean(t)),
    "first": lambda t, a, b: a + b * (t - t[0]),
    "neighbors": lambda t, a, b: a + b * np.concatenate([t[:1], t[1:] - t[:-1]]),
    "reversed": lambda t, a, b: a + b * t[::-1],
    "branch": lambda t, a, b: a + b * t if np.all(t >= 0) else a,
}


@pytest.mark.parametrize("name", NOT_BY_ROWS)
def test_predictions_that_need_other_rows_are_refused(name):
    fit = st.curve_fit(NOT_BY_ROWS[name], T, Y)
    with pytest.raises((InputError, ConcreteValueError), match=r"several rows|in blocks"):
        fit.predict(st.blocks(T))


@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
def test_fits_of_many_parameters_have_their_errors(loss, monkeypatch):
    monkeypatch.setattr(slope_sums, "MOST_DIRECTIONS", 2)
    monkeypatch.setattr(triangles, "UNROLLED_IN_BLOCKS", 2)
    settings = {"method": "lbfgs", "loss": loss, "stop": st.GradientNormBelow(1e-6)}
    whole, streamed = pair(decay, T, map(st.blocks, (T, Y, S)), "each", **settings)
    assert np.array_equal(streamed.x, whole.x)
    np.testing.assert_allclose(streamed.standard_errors, whole.standard_errors, rtol=1e-7)


def test_many_parameters_that_the_data_do_not_determine_are_named(monkeypatch):
    monkeypatch.setattr(triangles, "UNROLLED_IN_BLOCKS", 2)
    twice = lambda t, a, b, rate: (a + b) * np.exp(-rate * t)
    settings = {"method": "lbfgs", "stop": st.GradientNormBelow(1e-6)}
    with pytest.warns(st.FitWarning, match="do not determine a and b"):
        st.curve_fit(twice, st.blocks(T), st.blocks(Y), **settings)


@pytest.mark.filterwarnings("ignore:MaxIterations")
@pytest.mark.parametrize("apart", [1e-3, 1e-5, 1e-6, 1e-7])
def test_many_parameters_that_are_nearly_dependent_have_their_errors(apart, monkeypatch):
    monkeypatch.setattr(slope_sums, "MOST_DIRECTIONS", 2)
    monkeypatch.setattr(triangles, "UNROLLED_IN_BLOCKS", 2)
    near = lambda t, a, b, c: a * t + b * (t + apart * np.cos(5 * t)) + c
    fits = [
        st.curve_fit(near, t, y, method="lbfgs", stop=st.MaxIterations(3))
        for t, y in ((T, Y), (st.blocks(T), st.blocks(Y)))
    ]
    (whole, of_whole), (blocks, of_blocks) = ((fit.rank, fit.standard_errors) for fit in fits)
    assert blocks == whole == 3
    relative = lambda fit, errors: np.array(list(errors)) / np.sqrt(fit.reduced_chi_square)
    np.testing.assert_allclose(
        relative(fits[1], of_blocks), relative(fits[0], of_whole), rtol=1e-14 / apart + 1e-7
    )


@pytest.mark.parametrize("rows", [3, 40, 3000])
def test_fits_of_few_rows_in_blocks_have_the_bits_of_memory(rows):
    t, y = T[:rows], Y[:rows]
    for settings in ({}, {"bounds": ([-1] * 2, [1.5, 5])}):
        line = lambda t, a, b: a + b * t
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", st.FitWarning)
            whole = st.curve_fit(line, t, y, **settings)
            streamed = st.curve_fit(line, st.blocks(t), st.blocks(y), **settings)
        assert np.array_equal(streamed.values, whole.values)
        assert streamed.rank == whole.rank


def test_labels_of_chunked_data_are_kept(tmp_path):
    zarr = pytest.importorskip("zarr")
    t = zarr.create_array(tmp_path / "t", data=T, attributes={"units": "s"})
    fit = st.curve_fit(decay, t, Y)
    assert "[s]" in fit.data.labels[0]


NEED_MEMORY = {
    "a band": lambda fit: fit.band(st.blocks(T)),
    "residuals": lambda fit: fit.residuals,
    "jacobian": lambda fit: fit.jacobian,
    "infodict": lambda fit: fit.infodict,
    "to_frame": lambda fit: fit.to_frame(),
    "bootstrap": lambda fit: fit.bootstrap(10),
    "plot": lambda fit: fit.plot(),
    "profile": lambda fit: fit.profile("rate"),
    "intervals": lambda fit: fit.confidence_intervals(method="profile"),
    "contour": lambda fit: fit.contour("rate", "offset"),
}


@pytest.mark.parametrize("name", NEED_MEMORY)
def test_what_needs_all_rows_says_what_to_write(name):
    fit = st.curve_fit(decay, st.blocks(T), st.blocks(Y))
    with pytest.raises(
        InputError, match=r"is read in blocks, so that .*(fit\.|in memory)|give some rows"
    ):
        NEED_MEMORY[name](fit)


BAD = 3456


def wrong(values, number):
    values = values.copy()
    values[BAD] = number
    return values


FAULTS = {
    "nan in y": (lambda: (T, wrong(Y, np.nan), S), {}, f"^y has nan in row {BAD}"),
    "infinity in x": (lambda: (wrong(T, np.inf), Y, S), {}, f"^x has inf in row {BAD}"),
    "infinity in sigma": (lambda: (T, Y, wrong(S, np.inf)), {}, f"^sigma has inf in row {BAD}"),
    "sigma of 0": (lambda: (T, Y, wrong(S, 0.0)), {}, f"0.0 in row {BAD}.*must be positive"),
    "omit": (lambda: (T, Y, S), {"nan_policy": "omit"}, "nan_policy='omit' needs all data"),
    "covariance": (lambda: (T, Y, np.eye(ROWS)), {}, "take standard deviations"),
    "full output": (lambda: (T, Y, S), {"full_output": True}, "leave it out, and read fit.nfev"),
    "engine": (lambda: (T, Y, S), {"engine": "numpy"}, "the engine 'numpy' does not do"),
    "lengths": (lambda: (T, Y[1:], S), {}, "number of rows: x has 8201, y has 8200, sigma has"),
    "complex": (lambda: (T, Y + 1j, S), {}, "real numbers are needed"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_data_in_blocks_are_named(name):
    data, settings, message = FAULTS[name]
    x, y, sigma = (st.blocks(part) for part in data())
    with pytest.raises(InputError, match=message):
        st.curve_fit(decay, x, y, sigma=sigma, **settings)


def test_data_that_are_not_checked_are_not_read_more_often():
    class Counted:
        shape, dtype, reads = T.shape, T.dtype, 0

        def read(self, start, stop):
            self.reads += start == 0
            return T[start:stop]

    passes = []
    for check in (True, False):
        counted = Counted()
        fit = st.curve_fit(decay, counted, st.blocks(Y), check_finite=check)
        passes.append(counted.reads - fit.evaluations)
    assert passes[0] == passes[1] + 1


class Interrupting:
    """Data at whose n-th read Ctrl-C is pressed."""

    def __init__(self, array, at):
        self._array, self.shape, self.dtype, self.left = array, array.shape, array.dtype, at

    def read(self, start, stop):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return self._array[start:stop]


FITS = {
    "curve_fit": lambda y: st.curve_fit(decay, T, y, check_finite=False),
    "maximum_likelihood": lambda y: st.maximum_likelihood(
        gamma, y, {"shape": 1.0, "scale": 1.0}, bounds=({"shape": 0.01, "scale": 0.01}, None)
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_an_interrupted_fit_is_returned_without_another_pass(name):
    data = Interrupting(Y if name == "curve_fit" else POSITIVE, 30)
    with pytest.warns(st.OptimizeWarning, match="interrupted"):
        fit = FITS[name](data)
    assert fit.status is st.Status.INTERRUPTED
    assert data.left >= -5, "no pass followed"
    assert np.isfinite(fit.values).all()


def of_peak(t, height, center, width, rest):
    return rest + height * np.exp(-(((t - center) / width) ** 2))


def test_a_fit_that_lost_rank_says_so_as_in_memory():
    start = [1.0, 300.0, 1.0, 0.0]  # a peak far from all data
    for data in ((T, Y), (st.blocks(T), st.blocks(Y))):
        with pytest.warns(st.FitWarning, match="the Jacobian is singular"):
            fit = st.curve_fit(of_peak, *data, start)
        assert fit.status is st.Status.SINGULAR


def test_a_start_can_be_guessed_from_some_rows():
    fit = st.curve_fit(decay, st.blocks(T), st.blocks(Y), "guess")
    np.testing.assert_allclose(fit.x, st.curve_fit(decay, T, Y).x, rtol=1e-6)


def test_a_saved_curve_fit_in_blocks_can_be_resumed(tmp_path):
    data = st.blocks(T), st.blocks(Y), st.blocks(S)
    stop = st.MaxIterations(2)
    with pytest.warns(st.FitWarning):
        first = st.curve_fit(decay, data[0], data[1], sigma=data[2], stop=stop)
    first.save(tmp_path / "fit")
    goal = st.GradientNormBelow(1e-6)
    resumed = st.resume(tmp_path / "fit", decay, data, stop=goal)
    whole = st.curve_fit(decay, T, Y, sigma=S, stop=goal)
    assert np.array_equal(resumed.x, whole.x)


POSITIVE = 2.0 * np.random.default_rng(1).gamma(2.5, size=ROWS)


def gamma(data, shape, scale):
    return scipy.stats.gamma.logpdf(data, shape, scale=scale)


def normal(data, slope, offset, width):
    x, y = (data["x"], data["y"]) if isinstance(data, dict) else (data[:, 0], data[:, 1])
    z = (y - slope * x - offset) / width
    return -0.5 * z**2 - np.log(width)


XY = np.column_stack([T, Y])
LIKELIHOODS = {
    "one variable": (gamma, POSITIVE, lambda: st.blocks(POSITIVE), {"shape": 1.0, "scale": 1.0}),
    "columns": (normal, XY, lambda: st.blocks(XY), np.ones(3)),
    "a dict": (
        normal, {"x": T, "y": Y}, lambda: {"x": T, "y": st.blocks(Y)},
        {"slope": 1.0, "offset": 0.0, "width": st.Positive(1.0)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_likelihoods_of_data_in_blocks_are_those_of_memory(name):
    logpdf, data, given, start = LIKELIHOODS[name]
    whole = st.maximum_likelihood(logpdf, data, start)
    streamed = st.maximum_likelihood(logpdf, given(), start)
    assert "streamed" in streamed.timings.tiers
    assert np.array_equal(streamed.values, whole.values)
    assert streamed.loss == whole.loss
    assert streamed.observations == ROWS
    for field in ("covariance", "robust_covariance", "observed_information", "aic", "aicc", "bic"):
        expected = getattr(whole, field)
        size = 1e-9 * np.max(np.abs(expected))  # some elements are differences of equal numbers
        np.testing.assert_allclose(getattr(streamed, field), expected, rtol=1e-9, atol=size)
    assert streamed.report().splitlines()[2:] == whole.report().splitlines()[2:]
    assert st.compare_fits(whole, streamed).best


def test_standard_errors_of_a_likelihood_in_blocks_are_those_of_least_squares():
    X = np.column_stack([np.ones(ROWS), T])
    line = lambda d, a, b: -0.5 * (d[:, 1] - a - b * d[:, 0]) ** 2
    fit = st.maximum_likelihood(line, st.blocks(XY), np.zeros(2))
    b, *_ = np.linalg.lstsq(X, Y)
    np.testing.assert_allclose(fit.x, b, rtol=1e-7)
    bread, r = np.linalg.inv(X.T @ X), Y - X @ b
    np.testing.assert_allclose(fit.covariance, bread, rtol=1e-9)
    sandwich = bread @ (X.T * r**2) @ X @ bread  # White's HC0
    np.testing.assert_allclose(fit.robust_covariance, sandwich, rtol=1e-7)


ASKED = {
    "scores": lambda fit: fit.scores,
    "plot": lambda fit: fit.plot(),
    "profile": lambda fit: fit.profile("shape"),
    "contour": lambda fit: fit.contour("shape", "scale"),
}


@pytest.mark.parametrize("most", [1, 2, 4])
def test_derivatives_in_several_passes_are_those_of_memory(most, monkeypatch):
    monkeypatch.setattr(slope_sums, "MOST_DIRECTIONS", most)
    whole = st.maximum_likelihood(normal, XY, np.ones(3))
    streamed = st.maximum_likelihood(normal, st.blocks(XY), np.ones(3))
    for field in ("standard_errors", "robust_standard_errors"):
        expected, found = (getattr(fit, field) for fit in (whole, streamed))
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ASKED)
def test_what_a_likelihood_needs_all_data_for_says_what_to_write(name):
    fit = st.maximum_likelihood(gamma, st.blocks(POSITIVE), {"shape": 1.0, "scale": 1.0})
    with pytest.raises(InputError, match=r"is read in blocks, so that .*fit\."):
        ASKED[name](fit)


def of_numbers(data, loc, rest):
    return -0.5 * (data - loc) ** 2 - rest**2


def of_triples(data, loc, rest):
    return -0.5 * np.sum((data - loc) ** 2, axis=-1) - rest**2


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("logpdf", [of_numbers, of_triples])
def test_a_likelihood_of_a_few_rows_is_that_of_memory_or_is_refused(rows, logpdf):
    data, start = np.linspace(0, 1, 9).reshape(3, 3)[:rows], {"loc": 0.4, "rest": 0.1}
    data = data[:, 0] if logpdf is of_numbers else data
    if rows == 2 or data.shape == (3, 3):  # as many as parameters, or as numbers of a row
        with pytest.raises(UnsupportedError, match="data cannot be read in blocks: "):
            st.maximum_likelihood(logpdf, st.blocks(data), start)
    else:
        streamed = st.maximum_likelihood(logpdf, st.blocks(data), start)
        assert streamed.loss == st.maximum_likelihood(logpdf, data, start).loss


def test_a_fit_that_needs_all_rows_names_no_operation_of_its_own():
    ends = lambda t, a, b: np.concatenate([t[:1] * a, t[1:] * b])
    with pytest.raises(
        UnsupportedError, match=r"the Jacobian .* at test_fits_in_blocks"
    ) as raised:
        st.curve_fit(ends, st.blocks(T), st.blocks(Y))
    assert "fit_triangle" not in str(raised.value)


LIKELIHOOD_FAULTS = {
    "nan": (wrong(POSITIVE, np.nan), f"^data has nan in row {BAD}"),
    "impossible": (wrong(POSITIVE, -1.0), f"the log-density of datum {BAD} is -inf"),
}


@pytest.mark.parametrize("name", LIKELIHOOD_FAULTS)
def test_a_datum_that_is_impossible_is_named(name):
    data, message = LIKELIHOOD_FAULTS[name]
    with pytest.raises(InputError, match=message):
        st.maximum_likelihood(gamma, st.blocks(data), {"shape": 1.0, "scale": 1.0})
