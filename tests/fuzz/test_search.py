"""A part of the search that is quick and always the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import steepest as st

from . import oracle
from .case import Call, Case, is_python
from .compare import AGREES
from .search import PARTS
from .shrink import shrink

pytestmark = pytest.mark.slow

SEED = 7
COUNTS = {
    "namespace": 1400,
    "derivatives": 200,
    "programs": 200,
    "conversions": 250,
    "branches": 12,
    "states": 300,
    "side_effects": 150,
}
CHUNK = 350
CHUNKS = [
    pytest.param(
        part, start, min(CHUNK, count - start), id=f"{part}-{start}",
        marks=[pytest.mark.further] if start else [],
    )
    for part, count in COUNTS.items()
    for start in range(0, count, CHUNK)
]  # fmt: skip
ROOT = Path(__file__).parents[2]


def test_every_part_is_searched():
    assert set(COUNTS) == set(PARTS)


@pytest.mark.parametrize(("part", "first", "count"), CHUNKS)
def test_no_answer_is_wrong(part, first, count):
    command = [sys.executable, "-m", "tests.fuzz", "--only", part, "--no-shrink", "--seed", SEED]
    command += ["--first", first, "--count", count, "--seconds", 600]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    assert f"{part}: {count} cases" in done.stdout, done.stdout + done.stderr
    assert ", 0 wrong" in done.stdout, done.stdout + done.stderr


# The search itself: it must agree with Python where Python runs the code, and find planted faults.


@pytest.mark.parametrize(
    "part", [part for part in PARTS if part not in ("branches", "derivatives")]
)
def test_plain_python_agrees_with_itself(part, monkeypatch):
    monkeypatch.setitem(oracle.MAKERS, "plain", lambda function: function)
    for number in range(60):
        case = PARTS[part].draw(SEED, number)
        verdict = oracle.check_values(case, "plain")
        assert verdict.kind == AGREES, f"{case.text()}\n{verdict}"


def scaled(function):
    return lambda *args: function(*args) * 1.001


def single(function):
    return lambda *args: np.float32(function(*args))


def copying(function):
    return lambda *args: function(*(np.array(a) for a in args))


def swallowing(function):
    def call(*args):
        try:
            return function(*args)
        except Exception:
            return None

    return call


def stale(function):
    kept = {}
    return lambda *args: kept.setdefault("result", function(*args))


def careless(function):
    return lambda *args: {}[args[0].shape]


def case_of(body, *calls):
    source = f"import numpy as np\n\nK = [2.0]\n\n\ndef f(x):\n    {body}\n"
    return Case("planted", source, calls or (Call("(np.array([0.5, 2.0]),)"),))


PLANTED = (
    (scaled, "value", case_of("return np.sum(x)")),
    (single, "dtype", case_of("return np.sum(x)")),
    (copying, "argument afterwards", case_of("x += 1.0\n    return np.sum(x)")),
    (swallowing, "no exception", case_of("raise ValueError('no')")),
    (careless, "internal error", case_of("return np.sum(x)")),
    (careless, "other exception", case_of("raise ValueError('no')")),
    (
        stale,
        "value (later call)",
        case_of("return K[0] * x", Call("(np.ones(2),)"), Call("(np.ones(2),)", "K[0] = 3.0")),
    ),
)


@pytest.mark.parametrize(
    ("fault", "kind", "case"), PLANTED, ids=lambda x: getattr(x, "__name__", "")
)
def test_planted_faults_are_found(fault, kind, case, monkeypatch):
    assert oracle.check_values(case, "numpy").kind == AGREES
    monkeypatch.setitem(oracle.MAKERS, "numpy", fault)
    found = oracle.check_values(case, "numpy").kind
    assert found == kind


@pytest.mark.parametrize("factor", [1.001, -1.0, np.nan])
def test_planted_slopes_are_found(factor, monkeypatch):
    case = case_of("return np.sum(np.sin(x) * x)")
    assert oracle.check_gradient(case).kind == AGREES
    gradient = st.gradient
    monkeypatch.setattr(
        oracle.st, "gradient", lambda f, wrt: lambda *args: factor * gradient(f, wrt)(*args)
    )
    assert oracle.check_gradient(case).is_wrong


def test_a_kink_is_not_taken_for_a_fault():
    case = case_of("return np.sum(abs(x - 0.5)) + np.max(x * x[::-1])")
    assert oracle.check_gradient(case).kind == AGREES


def test_cases_are_made_smaller():
    long = case_of(
        "y = x * 3.0\n    z = y + 1.0\n    if x[0] > 0:\n        z = z - 1\n    return x / 2"
    )
    small = shrink(long, lambda case: "x / 2" in case.source and is_python(case.source))
    assert "z" not in small.source
    assert "y =" not in small.source


def test_the_same_number_is_the_same_case():
    for part, module in PARTS.items():
        assert module.draw(SEED, 5) == module.draw(SEED, 5), part
