"""
Which parameters belong together?
=================================

``fit.plot_contours`` shows what data say about pairs of parameters. Solid lines are
the regions that hold both with 68% and 90% probability, found by refits. Dashed
ellipses are those of the linear model. On the diagonal are the profiles of single
parameters: a straight line would be a linear model.

The data are the biochemical oxygen demand of Bates and Watts (1988), with only six
points. The ellipses mislead there.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

days = np.array([1.0, 2, 3, 4, 5, 7])
demand = np.array([8.3, 10.3, 19.0, 16.0, 15.6, 19.8])  # mg/L


def oxygen(days, final, rate):
    return final * (1 - np.exp(-rate * days))


fit = st.curve_fit(oxygen, days, demand, [20.0, 0.5])
for name, value, error in zip(fit.names, fit.x, fit.standard_errors):
    print(f"{name} = {value:.4f} +- {error:.4f}")
fit.plot_contours(levels=(0.68, 0.9))
plt.show()
