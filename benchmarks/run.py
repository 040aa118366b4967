"""steepest beside its peers: descents, calls, data, networks, elementwise functions.

    make bench

All peers run in one process, taking turns; every figure is a median. Import, trace, compile
and run are told apart. A peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["STEEPEST_CACHE_DIR"] = ""  # first calls compile; kept code is measured apart

import arrays
import branches
import numpy as np
import peers
from rich.console import Console
from rich.table import Table

import steepest as st
from steepest.files import write_atomically

ROUNDS = 15


def take_turns(runners, rounds=ROUNDS):
    """Return the median seconds of each runner, measured in turns."""
    times = {name: [] for name in runners}
    for _ in range(rounds):
        for name, (run, repeats) in runners.items():
            for _ in range(repeats):
                start = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(taken)) for name, taken in times.items()}


def seconds_of(code, repeats=5, folder=""):
    """Return the median seconds of a cold process."""
    environment = os.environ | {"STEEPEST_CACHE_DIR": folder}
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, env=environment
        )
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def measure(make_runners, slow):
    """Return figures for each peer: first call (trace and compile) and median run."""
    figures, runners = {}, {}
    for name, make in make_runners.items():
        if importlib.util.find_spec(peers.PACKAGES[name]) is None:
            continue
        run = make()
        start = time.perf_counter()
        answer = run()
        figures[name] = {"first": time.perf_counter() - start, "answer": answer}
        runners[name] = (run, 1 if name in slow else 20)
    quick = {name: runner for name, runner in runners.items() if name not in slow}
    medians = take_turns(quick)
    medians |= take_turns({n: r for n, r in runners.items() if n in slow}, rounds=2)
    for name, median in medians.items():
        figures[name]["run"] = median
    return figures


def imports():
    """Return the seconds of a cold import of each package."""
    packages = {
        "python alone": "pass",
        "numpy": "import numpy",
        "numpy and llvmlite": "import numpy, llvmlite.binding, llvmlite.ir",
        "steepest": "import steepest",
        "numba": "import numba",
        "jax": "import jax",
        "torch": "import torch",
        "autograd": "import autograd.numpy",
    }
    return {
        name: seconds_of(code)
        for name, code in packages.items()
        if name == "python alone"
        or importlib.util.find_spec(code.split()[1].split(".")[0].strip(","))
    }


def show(console, title, figures, unit, per=1):
    table = Table(title=title, title_justify="left")
    for column in ("", "first call", unit, "ratio to steepest"):
        table.add_column(column, justify="left" if not column else "right")
    own = next(iter(figures.values()))["run"]
    for name, figure in figures.items():
        table.add_row(
            name,
            f"{figure['first'] * 1e3:.1f} ms",
            f"{figure['run'] / per * 1e6:.2f} us",
            f"{figure['run'] / own:.2f}",
        )
    console.print(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--markdown", type=Path, help="write the tables of docs/speed.md here")
    parser.add_argument("--before", type=Path, help="compare with the figures in this file")
    arguments = parser.parse_args()
    console = Console(width=100)
    rosenbrock = measure(peers.ROSENBROCK, slow=peers.SLOW)
    for name, figure in rosenbrock.items():
        x, _loss, iterations = figure.pop("answer")
        assert iterations == 5771, name
        assert np.allclose(x, [0.96840573, 0.93768081]), name
    show(console, "Rosenbrock descent, 5,771 steps, float64", rosenbrock, "whole call, warm")
    digits = measure(peers.DIGITS, slow=peers.SLOW)
    for figure in digits.values():
        figure.pop("answer")
    show(console, "Digits network, batch 32, float32", digits, "each step", peers.DIGITS_STEPS)
    crossing = branches.measure()
    table = Table(title="Branches in a compiled descent, each step", title_justify="left")
    for column in ("", "with branches", "without", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    for name, figure in crossing.items():
        times = (f"{figure[key] * 1e9:.1f} ns" for key in ("with", "without"))
        table.add_row(name, *times, f"{figure['with'] / figure['without']:.2f}")
    console.print(table)
    cold = {
        name: seconds_of(code)
        for name, code in peers.COLD.items()
        if importlib.util.find_spec(peers.PACKAGES[name])
    }
    with tempfile.TemporaryDirectory() as folder:
        seconds_of(peers.COLD["steepest"], 1, folder)
        cold["steepest, machine code kept"] = seconds_of(peers.COLD["steepest"], folder=folder)
    loaded = imports()
    table = Table(title="Cold processes", title_justify="left")
    table.add_column("")
    table.add_column("seconds", justify="right")
    for name, taken in loaded.items():
        table.add_row(name if name == "python alone" else f"import {name}", f"{taken:.3f}")
    for name, taken in cold.items():
        table.add_row(f"{name}: import, trace, compile and finish the descent", f"{taken:.3f}")
    console.print(table)
    figures = arrays.measure()
    arrays.show(console, figures)
    timings = peers.steepest_timings()
    console.print(f"steepest's own account of a first descent: {timings}")
    if arguments.json:
        document = {
            "machine": {"processor": platform.processor(), "cores": os.cpu_count()},
            "python": platform.python_version(),
            "steepest": st.__version__,
            "numpy": np.__version__,
            "rosenbrock": rosenbrock,
            "digits": digits,
            "digits_steps": peers.DIGITS_STEPS,
            "branches": crossing,
            "arrays": figures,
            "import": loaded,
            "cold_rosenbrock": cold,
            "steepest_first_descent": timings,
        }
        write_atomically(arguments.json, json.dumps(document, indent=2) + "\n")
        console.print(f"written to {arguments.json}")
    if arguments.markdown:
        write_atomically(arguments.markdown, arrays.markdown(figures) + "\n")
    if arguments.before:
        compare(console, json.loads(arguments.before.read_text())["arrays"], figures)


def compare(console, before, now):
    """Show what became slower or faster by a tenth since an earlier run."""
    table = Table(title="Ratio to the time before", title_justify="left")
    table.add_column("")
    table.add_column("ratio", justify="right")
    for name, seconds in flat(now).items():
        earlier = flat(before).get(name)
        if earlier and not 0.9 < seconds / earlier < 1.1:
            table.add_row(name, f"{seconds / earlier:.2f}")
    console.print(table)


def flat(figures, prefix=""):
    """Return nested figures by a path of names."""
    result = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{name}: ")
        else:
            result[prefix + name] = value
    return result


if __name__ == "__main__":
    main()
