"""Machine code kept for other processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from steepest import cache

PROGRAM = """
import numpy as np, scipy.special, steepest as st
from steepest.engines.native import jit, kept
made, before = [], jit.Code._begin
def noted(self, *arguments, **settings):
    before(self, *arguments, **settings)
    made.append(self.is_new)
jit.Code._begin = noted
of_program = kept.of_program
def written(*arguments):
    made.append(True)
    return of_program(*arguments)
kept.of_program = written
f = st.compile(st.value_and_gradient(lambda x: np.sum(np.exp(np.sin(x)) * x[::-1])))
value, gradient = f(np.linspace(0, 1, 40_000))
run = st.minimize(lambda x: np.sum((x - 2) ** 2), np.zeros(3), method=st.GradientDescent(0.1))
t, table = np.linspace(1, 2, 9), np.arange(5.0)
fit = st.curve_fit(lambda t, a, b: a * scipy.special.gammaln(t + b), t, np.sqrt(t), [1, 1])
try:
    st.least_squares(lambda p: table[np.floor(1e3 * p).astype(int)] + p, np.ones(2))
except IndexError as error:
    print(any(made), error, end=" ")
print(value, gradient[7], run.x[0], run.iterations, fit.x, fit.covariance)
"""


def in_a_process(folder, seed="0"):
    environment = os.environ | {"STEEPEST_CACHE_DIR": str(folder), "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    is_new, rest = done.stdout.split(" ", 1)
    return is_new == "True", rest


def objects(folder):
    return sorted(Path(folder).rglob("*"))[1:]


def test_a_second_process_compiles_nothing(tmp_path):
    first = in_a_process(tmp_path)
    second = in_a_process(tmp_path, seed="99")  # whatever order its sets have
    assert first[0]
    assert not second[0]
    assert first[1] == second[1]


def test_what_other_sources_have_written_is_not_taken(tmp_path, monkeypatch):
    package = tmp_path / "steepest"
    shutil.copytree(Path(cache.__file__).parent, package)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert in_a_process(tmp_path / "cache")[0]
    assert not in_a_process(tmp_path / "cache")[0]
    with (package / "ops" / "row.py").open("a") as file:
        file.write("# another version\n")
    assert in_a_process(tmp_path / "cache")[0]


@pytest.mark.parametrize("damage", ["empty", "cut off", "one bit", "foreign"])
def test_a_damaged_object_is_ignored_and_written_again(tmp_path, damage):
    _, expected = in_a_process(tmp_path)
    for path in objects(tmp_path):
        content = bytearray(path.read_bytes())
        if damage == "empty":
            content = bytearray()
        elif damage == "cut off":
            content = content[: len(content) // 2]
        elif damage == "one bit":
            content[len(content) // 2] ^= 1
        else:
            content = bytearray(b"not an object at all" * 20)
        path.write_bytes(content)
    assert in_a_process(tmp_path) == (True, expected)
    assert in_a_process(tmp_path) == (False, expected)


def test_processes_may_write_at_the_same_time(tmp_path):
    environment = os.environ | {"STEEPEST_CACHE_DIR": str(tmp_path)}
    running = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    answers = {process.communicate()[0].split(b" ", 1)[1] for process in running}
    assert len(answers) == 1
    assert not [path for path in objects(tmp_path) if path.name.startswith("new-")]
    assert not in_a_process(tmp_path)[0]


def test_without_a_folder_everything_runs(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("where a folder should be")
    expected = in_a_process(tmp_path / "fine")
    assert in_a_process(blocked) == expected
    assert in_a_process("") == expected


def test_the_folder_stays_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    monkeypatch.setattr(cache, "_KEPT_BYTES", 10_000)
    monkeypatch.setattr(cache, "_CHECKED_EVERY", 1)
    for number in range(40):
        cache.keep(f"{number:03}", bytes(1000))
        os.utime(tmp_path / f"{number:03}", (number, number))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    assert cache.find("039") is not None, "the last one is kept"


def test_keys_tell_everything_apart():
    keys = [cache.key_of("ab", "c"), cache.key_of("a", "bc"), cache.key_of("abc"), cache.key_of()]
    assert len(set(keys)) == 4
