"""Many problems side by side in torch: the answers of machine code, to rounding."""

import itertools
import logging

import numpy as np
import pytest

import steepest as st
from steepest.descent.methods.registry import BY_NAME, FOR_RESIDUALS
from steepest.engines.pytorch import compiled
from steepest.engines.pytorch import many as side_by_side
from steepest.engines.pytorch.library import import_torch

torch = import_torch()

T = np.linspace(0, 4, 20)
ON_TORCH = st.engines.Torch("cpu")
STARTED = st.GradientNormBelow(1e-7) | st.MaxIterations(40)


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


def spiral(t, amplitude, rate, offset):
    """Take a loop, a choice and an index of each problem."""
    level = st.while_loop(
        lambda c: c[0] < rate, lambda c: (c[0] + 0.5, c[1] * 0.9), (0.0, 1.0), max_steps=9
    )[1]
    bent = st.cond(offset > 0.4, lambda v: v + 0.1 * v**2, lambda v: v, offset)
    return amplitude * np.exp(-rate * t) * (0.9 + 0.1 * level) + bent


def sets(number, random, model=decay):
    truths = random.uniform([1, 0.5, 0.2], [3, 2, 1], (number, 3))
    y = np.array([model(T, *truth) for truth in truths])
    return y + 0.02 * random.normal(size=y.shape)


def fits(**more):
    def run(random, engine):
        y = sets(40, random)
        options = {"p0": [1.0, 1.0, 0.5], "engine": engine} | more
        return st.curve_fit_many(decay, T, y, **options)

    return run


def with_own_x(random, engine):
    y = sets(9, random)
    x = T + random.uniform(0, 0.05, y.shape)
    sigma = random.uniform(0.5, 2.0, y.shape)
    starts = np.ones(3) * random.uniform(0.9, 1.1, (9, 3))
    return st.curve_fit_many(decay, x, y, starts, sigma=sigma, absolute_sigma=True, engine=engine)


def with_nan(random, engine):
    y = sets(12, random)
    y[3, 4], y[7] = np.nan, 1e308
    return st.least_squares_many(
        lambda p, y: decay(T, *p) - y, np.ones((12, 3)), (y,), engine=engine
    )


def with_loops(random, engine):
    return st.curve_fit_many(spiral, T, sets(15, random, spiral), [1.0, 1.0, 0.5], engine=engine)


def looking_up(random, engine):
    groups = random.integers(0, 3, (10, 8))
    targets = random.normal(size=(10, 8))

    def loss(x, group, target):
        return np.sum((x[group] - target) ** 2)

    return st.minimize_many(
        loss, np.zeros((10, 3)), (groups, targets), method=st.BFGS(), engine=engine, stop=STARTED
    )


def in_float32(random, engine):
    y = sets(20, random).astype(np.float32)
    start = np.array([1.0, 1.0, 0.5], np.float32)
    return st.curve_fit_many(decay, T.astype(np.float32), y, start, engine=engine)


RUNS = {
    "plain": fits(),
    "bounds": fits(bounds=([0.0, 0.0, 0.45], [2.0, 5.0, 1.0])),
    "a robust loss": fits(loss="soft_l1"),
    "own x and errors": with_own_x,
    "NaN in some": with_nan,
    "loops": with_loops,
    "look-ups": looking_up,
    "a limit": fits(stop=st.MaxIterations(3)),
}


def assert_close(found, expected, rtol=1e-10):
    assert found.side_by_side
    assert list(found.status) == list(expected.status)
    np.testing.assert_array_equal(found.iterations, expected.iterations)
    np.testing.assert_array_equal(found.evaluations, expected.evaluations)
    np.testing.assert_allclose(found.x, expected.x, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-9)


@pytest.fixture
def seed(random):
    return random.integers(1 << 30)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.filterwarnings("ignore:.*on its .*bound")
def test_answers_are_those_of_machine_code(name, seed):
    found, expected = (
        RUNS[name](np.random.default_rng(seed), engine) for engine in (ON_TORCH, "native")
    )
    assert_close(found, expected)
    if isinstance(found, st.ManyFits):
        np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-7)


@pytest.mark.parametrize("name", [n for n, m in BY_NAME.items() if m not in FOR_RESIDUALS])
def test_every_method_takes_the_same_steps(name, seed):
    random = np.random.default_rng(seed)
    targets, scales = random.normal(size=(11, 3)), random.uniform(0.5, 2.0, (11, 3))
    starts = random.normal(size=(11, 3))

    def loss(x, target, scale, power):
        d = (x - target) * scale
        return np.sum(d * d) + 0.1 * np.sum(np.square(d * d)) * power

    def run(engine):
        more = {"method": BY_NAME[name](), "stop": STARTED, "engine": engine}
        return st.minimize_many(loss, starts, (targets, scales), (np.array(0.5),), **more)

    found, expected = run(ON_TORCH), run("native")
    assert found.side_by_side
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-6, atol=1e-7)
    assert np.mean(found.iterations == expected.iterations) > 0.7


def test_float32_stays_float32(seed):
    found = in_float32(np.random.default_rng(seed), ON_TORCH)
    expected = in_float32(np.random.default_rng(seed), "native")
    assert found.x.dtype == np.float32
    np.testing.assert_allclose(found.x, expected.x, rtol=2e-2)


@pytest.mark.parametrize(("width", "part"), [(1, 100), (7, 100), (8, 10), (100, 16)])
@pytest.mark.filterwarnings("ignore:.*on its .*bound")
def test_answers_do_not_depend_on_how_problems_are_divided(width, part, seed, monkeypatch):
    whole = RUNS["plain"](np.random.default_rng(seed), ON_TORCH)
    monkeypatch.setattr(side_by_side.ManyTorch, "_width", lambda self: width)
    monkeypatch.setattr(side_by_side, "_PART", part)
    assert_close(RUNS["plain"](np.random.default_rng(seed), ON_TORCH), whole)


def test_a_block_that_does_not_fit_is_halved(seed, monkeypatch, caplog):
    expected = RUNS["plain"](np.random.default_rng(seed), ON_TORCH)
    begin = side_by_side.Block.__init__

    def narrow(self, many, iterate, sources, width):
        if width > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        begin(self, many, iterate, sources, width)

    monkeypatch.setattr(side_by_side.Block, "__init__", narrow)
    with caplog.at_level(logging.INFO, logger="steepest"):
        assert_close(RUNS["plain"](np.random.default_rng(seed), ON_TORCH), expected)
    assert "memory was too short" in caplog.text


@pytest.mark.parametrize("width", [8, 100])
def test_a_compiled_block_keeps_its_size(width, seed, monkeypatch):
    monkeypatch.setattr(side_by_side.ManyTorch, "_width", lambda self: width)
    monkeypatch.setattr(compiled, "BACKEND", "eager")  # inductor takes long, and fuses
    random = np.random.default_rng(seed)
    starts, targets = random.normal(size=(30, 2)), random.normal(size=(30, 2))
    stop, method = st.GradientNormBelow(1e-3), st.GradientDescent(0.3)

    def f(x, target):
        return np.sum((x - target) ** 2)

    def run(engine):
        return st.minimize_many(f, starts, (targets,), method=method, stop=stop, engine=engine)

    compiling = st.engines.Torch("cpu", compiled=True)
    assert_close(run(compiling), run(ON_TORCH))
    monkeypatch.setattr(side_by_side, "compiled_function", None)
    assert_close(run(compiling), run(ON_TORCH))  # and compiles nothing the second time


def test_what_torch_cannot_batch_is_solved_one_at_a_time(seed, monkeypatch, caplog):
    expected = RUNS["plain"](np.random.default_rng(seed), "native")

    def refuse(self, *args):
        raise RuntimeError("vmap: not possible\nmore")

    monkeypatch.setattr(side_by_side.ManyTape, "run", refuse)
    with caplog.at_level(logging.INFO, logger="steepest"):
        found = RUNS["plain"](np.random.default_rng(seed), ON_TORCH)
    assert not found.side_by_side
    assert "torch cannot batch them (vmap: not possible)" in caplog.text
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-8)


def test_a_loss_that_branches_is_solved_one_at_a_time():
    def loss(x):
        return np.sum(x**2) if x[0] > 1 else np.sum(x**2) + x[0]

    starts = np.array([[2.0, 1.0], [0.5, 1.0]])
    found, expected = (
        st.minimize_many(loss, starts, method=st.GradientDescent(0.1), stop=STARTED, engine=engine)
        for engine in (ON_TORCH, "native")
    )
    assert not found.side_by_side
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:The run was interrupted")
def test_an_interrupt_ends_the_problems_in_work_and_leaves_the_others(seed, monkeypatch):
    monkeypatch.setattr(side_by_side.ManyTorch, "_width", lambda self: 4)
    monkeypatch.setattr(side_by_side, "_SECONDS", -1.0)  # a report after each iteration
    solve = side_by_side.ManyTorch.__call__
    reports = itertools.count()

    def interrupted(self, start, watch):
        return solve(self, start, lambda begun: next(reports) == 2)

    monkeypatch.setattr(side_by_side.ManyTorch, "__call__", interrupted)
    stopped = RUNS["plain"](np.random.default_rng(seed), ON_TORCH)
    assert set(stopped.status) == {st.Status.INTERRUPTED}
    assert (stopped.iterations[:4] > 0).all()
    assert np.isfinite(stopped.loss[:4]).all()
    assert (stopped.iterations[4:] == 0).all()
    assert np.isnan(stopped.loss[4:]).all()


BAD = {
    "solve": lambda A, x: np.linalg.solve(A, x - 1),
    "inverse": lambda A, x: np.linalg.inv(A) @ (x - 1),
    "cholesky": lambda A, x: np.linalg.cholesky(A) @ (x - 1),
}


@pytest.mark.parametrize("autograd", [False, True])
@pytest.mark.parametrize("what", BAD)
def test_a_bad_matrix_raises_numpys_error(what, autograd):
    def loss(x, A):
        return np.sum(BAD[what](A, x) ** 2)

    matrices = np.stack([np.eye(2), np.zeros((2, 2)), 2 * np.eye(2)])
    engine = st.engines.Torch(autograd=autograd)
    with pytest.raises(np.linalg.LinAlgError):
        st.minimize(loss, np.zeros(2), args=(matrices[1],), engine=engine)
    with pytest.raises(np.linalg.LinAlgError):
        st.minimize_many(loss, np.zeros((3, 2)), args=(matrices,), engine=engine)
