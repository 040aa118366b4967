"""
Hubble's law
============

In 1929, Hubble compared the distances of 24 nebulae with their velocities and found
that the universe expands. His constant was about 500 km/s for each megaparsec. Today
it is 70: his distances were too short.

A line through his data has the slope 454.2, by ordinary least squares with the
intercept -40.8. The robust loss ``"cauchy"`` gives less weight to nebulae with large
velocities of their own. The bands show how little the data say beyond the farthest
nebula.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

distance = """0.032 0.034 0.214 0.263 0.275 0.275 0.45 0.5 0.5 0.63 0.8 0.9 0.9 0.9 0.9 1.0
1.1 1.1 1.4 1.7 2.0 2.0 2.0 2.0"""
velocity = """170 290 -130 -70 -185 -220 200 290 270 200 300 -30 650 150 500 920 450 500
500 960 500 850 800 1090"""
distance, velocity = np.array([distance.split(), velocity.split()], float)


def recession(distance, constant, offset):
    return constant * distance + offset


fit = st.curve_fit(recession, distance, velocity, [500.0, 0.0])
robust = st.curve_fit(
    recession, distance, velocity, [500, 0], loss="cauchy", sigma=np.full(24, 150.0)
)
print(f"least squares: {fit.x[0]:.1f} +- {fit.standard_errors[0]:.1f} km/s/Mpc")
print(f"robust:        {robust.x[0]:.1f} +- {robust.standard_errors[0]:.1f} km/s/Mpc")
print(f"numpy.polyfit: {np.polyfit(distance, velocity, 1)[0]:.1f} km/s/Mpc")

x = np.linspace(0, 3, 200)
low, high = fit.band(x)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.fill_between(x, low, high, alpha=0.25, label="95% confidence")
ax.plot(x, fit.predict(x), label="least squares")
ax.plot(x, robust.predict(x), "--", label="robust")
ax.plot(distance, velocity, "ko", label="nebulae")
ax.set(xlabel="distance (Mpc)", ylabel="velocity (km/s)")
ax.legend()
plt.show()
