"""Functions that are compiled and dropped leave no memory behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

FOLDER = ROOT / "benchmarks"
KINDS = ("gradient", "branches", "called_back", "loop", "minimize", "curve_fit")
MOST = 40.0  # KiB for each function; the machine code of one is 80

PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
import memory
from steepest.descent.running import compile as prepare
from steepest.engines.native.programs import function as program
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


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow_with_functions_forgotten(kind):
    # What the allocator keeps varies from process to process, what leaks does not. The first
    # eighty functions bring the heap to the height that it has between two garbage collections.
    assert any(growth(kind) < MOST for _ in range(3))
