"""Text of traced values is not read back, and random numbers are not frozen."""

import ast
import decimal
import fractions
import json
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

TEXTS = {
    "str": lambda v: str(v),
    "repr": lambda v: repr(v),
    "format": lambda v: format(v, ".12g"),
    "f-string": lambda v: f"{v:.12g}",
    "f-string with more": lambda v: f" {v!r} "[0:],
    "percent": lambda v: "%.12g" % v,  # noqa: UP031
    "format method": lambda v: "{:.12g}".format(v),  # noqa: UP032
    "joined": lambda v: "".join([str(v)]),
}
READERS = {
    "float": float,
    "complex": lambda text: complex(text).real,
    "int": lambda text: float(int(text.strip().replace(".", ""))),
    "float64": np.float64,
    "eval": eval,
    "exec": lambda text: exec("y = " + text.strip()) or 1.0,
    "compile": lambda text: eval(compile(text.strip(), "here", "eval")),
    "literal": lambda text: ast.literal_eval(text.strip()),
    "json": lambda text: json.loads(f"[{text}]")[0],
    "decimal": lambda text: float(decimal.Decimal(text.strip())),
    "fraction": lambda text: float(fractions.Fraction(text.strip())),
    "array": lambda text: np.asarray([text], dtype=float)[0],
    "length": lambda text: float(len(text)),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", TEXTS)
def test_text_does_not_become_a_number(text, reader):
    write, read = TEXTS[text], READERS[reader]

    def loss(x):
        return read(write(x[0])) * x[1]

    read(write(1.5))  # as plain Python it can
    for derive in (st.compile, st.gradient):
        with pytest.raises(SteepestError, match=r"test_text\.py:\d+"):
            derive(loss)(X)


@pytest.mark.parametrize(
    "question",
    [
        lambda s: s == "1.5",
        lambda s: s != "1.5",
        lambda s: s < "2",
        lambda s: s in ("1.5", "2.5"),
        lambda s: s in {"1.5": 1},
        lambda s: "5" in s,
        lambda s: s.startswith("1"),
        lambda s: s[0] == "1",
        lambda s: list(s),
        lambda s: s.split(".")[0] == "1",
        lambda s: s.isdigit(),
    ],
)
def test_text_is_not_asked(question):
    with pytest.raises(SteepestError, match="the text of a traced value"):
        st.compile(lambda x: x[0] if question(str(x[0])) else x[1])(X)


def test_text_may_be_shown(capsys):
    def loss(x):
        print("x is", x, f"{x[0]:.3f}", repr(x[1]), "%s" % x[0])  # noqa: UP031
        if x[0] < -5:
            raise ValueError("bad " + str(x))
        return np.sum(x) * float("0.25") * len("abc")

    assert st.compile(loss)(X) == loss(X)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


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
        with pytest.raises(SteepestError, match=r"draws random numbers.*test_text"):
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
