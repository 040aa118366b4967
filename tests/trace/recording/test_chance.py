"""Random numbers and clocks in a traced function are refused or announced, not frozen."""

import os
import random
import secrets
import threading
import time
import uuid

import numpy as np
import pytest
import scipy.stats

import steepest as st
from steepest.errors import SteepestError, TraceWarning

X = np.array([1.5, 2.5])

GENERATOR = np.random.default_rng(0)
OWN = random.Random(0)


class Holder:
    generator = np.random.default_rng(0)
    generators = [np.random.default_rng(0)]

    def __init__(self):
        self.own = np.random.default_rng(0)

    def draw(self, x):
        return np.sum(x) + self.own.normal()


DRAWS = {
    "global": lambda x: x[0] + GENERATOR.normal(),
    "class attribute": lambda x: x[0] + Holder.generator.normal(),
    "in a list": lambda x: x[0] + Holder.generators[0].normal(),
    "in a dict": lambda x, held={"a": GENERATOR}: x[0] + held["a"].normal(),
    "instance": Holder().draw,
    "old interface": lambda x: x[0] + np.random.rand(),
    "python": lambda x: x[0] + random.random(),
    "python's own": lambda x: x[0] + OWN.random(),
    "secrets": lambda x: x[0] + secrets.randbelow(10),
    "system": lambda x: x[0] + os.urandom(1)[0],
    "uuid": lambda x: x[0] + uuid.uuid4().int,
    "scipy": lambda x: x[0] + scipy.stats.norm.rvs(),
    "scipy, frozen": lambda x: x[0] + scipy.stats.norm(0, 1).rvs(size=2)[0],
    "without a seed": lambda x: x[0] + np.random.default_rng().normal(),
    "old, without a seed": lambda x: x[0] + np.random.RandomState().rand(),
    "python, without a seed": lambda x: x[0] + random.Random().random(),
}


@pytest.mark.parametrize("name", DRAWS)
def test_random_numbers_are_refused(name):
    for call in (lambda f: st.compile(f)(X), lambda f: st.minimize(f, X)):
        with pytest.raises(SteepestError, match=r"draws random numbers.*test_chance"):
            call(DRAWS[name])


def test_a_generator_that_is_an_argument_is_refused():
    with pytest.raises(SteepestError, match="draws random numbers"):
        st.compile(lambda x, r: x[0] + r.normal())(X, np.random.default_rng(0))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: np.random.default_rng(0).normal(),
        lambda: np.random.RandomState(seed=4).rand(),
        lambda: np.random.Generator(np.random.PCG64(4)).random(),
        lambda: random.Random(4).random(),
    ],
)
def test_a_seed_inside_the_function_gives_the_same_at_each_call(draw):
    loss = lambda x: np.sum(x) * draw()
    compiled = st.compile(loss)
    assert compiled(X) == loss(X)
    assert compiled(X + 1) == loss(X + 1)


@pytest.mark.parametrize("clock", [time.time, time.perf_counter, time.monotonic, time.time_ns])
def test_a_clock_is_announced(clock):
    with pytest.warns(TraceWarning, match="stands still"):
        assert st.compile(lambda x: x[0] * (clock() > 0))(X) == 1.5


def test_another_thread_may_draw_random_numbers():
    wanted, done = threading.Event(), threading.Event()

    def draw():
        wanted.wait()
        random.random()
        np.random.random()
        done.set()

    def loss(x):
        if not done.is_set():
            wanted.set()
            done.wait()
        return np.sum((x - 1.0) ** 2)

    thread = threading.Thread(target=draw)
    thread.start()
    np.testing.assert_allclose(st.gradient(loss)(np.zeros(2)), -2.0)
    thread.join()
