"""
A line through data with gross errors
=====================================

How did telephone calls from Belgium grow? From 1964 to 1969 another quantity was
recorded: minutes instead of calls. The data are those of Rousseeuw and Leroy, *Robust
Regression and Outlier Detection* (1987).

Least squares gives 5.04 million calls more each year, as in the book. With
``loss="cauchy"`` the six wrong years have next to no weight. SciPy's
``least_squares`` with the same loss finds the same line.
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.optimize

import steepest as st

year = np.arange(1950.0, 1974.0)
calls = """4.4 4.7 4.7 5.9 6.6 7.3 8.1 8.8 10.6 12.0 13.5 14.9 16.1 21.2 119 124 142 159 182
212 43 24 27 29"""
calls = np.array(calls.split(), float)  # millions


def line(year, level, growth):
    return level + growth * (year - 1950)


plain = st.curve_fit(line, year, calls, [0.0, 1.0])
robust = st.curve_fit(line, year, calls, [0.0, 1.0], loss="cauchy")
theirs = scipy.optimize.least_squares(
    lambda p: line(year, *p) - calls, [0.0, 1.0], loss="cauchy"
)
print(f"least squares: {plain.x[1]:.2f} million more each year")
print(f"robust: {robust.x[1]:.3f} +- {robust.standard_errors[1]:.3f}")
print(f"SciPy, the same loss: {theirs.x[1]:.3f}")

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.plot(year, plain.predict(year), "--", label="least squares")
ax.plot(year, robust.predict(year), label="robust")
ax.plot(year, calls, "ko", ms=4, label="as recorded")
ax.set(xlabel="year", ylabel="calls (millions)")
ax.legend()
plt.show()
