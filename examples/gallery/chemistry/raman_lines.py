"""
Lines of a spectrum
===================

Three lines of a Raman spectrum overlap. How wide is each of them, and how much does
the instrument add? Each line is Lorentzian, seen through one Gaussian resolution:
Voigt's profile. The counts are simulated, with widths of 4, 5 and 8 and a resolution of
3, all per cm.

``voigt_profile`` of SciPy is recorded and differentiated. The model is a sum of other
functions, and ``fit.plot`` shows each of them, with the fit, its bands and the
standardized residuals.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import voigt_profile

import steepest as st

shift = np.linspace(2830.0, 2990.0, 161)  # per cm


def line(shift, area, center, width, resolution):
    return area * voigt_profile(shift - center, resolution, width)


def background(shift, level, slope):
    return level + slope * (shift - 2900.0)


def spectrum(x, level, slope, sigma, a1, x1, g1, a2, x2, g2, a3, x3, g3):
    lines = line(x, a1, x1, g1, sigma) + line(x, a2, x2, g2, sigma)
    return lines + line(x, a3, x3, g3, sigma) + background(x, level, slope)


truth = [80.0, 0.1, 3.0, 9e3, 2850.0, 4.0, 1.6e4, 2882.0, 5.0, 1.2e4, 2930.0, 8.0]
counts = np.random.default_rng(0).poisson(spectrum(shift, *truth)).astype(float)
start = [50, 0, 2, 5e3, 2848, 6, 1e4, 2885, 6, 1e4, 2934, 6]
fit = st.curve_fit(spectrum, shift, counts, start, np.sqrt(counts), absolute_sigma=True)
for i in (2, 5, 8, 11):
    print(f"{fit.names[i]} = {fit.x[i]:.2f} +- {fit.standard_errors[i]:.2f} per cm")
print(
    f"chi-square = {fit.chi_square:.0f}, of {fit.degrees_of_freedom} degrees of freedom"
)

size = {"figsize": (8, 5.6), "layout": "constrained"}
figure, axes = plt.subplots(2, 1, sharex=True, height_ratios=(3, 1), **size)
fit.plot(ax=axes)
axes[0].set_ylabel("counts")
axes[1].set_xlabel("Raman shift (1/cm)")
plt.show()
