"""
Profiles of parameters
======================

A profile shows how much worse the fit becomes if one parameter is held and the others
are refitted: tau is the signed root of that. A straight profile means that the standard
error tells all. Where it bends away from the dashed line, the interval (red) is
asymmetric.

The data are NIST's set BoxBOD, biochemical oxygen demand. NIST certifies 213.80940889
and 0.54723748542.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

days = np.array([1.0, 2, 3, 5, 7, 10])
demand = np.array([109.0, 149, 149, 191, 213, 224])  # mg/L


def oxygen(days, final, rate):
    return final * (1 - np.exp(-rate * days))


fit = st.curve_fit(oxygen, days, demand, [100.0, 0.75])
intervals = fit.confidence_intervals(method="profile")
for name, value, (low, high) in zip(fit.names, fit.x, intervals):
    print(f"{name} = {value:.9g}, 95% interval {low:.4g} to {high:.4g}")
fit.plot_profile()
plt.show()
