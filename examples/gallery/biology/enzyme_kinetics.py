"""
Enzyme kinetics
===============

How fast can an enzyme work, and at which concentration does it reach half that
rate? Michaelis and Menten's equation has these two numbers as its parameters. The
data are Treloar's (1974), in Bates and Watts, *Nonlinear Regression Analysis*: rates
of a reaction after treatment with puromycin.

``st.curve_fit`` needs no derivatives and returns a fit with its statistics. R's manual
gives profile intervals for these data: 197.302 to 229.290 for ``Vm``, and 0.04693 to
0.08616 for ``K``.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

concentration = np.repeat([0.02, 0.06, 0.11, 0.22, 0.56, 1.10], 2)  # ppm
rate = np.array([76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200])


def michaelis_menten(concentration, Vm, K):
    return Vm * concentration / (K + concentration)


fit = st.curve_fit(michaelis_menten, concentration, rate, [200, 0.05])
intervals = fit.confidence_intervals(method="profile")
for name, value, (low, high) in zip(fit.names, fit.x, intervals):
    print(f"{name} = {value:.5g}, 95% interval {low:.4g} to {high:.4g}")

figure, axes = plt.subplots(
    2, 1, figsize=(7, 5.6), sharex=True, height_ratios=(3, 1), layout="constrained"
)
fit.plot(ax=axes)
axes[0].set_ylabel("rate (counts/min²)")
axes[1].set_xlabel("concentration (ppm)")
plt.show()
