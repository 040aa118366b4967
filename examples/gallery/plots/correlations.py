"""
Correlations of parameters
==========================

``fit.plot_correlation`` shows which parameters depend on each other. Near 1 or -1, the
data determine a combination of two parameters better than each of them.

The model has two peaks on a decaying background, and eight parameters: it is that of
NIST's set Gauss1. The data are simulated here, with NIST's parameters and errors of 2.5.
Where the background is uncertain, the peaks are: its decay is correlated with the widths
of both.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st


def peaks(x, level, decay, height1, center1, width1, height2, center2, width2):
    background = level * np.exp(-decay * x)
    first = height1 * np.exp(-(((x - center1) / width1) ** 2))
    return background + first + height2 * np.exp(-(((x - center2) / width2) ** 2))


x = np.arange(1.0, 251.0)
truth = [98.8, 0.0105, 100.5, 67.5, 23.1, 72.0, 179.0, 18.4]
y = peaks(x, *truth) + 2.5 * np.random.default_rng(0).normal(size=250)
fit = st.curve_fit(peaks, x, y, [97, 0.009, 100, 65, 20, 70, 178, 16])
for name, value, error, true in zip(fit.names, fit.x, fit.standard_errors, truth):
    print(f"{name} = {value:.4g} +- {error:.2g}, truth {true}")
fit.plot_correlation()
plt.show()
