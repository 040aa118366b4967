"""The script for a GPU, in small on the CPU, and where there is no GPU."""

import importlib.util
import json
import sys

import pytest

from steepest.engines.pytorch.library import import_torch
from tests.support.paths import ROOT


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("gpu", ROOT / "benchmarks" / "gpu.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_a_gpu_it_says_so(script, monkeypatch, capsys):
    monkeypatch.setattr(import_torch().cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    assert script.main() == 0
    assert "there is no CUDA device here" in capsys.readouterr().out


def test_in_small_on_the_cpu_everything_is_checked_and_measured(script, monkeypatch, tmp_path):
    small = {"iterations": 15, "fits": (20,), "batches": (4,), "steps": 16, "rows": 50}
    monkeypatch.setitem(script.SIZES, "cpu", small)
    monkeypatch.setattr(script.importlib.util, "find_spec", lambda name: None)  # of JAX
    path = tmp_path / "gpu.json"
    arguments = ["gpu.py", "--device", "cpu", "--eager", "--json", str(path)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert script.main() == 0
    who = {row["who"] for row in json.loads(path.read_text())}
    assert who >= {"torch", "machine code, CPU", "torch.optim", "steepest, torch", "captured"}
