"""Equations and minima of one number beside SciPy: first call, further calls, what is left.

    python benchmarks/solving.py --markdown docs/solving.md

The table replaces that between the marks on the page. SciPy gets the same function and no
derivatives, as a script calls it. Further calls are medians of calls in turn.
"""

from __future__ import annotations

import argparse
import os
import re
import time
import warnings
from pathlib import Path

os.environ.setdefault("STEEPEST_CACHE_DIR", "")  # first calls compile

import numpy as np
import scipy.optimize

import steepest as st
from steepest.files import write_atomically

ROUNDS = 40


def rosenbrock(x):
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def badly_scaled(x):
    return np.array([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


def trigonometric(x):
    n = len(x)
    return n - np.sum(np.cos(x)) + np.arange(1, n + 1) * (1 - np.cos(x)) - np.sin(x)


def tridiagonal(x):
    padded = np.pad(x, 1)
    return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1


def bratu(u):
    n = round(len(u) ** 0.5)
    v, h = np.pad(u.reshape(n, n), 1), 1 / (n + 1)
    around = v[2:, 1:-1] + v[:-2, 1:-1] + v[1:-1, 2:] + v[1:-1, :-2]
    return ((around - 4 * v[1:-1, 1:-1]) / h**2 + 5 * np.exp(v[1:-1, 1:-1])).reshape(-1)


def quartic(x):
    return (x - 2) * x * (x + 2) ** 2


def waves(x):
    return np.cos(x) + 0.1 * x


ROOTS = {
    "Rosenbrock's, 2 unknowns": (rosenbrock, np.array([-1.2, 1.0]), "hybr"),
    "badly scaled, 2": (badly_scaled, np.array([0.0, 1.0]), "hybr"),
    "trigonometric, 10": (trigonometric, np.full(10, 0.1), "hybr"),
    "tridiagonal, 50": (tridiagonal, -np.ones(50), "hybr"),
    "Bratu, 900": (bratu, np.zeros(900), "krylov"),
}
MINIMA = {
    "quartic, `brent`": (quartic, {}),
    "waves, `bounded`": (waves, {"bounds": (-4, 5)}),
}


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compared(ours, theirs, left):
    """Return cells: times of first and further calls, and what is left of the equation."""
    firsts = [seconds(ours), seconds(theirs)]
    time.sleep(1.0)  # optimized code is made in the background
    rounds = ROUNDS if firsts[1] < 0.02 else 5
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    cells = [f"{1e3 * one:.0f} ms" for one in firsts[:1]] + [f"{1e3 * firsts[1]:.1f} ms"]
    cells += [f"{1e6 * one:.0f} us" for one in np.median(pairs, axis=0)]
    return [*cells, *(f"{left(run()):.0e}" for run in (ours, theirs))]


def rows():
    for name, (function, x0, method) in ROOTS.items():
        ours = lambda f=function, x=x0: st.root(f, x)
        theirs = lambda f=function, x=x0, m=method: scipy.optimize.root(f, x, method=m)
        yield [f"root: {name}", *compared(ours, theirs, lambda found: np.abs(found.fun).max())]
    for name, (function, where) in MINIMA.items():
        ours = lambda f=function, w=where: st.minimize_scalar(f, **w)
        theirs = lambda f=function, w=where: scipy.optimize.minimize_scalar(f, **w)
        slope = st.gradient(function)
        left = lambda found, slope=slope: abs(slope(float(found.x)))
        yield [f"minimum: {name}", *compared(ours, theirs, left)]


def table():
    heads = ["", "first call", "SciPy", "further calls", "SciPy", "residual or slope", "SciPy"]
    lines = [heads, ["---", *["---:"] * 6], *rows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", type=Path, help="replace the table of this page")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    text = table()
    print(text)
    if arguments.markdown:
        marks = r"(<!-- table -->\n).*?(<!-- end -->)"
        page = arguments.markdown.read_text()
        page = re.sub(marks, lambda m: m[1] + text + "\n" + m[2], page, flags=re.DOTALL)
        write_atomically(arguments.markdown, page)


if __name__ == "__main__":
    main()
