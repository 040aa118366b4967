"""Linear and logistic regression on a table in Parquet that is larger than memory.

    python benchmarks/blocks.py --rows 10_000_000
    python benchmarks/blocks.py --rows 50_000_000    # 8.4 GB

The table is made once. Then each pass over it is timed, beside what bounds it: reading the
file's bytes, decoding them with pyarrow alone, and reading as many bytes from memory. scikit-learn
takes the same blocks with ``partial_fit``. The largest memory of this process is reported, and
whether the first rows give the bits of a run in memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import steepest as st

COLUMNS = 20
NAMES = [f"x{i}" for i in range(COLUMNS)]
GROUP = 1 << 16
SUBSET = 1_000_000


def mean_square(w, X, y):
    return 0.5 * np.mean((X @ w - y) ** 2)


def logistic(w, X, y):
    z = X @ w
    return np.mean(np.logaddexp(0.0, z) - y * z)


LOSSES = {"linear": (mean_square, "target"), "logistic": (logistic, "label")}


def make(path: Path, rows: int) -> None:
    """Write a table of normal numbers, a target and a label, in plain encoding."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=COLUMNS)
    names = (*NAMES, "target", "label")
    schema = pa.schema([pa.field(name, pa.float64(), nullable=False) for name in names])
    settings = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    with pq.ParquetWriter(path, schema, **settings) as writer:
        for start in range(0, rows, GROUP):
            count = min(GROUP, rows - start)
            X = rng.standard_normal((COLUMNS, count), dtype=np.float32).astype(np.float64)
            z = truth @ X
            target = z + rng.normal(size=count)
            label = (rng.random(count) < 1 / (1 + np.exp(-z))).astype(float)
            writer.write_table(pa.table([*X, target, label], schema=schema), GROUP)


def largest_memory() -> float:
    """Return the largest memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def own_memory() -> str:
    """Return the memory of this process now, without the pages of files that it maps."""
    found = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return f"{int(found['RssAnon'].split()[0]) / 2**20:.2f}"


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that something takes, and those of processors."""
    began, processors = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - processors


def forget(path: Path) -> None:
    """Drop the file's pages from the cache of the system, so that the disk is read."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_bytes(path: Path) -> None:
    buffer = bytearray(1 << 24)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def decode(path: Path, names: list[str]) -> None:
    file = pq.ParquetFile(path, memory_map=False)
    for number in range(file.metadata.num_row_groups):
        file.read_row_group(number, columns=names)


def blocks(path: Path, names: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    file = pq.ParquetFile(path, memory_map=False)
    for number in range(file.metadata.num_row_groups):
        table = file.read_row_group(number, columns=names)
        columns = [column.to_numpy() for column in table.columns]
        yield np.column_stack(columns[:-1]), columns[-1]


def with_partial_fit(path: Path, name: str, names: list[str]) -> None:
    from sklearn.linear_model import SGDClassifier, SGDRegressor

    if name == "linear":
        model = SGDRegressor(penalty=None, learning_rate="constant", eta0=1e-4)
        for X, y in blocks(path, names):
            model.partial_fit(X, y)
        return
    model = SGDClassifier(loss="log_loss", penalty=None, learning_rate="constant", eta0=1e-4)
    for X, y in blocks(path, names):
        model.partial_fit(X, y, classes=[0.0, 1.0])


def memory_speed() -> float:
    """Return the seconds to read a gigabyte from memory."""
    values = np.ones(1 << 25)
    values.sum()
    return min(timed(values.sum)[0] for _ in range(5)) / values.nbytes * 1e9


def same_as_in_memory(path: Path, loss: Callable[..., object], column: str) -> bool:
    """Return whether the first rows give the same bits in blocks and in memory."""
    X, y = st.blocks(path, NAMES), st.blocks(path, column)
    rows = min(SUBSET, len(X))

    class Some:
        def __init__(self, source: object) -> None:
            self.shape, self.dtype = (rows, *source.shape[1:]), source.dtype
            self.read = source.read

    stop = st.MaxIterations(5)
    streamed = st.minimize(loss, np.zeros(COLUMNS), (Some(X), Some(y)), stop=stop)
    whole = st.minimize(loss, np.zeros(COLUMNS), (X.read(0, rows), y.read(0, rows)), stop=stop)
    return bool(np.array_equal(streamed.x, whole.x) and streamed.loss == whole.loss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--cold", action="store_true", help="drop the file from the cache first")
    parser.add_argument("--skip-peers", action="store_true")
    args = parser.parse_args()
    if args.passes < 2:
        parser.error("--passes must be at least 2: the first pass also compiles")
    path = args.folder / f"steepest-blocks-{args.rows}.parquet"
    if not path.exists():
        print(f"making {path}")
        make(path, args.rows)
    size = path.stat().st_size / 1e9
    print(f"{args.rows:,} rows x {COLUMNS}, {size:.2f} GB, load {os.getloadavg()[0]:.1f}")

    def report(what: str, seconds: tuple[float, float], gigabytes: float) -> None:
        speed, at_most = (gigabytes / each for each in seconds)
        print(
            f"{what:42} {seconds[0]:8.2f} s {speed:6.2f} GB/s, "
            f"{at_most:6.2f} GB for each second of a processor",
            flush=True,
        )

    if args.cold:
        forget(path)
    report("reading the file's bytes", timed(lambda: read_bytes(path)), size)
    used = args.rows * (COLUMNS + 1) * 8 / 1e9
    report("reading as much from memory", (memory_speed() * used,) * 2, used)
    for name, (loss, column) in LOSSES.items():
        names = [*NAMES, column]
        if args.cold:
            forget(path)
        report("decoding with pyarrow", timed(lambda names=names: decode(path, names)), used)
        X, y = st.blocks(path, NAMES), st.blocks(path, column)
        method = st.GradientDescent(0.1)
        ends: list[tuple[float, float]] = []
        stop = st.MaxIterations(args.passes)
        note = lambda state, ends=ends: ends.append((time.perf_counter(), time.process_time()))
        run = st.minimize(loss, np.zeros(COLUMNS), (X, y), method, stop=stop, callback=note)
        first = run.timings.trace + run.timings.compile
        seconds, processors = np.median(np.diff(ends, axis=0), axis=0)
        report(f"{name}: a pass for loss and gradient", (seconds, processors), used)
        print(f"{'':42} tracing and compiling {first:.2f} s, memory {own_memory()} GB")
        if not args.skip_peers:
            seconds = timed(lambda name=name, names=names: with_partial_fit(path, name, names))
            report(f"{name}: partial_fit of scikit-learn", seconds, used)
        same = same_as_in_memory(path, loss, column)
        print(f"{name}: first rows have the bits of a run in memory: {same}")
    print(f"largest memory of this process {largest_memory():.2f} GB (with mapped files)")


if __name__ == "__main__":
    main()
