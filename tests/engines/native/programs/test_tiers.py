"""Code in haste, optimized code and the fused loop have the same bits, whatever runs when."""

import multiprocessing

import numpy as np
import pytest

import steepest as st
from steepest.descent.methods.registry import BY_NAME, FOR_RESIDUALS
from steepest.descent.running import compile as compiling
from steepest.engines.native import Native
from steepest.engines.native.jit import background
from steepest.engines.native.jit.compile import Code
from steepest.engines.native.programs.tiers import DescentTiers

RANDOM = np.random.default_rng(7)
X, NOISE = RANDOM.normal(size=(120, 5)), RANDOM.normal(size=120)
LONG = RANDOM.normal(size=(3000, 5))
SIGNS = np.sign(X @ np.ones(5) + NOISE)
ROOT = RANDOM.normal(size=(8, 8))
MATRIX = ROOT @ ROOT.T + np.eye(8)
T = np.linspace(0.0, 3.0, 41)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def covariance(p):
    K = np.exp(p[0]) * MATRIX + np.exp(p[1]) * np.eye(8)
    y = NOISE[:8]
    return 0.5 * y @ np.linalg.solve(K, y) + 0.5 * np.linalg.slogdet(K)[1]


def hinges(x):
    total = 0.1 * np.sum(x**4)
    for i in range(3):
        total = total + (3.0 * x[i] ** 2 if x[i] > 0.3 else (x[i] - 1) ** 2 + np.exp(-x[i]))
    return total


def kinked(p):
    if p[0] > p[1]:
        return np.sum((p - LONG[:4, 0]) ** 2) + np.sum(X @ np.append(p, 1.0)) ** 2
    return np.sum(np.cosh(p - 1)) + p[0] * LONG[7, 1]


LOSSES = {
    "hinges": (hinges, np.array([-0.5, 0.9, 0.2])),
    "kinked": (kinked, np.array([0.5, -0.3, 0.2, 0.1])),
    "rosenbrock": (rosenbrock, np.full(2, -1.2)),
    "chain": (rosenbrock, np.full(10, 1.3)),
    "likelihood": (
        lambda p: 120 * np.log(np.abs(p[1])) + 0.5 * np.sum(((NOISE - p[0]) / p[1]) ** 2),
        np.array([0.3, 2.0]),
    ),
    "logistic": (
        lambda w: np.sum(np.logaddexp(0, -SIGNS * (X @ w))) + 0.5 * np.sum(w**2),
        np.zeros(5),
    ),
    "classes": (
        lambda w: np.mean(st.logsumexp(LONG @ w.reshape(5, 9), axis=1)) + 0.1 * w @ w,
        np.ones(45),
    ),
    "quadratic": (lambda x: 0.5 * x @ MATRIX @ x - np.sum(x), np.zeros(8)),
    "covariance": (covariance, np.zeros(2)),
    "one number": (lambda x: (x - 2) ** 4 + np.exp(x), 0.5),
    "nested": (
        lambda p: np.sum((p["a"] - 1) ** 4) + np.sum(p["b"] ** 2) * p["a"][0] ** 2,
        {"a": np.full(3, 3.0), "b": np.ones((2, 2))},
    ),
}


def forget():
    """Forget all compiled problems of this process."""
    compiling._prepared.clear()
    from steepest.engines.native.programs import function

    function._programs.clear()


def solve(loss, start, method, bounds=None):
    box = None if bounds is None else [bounds] * np.size(start)
    stop = st.GradientNormBelow(1e-6) | st.MaxIterations(40)
    return st.minimize(loss, start, method=method, bounds=box, stop=stop)


def bits(run):
    columns = (run.history.loss, run.history.gradient_norm)
    return run.vector.tobytes(), run.loss, run.iterations, [c.tobytes() for c in columns]


@pytest.fixture
def switch_at(monkeypatch):
    """Return a function that sets the iteration at which one loop relieves the two parts."""
    monkeypatch.setattr(Native, "first_budget", lambda self, program: 1)

    def switch(number):
        made = [0]

        def record_use(self, seconds, iterations):
            made[0] += iterations
            if made[0] > number and self.whole is None:
                self._fuse()
                switched.append(made[0])

        monkeypatch.setattr(DescentTiers, "record_use", record_use)

    switched = []
    switch.at = switched
    return switch


@pytest.mark.sampled(12)
@pytest.mark.parametrize("method", [n for n, kind in BY_NAME.items() if kind not in FOR_RESIDUALS])
@pytest.mark.parametrize("name", LOSSES)
def test_the_tier_never_shows(name, method, switch_at):
    loss, start = LOSSES[name]
    random = np.random.default_rng(len(name) + 31 * len(method))
    ends = None if isinstance(start, dict) else (np.min(start) - 0.7, np.max(start) + 0.05)
    for bounds in (None, ends):
        found = []
        for number in (1 << 60, 0, *random.integers(1, 30, 2)):
            forget()
            switch_at(number)
            found.append(bits(solve(loss, start, method, bounds)))
        assert found[1:] == found[:-1]
    # The step of newton-cg, which contains the function, has one tier.
    if method != "newton-cg" and found[0][2] > 1:
        assert switch_at.at


@pytest.mark.parametrize("method", [st.LevenbergMarquardt(), st.Dogleg(), st.GaussNewton()])
@pytest.mark.parametrize("bounds", [None, (0.0, 1.1)])
def test_the_tier_of_a_fit_never_shows(method, bounds, switch_at):
    y = 2 * np.exp(-1.3 * T) + 0.05 * np.sin(40 * T)
    found = []
    for number in (1 << 60, 0, 1, 2, 3):
        forget()
        switch_at(number)
        fit = st.least_squares(
            lambda p: p[0] * np.exp(-p[1] * T) - y, np.ones(2), method=method, bounds=bounds
        )
        found.append((*bits(fit.run), fit.covariance.tobytes()))
    assert found[1:] == found[:-1]


@pytest.mark.parametrize("name", LOSSES)
def test_optimization_changes_no_bit(name, monkeypatch):
    loss, start = LOSSES[name]
    found = []
    for is_in_haste in (True, False):
        forget()
        original = Code._begin
        monkeypatch.setattr(
            Code,
            "_begin",
            lambda self, program, text, keep, baseline, haste=is_in_haste, begin=original: begin(
                self, program, text, False, 0 if haste else None
            ),
        )
        found.append(bits(solve(loss, start, None)))
        monkeypatch.setattr(Code, "_begin", original)
    assert found[0] == found[1]


def test_runs_in_threads_switch_alone():
    import concurrent.futures

    forget()
    run = lambda _: bits(solve(rosenbrock, np.full(3, -1.3), st.Adam(0.01)))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(run, range(80)))
    background.finish()
    assert all(one == found[0] for one in [*found, run(0)])


def child(queue):
    queue.put(bits(solve(rosenbrock, np.full(4, 1.1), None)))


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system"
)
@pytest.mark.filterwarnings("ignore:.*fork")  # of other libraries in this process
def test_a_process_may_fork_while_code_is_compiled_in_the_background():
    forget()
    for _ in range(6):
        expected = bits(solve(rosenbrock, np.full(4, 1.1), None))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    assert queue.get(timeout=60) == expected
    process.join(60)
    assert process.exitcode == 0
