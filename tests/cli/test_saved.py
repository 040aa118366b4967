"""What ``--save`` writes, opened in Python."""

import csv
import json

import numpy as np
import pytest

import steepest as st
from tests.support.commands import steepest
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

TABLE = ROOT / "examples" / "adsorption.csv"
FORMULA = "volume = capacity * (1 - exp(-affinity * pressure))"


def model(pressure, capacity, affinity):
    return capacity * (1 - np.exp(-affinity * pressure))


MODEL = """
import numpy as np

def model(pressure, capacity, affinity):
    return capacity * (1 - np.exp(-affinity * pressure))

def valley(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2
"""


def columns():
    with open(TABLE) as file:
        rows = list(csv.DictReader(file))
    return [np.array([float(row[name]) for row in rows]) for name in ("pressure", "volume")]


@pytest.mark.parametrize("command", ["curve", "fit"])
def test_a_fit_is_opened_with_and_without_its_function(command, tmp_path):
    (tmp_path / "models.py").write_text(MODEL)
    path = tmp_path / "fit.safetensors"
    start = "capacity=500,affinity=0.0001"
    of = {
        "curve": ["models.py:model", TABLE, "--x", "pressure", "--y", "volume", "--start", start],
        "fit": [TABLE, "--model", FORMULA],
    }
    ran = steepest(command, *of[command], "--save", path, "--no-plot", "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    printed = {name: of["value"] for name, of in json.loads(ran.stdout)["parameters"].items()}
    assert st.load(path) == printed
    like = {"capacity": 1.0, "affinity": 1.0} if command == "curve" else None
    fit = st.resume(path, model, args=columns(), like=like)
    assert dict(zip(fit.names, fit.values.tolist(), strict=True)) == printed
    assert fit.standard_errors is not None
    assert fit.converged


def test_a_descent_is_opened(tmp_path):
    (tmp_path / "models.py").write_text(MODEL)
    path = tmp_path / "run.safetensors"
    arguments = ["models.py:valley", "--start", "0,0", "--method", "bfgs", "--save", path]
    ran = steepest("descend", *arguments, "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    x = json.loads(ran.stdout)["x"]
    np.testing.assert_array_equal(st.load(path), x)
    run = st.resume(path, lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2)
    np.testing.assert_array_equal(run.x, x)
