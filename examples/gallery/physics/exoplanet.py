"""
A planet of another star
========================

A planet makes its star move to and fro, and lines in the star's spectrum shift with
it. What are the planet's period and the shape of its orbit? The orbit follows Kepler's
equation, which has no solution in closed form. The model solves it by Newton's method,
in a loop.

The data are simulated, with a period of 116.7 days, an amplitude of 316 m/s and an
eccentricity of 0.40 (those of 70 Virginis b) and errors of 8 m/s. Exact slopes go
through the loop. ``st.UnitInterval`` keeps the eccentricity between 0 and 1.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

random = np.random.default_rng(2)
days = np.sort(random.uniform(0, 1000, 60))


def velocity(days, period, amplitude, eccentricity, turn, passage, system):
    mean = 2 * np.pi * (days - passage) / period
    angle = mean + eccentricity * np.sin(mean)
    for _ in range(8):
        miss = angle - eccentricity * np.sin(angle) - mean
        angle = angle - miss / (1 - eccentricity * np.cos(angle))
    stretch = np.sqrt((1 + eccentricity) / (1 - eccentricity))
    true = 2 * np.arctan2(stretch * np.sin(angle / 2), np.cos(angle / 2))
    return system + amplitude * (np.cos(true + turn) + eccentricity * np.cos(turn))


truth = [116.7, 316.0, 0.40, 6.26, 30.0, 5.0]
measured = velocity(days, *truth) + random.normal(0, 8, 60)
start = {"period": 117, "amplitude": 250, "eccentricity": st.UnitInterval(0.3)}
start |= {"turn": 6, "passage": 25, "system": 0}
fit = st.curve_fit(
    velocity, days, measured, start, np.full(60, 8.0), absolute_sigma=True
)
for name, true in zip(fit.names[:3], truth):
    print(
        f"{name} = {fit.x[name]:.3f} +- {fit.standard_errors[name]:.3f}, truth {true}"
    )
print(
    f"chi-square = {fit.chi_square:.0f}, of {fit.degrees_of_freedom} degrees of freedom"
)

period, t = fit.x["period"], np.linspace(0, 1, 400)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.plot(t, fit.predict(period * t), label="Kepler orbit")
ax.errorbar(days / period % 1, measured, 8, fmt="ko", ms=4, label="simulated")
ax.set(xlabel="phase (periods)", ylabel="radial velocity (m/s)")
ax.legend()
plt.show()
