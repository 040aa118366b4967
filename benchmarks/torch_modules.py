"""A small convolutional network of torch on the digits: trained natively, and by torch.

    python benchmarks/torch_modules.py [--rounds 5] [--json torch_modules.json]

The network is a module of torch, which `st.from_torch` brings in. All train for 100 steps from the
same parameters on the same batches in float32. Each measurement is a process of its own, without
compiled code of earlier ones; the processes take turns. "first" is the seconds of the first
training, with compilation; "warm step" the microseconds of a step in the trainings that follow in
the same process, which make as many steps again: the median of 10 trainings. "loop" leaves out
what steepest computes at the end of a run: the loss and its gradient over all batches, in NumPy.
"CPU" is the processor's time of a warm step. The losses of all 100 steps are compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STEPS, TRAININGS = 100, 10
NAMES = ("steepest", "torch eager", "torch.compile")
OPTIMIZERS = ("SGD", "Adam")


def network():
    import torch

    torch.manual_seed(0)
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def digits(size):
    """Return images and labels of 100 steps, or of as many batches as there are."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    count = STEPS
    while count * size > len(images) or STEPS % count:
        count -= 1
    rows = count * size
    return (images[:rows].reshape(-1, 1, 8, 8) / 16).astype(np.float32), labels[:rows], count


def with_steepest(size, optimizer, threads):
    """Return a function that trains and returns the losses."""
    import steepest as st

    st.set_num_threads(threads)
    X, y, count = digits(size)
    model, parameters = st.from_torch(network())

    def loss(p, X, y):
        return -np.mean(st.log_softmax(model(p, X))[np.arange(len(y)), y])

    method = st.GradientDescent(0.05) if optimizer == "SGD" else st.Adam(0.003)
    batches = st.Batches(size=size, epochs=STEPS // count, shuffle=False)

    def train():
        run = st.minimize(loss, parameters, args=(X, y), method=method, batches=batches)
        return run.history.loss[:STEPS], run.timings.run

    return train


def with_torch(size, optimizer, threads, compiled):
    """Return a function that trains and returns the losses."""
    import torch

    torch.set_num_threads(threads)
    X, y, count = digits(size)
    batches = [
        (
            torch.as_tensor(X[i * size : (i + 1) * size]),
            torch.as_tensor(y[i * size : (i + 1) * size]),
        )
        for i in range(count)
    ]
    module = network()
    start = {name: tensor.clone() for name, tensor in module.state_dict().items()}

    def loss(images, labels):
        return torch.nn.functional.cross_entropy(module(images), labels)

    loss = torch.compile(loss) if compiled else loss
    kinds = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}
    rates = {"SGD": 0.05, "Adam": 0.003}

    def train():
        module.load_state_dict(start)
        steps = kinds[optimizer](module.parameters(), rates[optimizer])
        losses = []
        for step in range(STEPS):
            steps.zero_grad()
            value = loss(*batches[step % count])
            value.backward()
            steps.step()
            losses.append(value.detach())
        return torch.stack(losses).numpy(), None

    return train


def measure(name, size, optimizer, threads):
    """Return seconds of the first training, microseconds of a later step, and the losses."""
    if name == "steepest":
        train = with_steepest(size, optimizer, threads)
    else:
        train = with_torch(size, optimizer, threads, name == "torch.compile")
    start = time.perf_counter()
    losses, _ = train()
    first = time.perf_counter() - start
    until = time.perf_counter() + 4  # what is compiled in the background comes to its end
    while time.perf_counter() < until:
        train()
    seconds, cpu, loops = [], [], []
    for _ in range(TRAININGS):
        start, before = time.perf_counter(), time.process_time()
        _, loop = train()
        seconds.append(time.perf_counter() - start)
        loops.append(seconds[-1] if loop is None else loop)
        cpu.append(time.process_time() - before)
    return {
        "first": first,
        "warm": float(np.median(seconds)) / STEPS * 1e6,
        "cpu": float(np.median(cpu)) / STEPS * 1e6,
        "loop": float(np.median(loops)) / STEPS * 1e6,
        "losses": np.asarray(losses, float).tolist(),
    }


def in_a_process(*arguments):
    """Return what :func:`measure` finds in a new process without compiled code."""
    folder = tempfile.mkdtemp()
    environment = os.environ | {"STEEPEST_CACHE_DIR": "", "TORCHINDUCTOR_CACHE_DIR": folder}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(arguments[-1]))
    command = [sys.executable, __file__, "--measure", *map(str, arguments)]
    try:
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(size, optimizer, threads, rounds):
    """Return the medians of each library, and how far losses are from torch's."""
    names = NAMES if shutil.which("c++") else NAMES[:2]  # torch.compile needs a C++ compiler
    found = {name: [] for name in names}
    for number in range(rounds):
        for name in names[:: 1 - 2 * (number % 2)]:
            found[name].append(in_a_process(name, size, optimizer, threads))
    expected = np.array(found["torch eager"][0]["losses"])
    return {
        name: {
            "first": float(np.median([one["first"] for one in runs])),
            "warm": float(np.median([one["warm"] for one in runs])),
            "cpu": float(np.median([one["cpu"] for one in runs])),
            "loop": float(np.median([one["loop"] for one in runs])),
            "range": [min(one["warm"] for one in runs), max(one["warm"] for one in runs)],
            "difference": float(np.max(np.abs(np.array(runs[0]["losses"]) / expected - 1))),
        }
        for name, runs in found.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", nargs=4)
    options = parser.parse_args()
    if options.measure:
        name, size, optimizer, threads = options.measure
        print(json.dumps(measure(name, int(size), optimizer, int(threads))))
        return
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: nothing to compare")
        return
    results = {}
    heads = ("first", 9), ("warm step", 12), ("range", 18), ("loop", 12), ("CPU", 12)
    head = " " * 24 + "".join(f"{name:>{width}}" for name, width in heads) + "   losses differ"
    for threads in options.threads:
        for size in options.sizes:
            for optimizer in OPTIMIZERS:
                title = f"{optimizer}, batches of {size}, {threads} thread(s)"
                results[title] = compare(size, optimizer, threads, options.rounds)
                print(f"\n{title}\n{head}")
                for name, row in results[title].items():
                    low, high = row["range"]
                    print(
                        f"{name:24}{row['first']:7.2f} s{row['warm']:9.0f} us"
                        f"{low:9.0f}-{high:.0f} us{row['loop']:9.0f} us{row['cpu']:9.0f} us"
                        f"{row['difference']:16.1e}",
                        flush=True,
                    )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
