"""Looks at every k-th iteration change nothing: results are the same in every bit."""

import functools
import logging
from collections import OrderedDict

import numpy as np
import pytest

import steepest as st
from steepest.descent.running import compile as compiling
from steepest.descent.running import driver
from steepest.engines.pytorch import ahead, capture, chain, compiled, engine
from steepest.engines.pytorch.library import import_torch
from steepest.engines.stepwise import StepwiseRun
from steepest.graph.trees import leaves
from tests.support.syncs import counted_syncs

torch = import_torch()

T = np.linspace(0, 4, 20)
Y = 2.0 * np.exp(-1.3 * T) + 0.5 + 0.01 * np.sin(37 * T)


def rosenbrock(x):
    return np.sum((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2)


def falls(x):
    return np.sum(x**3)


def branches(x):
    return np.sum(x**2) if x[0] > 1.0 else np.sum(x**2) + 0.1 * np.sum(x)


def stays(x):
    return np.sum(x**4) if x[0] > 9.0 else np.sum(x**2)


def loops(x):
    final, _ = st.while_loop(
        lambda c: c[1] < 3, lambda c: (0.5 * c[0] + x[0], c[1] + 1), (x[1], 0), max_steps=5
    )
    return final**2 + np.sum(x**2)


def solves(x):
    return np.sum(np.linalg.solve(np.diag(1 + x**2), x) ** 2)


def rows(p, a, b):
    return np.mean((np.tanh(a @ p["w"]) + p["c"] - b) ** 2)


START = np.array([-1.2, 1.0])
GENERATOR = np.random.default_rng(0)
A, B = GENERATOR.normal(size=(50, 3)), GENERATOR.normal(size=50)
PARAMETERS = {"w": np.full(3, 0.1), "c": 0.0}
SOON = st.MaxIterations(60)


def minimum(loss, method, stop=SOON, start=START, **more):
    return lambda on: st.minimize(loss, start, method=method, stop=stop, engine=on, **more)


def trained(size, **more):
    batches = st.Batches(size=size, epochs=4, seed=3)
    return minimum(rows, st.Adam(0.01), start=PARAMETERS, args=(A, B), batches=batches, **more)


DESCENTS = {
    "a goal": minimum(rosenbrock, st.GradientDescent(1e-3), st.LossBelow(3.0) | SOON),
    "a limit": minimum(rosenbrock, st.Momentum(1e-4), st.MaxIterations(37)),
    "at the start": minimum(rosenbrock, st.Adam(0.1), st.LossBelow(1e9)),
    "divergence": minimum(rosenbrock, st.GradientDescent(0.5)),
    "no minimum": minimum(falls, st.GradientDescent(0.2)),
    "a sparse history": minimum(rosenbrock, st.RMSProp(0.01), record=7),
    "no history": minimum(rosenbrock, st.Adam(0.01), record=None),
    "a whole history": minimum(rosenbrock, st.Adam(0.01), start=np.zeros(20), record="all"),
    "a search": minimum(rosenbrock, st.LBFGS(), st.GradientNormBelow(1e-6) | SOON),
    "a sparse search": minimum(rosenbrock, st.NonlinearCG(), record=3),
    "bounds": minimum(rosenbrock, st.Adam(0.1), bounds=[(-1.5, 0.5), (-2, 2)]),
    "a last update": minimum(rosenbrock, st.Adam(0.1), st.LossChangeBelow(1e-3) | SOON),
    "batches": trained(10),
    "a smaller last batch": trained(8),
    "batches until a goal": trained(8, stop=st.LossBelow(0.7)),
    "two paths": minimum(branches, st.GradientDescent(0.1), start=np.array([3.0, 1.0])),
    "a path": minimum(stays, st.GradientDescent(0.1), start=np.array([0.5, 1.0])),
    "a loop": minimum(loops, st.GradientDescent(0.1)),
    "a system": minimum(solves, st.GradientDescent(0.1)),
    "residuals": lambda on: st.least_squares(
        lambda p: p[0] * np.exp(-p[1] * T) + p[2] - Y, np.ones(3), engine=on
    ),
    "float32": minimum(rosenbrock, st.Adam(0.01), start=START.astype(np.float32)),
}


def everything(run):
    """Return all that a result tells, as arrays."""
    run = getattr(run, "run", run)
    history = run.history
    columns = (history.iteration, history.loss, history.gradient_norm, history.step_length)
    told = (run.vector, run.loss, run.iterations, run.evaluations, *columns, history.evaluations)
    return [np.asarray(leaf) for leaf in leaves((*told, run.gradient, history.x))]


def assert_same(run, expected):
    assert (run.status, run.message) == (expected.status, expected.message)
    found, wanted = everything(run), everything(expected)
    assert [x.dtype for x in found] == [x.dtype for x in wanted]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def anew(monkeypatch):
    """Compile anew what was compiled before."""
    monkeypatch.setattr(compiling, "_prepared", OrderedDict())


def looking(every, **more):
    return st.engines.Torch("cpu", check_every=every, **more)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Let the driver double its budgets, however slow the machine is."""
    monkeypatch.setattr(driver, "_SHORT", np.inf)
    monkeypatch.setattr(driver, "_LONG", np.inf)


@pytest.fixture(scope="module")
def seen():
    """Return the run of a descent that looks at each iteration, made once."""
    return functools.cache(lambda name: DESCENTS[name](looking(1)))


@pytest.mark.parametrize("every", [2, 7, 1000])
@pytest.mark.parametrize("name", DESCENTS)
@pytest.mark.filterwarnings("ignore:.*on its .*bound")
def test_results_do_not_depend_on_how_often_the_run_looks(name, every, seen):
    assert_same(DESCENTS[name](looking(every)), seen(name))


@pytest.mark.parametrize("name", DESCENTS)
def test_only_what_may_run_ahead_does(name, monkeypatch, anew):
    kinds = []
    for kind in (ahead.AheadRun, StepwiseRun):
        begin = kind.__init__
        monkeypatch.setattr(
            kind,
            "__init__",
            lambda *a, _begin=begin, _kind=kind: (kinds.append(_kind), _begin(*a))[1],
        )
    DESCENTS[name](looking(5))
    stepwise = {"a loop", "a system"}
    assert (kinds[0] is StepwiseRun) == (name in stepwise)
    if name == "two paths":
        assert kinds[-1] is StepwiseRun


@pytest.mark.parametrize("name", ["a limit", "a whole history", "batches", "a search"])
def test_a_run_waits_for_the_device_once_in_several_iterations(name):
    few, many = (_waits(DESCENTS[name], every) for every in (1000, 1))
    assert many >= DESCENTS[name](looking(1)).evaluations
    assert 3 * few < many


def _waits(descent, every):
    with counted_syncs() as met:
        descent(looking(every))
    return len(met)


@pytest.mark.parametrize("every", [3, 50])
def test_a_callback_sees_every_iteration(every):
    def descent(k):
        seen = []
        callback = lambda state: seen.append((state.iteration, float(state.loss), *state.x))
        run = minimum(rosenbrock, st.Adam(0.05), callback=callback)(looking(k))
        return seen, run

    (seen, run), (expected, other) = descent(every), descent(1)
    assert seen == expected
    assert_same(run, other)


@pytest.mark.parametrize("every", [1, 4])
def test_a_saved_run_continues(every, tmp_path):
    whole = minimum(rosenbrock, st.Adam(0.05), st.MaxIterations(50))(looking(1))
    first = minimum(rosenbrock, st.Adam(0.05), st.MaxIterations(21))(looking(every))
    first.save(tmp_path / "run")
    more = st.resume(
        tmp_path / "run", rosenbrock, stop=st.MaxIterations(50), engine=looking(every)
    )
    np.testing.assert_array_equal(more.vector, whole.vector)
    np.testing.assert_array_equal(more.history.loss, whole.history.loss)


@pytest.mark.parametrize("name", DESCENTS)
@pytest.mark.filterwarnings("ignore:.*on its .*bound")
def test_both_gradients_lead_to_the_same_point(name, seen):
    run, expected = DESCENTS[name](looking(1, autograd=True)), seen(name)
    assert run.status is expected.status
    tolerance = 1e-4 if run.vector.dtype == np.float32 else 1e-9
    np.testing.assert_allclose(run.vector, expected.vector, rtol=tolerance)


def repeated(work):
    """Stand in for a CUDA graph: do work again in the memory of its first results."""
    made = [chain.Made(*(copies(part) for part in one)) for one in work()]

    def replay():
        for old, new in zip(leaves(made), leaves(work()), strict=True):
            if isinstance(old, torch.Tensor):
                old.copy_(new)

    return made, replay


def copies(part):
    return part.clone() if torch.is_tensor(part) else part and tuple(x.clone() for x in part)


def refused(work):
    raise RuntimeError("operation not permitted when stream is capturing\nmore")


@pytest.mark.parametrize("name", DESCENTS)
@pytest.mark.filterwarnings("ignore:.*on its .*bound")
def test_captured_iterations_are_those_queued_one_by_one(name, seen, monkeypatch, anew):
    with_graphs(monkeypatch, repeated)
    run = DESCENTS[name](looking(40))
    assert_same(run, seen(name))
    short = {"a loop", "a system", "two paths", "residuals", "at the start", "divergence"}
    short |= {"batches until a goal"}
    if name not in short:
        assert "torch, captured" in run.timings.tiers


@pytest.mark.parametrize(("size", "replays"), [(10, 8), (8, 12), (17, 6)])
def test_every_epoch_is_replayed(size, replays, monkeypatch, anew):
    counted = []
    replay = capture.Capture.replay
    count = lambda self, start: (counted.append(1), replay(self, start))[1]
    monkeypatch.setattr(capture.Capture, "replay", count)
    with_graphs(monkeypatch, repeated)
    batches = st.Batches(size=size, epochs=10, seed=3)

    def train(on):
        return st.minimize(
            rows, PARAMETERS, args=(A, B), method=st.Adam(0.01), batches=batches, engine=on
        )

    run = train(looking(40))
    assert len(counted) >= replays
    assert_same(run, train(looking(1)))


def test_iterations_that_cannot_be_captured_are_queued(seen, monkeypatch, caplog, anew):
    with_graphs(monkeypatch, refused)
    with caplog.at_level(logging.INFO, logger="steepest"):
        run = DESCENTS["a limit"](looking(40))
    assert_same(run, seen("a limit"))
    assert "a CUDA graph cannot hold them (operation not permitted" in caplog.text


def with_graphs(monkeypatch, record):
    monkeypatch.setattr(capture.Capture, "LENGTH", 3)
    monkeypatch.setattr(engine.Torch, "_kind", "cuda")
    monkeypatch.setattr(engine, "cuda_graphs", lambda torch, device: record)


@pytest.mark.parametrize("name", ["a smaller last batch", "a path"])
def test_compiled_iterations_are_those_of_eager_torch(name, seen, monkeypatch, anew):
    monkeypatch.setattr(compiled, "BACKEND", "eager")  # inductor takes long, and fuses
    assert_same(DESCENTS[name](looking(5, compiled=True)), seen(name))


def test_what_cannot_be_compiled_runs_as_without_it(seen, monkeypatch, caplog, anew):
    monkeypatch.setattr(compiled, "BACKEND", lambda graph, inputs: 1 / 0)
    with caplog.at_level(logging.INFO, logger="steepest"):
        assert_same(DESCENTS["a goal"](looking(5, compiled=True)), seen("a goal"))
        assert "torch.compile refuses them" in caplog.text
        assert_same(DESCENTS["a loop"](looking(5, compiled=True)), seen("a loop"))
        assert "their course depends on values" in caplog.text


@pytest.mark.parametrize("every", [0, -3, 2.0, True, "2"])
def test_check_every_is_a_positive_integer(every):
    with pytest.raises(TypeError, match="check_every must be a positive integer"):
        st.engines.Torch("cpu", check_every=every)
