"""The command: what it prints, how it fails, and its exit status."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.support.commands import steepest
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

ROSENBROCK = "examples/rosenbrock.py:rosenbrock"
DESCEND = ["descend", ROSENBROCK, "--start", "0,0", "--step-size", "0.001", "--until"]
LESSON = """\
iter_count:  5759 the loss: 0.0010091979556820377
iter_count:  5760 the loss: 0.0010083502093514948
iter_count:  5761 the loss: 0.0010075028288032883
iter_count:  5762 the loss: 0.0010066566073887067
iter_count:  5763 the loss: 0.0010058099570385917
iter_count:  5764 the loss: 0.0010049644657556017
iter_count:  5765 the loss: 0.0010041200851937761
iter_count:  5766 the loss: 0.0010032768613008629
iter_count:  5767 the loss: 0.0010024340007618712
iter_count:  5768 the loss: 0.0010015915035627475
iter_count:  5769 the loss: 0.0010007493696895125
iter_count:  5770 the loss: 0.0009999075991282626
[0.96840495 0.9376793 ]
"""


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
def test_descend_prints_the_lessons_lines(engine):
    result = steepest(
        *DESCEND, "loss<=0.001", "--max-iterations", 100_000, "--dtype", "float32",
        "--compute-dtype", "float64", "--engine", engine, "--log-last", 12,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(LESSON)
    assert "was met after 5771 iterations" in result.stdout
    assert not result.stderr


def test_descend_as_json():
    result = steepest(
        *DESCEND, "loss<=0.001", "--max-iterations", 100_000, "--log-last", 2, "--json"
    )
    document = json.loads(result.stdout)
    assert result.returncode == 0
    assert document["iterations"] == 5771
    assert document["loss"] == 0.000999857929745719
    assert document["x"] == pytest.approx([0.96840573, 0.93768081], abs=1e-8)
    assert document["status"] == "converged"
    assert document["engine"] == "native"
    assert set(document["timings"]) == {"trace", "compile", "run"}
    assert [entry["iter_count"] for entry in document["log"]] == [5769, 5770]
    assert "LossBelow" in document["message"]


@pytest.mark.parametrize("method", ["momentum", "nesterov", "adam"])
def test_descend_by_other_methods(method, tmp_path):
    result = steepest(
        "descend", ROSENBROCK, "--start=-1,1", "--step-size", "0.0005", "--method", method,
        "--until", "loss<=0.1 or gradient<=1e-9", "--plot", tmp_path / "plot.png", "--progress",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_a_vector_goes_to_a_function_of_one_parameter(tmp_path):
    (tmp_path / "model.py").write_text(
        "import numpy as np\nTARGET = np.arange(30.0)\n"
        "def loss(x):\n    return np.sum((x - TARGET[:3]) ** 2)\n"
    )
    result = steepest(
        "descend", "model.py:loss", "--start", "5,5,5", "--step-size", "0.25", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("[")


def test_only_iterations_asked_for_is_success_and_a_goal_missed_is_not():
    asked = steepest("descend", ROSENBROCK, "--start", "0,0", "--max-iterations", 5)
    missed = steepest(*DESCEND, "loss<=0.001", "--max-iterations", 5)
    assert asked.returncode == 0
    assert missed.returncode == 1
    assert "before any goal was met" in missed.stdout


def test_divergence_shows_the_last_finite_point_and_fails():
    result = steepest("descend", ROSENBROCK, "--start", "0,0", "--step-size", "0.1")
    assert result.returncode == 1
    assert "diverged at iteration 7" in result.stdout
    assert "nan" not in result.stdout.splitlines()[0]


def test_graph_prints_and_draws(tmp_path):
    picture = tmp_path / "graph.svg"
    result = steepest("graph", ROSENBROCK, "--at", "0.5,0.5", "-o", picture)
    assert result.returncode == 0, result.stderr
    for piece in ("multiply(100.0, %4)", "f64[]", "6.25", "-51.0", "rosenbrock.py:12"):
        assert piece in result.stdout
    assert "gradient -51.0" in picture.read_text()


def test_check_agrees_and_disagrees(tmp_path):
    gradient = ROSENBROCK + "_gradient"
    right = steepest("check", ROSENBROCK, "--gradient", gradient, "--at", "0.5,0.5")
    assert right.returncode == 0, right.stderr
    assert "agrees with hand-written, torch and finite differences" in right.stdout
    (tmp_path / "wrong.py").write_text("def gradient(x, y):\n    return 2 * x, 2 * y\n")
    wrong = steepest(
        "check", ROSENBROCK, "--gradient", f"{tmp_path}/wrong.py:gradient", "--at", "0.5,0.5"
    )
    assert wrong.returncode == 1
    assert "the hand-written one is wrong" in wrong.stdout


def test_compare_shows_every_engine():
    arguments = ["compare", ROSENBROCK, "--start", "0,0", "--until", "loss<=0.01"]
    table = steepest(*arguments)
    assert table.returncode == 0, table.stderr
    assert all(name in table.stdout for name in ("native", "numpy", "torch"))
    assert "largest difference between the engines' x: 0.0" in table.stdout
    document = json.loads(steepest(*arguments, "--json").stdout)
    assert [run["engine"] for run in document["engines"]] == ["native", "numpy", "torch"]
    assert document["largest_difference"] == 0.0


def test_tour_shows_the_lesson_beside_what_it_computed():
    result = steepest("tour", "--language", "en")
    assert result.returncode == 0, result.stderr
    assert re.findall(r"^(\d)\. .* ─+$", result.stdout, re.MULTILINE) == [*"123456"]
    assert result.stdout.count("(same)") == 9
    assert "DIFFERENT" not in result.stdout
    assert result.stdout.count("of the held-out images right") == 3
    assert "The tour took" in result.stdout


BAD = {
    "no such file": (["descend", "examples/rosenbrok.py:f", "--start", "0"], "rosenbrock.py"),
    "no such function": (["descend", ROSENBROCK[:-1], "--start", "0"], "there is rosenbrock"),
    "no function named": (["descend", "examples/rosenbrock.py", "--start", "0"], "FILE:FUNCTION"),
    "wrong length": (["descend", ROSENBROCK, "--start", "0,0,0"], "takes 2 numbers, got 3"),
    "nan": (["descend", ROSENBROCK, "--start", "0,nan"], "x0[1] is nan"),
    "words": (["descend", ROSENBROCK, "--start", "zero"], "--start needs numbers"),
    "zero step": (["descend", ROSENBROCK, "--start", "0,0", "--step-size", "0"], "positive"),
    "negative step": (["descend", ROSENBROCK, "--start", "0,0", "--step-size=-1"], "positive"),
    "engine": (["descend", ROSENBROCK, "--start", "0,0", "--engine", "jax"], "choose one of"),
    "method": (["descend", ROSENBROCK, "--start", "0,0", "--method", "adm"], "mean 'adam'"),
    "dtype": (["descend", ROSENBROCK, "--start", "0,0", "--dtype", "float16"], "float32 or"),
    "until": ([*DESCEND, "loss=3"], "--until needs conditions"),
    "until never": ([*DESCEND, "loss<nan"], "--until needs conditions"),
    "vector": (["descend", ROSENBROCK + "_gradient", "--start", "0,0"], "one number as its loss"),
    "option": (["descend", ROSENBROCK, "--speed", "3"], "No such option"),
    "command": (["descent"], "No such command"),
    "folder": (
        ["graph", ROSENBROCK, "--at", "0,0", "-o", "/no/such/folder/g.svg"],
        "cannot write",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_on_stderr(name):
    arguments, message = BAD[name]
    result = steepest(*arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr


def test_a_function_that_raises_shows_its_own_traceback(tmp_path):
    (tmp_path / "model.py").write_text("def loss(x):\n    return x[0] / missing\n")
    result = steepest("descend", "model.py:loss", "--start", "1", cwd=tmp_path)
    assert result.returncode == 1
    assert 'model.py", line 2, in loss' in result.stderr
    assert "NameError" in result.stderr
    assert "src/steepest" not in result.stderr
    (tmp_path / "file.py").write_text("def loss(x):\n    return x[0] * len(open('none').read())\n")
    result = steepest("descend", "file.py:loss", "--start", "1", cwd=tmp_path)
    assert 'file.py", line 2, in loss' in result.stderr
    assert "src/steepest" not in result.stderr
    (tmp_path / "broken.py").write_text("def loss(x:\n")
    result = steepest("descend", "broken.py:loss", "--start", "1", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("broken.py:1 is not valid Python")


def interrupted_after(seconds):
    """Press Ctrl-C some seconds after the start of an endless descent; return what is printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "steepest", *DESCEND, "loss<=0", "--max-iterations", str(10**12),
         "--step-size", "1e-9"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()  # which must not go on if it did not hear
    return process.returncode, output


def test_ctrl_c_shows_the_point_reached():
    for seconds in (3, 12, 48):  # a busy machine takes long to begin
        code, output = interrupted_after(seconds)
        if output:
            break
    assert code == 1
    assert "The run was interrupted" in output
    assert output.startswith("[")


@pytest.mark.parametrize(
    "command", ["descend", "fit", "curve", "graph", "check", "compare", "tour", "examples"]
)
def test_help_has_an_example(command):
    result = steepest(command, "--help")
    assert result.returncode == 0
    assert f"Example: steepest {command}" in " ".join(result.stdout.split())


def test_conditions_combine():
    strict = steepest(*DESCEND, "loss<0.001 and gradient<10 or gradient<1e-9", "--json")
    document = json.loads(strict.stdout)
    assert document["iterations"] == 5771
    assert document["loss"] < 0.001


def test_examples_are_written_once(tmp_path):
    first = steepest("examples", "here", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert (tmp_path / "here" / "adsorption.csv").read_text().startswith("pressure,volume")
    again = steepest("examples", "here", cwd=tmp_path)
    assert again.stdout.count("is there already") == len(first.stdout.splitlines())


def test_completion_is_offered():
    assert "--install-completion" in steepest("--help").stdout


def test_version():
    assert steepest("--version").stdout.strip() == "0.1.0"


def test_coverage_lists_functions_and_filters():
    listed = steepest("coverage", "linalg.solve", "argsort", "--json")
    found = {row["name"]: row for row in json.loads(listed.stdout)}
    assert listed.returncode == 0
    assert found["linalg.solve"]["native"] == "machine code"
    assert found["argsort"]["slopes"] == "0"
    assert "machine code" in steepest("coverage", "cumsum").stdout
    unknown = steepest("coverage", "nosuchthing")
    assert unknown.returncode == 1
    assert "st.custom_derivative" in unknown.stderr


def test_a_descent_that_cannot_be_saved_is_printed_all_the_same(tmp_path):
    path = tmp_path / "no" / "such" / "folder" / "run.safetensors"
    start = ("descend", ROSENBROCK, "--start", "0,0", "--max-iterations", 20)
    result = steepest(*start, "--save", path)
    assert result.returncode == 1
    assert str(path) in result.stderr
    assert "Traceback" not in result.stderr
    without = steepest(*start).stdout.split("engine native")[0]
    assert result.stdout.startswith(without)
    assert "loss" in without


def test_a_saved_descent_is_resumed(tmp_path):
    path = tmp_path / "run"
    options = ["--method", "momentum", "--step-size", "0.0005"]
    start = ["descend", ROSENBROCK, "--start", "0,0", *options, "--json"]
    first = steepest(*start, "--max-iterations", 20, "--save", path)
    assert first.returncode == 0, first.stderr
    resumed = steepest(
        "descend", ROSENBROCK, "--resume", path, "--max-iterations", 50, "--json", "--log-last", 3
    )
    whole = steepest(*start, "--max-iterations", 50, "--log-last", 3)
    again, through = json.loads(resumed.stdout), json.loads(whole.stdout)
    assert again["x"] == through["x"]
    assert again["log"] == through["log"]
    both = steepest("descend", ROSENBROCK, "--start", "0,0", "--resume", path)
    assert both.returncode == 1
    assert "not both" in both.stderr


def test_settings_of_a_resumed_descent_are_its_own(tmp_path):
    path = tmp_path / "run"
    assert steepest("descend", ROSENBROCK, "--start", "0,0", "--save", path).returncode == 0
    for more in (["--method", "adam"], ["--step-size", "0.1"], ["--bounds", "0:1,0:1"]):
        result = steepest("descend", ROSENBROCK, "--resume", path, *more)
        assert result.returncode == 1
        assert f"{more[0]} cannot be given with --resume" in result.stderr


def test_descend_fails_for_a_loss_that_depends_on_nothing(tmp_path):
    (tmp_path / "m.py").write_text("def loss(x):\n    return 3.0\n")
    result = steepest("descend", f"{tmp_path}/m.py:loss", "--start", "0,0")
    assert result.returncode == 1
    assert "loss at m.py:1 does not depend on its parameters" in result.stdout
    assert not result.stderr


def test_descend_says_that_a_start_is_moved_inside(tmp_path):
    (tmp_path / "m.py").write_text("def loss(x):\n    return (x[0] - 1) ** 2\n")
    result = steepest("descend", f"{tmp_path}/m.py:loss", "--start", "9", "--bounds", "0:5",
                      "--method", "lbfgs")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("x0[0] starts at 9, outside of its bounds 0 and 5")
    assert len(result.stderr.splitlines()) == 1
