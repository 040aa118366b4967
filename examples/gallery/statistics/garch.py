"""
Volatility of returns
=====================

Quiet and nervous days come in clusters. The GARCH(1, 1) model of Bollerslev (1986) says
how today's variance depends on yesterday's return and variance. The 2,000 daily returns
are simulated, with the parameters 0.03, 0.08 and 0.89.

The likelihood is a loop over the days. SciPy's ``minimize`` calls it in Python and
takes differences. Here the loop and its exact gradient are machine code.
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.optimize

import steepest as st

random = np.random.default_rng(2)
returns, truth = np.empty(2000), np.empty(2000)
variance = 1.0
for day in range(2000):
    returns[day] = np.sqrt(variance) * random.normal()
    truth[day], variance = variance, 0.03 + 0.08 * returns[day] ** 2 + 0.89 * variance


def variances(p):
    found = np.empty(2000)
    found[0] = 1.0
    for day in range(1, 2000):
        found[day] = p[0] + p[1] * returns[day - 1] ** 2 + p[2] * found[day - 1]
    return found


def negative_log_likelihood(p):
    variance = variances(p)
    return 0.5 * np.sum(np.log(2 * np.pi * variance) + returns**2 / variance)


bounds = [(1e-6, 1), (0, 1), (0, 1)]
run = st.minimize(negative_log_likelihood, [0.1, 0.1, 0.8], bounds=bounds)
theirs = scipy.optimize.minimize(
    negative_log_likelihood, [0.1, 0.1, 0.8], bounds=bounds
)
print(f"parameters {run.x.round(4)}, loss {run.loss:.4f}")
print(f"SciPy:     {theirs.x.round(4)}, loss {theirs.fun:.4f}")

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.plot(returns, color="0.7", lw=0.5, label="returns")
ax.plot(2 * np.sqrt(truth), "k", lw=1, label="twice the true volatility")
ax.plot(2 * np.sqrt(variances(run.x)), "C1--", lw=1, label="twice the fitted one")
ax.set(xlabel="day", ylabel="return (%)", ylim=(-4, 5))
ax.legend(ncols=3, loc="upper center")
plt.show()
