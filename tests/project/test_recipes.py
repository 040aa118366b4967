"""CONTRIBUTING's recipes, each carried out in a copy of the tree: one file edited each."""

import re
import runpy
import shutil
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = {
    heading: (
        re.search(r"`src/(\S+?\.py)`", section)[1],
        re.search(r"```python\n(.*?)```", section, re.S)[1],
    )
    for heading, section in re.findall(r"^### (.*?)\n(.*?)(?=^##)", TEXT, re.M | re.S)
    if "```python" in section  # others add no code
}

# The packages whose lists of public names `make exports` writes.
PACKAGES = runpy.run_path(str(ROOT / "tools" / "exports.py"))["PACKAGES"]

# What shows that it is there, run by a fresh interpreter that finds the copy.
SHOWN = {
    "An op": """
x = np.array([-5, 7, 0, 2**40, np.iinfo(int).min])
for engine in (Interpreter(), Native(), Torch()):
    graph = st.trace(lambda x: np.bitwise_count(x), x)
    _, (value,) = engine.compile([graph])([x])
    np.testing.assert_array_equal(value, np.bitwise_count(x))
    assert value.dtype == np.bitwise_count(x).dtype
assert st.gradient(lambda x: np.sum(x * np.bitwise_count(x.astype(int))))(np.array(3.0)) == 2.0
""",
    "A NumPy function": """
x = np.array([1.0, -2.0, 0.5])
f = st.compile(lambda x: np.poly(x))
np.testing.assert_allclose(f(x), np.poly(x), rtol=1e-14)
slopes = st.jacobian(lambda x: np.poly(x))(x)
h = 1e-6 * np.eye(3)
differences = np.stack([(np.poly(x + e) - np.poly(x - e)) / 2e-6 for e in h], axis=1)
np.testing.assert_allclose(slopes, differences, rtol=1e-8, atol=1e-8)
""",
    "A method": """
loss = lambda x: np.sum((x - 3.0) ** 2)
stop = st.MaxIterations(50)
runs = [st.minimize(loss, np.zeros(2), method=m, stop=stop, engine=e)
        for m in (st.Adadelta(), "adadelta") for e in ("native", "numpy")]
parameter = torch.zeros(2, dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.Adadelta([parameter], lr=1.0, rho=0.9, eps=1e-6)
for _ in range(50):
    optimizer.zero_grad()
    ((parameter - 3.0) ** 2).sum().backward()
    optimizer.step()
for run in runs:
    np.testing.assert_allclose(run.x, parameter.detach().numpy(), rtol=1e-12)
runs[0].save("run.safetensors")
more = st.resume("run.safetensors", loss, stop=st.MaxIterations(60))
assert more.iterations == 60 and isinstance(more.method, st.Adadelta)
""",
    "A stop rule": """
rule = st.StepNormBelow(1e-3)
run = st.minimize(lambda x: np.sum(x**2), np.ones(3), method=st.GradientDescent(0.1), stop=rule)
assert run.history.step_length[-1] < 1e-3 <= run.history.step_length[-2]
assert "StepNormBelow(threshold=0.001)" in run.message
run.save("run.safetensors")
again = st.resume("run.safetensors", lambda x: np.sum(x**2), stop=st.StepNormBelow(1e-4))
assert again.iterations > run.iterations and again.history.step_length[-1] < 1e-4
""",
    "A rewrite rule": """
graph = st.trace(lambda x: np.logical_not(np.logical_not(x > 1.0)), np.ones(3))
(simpler,) = simplify(graph.outputs)
assert simpler.op.name == "greater"
""",
    "An engine": """
run = st.minimize(lambda x: np.sum((x - 1.0) ** 2), np.zeros(2), engine="numpy twice")
assert run.converged and run.engine == "numpy twice"
""",
}
HEAD = """
import numpy as np
import steepest as st
import torch
from steepest.engines.interpreter import Interpreter
from steepest.engines.native import Native
from steepest.engines.pytorch import Torch
from steepest.rewrite import simplify
"""


def test_every_recipe_is_shown():
    assert set(RECIPES) == set(SHOWN)


@pytest.mark.parametrize("recipe", SHOWN)
def test_recipe_works_and_touches_one_file(recipe, tmp_path):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    name, block = RECIPES[recipe]
    file = tmp_path / "src" / name
    file.write_text(f"{file.read_text()}\n\n{block}")
    source = tmp_path / "src" / "steepest"
    exports = [sys.executable, ROOT / "tools" / "exports.py", "--source", source]
    if "make exports" in TEXT[TEXT.index(f"### {recipe}") :].split("\n###")[0]:
        subprocess.run(exports, check=True, cwd=ROOT)
    assert subprocess.run([*exports, "--check"], cwd=ROOT).returncode == 0
    edited = {name, *(f"steepest/{package}" for package in PACKAGES)}
    for copy in tmp_path.rglob("*.py"):
        original = copy.relative_to(tmp_path / "src")
        is_same = copy.read_text() == (ROOT / "src" / original).read_text()
        assert is_same or str(original) in edited
    program = f"{HEAD}\nassert st.__file__.startswith({str(tmp_path)!r})\n{SHOWN[recipe]}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "src"), "PATH": "", "STEEPEST_CACHE_DIR": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
