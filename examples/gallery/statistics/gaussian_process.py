"""
A Gaussian process
==================

Which curve do a few noisy points suggest, and how sure is it? A Gaussian process has
three settings: the height, the length over which the curve changes, and the noise. They
are found by maximum likelihood.

The likelihood is NumPy code with ``np.linalg.slogdet`` and ``solve``, and its gradient
is exact. scikit-learn's ``GaussianProcessRegressor`` has a gradient written by hand, and
finds the same maximum.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

import steepest as st

random = np.random.default_rng(4)
x = np.sort(random.uniform(0, 10, 30))
y = np.sin(x) + 0.5 * np.sin(2.3 * x) + 0.15 * random.normal(size=30)


def kernel(a, b, p):
    return np.exp(p[0] - 0.5 * ((a[:, None] - b) / np.exp(p[1])) ** 2)


def negative_log_likelihood(p):
    covariance = kernel(x, x, p) + np.exp(p[2]) * np.eye(30)
    log_det = np.linalg.slogdet(covariance)[1]
    return 0.5 * (y @ np.linalg.solve(covariance, y) + log_det + 30 * np.log(2 * np.pi))


run = st.minimize(negative_log_likelihood, np.zeros(3))
machine = GaussianProcessRegressor(ConstantKernel() * RBF() + WhiteKernel())
theirs = machine.fit(x[:, None], y).log_marginal_likelihood_value_
print(f"log-likelihood {-run.loss:.5f}, scikit-learn {theirs:.5f}")
print(f"length {np.exp(run.x[1]):.3f}, noise {np.exp(run.x[2] / 2):.3f} (truth 0.15)")

t = np.linspace(-1, 12, 300)
across = kernel(x, t, run.x)
gain = np.linalg.solve(kernel(x, x, run.x) + np.exp(run.x[2]) * np.eye(30), across)
mean, spread = y @ gain, np.sqrt(np.exp(run.x[0]) - np.sum(across * gain, axis=0))
low, high = mean - 2 * spread, mean + 2 * spread
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.fill_between(t, low, high, alpha=0.25, label="±2 deviations")
ax.plot(t, mean, label="Gaussian process")
ax.plot(x, y, "ko", ms=4, label="data")
ax.set(xlabel="x", ylabel="y", ylim=(-2.5, 3.2))
ax.legend(ncols=3, loc="upper center")
plt.show()
