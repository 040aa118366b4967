"""First calls: new fits and minimizations, in a process that has fitted before, beside SciPy's.

    python benchmarks/first_calls.py [--repeats 15] [--json first.json] [name ...]

Each repeat makes new functions, alike but for one constant, so that nothing of them is in a
cache; SciPy's call of a twin follows at once. The next rows are descents of 200 iterations that
were made before, with the same step size and with another one each time. The last rows are whole
scripts in processes of their own, with an empty cache and with one that knows them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["STEEPEST_CACHE_DIR"] = tempfile.mkdtemp()

import numpy as np
import scipy.optimize

import steepest as st

random = np.random.default_rng(0)
T = np.linspace(0.1, 4.0, 50)
NOISE = random.normal(1.0, 2.0, 100)
X = random.normal(size=(100, 5))
SIGNS = np.sign(X @ random.normal(size=5) + 0.3 * random.normal(size=100))
COUNTS = random.poisson(2.0, 100).astype(float)
ROOT = random.normal(size=(20, 20))
A, B = ROOT @ ROOT.T + np.eye(20), random.normal(size=20)

MODELS = {
    "decay": ("a * np.exp(-b * t) + c", (1.0, 1.0, 0.1), (2.5, 1.3, 0.5)),
    "peak": ("a * np.exp(-((t - b) ** 2) / (2 * c**2))", (1.0, 1.0, 1.0), (2.0, 1.5, 0.7)),
    "growth": ("a / (1 + np.exp(-b * (t - c))) + d", (1.0, 1.0, 1.0, 0.0), (2.0, 3.0, 1.5, 0.1)),
    "power": ("a * t**b + c", (1.0, 1.0, 0.0), (2.0, 0.7, 0.3)),
    "wave": ("a * np.sin(b * t + c) + d", (1.0, 2.1, 0.1, 0.0), (2.0, 2.0, 0.3, 0.5)),
    "resonance": (
        "a * b**2 / ((t - c) ** 2 + b**2) + d",
        (1.0, 1.0, 1.0, 0.0),
        (2.0, 0.5, 1.5, 0.1),
    ),
    "two decays": (
        "a * np.exp(-b * t) + c * np.exp(-d * t) + e",
        (1.5, 3.0, 1.0, 0.1, 0.1),
        (2.0, 2.5, 1.0, 0.2, 0.3),
    ),
}
"""Formula, start and truth of the models."""

LOSSES = {
    "Rosenbrock, 2": (
        "np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)",
        np.array([-1.2, 1.0]),
    ),
    "Rosenbrock, 10": (
        "np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)",
        np.full(10, 1.3),
    ),
    "normal likelihood": (
        "np.sum(np.log(np.abs(x[1])) + 0.5 * ((NOISE - x[0]) / x[1]) ** 2)",
        np.array([0.0, 2.0]),
    ),
    "logistic": ("np.sum(np.logaddexp(0, -SIGNS * (X @ x))) + x @ x", np.zeros(5)),
    "Poisson": ("np.sum(np.exp(X @ x) - COUNTS * (X @ x))", np.zeros(5)),
    "quadratic, 20": ("0.5 * x @ A @ x - B @ x", np.zeros(20)),
}

SCRIPT = """
import numpy as np
from {module} import {name}
def f({arguments}): return {body}
{call}
"""


NUMBERS = itertools.count(1)


def made(header, body, folder):
    """Return a new function, in a file of its own; its constant is like no other's."""
    number, parameter = next(NUMBERS), "a" if "a" in header else "np.sum(x**2)"
    text = f"def f({header}):\n    return {body} + {1e-9 * number!r} * {parameter}\n"
    path = Path(folder) / f"f{number}.py"
    path.write_text(text)
    space = dict(globals())
    exec(compile(text, str(path), "exec"), space)
    return space["f"]


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def fits(name, folder):
    """Return a first fit, and SciPy's of a twin."""
    body, start, truth = MODELS[name]
    header = ", ".join(["t", *"abcde"[: len(start)]])
    ours, twin = made(header, body, folder), made(header, body, folder)
    y = ours(T, *truth) + 0.003 * random.normal(size=T.size)
    return (
        lambda: st.curve_fit(ours, T, y, start),
        lambda: scipy.optimize.curve_fit(twin, T, y, start),
    )


def descents(name, folder):
    """Return a first minimization, and SciPy's of a twin."""
    body, start = LOSSES[name]
    ours, twin = made("x", body, folder), made("x", body, folder)
    return lambda: st.minimize(ours, start), lambda: scipy.optimize.minimize(twin, start)


def measure(name, make, repeats, folder):
    """Print and return the medians of both, in milliseconds."""
    times = []
    for _ in range(repeats + 1):  # the first one fills the cache with the step
        ours, theirs = make(name, folder)
        times.append((seconds(ours), seconds(theirs)))
    ours, theirs = 1e3 * np.median(times[1:], axis=0)
    print(f"{name:20s} {ours:7.1f} ms   SciPy {theirs:7.2f} ms", flush=True)
    return {"name": name, "ms": ours, "scipy": theirs}


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


METHODS = {
    "GradientDescent": lambda step: st.GradientDescent(step),
    "Momentum": lambda step: st.Momentum(0.1 * step),
    "Adam": lambda step: st.Adam(10 * step),
}


def other_step_sizes(name, repeats):
    """Print and return the medians of a repeated descent, with one step size and with others."""
    start, stop, medians = np.array([-1.2, 1.0]), st.MaxIterations(200), []
    for change in (0.0, 1e-6):
        times = []
        for i in range(10 * repeats):
            method = METHODS[name](1e-3 + change * i)
            run = lambda method=method: st.minimize(rosenbrock, start, method=method, stop=stop)
            times.append(seconds(run))
        medians.append(1e6 * np.median(times[len(times) // 2 :]))
    same, other = medians
    print(f"{name:20s} {same:7.0f} us, other step sizes {other:7.0f} us", flush=True)
    return {"name": f"again, {name}", "same": same, "other": other}


def scripts(repeats):
    """Print and return the times of whole scripts."""
    fit = {
        "name": "curve_fit",
        "arguments": "t, a, b, c",
        "body": "a * np.exp(-b * t) + c",
        "call": "t = np.linspace(0, 4, 50)\ncurve_fit(f, t, f(t, 2.5, 1.3, 0.5) + np.sin(9 * t))",
    }
    descent = {
        "name": "minimize",
        "arguments": "x",
        "body": "np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)",
        "call": "minimize(f, np.full(5, 1.3))",
    }
    rows = []
    for script in (fit, descent):
        times = []
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as cache:
                environment = {**os.environ, "STEEPEST_CACHE_DIR": cache}
                for module in ("scipy.optimize", "steepest", "steepest"):
                    text = SCRIPT.format(module=module, **script)
                    command = [sys.executable, "-c", text]
                    run = lambda c=command, e=environment: subprocess.run(c, env=e, check=True)
                    times.append(seconds(run))
        theirs, cold, warm = 1e3 * np.median(np.reshape(times, (-1, 3)), axis=0)
        name = f"script, {script['name']}"
        print(f"{name:20s} {cold:7.0f} ms, cache full {warm:5.0f} ms   SciPy {theirs:5.0f} ms")
        rows.append({"name": name, "cold": cold, "warm": warm, "scipy": theirs})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="models, losses and methods; all unless given")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", help="file to write the figures to")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for table, make in ((MODELS, fits), (LOSSES, descents)):
            wanted = [name for name in table if not options.names or name in options.names]
            rows += [measure(name, make, options.repeats, folder) for name in wanted]
    chosen = [name for name in METHODS if not options.names or name in options.names]
    rows += [other_step_sizes(name, options.repeats) for name in chosen]
    if not options.names:
        rows += scripts(5)
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
