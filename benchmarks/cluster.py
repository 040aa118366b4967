"""Descents on a local cluster: bits, seconds and bytes per iteration, and a model of 100 machines.

    python benchmarks/cluster.py [--workers 2 4] [--rows 400000] [--iterations 20]

Workers are processes with one thread each. One process with one thread is the measure. Bytes are
those of the loopback device, so that messages of the scheduler to itself count; they are known on
Linux only.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from distributed import Client, LocalCluster

import steepest as st
from steepest.engines.dask import worker

WAVES = 32
PARAMETERS = 3 * WAVES


def waves(p, x):
    """Return a sum of waves of two inputs: many operations for each number that is read."""
    return np.tanh(np.sin(x @ p[WAVES:].reshape(WAVES, 2).T)) @ p[:WAVES]


def network(p, x, y):
    """Return the loss."""
    return np.mean((waves(p, x) - y) ** 2)


def problem(rows):
    """Return the start and the data."""
    random = np.random.default_rng(0)
    x = random.uniform(-2, 2, (rows, 2))
    truth = random.standard_normal(PARAMETERS)
    y = waves(truth, x)
    start = truth + 0.1 * random.standard_normal(PARAMETERS)
    return start, (x, y + 0.1 * random.standard_normal(rows))


def processor_seconds(client):
    """Return the seconds of processor time that each process has used so far, here first."""
    others = [] if client is None else sorted(client.run(time.process_time).items())
    return np.array([time.process_time(), *(seconds for _, seconds in others)])


def descend(rows, iterations, client=None):
    """Return a run, and per iteration its seconds and those of the processor in each process.

    The seconds of compiling and sending are left out.
    """
    start, args = problem(rows)
    engine = "native" if client is None else st.engines.Dask(client)
    settings = {"args": args, "method": st.Adam(1e-3), "engine": engine}
    taken = []
    for number in (2 + iterations, 2, 2 + iterations):  # the first one compiles
        before = processor_seconds(client)
        run = st.minimize(network, start, **settings, stop=st.MaxIterations(number))
        taken.append((run.timings.run, processor_seconds(client) - before))
    (few, used_by_few), (many, used) = taken[1:]
    return run, (many - few) / iterations, (used - used_by_few) / iterations


def loopback_bytes():
    """Return the bytes that the loopback device has passed on so far; None if unknown."""
    try:
        lines = Path("/proc/net/dev").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split(":")[1].split()[0]) for line in lines if line.strip()[:3] == "lo:")


def traffic(rows, iterations, engine):
    """Return the bytes per iteration, without those of sending the rows; None if unknown."""
    counts = []
    for number in (iterations, 3 * iterations):
        start, args = problem(rows)
        before = loopback_bytes()
        if before is None:
            return None
        st.minimize(
            network, start, args=args, method=st.Adam(1e-3), engine=engine,
            stop=st.MaxIterations(number),
        )  # fmt: skip
        counts.append(loopback_bytes() - before)
    return (counts[1] - counts[0]) / (2 * iterations)


def seconds_of_tasks(client, count, repeats=10):
    """Return the seconds in which so many tasks that do nothing are sent, done and collected."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        client.gather([client.submit(worker.identity, i, pure=False) for i in range(count)])
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def sent_and_received(strips, tasks, parameters):
    """Return the bytes of numbers that the client sends and receives in an iteration.

    Each task is sent the parameters. Each strip's loss and gradient come back, with their errors.
    """
    return 8 * tasks * parameters, 8 * strips * 2 * (parameters + 1)


def model(one_core, latency, per_task, message, parameters, bandwidth=1.25e8):
    """Print what an iteration takes on many machines, from the measured constants."""
    strips = 64
    print(
        f"\nOn paper: an iteration that takes {one_core:g} s on one core, {parameters} parameters,"
        f"\n{strips} strips; {1e3 * latency:.1f} ms to and fro, {1e3 * per_task:.2f} ms and "
        f"{message / 1e3:.1f} kB for each task besides the numbers,\n"
        f"{bandwidth / 1.25e8:g} Gbit/s at the client"
    )
    print(f"{'machines':>10} {'tasks':>6} {'MB sent':>9} {'MB back':>9} {'s':>9} {'speed-up':>9}")
    for machines in (1, 2, 4, 16, 64, 100):
        tasks = min(machines, strips)
        largest = -(-strips // tasks) / strips  # the share of the task with the most strips
        sent, back = sent_and_received(strips, tasks, parameters)
        seconds = one_core * largest + latency + per_task * tasks
        seconds += (sent + back + message * tasks) / bandwidth
        print(
            f"{machines:>10} {tasks:>6} {sent / 1e6:>9.3f} {back / 1e6:>9.3f} {seconds:>9.3f} "
            f"{one_core / seconds:>9.1f}"
        )


def main():
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--iterations", type=int, default=20)
    options = parser.parse_args()
    st.set_num_threads(1)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{os.cpu_count()} cores, load {load:.1f}; {options.rows:,} rows")
    expected, alone, used = descend(options.rows, options.iterations)
    print(
        f"{'':>12} {'ms/iteration':>13} {'speed-up':>9} {'same bits':>10}  "
        "ms of processor time: client, workers"
    )
    print(f"{'one process':>12} {1e3 * alone:>13.1f} {1.0:>9.2f} {'':>10}  {1e3 * used[0]:.1f}")
    constants = []
    for number in options.workers:
        with (
            LocalCluster(
                n_workers=number, threads_per_worker=1, dashboard_address=":0", silence_logs=50
            ) as cluster,
            Client(cluster) as client,
        ):
            engine = st.engines.Dask(client)
            run, seconds, used = descend(options.rows, options.iterations, client)
            is_same = np.array_equal(run.x, expected.x) and np.array_equal(
                run.history.loss, expected.history.loss
            )
            print(
                f"{f'{number} workers':>12} {1e3 * seconds:>13.1f} {alone / seconds:>9.2f} "
                f"{is_same!s:>10}  {', '.join(f'{1e3 * part:.1f}' for part in used)}"
            )
            _, small, _ = descend(20_000, options.iterations, client)
            few, many = seconds_of_tasks(client, number), seconds_of_tasks(client, 64)
            per_task = (many - few) / (64 - number)
            constants.append(
                (number, small, few, per_task, traffic(20_000, options.iterations, engine))
            )
    print(
        f"\n{'':>12} {'ms/iteration':>13} {'ms of tasks':>12} {'ms/task':>8} {'kB/iteration':>13} "
        f"{'kB of numbers':>14}"
    )
    message = 0.0
    for number, small, few, per_task, count in constants:
        numbers = sum(sent_and_received(64, number, PARAMETERS))
        told = "" if count is None else f"{count / 1e3:.1f}"
        print(
            f"{f'{number} workers':>12} {1e3 * small:>13.1f} {1e3 * few:>12.1f} "
            f"{1e3 * per_task:>8.2f} {told:>13} {numbers / 1e3:>14.1f}"
        )
        if count is not None:
            message = max(0.0, count - numbers) / number
    print("(20,000 rows, where an iteration is all latency; tasks that do nothing)")
    number, small, _, per_task, _ = constants[0]
    latency = max(0.0, small - number * per_task)
    model(10.0, latency, per_task, message, PARAMETERS)
    model(10.0, latency, per_task, message, 100_000)


if __name__ == "__main__":
    main()
