"""Five-fold cross-validation of a network on the digits, beside scikit-learn's own and skorch's.

    python benchmarks/learn.py [--rounds 5] [--json learn.json]

The networks have 64 hidden units and Adam's settings, and train for the same number of epochs on
batches of the same size. Each measurement is a process of its own, in which nothing was compiled
before: the seconds of steepest include compilation. The processes take turns; figures are medians
and quartiles of the ratios of pairs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings

import numpy as np

EPOCHS = 100
SIZES = (32, 200)


LIBRARIES = ("steepest", "scikit-learn", "skorch")


def torch_network(size):
    """Return the network in PyTorch, as an estimator by skorch."""
    import torch
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    layers = [torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)]
    return NeuralNetClassifier(
        torch.nn.Sequential(*layers),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=EPOCHS,
        batch_size=size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


def network(name, size):
    """Return a classifier of one of the libraries."""
    if name == "skorch":
        return torch_network(size)
    settings = {"batch_size": size, "max_iter": EPOCHS, "n_iter_no_change": EPOCHS, "tol": 0.0}
    if name == "steepest":
        from steepest.learn import MLPClassifier
    else:
        from sklearn.neural_network import MLPClassifier
    return MLPClassifier((64,), random_state=0, **settings)


def measure(name, size):
    """Return seconds of the cross-validation, the accuracy and the final training loss."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import KFold, cross_validate

    images, labels = load_digits(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    model = network(name, size)
    warnings.simplefilter("ignore")  # all epochs are made: neither has converged
    start, cpu = time.perf_counter(), time.process_time()
    if name == "skorch":
        images = images.astype(np.float32)  # the dtype of its weights
    found = cross_validate(model, images / 16, labels, cv=folds, return_estimator=True)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    if name == "skorch":
        losses = [one.history[-1, "train_loss"] for one in found["estimator"]]
    else:
        assert {one.n_iter_ for one in found["estimator"]} == {EPOCHS}
        losses = [one.loss_ for one in found["estimator"]]
    return {
        "seconds": seconds,
        "cpu": cpu,
        "accuracy": float(found["test_score"].mean()),
        "loss": float(np.mean(losses)),
    }


def in_a_process(name, size):
    """Return what :func:`measure` finds in a new process without a cache."""
    command = [sys.executable, __file__, "--measure", name, str(size)]
    environment = os.environ | {"STEEPEST_CACHE_DIR": ""}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def compare(size, rounds):
    """Return the medians of all, and the quartiles of the ratios of pairs by library."""
    found = {name: [] for name in LIBRARIES}
    for number in range(rounds):
        for name in sorted(found, reverse=number % 2 == 0):
            found[name].append(in_a_process(name, size))
    ratios = {}
    for name in LIBRARIES[1:]:
        pairs = zip(found["steepest"], found[name], strict=True)
        each = [ours["seconds"] / theirs["seconds"] for ours, theirs in pairs]
        ratios[name] = np.percentile(each, [25, 50, 75]).tolist()
    medians = {
        name: {key: float(np.median([one[key] for one in all_of])) for key in all_of[0]}
        for name, all_of in found.items()
    }
    return medians | {"ratios": ratios}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="of batches")
    parser.add_argument("--json", help="a file for the figures")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure[0], int(options.measure[1]))))
        return
    figures = {}
    for size in options.sizes:
        figures[size] = found = compare(size, options.rounds)
        print(f"batches of {size}, {EPOCHS} epochs, five folds")
        for name in LIBRARIES:
            one = found[name]
            print(
                f"  {name:12} {one['seconds']:6.2f} s  ({one['cpu']:.2f} s of CPU)  "
                f"accuracy {one['accuracy']:.2%}  training loss {one['loss']:.4f}"
            )
        for name, (low, middle, high) in found["ratios"].items():
            print(f"  of {name}'s time: {middle:.2f} (quartiles {low:.2f} to {high:.2f})")
    if options.json:
        from steepest.files import write_atomically

        write_atomically(options.json, json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
