"""Functions that are compiled and dropped leave no memory behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import steepest as st
from steepest.descent.running import compile as prepare
from steepest.engines.native.jit import background
from steepest.graph import source
from tests.support.paths import ROOT

FOLDER = ROOT / "benchmarks"
KINDS = (
    *("gradient", "branches", "called_back", "loop", "minimize", "curve_fit"),
    *("texts", "fitted_texts", "minimized_texts"),
)
MOST = 40.0  # KiB for each function; the machine code of one is 80

PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
import memory
from steepest.descent.running import compile as prepare
from steepest.engines.native.programs import function as program
from steepest.graph import source
source._MOST_LINES = source._MOST_FILES = 64
prepare._CACHE_SIZE = program._CACHE_SIZE = 4  # so that few functions fill them
print(memory.growth({kind!r}, rounds=60, warm=80))
"""


def growth(kind):
    program = PROGRAM.format(folder=str(FOLDER), kind=kind)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"STEEPEST_CACHE_DIR": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.sampled(3)
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow_with_functions_forgotten(kind):
    # What the allocator keeps varies from process to process, what leaks does not. The first
    # eighty functions bring the heap to the height that it has between two garbage collections.
    assert any(growth(kind) < MOST for _ in range(3))


X = np.array([0.5, 1.0, 1.5])
FORGOTTEN = {
    "gradient": ("def f(x): return np.sum(np.sin(x) * {c})", lambda f: st.gradient(f)(X)),
    "compile": ("def f(x): return np.sin(x) * {c}", lambda f: st.compile(f)(X)),
    "minimize": ("def f(x): return np.sum((x - {c}) ** 2)", lambda f: st.minimize(f, X)),
    "least_squares": ("def f(x): return x - {c}", lambda f: st.least_squares(f, X)),
    "curve_fit": (
        "def f(t, a): return a * t + {c}",
        lambda f: st.curve_fit(f, X, X, [1.0]),
    ),
}
CACHED = 4


@pytest.mark.parametrize("kind", FORGOTTEN)
def test_functions_that_are_forgotten_are_freed(kind, monkeypatch):
    monkeypatch.setattr(prepare, "_CACHE_SIZE", CACHED)
    monkeypatch.setattr(source, "_MOST_LINES", CACHED)
    text, call = FORGOTTEN[kind]
    codes = []
    for number in range(20):
        names = {"np": np}
        line = text.format(c=1.0 + number)
        exec(compile(line, f"<line {number} of {kind}>", "exec"), names)
        codes.append(weakref.ref(names["f"].__code__))
        call(names.pop("f"))
    background.finish()  # jobs hold what they compile
    gc.collect()
    alive = [code for code in codes if code() is not None]
    assert len(alive) <= 2 * CACHED
