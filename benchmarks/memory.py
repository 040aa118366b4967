"""Memory of a process that compiles functions and forgets them.

python benchmarks/memory.py [--rounds 20000] [--kind gradient]
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["STEEPEST_CACHE_DIR"] = ""  # every function is compiled here

import numpy as np

import steepest as st

T = np.linspace(0.0, 1.0, 20)
DATA = 2.0 * np.exp(-T) + 0.01 * np.sin(30.0 * T)
X = np.linspace(0.5, 1.5, 3)
SPD = np.diag(X) + 0.1


def gradient(c: float) -> None:
    st.compile(st.gradient(lambda x: np.sum(np.sin(x) * c)))(X)


def branches(c: float) -> None:
    f = st.compile(lambda x: x[0] * c if x[1] > 1.0 else x[2] + c)
    f(X), f(X[::-1].copy()), f(X - 1.0)


def called_back(c: float) -> None:
    st.compile(st.value_and_gradient(lambda a: np.sum(np.linalg.eigvalsh(a) * c)))(SPD)


def special(c: float) -> None:
    from scipy.special import gammaln

    st.compile(lambda x: gammaln(x + c))(X)


def hessian(c: float) -> None:
    st.hessian(lambda x: np.sum(np.exp(c * x) * x[::-1]))(X)


def loop(c: float) -> None:
    step = lambda carry, x: (carry * c + x, carry)
    st.compile(lambda x: st.scan(step, 0.0, x)[0])(X)


def minimize(c: float) -> None:
    st.minimize(lambda x: np.sum((x - c) ** 2 + (x[0] - 1.0) ** 4), X)


def curve_fit(c: float) -> None:
    st.curve_fit(lambda t, a, b: a * np.exp(-b * t) + c, T, DATA + c, [1.0, 1.0])


def least_squares(c: float) -> None:
    st.least_squares(lambda p: p[0] * np.exp(-p[1] * T) - DATA * c, np.ones(2), bounds=(0.0, 9.0))


def fits(c: float) -> None:
    st.curve_fit_many(lambda t, a, b: a * t * c + b, T, np.stack([T, 2.0 * T]), [1.0, 1.0])


def texts(c: float) -> None:
    """Take gradients of functions that are made of texts, each of which is a file of its own."""
    st.gradient(_made_of_text(f"def f(x): return np.sum(np.sin(x) * {c!r})"))(X)


def fitted_texts(c: float) -> None:
    f = _made_of_text(f"def f(t, a, b): return a * np.exp(-b * t) + {c!r}")
    st.curve_fit(f, T, DATA + c, [1.0, 1.0])


def minimized_texts(c: float) -> None:
    f = _made_of_text(f"def f(x): return np.sum((x - {c!r}) ** 2 + (x[0] - 1.0) ** 4)")
    st.minimize(f, X)


def _made_of_text(text: str) -> Callable[..., Any]:
    names: dict[str, Any] = {"np": np}
    exec(compile(text, f"<{text}>", "exec"), names)
    made: Callable[..., Any] = names["f"]
    return made


KINDS: dict[str, Callable[[float], None]] = {
    make.__name__: make
    for make in (
        gradient, branches, called_back, special, hessian, loop, minimize, curve_fit,
        least_squares, fits, texts, fitted_texts, minimized_texts,
    )
}  # fmt: skip


def resident() -> float:
    """Return the memory that this process has, in MiB (on Linux)."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def growth(kind: str, rounds: int, warm: int, first: int = 0) -> float:
    """Return the KiB that one more function compiled and forgotten costs, once caches are full."""
    for i in range(warm):
        KINDS[kind](1.0 + (first + i) / 1024)
    before = resident()
    for i in range(rounds):
        KINDS[kind](1.0 + (first + warm + i) / 1024)
    return (resident() - before) * 1024 / rounds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20_000)
    parser.add_argument("--kind", choices=KINDS, default="gradient")
    # llvmlite leaks 1.3 KiB with each program that is compiled: kinds that compile grow by that.
    arguments = parser.parse_args()
    make, began = KINDS[arguments.kind], time.perf_counter()
    for number in range(arguments.rounds + 1):
        make(1.0 + number / 1024)
        if number % max(arguments.rounds // 20, 1) == 0:
            passed = time.perf_counter() - began
            print(f"{number:6} functions  {resident():7.1f} MiB  {passed:7.1f} s", flush=True)
