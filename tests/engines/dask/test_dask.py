"""The engine "dask", on a cluster of two processes that all tests here share."""

import contextlib
import gc
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import steepest as st
from steepest.descent.running import solve_each
from steepest.engines.dask import many
from steepest.engines.dask.cluster import Tasks
from steepest.engines.dask.descent import _Groups
from steepest.errors import (
    ClusterError,
    EngineUnavailableError,
    InputError,
    SettingError,
    UnsupportedError,
)

dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client


@pytest.fixture
def engine(client):
    client.wait_for_workers(2, timeout=60)
    yield st.engines.Dask(client)
    wait_until(lambda: not client.run_on_scheduler(_number_of_tasks), "tasks are left")
    wait_until(lambda: not any(client.run(eval, BUSY_THREADS).values()), "tasks go on")
    gc.collect()
    assert not client.futures


BUSY_THREADS = "sum(len(w.active_threads) for w in __import__('distributed').Worker._instances)"


def _number_of_tasks(dask_scheduler):
    return len(dask_scheduler.tasks)


def wait_until(holds, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def on_worker(client, code, number=None):
    """Run some code on all workers, or on one."""
    addresses = sorted(client.nthreads())
    return client.run(exec, code, {}, workers=None if number is None else [addresses[number]])


# Many problems.


def decay(t, a, rate, offset):
    return a * np.exp(-rate * t) + offset


def many_curves(number):
    random = np.random.default_rng(0)
    t = np.linspace(0, 4, 12)
    truth = random.uniform([1, 0.5, 0], [3, 2, 1], (number, 3))
    y = decay(t, *truth.T[:, :, None]) + 0.02 * random.standard_normal((number, 12))
    return t, y


def assert_same(found, expected, *more):
    for name in ("vectors", "loss", "iterations", "evaluations", "status", *more):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
    assert found.engine == "dask"


def test_many_problems_have_the_bits_of_one_process(engine):
    t, y = many_curves(301)
    expected, found = (
        st.curve_fit_many(decay, t, y, [1.0, 1.0, 0.0], engine=each) for each in ("native", engine)
    )
    assert_same(found, expected, "standard_errors")

    def loss(x, center, weights):  # a loop, whose step is a graph in a node
        distance = weights @ (x - center) ** 2
        return st.while_loop(lambda s: s < 8, lambda s: 2 * s + 1, distance, max_steps=9)

    centers = np.random.default_rng(1).standard_normal((97, 3))
    expected, found = (
        st.minimize_many(
            loss, np.zeros((97, 3)), (centers,), (np.ones(3),),
            method=st.GradientDescent(0.01), stop=st.MaxIterations(20), engine=each,
        )
        for each in ("native", engine)
    )  # fmt: skip
    assert_same(found, expected)


def test_multistart_finds_the_same_minima(engine):
    def rastrigin(x):
        return np.sum(x**2 - 10 * np.cos(2 * np.pi * x) + 10)

    settings = {"bounds": [(-5, 5)] * 2, "count": 100, "seed": 0}
    expected, found = (st.multistart(rastrigin, **settings, engine=e) for e in ("native", engine))
    assert_same(found.runs, expected.runs)
    np.testing.assert_array_equal(found.best.x, expected.best.x)


def test_paths_that_workers_meet_are_traced_here_and_sent_again(engine, monkeypatch):
    met, extend = [], solve_each.extend
    monkeypatch.setattr(solve_each, "extend", lambda *args: met.append(0) or extend(*args))

    def branches(x, center):
        if x[0] > center[0] + 1:
            return (x[0] - center[0]) ** 2 + x[1] ** 2
        if x[0] > center[0]:
            return 2 * (x[0] - center[0]) ** 2 + x[1] ** 2
        return np.exp(center[0] - x[0]) + (x[1] - 1) ** 2

    centers = np.linspace(-3, 3, 20)[:, None]
    settings = {"method": st.GradientDescent(0.05), "stop": st.MaxIterations(60)}
    found = st.minimize_many(branches, np.zeros((20, 2)), (centers,), **settings, engine=engine)
    expected = st.minimize_many(branches, np.zeros((20, 2)), (centers,), **settings)
    assert_same(found, expected)
    assert len(met) == 2  # of three


def test_what_calls_python_is_refused_by_name(engine):
    def lookup(x):
        return np.asarray(float(x[0]) ** 2)

    lookup = st.black_box(lookup, derivative="differences")
    with pytest.raises(UnsupportedError, match=r"'dask' cannot send .*lookup.* calls Python"):
        st.minimize_many(lambda x: lookup(x) + x[1] ** 2, np.ones((2, 2)), engine=engine)
    with pytest.raises(UnsupportedError, match=r"'dask' cannot send .*lookup.* calls Python"):
        st.minimize(
            lambda p, y: lookup(p) + np.mean((y - p[1]) ** 2), np.ones(2), (DECAY,),
            engine=engine, method=st.Adam(0.1),
        )  # fmt: skip


def slow(x, target):  # never converges
    return np.sum(np.cos(x - target)) + 1e-3 * np.sum(x)


def press_ctrl_c(client, times):
    """Press Ctrl-C when tasks have run for some time; return the thread that does it."""

    def press():
        wait_until(lambda: any(client.processing().values()), "no task began")
        time.sleep(0.3)
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def solve_slowly(engine, count):
    targets = np.arange(2.0 * count).reshape(count, 2)
    return st.minimize_many(
        slow, np.zeros((count, 2)), (targets,), method=st.GradientDescent(1e-9), engine=engine,
        stop=st.MaxIterations(10**9),
    )  # fmt: skip


def test_ctrl_c_gives_what_many_problems_have_reached(engine, client):
    presser = press_ctrl_c(client, 1)
    with pytest.warns(st.OptimizeWarning, match="was interrupted"):
        many = solve_slowly(engine, 2000)
    presser.join()
    reached = many.iterations > 0
    assert 0 < np.count_nonzero(reached) < 2000
    assert np.isfinite(many.loss[reached]).all()
    assert {status.name for status in many.status.tolist()} == {"INTERRUPTED"}


@pytest.mark.parametrize("times", [2, 3])
def test_more_ctrl_c_ends_a_call_and_its_tasks(times, engine, client):
    presser = press_ctrl_c(client, times)
    with pytest.raises(KeyboardInterrupt):
        solve_slowly(engine, 64)
    with contextlib.suppress(KeyboardInterrupt):  # the last one may come after the call
        presser.join()
    presser.join()


# Rows of data.


def logistic(w, x, y):
    return np.mean(np.logaddexp(0, -y * (x @ w))) + 0.01 * np.sum(w**2)


def neighbors(p, y):  # rows that read their neighbors
    return np.mean((y[1:] - p[0] * y[:-1] - p[1]) ** 2)


def in_two_passes(p, x, y):  # the first pass computes the mean
    z = np.tanh(x @ p)
    return np.mean((z - np.mean(z) - y) ** 2)


def residuals(p, x, y):
    return p[0] * np.exp(-p[1] * x) + p[2] - y


RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((12_000, 4))
Y = np.sign(X @ np.arange(4) + RANDOM.standard_normal(len(X)))
T = np.linspace(0, 4, 40_000)
DECAY = decay(T, 2, 1, 0.5) + 0.1 * RANDOM.standard_normal(len(T))


def assert_same_run(found, expected):
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.history.loss, expected.history.loss)
    assert (found.loss, found.iterations, found.status) == (
        expected.loss, expected.iterations, expected.status,
    )  # fmt: skip
    assert found.engine == "dask"


@pytest.mark.parametrize(
    ("loss", "start", "args", "method"),
    [
        (logistic, np.zeros(4), (X, Y), st.LBFGS()),
        (neighbors, np.zeros(2), (DECAY,), st.Adam(0.1)),
        (in_two_passes, np.full(4, 0.1), (X, Y), st.GradientDescent(0.1)),
        (in_two_passes, np.full(4, 0.1), (X, Y), st.NewtonCG()),  # passes in a loop
    ],
)
def test_rows_on_workers_give_the_bits_of_one_process(engine, loss, start, args, method):
    settings = {"args": args, "method": method, "stop": st.MaxIterations(8)}
    expected, found = (st.minimize(loss, start, **settings, engine=e) for e in ("native", engine))
    assert_same_run(found, expected)


def test_least_squares_has_the_bits_of_one_process(engine):
    expected, found = (
        st.least_squares(residuals, np.ones(3), (T, DECAY), engine=each)
        for each in ("native", engine)
    )
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.standard_errors, expected.standard_errors)


@pytest.mark.parametrize("rows", [1, 90, 3000])
def test_data_that_are_too_small_to_be_divided_give_the_bits_of_one_process(engine, rows):
    def fit(engine):
        return st.least_squares(lambda p, x, y: x @ p - y, np.zeros(4), data, engine=engine)

    data = X[:rows], Y[:rows]
    np.testing.assert_array_equal(fit(engine).x, fit("native").x)
    settings = {"args": data, "method": st.LBFGS(), "stop": st.MaxIterations(4)}
    expected, found = (
        st.minimize(logistic, np.zeros(4), **settings, engine=e) for e in ("native", engine)
    )
    assert_same_run(found, expected)


def test_arrays_of_dask_and_tables_are_read_by_the_workers(engine, tmp_path, monkeypatch):
    array = pytest.importorskip("dask.array")
    parquet, table = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    monkeypatch.setattr("steepest.streams.opening.READ_WHOLE", 0)  # as if they were large
    settings = {"method": st.Adam(0.1), "stop": st.MaxIterations(4)}
    expected = st.minimize(logistic, np.zeros(4), args=(X, Y), **settings)
    chunks = array.from_array(X, chunks=(1_700, 4)), array.from_array(Y, chunks=5_000)
    columns = {f"x{i}": column for i, column in enumerate(X.T)} | {"y": Y}
    parquet.write_table(table.table(columns), tmp_path / "data.parquet", row_group_size=2_500)
    path = str(tmp_path / "data.parquet")
    read = st.blocks(path, [f"x{i}" for i in range(4)]), st.blocks(path, "y")
    for args in (chunks, read):
        assert_same_run(
            st.minimize(logistic, np.zeros(4), args=args, engine=engine, **settings), expected
        )


def test_a_curve_fit_has_the_bits_of_one_process(engine, tmp_path, monkeypatch):
    parquet, table = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    monkeypatch.setattr("steepest.streams.opening.READ_WHOLE", 0)
    random = np.random.default_rng(0)
    t = random.uniform(0, 4, 20_000).astype(np.float32)  # becomes double precision
    y = 2 * np.exp(-0.7 * t) + 0.1 * random.normal(size=t.size)
    path = str(tmp_path / "data.parquet")
    parquet.write_table(table.table({"t": t, "y": y}), path, row_group_size=2_500)
    decay = lambda t, a, rate: a * np.exp(-rate * t)
    whole = st.curve_fit(decay, t, y)
    for data in ((t, y), (st.blocks(path, "t"), st.blocks(path, "y"))):
        fit = st.curve_fit(decay, *data, engine=engine)
        assert np.array_equal(fit.x, whole.x)
        assert fit.report() == whole.report()


def test_a_worker_that_is_lost_in_a_pass_changes_no_bit(engine, client, monkeypatch):
    """Sums, and a triangle, which needs all rows one after the other."""
    expected = st.least_squares(residuals, np.ones(3), (T, DECAY))
    submit, (lost, *_), passes = Tasks.submit, client.run(os.getpid).values(), []

    def submit_and_kill(tasks, label, function, *args, **near):
        submit(tasks, label, function, *args, **near)
        if function.__name__ == "factors_of":  # the last task of a pass
            passes.append(label)
            if len(passes) == 2:
                os.kill(lost, signal.SIGKILL)

    monkeypatch.setattr(Tasks, "submit", submit_and_kill)
    found = st.least_squares(residuals, np.ones(3), (T, DECAY), engine=engine)
    np.testing.assert_array_equal(found.x, expected.x)
    assert found.iterations == expected.iterations < len(passes) - 1  # one pass was done again


def test_an_error_ends_the_tasks(engine, tmp_path, monkeypatch):
    def fail(state):
        raise ValueError("no more")

    settings = {"method": st.Adam(0.1), "engine": engine}
    with pytest.raises(ValueError, match="no more"):
        st.minimize(logistic, np.zeros(4), (X, Y), callback=fail, **settings)
    parquet, table = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    monkeypatch.setattr("steepest.streams.opening.READ_WHOLE", 0)  # as if it were large
    columns = table.table({"y": table.array([*DECAY[:-1], None])})
    parquet.write_table(columns, tmp_path / "data.parquet", row_group_size=5_000)
    with pytest.raises(InputError, match=r"row 39999 of column 'y' .* is null"):
        st.minimize(
            neighbors, np.zeros(2), (st.blocks(tmp_path / "data.parquet", "y"),), **settings
        )


def test_ctrl_c_ends_a_descent_with_the_point_reached(engine):
    seen = []

    def press(state):
        seen.append(state.x)
        if state.iteration == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.warns(st.OptimizeWarning, match="was interrupted"):
        run = st.minimize(
            logistic, np.zeros(4), args=(X, Y), method=st.Adam(0.1), engine=engine,
            callback=press, stop=st.MaxIterations(10**6),
        )  # fmt: skip
    assert any(np.array_equal(run.x, x) for x in seen[-2:])


# A cluster that is lost.


def lose(monkeypatch, cls, name, calls):
    """Let the cluster be lost at a call of a method, after so many calls."""
    method, seen = getattr(cls, name), []

    def call(*args, **more):
        seen.append(0)
        if len(seen) > calls:
            raise ClusterError("its machines are off")
        return method(*args, **more)

    monkeypatch.setattr(cls, name, call)


@pytest.mark.parametrize("method", [st.Adam(0.1), st.LBFGS(), st.NewtonCG()], ids=repr)
def test_a_descent_keeps_its_point_if_the_cluster_is_lost(engine, method, monkeypatch, tmp_path):
    settings = {"method": method, "stop": st.MaxIterations(6)}
    expected = st.minimize(logistic, np.zeros(4), (X, Y), **settings)
    with monkeypatch.context() as patch:
        lose(patch, _Groups, "results", 6)
        with pytest.warns(st.OptimizeWarning, match="cluster was lost.*its machines are off"):
            run = st.minimize(logistic, np.zeros(4), (X, Y), **settings, engine=engine)
    assert run.status is st.Status.CLUSTER_LOST
    assert not run.converged
    assert run.loss in expected.history.loss
    run.save(tmp_path / "run")
    for place in ("native", engine):
        resumed = st.resume(tmp_path / "run", logistic, (X, Y), engine=place)
        np.testing.assert_array_equal(resumed.x, expected.x)
        np.testing.assert_array_equal(resumed.history.loss, expected.history.loss)


def one_at_a_time(tasks, done):
    """Return one task that is done; the others come back with the next one."""
    found = done(tasks)
    for label, future in found[1:]:
        tasks._pending[future] = label
        tasks._done.put(future)
    return found[:1]


def squares(x, center):
    return np.sum((x - center) ** 2)


def of_two_paths(x, center):  # problems go one at a time
    return squares(x, center) if x[0] < 9 else np.sum(x)


@pytest.mark.parametrize("loss", [squares, of_two_paths])
def test_many_problems_keep_their_answers_if_the_cluster_is_lost(engine, loss, monkeypatch):
    centers = np.linspace(1, 2, 80).reshape(40, 2)
    settings = {"method": st.GradientDescent(0.1), "stop": st.GradientNormBelow(1e-3)}
    expected = st.minimize_many(loss, np.zeros((40, 2)), (centers,), **settings)
    monkeypatch.setattr(many, "_FEW", 1)  # as many tasks as for more problems
    done = Tasks.done
    with monkeypatch.context() as patch:
        patch.setattr(Tasks, "done", lambda tasks: one_at_a_time(tasks, done))
        lose(patch, Tasks, "results", 1)
        with pytest.warns(st.OptimizeWarning, match="cluster was lost.*its machines are off"):
            found = st.minimize_many(
                loss, np.zeros((40, 2)), (centers,), **settings, engine=engine
            )
    is_known = np.array([one is not st.Status.CLUSTER_LOST for one in found.status])
    assert 0 < is_known.sum() < 40
    np.testing.assert_array_equal(found.x[is_known], expected.x[is_known])
    np.testing.assert_array_equal(found.x[~is_known], 0.0)
    assert np.isnan(found.loss[~is_known]).all()


PROBLEMS = np.zeros((4, 2)), (np.ones((4, 2)),)


def test_an_error_is_raised_if_the_cluster_is_lost_before_anything_is_known(engine, monkeypatch):
    for cls, name, call in (
        (_Groups, "results", lambda: st.minimize(logistic, np.zeros(4), (X, Y), engine=engine)),
        (Tasks, "results", lambda: st.minimize_many(squares, *PROBLEMS, engine=engine)),
    ):
        with monkeypatch.context() as patch:
            lose(patch, cls, name, 0)
            with pytest.raises(ClusterError, match="its machines are off"):
                call()


def test_a_scheduler_that_is_stopped_ends_a_descent_with_its_point():
    settings = {"processes": False, "dashboard_address": None, "silence_logs": 50}
    quickly = {"distributed.comm.timeouts.connect": "100ms"}
    with (
        dask.config.set(quickly),
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, **settings) as cluster,
        distributed.Client(cluster) as client,
    ):
        stop = lambda state: state.iteration == 3 and client.sync(cluster.scheduler.close)
        with pytest.warns(st.OptimizeWarning, match=r"cluster was lost.*scheduler"):
            run = st.minimize(
                logistic, np.zeros(4), (X, Y), st.Adam(0.1), engine=st.engines.Dask(client),
                callback=lambda state: stop(state) and None,
            )  # fmt: skip
    assert (run.status, run.iterations) == (st.Status.CLUSTER_LOST, 2)


def test_without_workers_a_call_waits_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr("steepest.engines.dask.cluster._PATIENCE", 0.2)

    def press():
        wait_until(lambda: "has no workers: waiting" in caplog.text, "no message")
        os.kill(os.getpid(), signal.SIGINT)

    def solve(engine):
        return st.minimize_many(lambda x: np.sum(x**2), np.ones((2, 2)), engine=engine)

    def descend(engine):
        return st.minimize(logistic, np.zeros(4), args=(X, Y), method=st.Adam(0.1), engine=engine)

    empty = distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50)
    with empty, distributed.Client(empty) as client:
        for call in (solve, descend):
            presser = threading.Thread(target=press)
            presser.start()
            with pytest.warns(st.OptimizeWarning, match="was interrupted"):
                found = call(st.engines.Dask(client))
            presser.join()
            assert not np.any(found.iterations)
            caplog.clear()


# Bad input.


def test_what_cannot_be_divided_is_refused_by_node_and_line(engine, monkeypatch):
    monkeypatch.setattr("steepest.streams.opening.READ_WHOLE", 0)  # as if data were large

    def sorts(p, y):
        return np.sum((np.sort(y * p[0]) - p[1]) ** 2)

    with pytest.raises(UnsupportedError, match=r"sort at test_dask.py:\d+ needs all rows at once"):
        st.minimize(sorts, np.ones(2), args=(DECAY,), engine=engine)
    with pytest.raises(InputError, match=r"<lambda> has no array in args.*engine='native'"):
        st.minimize(lambda p: np.sum(p**2), np.ones(2), engine=engine)
    with pytest.raises(InputError, match="minibatch"):
        st.minimize(logistic, np.zeros(4), args=(X, Y), engine=engine, batches=st.Batches(size=32))


def test_a_client_is_needed_and_must_be_open(cluster):
    with pytest.raises(SettingError, match=r"write st.engines.Dask\(Client\(cluster\)\)"):
        st.engines.Dask(cluster)
    with pytest.raises(
        SettingError, match=r"got 'tcp://here'.*Client\('address of a scheduler'\)"
    ):
        st.engines.Dask("tcp://here")
    client = distributed.Client(cluster)
    engine = st.engines.Dask(client)
    client.close()
    for call in (
        lambda: st.engines.Dask(client),
        lambda: st.minimize(logistic, np.zeros(4), args=(X, Y), engine=engine),
        lambda: st.minimize_many(lambda x: np.sum(x**2), np.ones((2, 2)), engine=engine),
    ):
        with pytest.raises(InputError, match="this client is closed: connect a new one"):
            call()


@pytest.mark.parametrize(
    ("spoil", "repair", "message"),
    [
        (
            "import sys; sys.away = sys.modules.pop('llvmlite'); sys.modules['llvmlite'] = None",
            "import sys; sys.modules['llvmlite'] = sys.away",
            "cannot import llvmlite",
        ),
        (
            "import steepest.version as v; v.kept, v.__version__ = v.__version__, '0.0.1'",
            "import steepest.version as v; v.__version__ = v.kept",
            "has steepest 0.0.1",
        ),
    ],
)
def test_a_worker_that_lacks_something_is_named(cluster, spoil, repair, message):
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=60)
        on_worker(client, "import steepest")
        address = sorted(client.nthreads())[1]
        on_worker(client, spoil, 1)
        try:
            with pytest.raises(EngineUnavailableError, match=f"worker {address} {message}.*pip"):
                st.minimize(logistic, np.zeros(4), args=(X, Y), engine=st.engines.Dask(client))
        finally:
            on_worker(client, repair, 1)


def test_without_distributed_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(EngineUnavailableError, match=r"pip install 'steepest\[dask\]'"):
        st.engines.Dask(None)
