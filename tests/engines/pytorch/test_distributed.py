"""Two processes that train together do what one does with the rows of both."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import steepest as st
from steepest.engines import Interpreter
from steepest.engines.pytorch.distributed import check_program
from tests.support.paths import ROOT

BATCH, ROWS, EPOCHS = 4, 22, 3

START = {"w": np.full(3, 0.1), "c": 0.0}

PROGRAM = """
import json, sys
import numpy as np
import torch.distributed as dist
from tests.engines.pytorch.test_distributed import everything

rank, store = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
print(json.dumps(everything(rank)))
dist.destroy_process_group()
"""


def loss(p, a, b):
    return np.mean((np.tanh(a @ p["w"]) + p["c"] - b) ** 2) + 0.01 * np.sum(p["w"] ** 2)


def summed(p, a, b):
    return np.sum((a @ p["w"] - b) ** 2)


def coupled(p, a, b):
    z = a @ p["w"]
    return np.mean((z - np.mean(z) - b) ** 2)


def branching(p, a, b):
    return loss(p, a, b) if p["c"] > -9 else 2 * loss(p, a, b)


def rows_of(rank):
    generator = np.random.default_rng(rank)
    return generator.normal(size=(ROWS, 3)), generator.normal(size=ROWS)


METHODS = {"adam": st.Adam(0.01), "momentum": st.Momentum(0.01)}
REFUSED = {
    "a sum": (summed, {}, "needs a loss that is the mean over the rows"),
    "rows that meet": (coupled, {}, "compute nothing across rows"),
    "a branch": (branching, {}, "cannot run a loss that branches on values"),
    "time": (loss, {"stop": st.TimeLimit(9.0)}, "at different iterations: use st.MaxIterations"),
    "no batches": (loss, {"batches": None}, "trains on batches of rows"),
    "unequal rows": (
        loss,
        {"cut": 1},
        "needs the same number of rows in all processes, got 22, 21",
    ),
    "unequal bounds": (loss, {"wide": 1}, "needs the same start, bounds and method"),
    "unequal starts": (loss, {"moved": 1}, "needs the same start, bounds and method"),
}


def trained(rank, engine, f=loss, cut=0, moved=0, wide=0, **more):
    args = tuple(x[: ROWS - cut * rank] for x in rows_of(rank))
    batches = st.Batches(BATCH, epochs=EPOCHS, shuffle=False)
    start = START | {"c": float(moved * rank)}
    if wide:
        more["bounds"] = {"w": (-1.0, 1.0), "c": (-1.0, 1.0 + rank)}
    options = {"batches": batches, "engine": engine, "method": METHODS["adam"]} | more
    return st.minimize(f, start, args=args, **options)


def everything(rank):
    """Return what one of the processes finds."""
    engine = st.engines.Torch("cpu", distributed=True)
    found = {}
    for name, method in METHODS.items():
        run = trained(rank, engine, method=method)
        found[name] = [run.vector.tolist(), run.loss, run.history.loss.tolist()]
    for name, (f, more, _) in REFUSED.items():
        try:
            trained(rank, engine, f, **more)
        except (ValueError, TypeError) as error:
            found[name] = str(error)
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Return what both processes find."""
    store = tmp_path_factory.mktemp("group") / "store"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(rank), str(store)],
            cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]  # fmt: skip
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    return [json.loads(out) for out, _ in told]


def interleaved():
    """Return the rows of both processes, in the order in which they are used."""
    pairs = zip(rows_of(0), rows_of(1), strict=True)
    cuts = range(BATCH, ROWS, BATCH)
    return tuple(
        np.concatenate(
            [x for both in zip(np.split(one, cuts), np.split(other, cuts)) for x in both]
        )
        for one, other in pairs
    )


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_do_what_one_does_with_the_rows_of_both(both, name):
    assert both[0][name] == both[1][name]  # in every bit
    batches = st.Batches(2 * BATCH, epochs=EPOCHS, shuffle=False)
    one = st.minimize(loss, START, args=interleaved(), batches=batches, method=METHODS[name])
    vector, last, history = both[0][name]
    np.testing.assert_allclose(vector, one.vector, rtol=1e-12)
    np.testing.assert_allclose(last, one.loss, rtol=1e-12)
    np.testing.assert_allclose(history, one.history.loss, rtol=1e-12)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_mean_over_rows_is_refused_in_both(both, name):
    for found in both:
        assert REFUSED[name][2] in found[name]


def test_without_a_process_group_it_is_refused():
    with pytest.raises(TypeError, match="needs a process group, and there is none: start"):
        st.engines.Torch("cpu", distributed=True)


def test_a_method_that_reads_rows_besides_the_gradient_is_refused():
    met = []

    class Spy(Interpreter):
        def prepare(self, program):
            met.append(program)
            return super().prepare(program)

    trained(0, Spy())
    (program,) = met
    check_program(program)
    other = dataclasses.replace(program.full, gradient=program.full.x)  # the update reads the rows
    with pytest.raises(ValueError, match="more of the rows than the loss and its gradient"):
        check_program(dataclasses.replace(program, paths=(other,)))
