"""Descents whose data are read in blocks: the bits of memory, interrupts, and little memory."""

import os
import signal
import threading
import tracemalloc

import numpy as np
import pytest

import steepest as st
from steepest.descent.problem import batches as batches_module
from steepest.descent.problem import evaluation
from steepest.engines.native.programs import strips
from steepest.engines.native.runs import streaming
from steepest.errors import ConcreteValueError, InputError, OptimizeWarning, UnsupportedError
from steepest.streams import opening

ROWS = 20_011


class Rows:
    """Rows of an array that are read when they are needed."""

    def __init__(self, array, interrupt_at=None):
        self._array, self.shape, self.dtype = array, array.shape, array.dtype
        self.reads, self._interrupt_at = 0, interrupt_at

    def read(self, start, stop):
        self.reads += 1
        if self.reads == self._interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)
        return self._array[start:stop].copy()


@pytest.fixture(autouse=True)
def _many_blocks(monkeypatch):
    monkeypatch.setattr(opening, "READ_WHOLE", 0)
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 1 << 16)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 3))
    return X, X @ [0.3, -0.2, 0.5] + 0.1 * rng.normal(size=ROWS)


def mean_square(w, X, y):
    return np.mean((X @ w - y) ** 2)


def logistic(w, X, y):
    z = X @ w
    return np.mean(np.logaddexp(0, z) - (y > 0) * z) + 0.01 * np.sum(w**2)


def weighted(w, X, y):
    weights = np.exp(-np.abs(y))
    return np.sum(weights * (X @ w - y) ** 2) / np.sum(weights)


def of_neighbors(w, X, y):
    slope = (X @ w)[1:] - (X @ w)[:-1]
    return np.sum((slope - (y[1:] - y[:-1])) ** 2) + np.mean(np.tanh(X @ w - y) ** 2)


def standardized(w, X, y):
    Z = (X - np.mean(X, axis=0)) / np.std(X, axis=0)
    return np.mean(np.logaddexp(0, Z @ w) - (y > 0) * (Z @ w))


def in_rounds(w, X, y):
    r = np.exp(0.1 * X @ w)
    r = (r - np.mean(r)) / np.std(r)
    return np.mean((r - y) ** 2) + 0.1 * np.max(np.abs(X @ w))


def of_columns(w, X, y):
    D = np.array([np.ones_like(y), np.sin(X[:, 0]), X[:, 1] ** 2])
    return np.mean((w @ D - X.T[2] * y) ** 2)


def in_a_loop(w, X, y):
    def step(scale, c):
        residual = X[1:] @ (scale * w) - c * y[:-1]
        return 0.5 * scale + np.mean(np.tanh(residual) ** 2) + 1e-9 * np.sum(X.T @ y), scale

    scale, scales = st.scan(step, np.mean(y**2), np.array([0.1, 0.2]))
    return scale + np.sum(scales) + np.mean((X @ w - y) ** 2)


def in_loops_that_nest(w, X, y):
    inner = lambda s, c: (s + np.mean(np.sin(X @ (s * w)) + c), s)
    outer = lambda s, c: (0.1 * st.scan(inner, s, np.ones(1))[0] + np.mean((c * X) @ w - y), s)
    return st.scan(outer, np.sum(w), np.array([0.1, 0.2]))[0] ** 2


LOSSES = [
    in_loops_that_nest,
    mean_square,
    logistic,
    weighted,
    of_neighbors,
    standardized,
    in_rounds,
    of_columns,
    in_a_loop,
]


class OfYourOwn(st.Search):
    """Newton's steps from exact products, with a state, and a report of its own."""

    def init(self, x):
        return np.ones(())

    def advance(self, base, trial, state, is_first):
        along = trial.hessian_times(trial.gradient)
        size = np.sum(trial.gradient**2) / np.sum(trial.gradient * along)
        return st.Move(True, trial.x - state * size * trial.gradient, 0.9 * state)


class Far(st.StopRule):
    def met(self, point):
        return np.sum(point.x**2) > 100.0


METHODS = [
    st.GradientDescent(0.05), st.Adam(), st.LBFGS(), st.BFGS(), st.NonlinearCG(), st.TrustRegion(),
    st.NewtonCG(), st.TrustRegion(exact=False), OfYourOwn(),
]  # fmt: skip
CASES = [(loss, st.LBFGS()) for loss in LOSSES] + [(logistic, method) for method in METHODS]


@pytest.mark.parametrize(
    ("loss", "method"), CASES, ids=lambda x: getattr(x, "__name__", type(x).__name__)
)
def test_a_descent_has_the_bits_of_memory(loss, method, data):
    X, y = data
    settings = {"method": method, "stop": st.GradientNormBelow(1e-7) | st.MaxIterations(6)}
    whole = st.minimize(loss, np.full(3, 0.1), (X, y), **settings)
    reader = Rows(X)
    streamed = st.minimize(loss, np.full(3, 0.1), (reader, Rows(y)), **settings)
    assert reader.reads > 8, "the data came in blocks"
    for name in ("x", "loss", "gradient", "iterations", "status"):
        assert np.array_equal(getattr(streamed, name), getattr(whole, name)), name
    assert np.array_equal(streamed.history.loss, whole.history.loss)


def test_more_parameters_than_a_shared_step_takes_have_the_bits_of_memory():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(3000, 80)), rng.normal(size=3000)
    stop = st.MaxIterations(4)
    for kind in (X, X.astype(np.float32)):
        start, target = np.zeros(80, kind.dtype), y.astype(kind.dtype)
        whole = st.minimize(mean_square, start, (kind, target), "lbfgs", stop=stop)
        streamed = st.minimize(mean_square, start, (Rows(kind), target), "lbfgs", stop=stop)
        assert np.array_equal(streamed.x, whole.x)


LAYOUTS = {
    "strided": lambda a: np.repeat(a, 3, axis=0)[::3],
    "of columns": np.asfortranarray,
    "reversed": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "of a wider array": lambda a: np.stack([a, 2 * a], axis=-1)[..., 0],
    "masked by nothing": np.ma.array,
}
SQUARE = np.random.default_rng(3).normal(size=(3, 3))


def turned(w, X, y, M):
    return np.mean((X @ (M @ w) - y) ** 2) + np.sum((SQUARE.T @ w) ** 2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_arrays_may_lie_in_any_order(layout, data):
    change, args = LAYOUTS[layout], (*data, SQUARE.T)
    whole = st.minimize(turned, np.zeros(3), args, "lbfgs")
    for place in range(3):
        others = [Rows(arg) if i != 2 else arg for i, arg in enumerate(args)]
        for read in (change,) if place == 2 else (change, lambda array: Rows(change(array))):
            given = [*others[:place], read(args[place]), *others[place + 1 :]]
            run = st.minimize(turned, np.zeros(3), tuple(given), "lbfgs")
            assert "streamed" in run.timings.tiers
            assert np.array_equal(run.x, whole.x), place


def of_columns_at_a_distance(lag):
    def loss(w, X):
        D = np.exp(np.array([0.1 * X[:, 0], 0.2 * X[:, 1], np.sin(X[:, 0])]))
        U = np.tanh(D / np.mean(D, axis=1)[:, None] * w[:, None])
        U = U - np.mean(U, axis=1)[:, None]
        return np.mean((U[:, lag:] - U[:, :-lag]) ** 2) + np.mean((w @ D - 1) ** 2)

    return loss


@pytest.mark.parametrize("lag", [100, 9000])
def test_rows_at_any_distance_have_the_bits_of_memory(lag, data, monkeypatch):
    for module in (streaming, strips):
        monkeypatch.setattr(module, "MOST_ROWS", 1 << 10)
    settings = {"method": st.GradientDescent(0.01), "stop": st.MaxIterations(2)}
    loss = of_columns_at_a_distance(lag)
    whole = st.minimize(loss, np.ones(3), (data[0],), **settings)
    streamed = st.minimize(loss, np.ones(3), (Rows(data[0]),), **settings)
    assert np.array_equal(streamed.x, whole.x)
    assert streamed.loss == whole.loss


def decay(p, t, y):
    return p[0] * np.exp(-p[1] * t) + p[2] - y


FITS = {
    "plain": {},
    "bounds": {"bounds": ([0, 0, 0], [1.5, 5, 5])},
    "robust": {"loss": "soft_l1"},
    "Gauss-Newton": {"method": st.GaussNewton()},
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.filterwarnings("ignore::steepest.FitWarning")
def test_least_squares_have_the_bits_of_memory(name):
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 4, ROWS)
    y = 2 * np.exp(-0.7 * t) + 0.3 + 0.05 * rng.normal(size=ROWS)
    whole = st.least_squares(decay, np.array([1.0, 1, 0]), (t, y), **FITS[name])
    streamed = st.least_squares(decay, np.array([1.0, 1, 0]), (Rows(t), Rows(y)), **FITS[name])
    assert np.array_equal(streamed.x, whole.x)
    assert streamed.loss == whole.loss
    np.testing.assert_allclose(streamed.covariance, whole.covariance, rtol=1e-12)
    with pytest.raises(InputError, match="residuals and Jacobian of all rows are not kept"):
        _ = streamed.residuals


@pytest.mark.parametrize("name", ["bounds", "robust"])
@pytest.mark.filterwarnings("ignore::steepest.FitWarning")
def test_a_jacobian_of_many_parameters_has_the_bits_of_memory(name, data, monkeypatch):
    """Memory has all rows of its columns, one after the other; blocks have all columns."""
    monkeypatch.setattr(evaluation, "UNROLLED", 2)
    X, y = data
    wave = lambda w, X, y: np.tanh(X @ w) + 0.1 * w[0] * np.sin(w[1] * y) - y
    whole = st.least_squares(wave, np.full(3, 0.5), (X, y), **FITS[name])
    streamed = st.least_squares(wave, np.full(3, 0.5), (Rows(X), Rows(y)), **FITS[name])
    assert np.array_equal(streamed.x, whole.x)
    assert streamed.loss == whole.loss
    np.testing.assert_allclose(streamed.covariance, whole.covariance, rtol=1e-12)


@pytest.mark.parametrize("shuffle", [False, "blocks"])
@pytest.mark.parametrize("size", [64, 1500, ROWS])
def test_minibatches_have_the_bits_of_memory(shuffle, size, data, monkeypatch):
    monkeypatch.setattr(batches_module, "_BLOCK", 1000)
    X, y = data
    settings = {"batches": st.Batches(size, 2, shuffle)}
    whole = st.minimize(logistic, np.zeros(3), (X, y), **settings)
    streamed = st.minimize(logistic, np.zeros(3), (Rows(X), y), **settings)
    assert np.array_equal(streamed.x, whole.x)
    assert np.array_equal(streamed.history.loss, whole.history.loss)


def test_minibatches_read_as_often_with_a_callback_as_without(data):
    reads = []
    for callback in (None, lambda state: None):
        reader = Rows(data[0])
        batches = st.Batches(640, 2, "blocks")
        st.minimize(logistic, np.zeros(3), (reader, data[1]), batches=batches, callback=callback)
        reads.append(reader.reads)
    assert reads[1] <= reads[0] + 2 < 64


RUNS = {
    "search": {"method": st.LBFGS(), "stop": st.MaxIterations(8)},
    "method": {"method": st.GradientDescent(0.1), "stop": st.MaxIterations(8)},
    "minibatches": {"method": st.Adam(), "batches": st.Batches(640, 2, "blocks")},
}


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.parametrize("ending", ["Ctrl-C", "callback", "Ctrl-C in a read"])
@pytest.mark.filterwarnings("ignore::steepest.OptimizeWarning")
def test_a_run_of_any_kind_that_ended_early_can_be_resumed(
    kind, ending, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(batches_module, "_BLOCK", 1000)
    X, y = data
    stop = {"Ctrl-C": lambda: os.kill(os.getpid(), signal.SIGINT), "callback": lambda: True}
    see = lambda state: state.iteration == 3 and stop.get(ending, lambda: False)()
    reader = Rows(X, 3 if ending == "Ctrl-C in a read" else None)
    run = st.minimize(logistic, np.zeros(3), (reader, y), callback=see, **RUNS[kind])
    assert run.status is (st.Status.CALLBACK if ending == "callback" else st.Status.INTERRUPTED)
    run.save(tmp_path / "run")
    resumed = st.resume(tmp_path / "run", logistic, (Rows(X), y))
    whole = st.minimize(logistic, np.zeros(3), (X, y), **RUNS[kind])
    assert np.array_equal(resumed.x, whole.x)


class Slow(Rows):
    """Rows of which a read ahead takes long, and Ctrl-C is pressed meanwhile."""

    def read(self, start, stop):
        if threading.current_thread() is not threading.main_thread() and not self.waits.is_set():
            if self.is_first.acquire(blocking=False):
                os.kill(os.getpid(), signal.SIGINT)
            self.waits.wait(30)
        return super().read(start, stop)


@pytest.mark.parametrize("kind", RUNS)
@pytest.mark.filterwarnings("ignore::steepest.OptimizeWarning")
def test_an_interrupt_does_not_wait_for_a_reader(kind, data, monkeypatch):
    monkeypatch.setattr(batches_module, "_BLOCK", 1000)
    slow = Slow(data[0])
    slow.waits, slow.is_first = threading.Event(), threading.Lock()
    try:
        run = st.minimize(logistic, np.zeros(3), (slow, data[1]), **RUNS[kind])
        assert run.status is st.Status.INTERRUPTED
        assert not slow.waits.is_set(), "no read ahead has returned"
    finally:
        slow.waits.set()


def test_shuffled_blocks_take_every_row_once(monkeypatch):
    monkeypatch.setattr(batches_module, "_BLOCK", 100)
    batches = st.Batches(10, shuffle="blocks", seed=3)
    first, second = batches.order(1234, 0), batches.order(1234, 1)
    assert sorted(first) == sorted(second) == list(range(1234))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, batches.order(1234, 0))
    with pytest.raises(InputError, match="needs True, False or 'blocks'"):
        st.Batches(10, shuffle="rows")


@pytest.mark.parametrize("method", [st.LBFGS(), st.GradientDescent(0.1)], ids=["search", "method"])
@pytest.mark.parametrize("at", [2, 30])
def test_an_interrupt_ends_a_pass_and_the_run_can_be_resumed(method, at, data, tmp_path):
    X, y = data
    reader = Rows(X, at)
    with pytest.warns(OptimizeWarning, match="interrupted"):
        run = st.minimize(logistic, np.zeros(3), (reader, y), method, stop=st.MaxIterations(8))
    assert run.status is st.Status.INTERRUPTED
    assert reader.reads <= at + 4, "the pass was given up, and none followed"
    whole = st.minimize(logistic, np.zeros(3), (X, y), method, stop=st.MaxIterations(8))
    if at == 2:
        assert np.isnan(run.loss), "no evaluation was finished"
    else:
        assert run.loss in whole.history.loss
    run.save(tmp_path / "run")
    resumed = st.resume(tmp_path / "run", logistic, (Rows(X), y))
    assert np.array_equal(resumed.x, whole.x)
    assert np.array_equal(resumed.history.loss, whole.history.loss)
    with pytest.raises(InputError, match="args are not those"):
        st.resume(tmp_path / "run", logistic, (Rows(2 * X), y))


def branches_on_parameters(w, X, y):
    if w[0] > 0.1:
        return np.mean((X @ w - y) ** 2)
    return np.mean(np.abs(X @ w - y) ** 3) + (1.0 if w[2] < 0.1 else 0.5)


@pytest.mark.parametrize(
    "method",
    [st.GradientDescent(0.2), st.LBFGS(), st.NewtonCG(), OfYourOwn()],
    ids=lambda method: type(method).__name__,
)
def test_a_loss_that_branches_on_parameters_takes_the_paths_of_memory(method, data):
    X, y = data
    settings = {"method": method, "stop": st.MaxIterations(8)}
    if method == st.LBFGS():
        settings["callback"] = lambda state: state.loss > 100  # a pass between two iterations
    whole = st.minimize(branches_on_parameters, np.full(3, 0.01), (X, y), **settings)
    streamed = st.minimize(branches_on_parameters, np.full(3, 0.01), (Rows(X), y), **settings)
    assert streamed.x[0] > 0.1
    assert (streamed.iterations, streamed.status) == (whole.iterations, whole.status)
    np.testing.assert_allclose(streamed.history.loss, whole.history.loss, rtol=1e-9)
    np.testing.assert_allclose(streamed.x, whole.x, rtol=1e-7)
    np.testing.assert_allclose(streamed.gradient, whole.gradient, rtol=1e-5, atol=1e-9)


ENDED = {
    "all epochs": {"method": st.Adam(), "batches": st.Batches(640, 1, "blocks")},
    "no decrease is left": {"method": st.LBFGS(), "stop": st.GradientNormBelow(0)},
    "callback": {
        "method": st.GradientDescent(0.1), "stop": st.MaxIterations(4),
        "callback": lambda state: state.iteration == 3,
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ENDED)
def test_an_interrupt_in_the_pass_after_the_last_iteration_keeps_the_run(kind, data, tmp_path):
    """The gradient at the point that is returned takes a pass of its own."""
    X, y = data
    reader = Rows(X)
    whole = st.minimize(logistic, np.zeros(3), (reader, y), **ENDED[kind])
    assert whole.status is not st.Status.INTERRUPTED
    args = (Rows(X, reader.reads - 5), y)
    with pytest.warns(OptimizeWarning, match="interrupted"):
        run = st.minimize(logistic, np.zeros(3), args, **ENDED[kind])
    assert run.status is st.Status.INTERRUPTED
    if kind == "callback":
        assert (run.iterations, run.loss) == (2, whole.history.loss[2])
    else:
        assert np.array_equal(run.x, whole.x)
        assert np.isnan(run.loss) if kind == "all epochs" else run.loss == whole.loss
    run.save(tmp_path / "run")
    assert st.resume(tmp_path / "run", logistic, (Rows(X), y)).iterations >= whole.iterations


def test_callbacks_see_every_iteration(data):
    X, y = data
    seen = []
    see = lambda state: seen.append((state.iteration, float(state.loss)))
    stop = st.MaxIterations(3)
    run = st.minimize(logistic, np.zeros(3), (Rows(X), y), st.Adam(), stop=stop, callback=see)
    assert [iteration for iteration, _ in seen] == [1, 2, 3]
    np.testing.assert_allclose([loss for _, loss in seen], run.history.loss[1:], rtol=1e-12)


@pytest.mark.parametrize("fit", [st.minimize, st.least_squares])
@pytest.mark.filterwarnings("ignore::steepest.FitWarning")
def test_nan_is_named_with_its_block_and_row(fit):
    values = np.ones((50_000, 2))
    values[47_118, 1] = np.nan
    pieces = lambda: (values[start : start + 10] for start in range(0, len(values), 10))
    function = lambda w, X: X @ w - 1 if fit is st.least_squares else np.sum((X @ w) ** 2)
    expected = "has nan in row 47118, in block 4711, column 1"
    if fit is st.least_squares:
        with pytest.raises(InputError, match=expected):
            fit(function, np.zeros(2), st.blocks(pieces))
    else:
        assert expected in fit(function, np.zeros(2), (st.blocks(pieces),)).message


def branch_on_data(w, X, y):
    return np.sum((X @ w) ** 2) if X[0, 0] > 0 else np.sum(X @ w)


def number_of_data(w, X, y):
    return float(X[0, 0]) * np.sum((X @ w) ** 2)


def sorted_rows(w, X, y):
    return np.sum(np.sort(X @ w - y)[:10])


def branch_on_sum(w, X, y):
    return np.sum((X @ w) ** 2) if np.mean(X @ w) > 0 else np.sum(X @ w)


def carried_rows(w, X, y):
    z = X @ w
    return np.sum(st.scan(lambda r, c: (np.sin(r + c), np.sum(r)), z, np.ones(2))[0] ** 2)


def running_sum(w, X, y):
    return np.sum(np.cumsum(X @ w - y) ** 2)


REFUSED = {
    branch_on_data: (ConcreteValueError, "a value of X, which is read in blocks, is needed"),
    branch_on_sum: (ConcreteValueError, "a value of .* in blocks, is needed"),
    number_of_data: (UnsupportedError, r"X, y cannot be read in blocks: getitem at .*\.py:\d+"),
    carried_rows: (UnsupportedError, r"X, y cannot be read in blocks: scan at .*\.py:\d+"),
    sorted_rows: (UnsupportedError, r"X, y cannot be read in blocks: argsort at .*\.py:\d+"),
    running_sum: (UnsupportedError, r"X, y cannot be read in blocks: cumsum at .*\.py:\d+"),
}


@pytest.mark.parametrize("loss", REFUSED, ids=lambda loss: loss.__name__)
def test_a_loss_that_needs_all_rows_is_refused_by_its_line(loss, data):
    kind, message = REFUSED[loss]
    X, y = data
    with pytest.raises(kind, match=message):
        st.minimize(loss, np.ones(3), (Rows(X), Rows(y)))


def network(p, X, y):
    return np.mean((np.tanh(X @ p["a"]) @ p["b"] - y) ** 2)


def by_columns(w, X, y):
    return np.sum(np.exp(0.1 * X) * w) ** 2


def by_products(W, X, y):
    return np.mean(np.tanh(X @ W) ** 2)


HIDDEN = {"a": np.full((100, 128), 0.01), "b": np.full(128, 0.1)}
WIDE = {
    "more columns than rows": (by_columns, np.ones(2000), (300, 2000)),
    "rows that fill the caches": (mean_square, np.zeros(20_000), (80, 20_000)),
    "columns that hold more bytes": (by_columns, np.ones(70), (3000, 70)),
    "large products": (network, HIDDEN, (3000, 100)),
    "sums as large as the data": (by_products, np.full((70, 64), 0.1), (320, 70)),
}


@pytest.mark.parametrize("name", WIDE)
def test_what_memory_does_not_divide_by_rows_is_equal_to_rounding(name):
    loss, start, shape = WIDE[name]
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), rng.normal(size=len(np.zeros(shape)))
    settings = {"method": st.GradientDescent(1e-4), "stop": st.MaxIterations(2)}
    whole = st.minimize(loss, start, (X, y), **settings)
    reader = Rows(X)
    streamed = st.minimize(loss, start, (reader, Rows(y)), **settings)
    assert reader.reads > 4
    np.testing.assert_allclose(streamed.loss, whole.loss, rtol=1e-10)
    np.testing.assert_allclose(streamed.vector, whole.vector, rtol=1e-9, atol=1e-12)


SETTINGS = {
    "another engine": ({"engine": "numpy"}, "the engine 'numpy' does not do"),
    "Gram matrix": ({"fast": True}, "fast=True needs all rows"),
    "precision": ({"compute_dtype": np.float32}, "the precision of the arithmetic"),
    "shuffling": ({"batches": st.Batches(10)}, "shuffle='blocks'"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_need_all_rows_are_refused(name, data):
    settings, message = SETTINGS[name]
    with pytest.raises(InputError, match=message):
        st.minimize(logistic, np.zeros(3), (Rows(data[0]), data[1]), **settings)


def test_a_hessian_of_many_parameters_has_the_bits_of_memory():
    X = np.random.default_rng(0).normal(size=(3000, 26))
    loss = lambda w, X: np.mean(np.logaddexp(0, X @ w) - 0.3 * (X @ w))
    settings = {"method": st.TrustRegion(), "stop": st.MaxIterations(2)}
    whole = st.minimize(loss, np.zeros(26), (X,), **settings)
    assert np.array_equal(st.minimize(loss, np.zeros(26), (Rows(X),), **settings).x, whole.x)


def test_the_largest_number_of_parameters_of_residuals_is_named():
    X = np.random.default_rng(0).normal(size=(3000, 65))
    with pytest.raises(InputError, match=r"LevenbergMarquardt .* with more than 64 parameters"):
        st.least_squares(lambda w, X: X @ w - 1, np.zeros(65), (Rows(X),))


@pytest.mark.parametrize("method", [st.NewtonCG(), st.TrustRegion(exact=False)], ids=repr)
def test_no_pass_follows_the_last_point(method, data):
    """The products for a step that is not made are not computed."""
    reads = []
    for stop in (st.MaxIterations(0), st.MaxIterations(1)):
        reader = Rows(data[0])
        st.minimize(logistic, np.full(3, 0.1), (reader, data[1]), method, stop=stop)
        reads.append(reader.reads)
    of_a_pass = reads[0] - 1  # one block is read when the data are opened
    assert reads[1] - reads[0] > of_a_pass, "a product is a pass of its own"


@pytest.mark.parametrize("method", [st.NewtonCG(), OfYourOwn()], ids=["loop", "yours"])
@pytest.mark.parametrize("rule", [st.MaxIterations(4), st.MaxIterations(4) | Far()])
@pytest.mark.filterwarnings("ignore::steepest.OptimizeWarning")
def test_an_interrupt_in_a_product_keeps_the_last_point(method, rule, data, tmp_path):
    settings = {"method": method, "stop": rule}
    whole = st.minimize(logistic, np.zeros(3), data, **settings)
    for at in (20, 60):
        run = st.minimize(logistic, np.zeros(3), (Rows(data[0], at), data[1]), **settings)
        assert run.status is st.Status.INTERRUPTED
        assert run.loss in whole.history.loss
        run.save(tmp_path / f"run{at}")
        resumed = st.resume(
            tmp_path / f"run{at}", logistic, (Rows(data[0]), data[1]), method=method, stop=rule
        )
        assert np.array_equal(resumed.x, whole.x)


class Made:
    """Rows that are made when they are read, from their numbers."""

    shape, dtype = (1_000_000, 4), np.dtype(float)

    def read(self, start, stop):
        return np.arange(4.0 * start, 4.0 * stop).reshape(-1, 4) % 7


@pytest.mark.parametrize("method", [st.LBFGS(), st.NewtonCG()], ids=["pass", "loop of passes"])
def test_memory_is_that_of_some_blocks(method, monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 1 << 18)
    loss = lambda w, X: np.mean(np.logaddexp(0, X @ w - 1))
    st.minimize(loss, np.zeros(4), (Made(),), method, stop=st.MaxIterations(0))  # compiles
    tracemalloc.start()
    try:
        st.minimize(loss, np.zeros(4), (Made(),), method, stop=st.MaxIterations(1))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    a_column = 8 * Made.shape[0]
    assert most < 4e6 < a_column, "no array has all rows"
