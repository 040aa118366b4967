"""The programs of docs/scientific_python.md beside SciPy: the first call, and the same again.

    python benchmarks/scientific_python.py [--processes 3] [--markdown PAGE] [name ...]

The times are those of the call of the optimizer alone. First calls are made in processes of their
own: SciPy's, steepest's without a cache, and steepest's with the cache that the one before has
filled. Then both run in one process, in turn, once optimized code is ready. First calls are the
least of several, for what else the machine does only adds to them; repeated calls are medians, and
the last column is their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.cases.scientific_python import Program, programs

PACKAGES = ("scipy.optimize", "steepest")

THREADS = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
"""For small matrices a second thread of LAPACK's costs more than it gives if the machine has
other work."""


class Timed:
    """A function that notes how long its first call takes, and can repeat it."""

    def __init__(self, module: Any, name: str) -> None:
        self._function = getattr(module, name)
        self.seconds: list[float] = []
        self.size = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._call = lambda: self._function(*args, **kwargs)
        result = self.repeat()
        self.size = np.size(result[0] if isinstance(result, tuple) else result["x"])
        return result

    def repeat(self) -> Any:
        began = time.perf_counter()
        result = self._call()
        self.seconds.append(time.perf_counter() - began)
        return result


def first(program: Program, package: str) -> dict[str, float]:
    """Run a program in this process."""
    timed = Timed(sys.modules[package], program.entry)
    space, _ = program.run(timed)
    return {"ms": 1e3 * timed.seconds[0], "least": program.minimum(space), "size": timed.size}


def again(program: Program, seconds: float) -> dict[str, float]:
    """Return the times of the same call again, in milliseconds, and how they compare."""
    from steepest.engines.native.jit import background

    timed = {name: Timed(sys.modules[name], program.entry) for name in PACKAGES}
    for call in timed.values():
        program.run(call)
    ours = timed["steepest"]
    for _ in range(2):  # code that is used often is optimized, then fused
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            ours.repeat()
        background.finish()
    for call in timed.values():
        call.seconds.clear()
    began = time.perf_counter()
    while len(ours.seconds) < 5 or time.perf_counter() - began < seconds:
        for call in timed.values():
            call.repeat()
    found = {name: 1e3 * float(np.median(call.seconds)) for name, call in timed.items()}
    return {**found, "ratio": found["scipy.optimize"] / found["steepest"]}


def in_process(arguments: list[str], cache: str) -> dict[str, float]:
    """Return what this script prints in a process of its own."""
    text = subprocess.run(
        [sys.executable, __file__, *arguments],
        env={**THREADS, **os.environ, "STEEPEST_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found: dict[str, float] = json.loads(text.splitlines()[-1])
    return found


def measure(program: Program, processes: int, seconds: float) -> dict[str, Any]:
    """Return a program's times in milliseconds."""
    rows = []
    for _ in range(processes):
        with tempfile.TemporaryDirectory() as cache:
            calls = [
                in_process(["--here", package, program.name], cache)
                for package in (*PACKAGES, "steepest")
            ]
        theirs, *own = calls
        for call in own:
            assert call["least"] <= theirs["least"] + 1e-6 * abs(theirs["least"]), program.name
        rows.append([call["ms"] for call in calls])
    least = np.min(rows, axis=0)
    with tempfile.TemporaryDirectory() as cache:
        warm = in_process(["--again", "--seconds", str(seconds), program.name], cache)
    return {
        "name": program.name,
        "size": int(own[0]["size"]),
        **dict(zip(("scipy first", "first", "next process"), least.tolist(), strict=True)),
        "scipy again": warm["scipy.optimize"],
        "again": warm["steepest"],
        "ratio": warm["ratio"],
    }


def shown(ms: float) -> str:
    """Return a time in words, to two or three digits."""
    if ms >= 1000:
        return f"{ms / 1000:.1f} s"
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"


def line(row: dict[str, Any]) -> str:
    """Return a row of the table."""
    columns = ("scipy first", "scipy again", "first", "next process", "again")
    times = " | ".join(shown(row[column]) for column in columns)
    return f"| {row['name']} | {row['size']} | {times} | {row['ratio']:.2g} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="headings of programs; all unless given")
    parser.add_argument("--processes", type=int, default=3, help="new processes for first calls")
    parser.add_argument("--seconds", type=float, default=2.0, help="time for calls made again")
    parser.add_argument("--markdown", type=Path, help="page whose table gets the figures")
    parser.add_argument("--here", choices=PACKAGES, help=argparse.SUPPRESS)
    parser.add_argument("--again", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    chosen = [p for p in programs() if not options.names or p.name in options.names]
    if options.here or options.again:
        for package in (options.here,) if options.here else PACKAGES:
            __import__(package)
        (program,) = chosen
        found = first(program, options.here) if options.here else again(program, options.seconds)
        print(json.dumps(found))
        return
    lines = []
    for program in chosen:
        lines.append(line(measure(program, options.processes, options.seconds)))
        print(lines[-1], flush=True)
    if options.markdown:
        from steepest.files import write_atomically

        page = options.markdown.read_text()
        head, rule, body = re.split(r"^(\| ---.*\n)", page, maxsplit=1, flags=re.M)
        rest = body[re.match(r"(\|.*\n)*", body).end() :]
        write_atomically(options.markdown, head + rule + "\n".join(lines) + "\n" + rest)


if __name__ == "__main__":
    main()
