"""Many fits on a cluster: joblib hands parts of the data to dask's workers.

    python examples/cluster.py

A local cluster of two processes stands in for one of many machines: give the address of a
scheduler to ``Client``. Ray plugs into joblib in the same way.
"""

import numpy as np
from dask.distributed import Client, LocalCluster
from joblib import Parallel, delayed, parallel_config

import steepest as st


def decay(t, amplitude, rate, offset):
    return amplitude * np.exp(-rate * t) + offset


def fit(t, y):
    """Fit one part of the data; what comes back is arrays."""
    many = st.curve_fit_many(decay, t, y, [1.0, 1.0, 0.0])
    return many.x, many.standard_errors, many.converged


def main(number=20_000, parts=8):
    """Fit as many curves in parts, on two processes."""
    random = np.random.default_rng(0)
    t = np.linspace(0, 4, 20)
    truth = random.uniform([1, 0.5, 0], [3, 2, 1], (number, 3))
    y = truth[:, :1] * np.exp(-truth[:, 1:2] * t) + truth[:, 2:]
    y += 0.02 * random.normal(size=y.shape)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        parallel_config("dask"),
    ):
        found = Parallel()(delayed(fit)(t, part) for part in np.array_split(y, parts))
    x, errors, converged = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    print(f"{converged.sum():,} of {number:,} fits converged")
    off = np.abs(x - truth) / errors
    print(f"within two standard errors of the truth: {np.mean(off < 2):.1%}")
    return x


if __name__ == "__main__":
    main()
