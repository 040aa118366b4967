"""
Where was the earthquake?
=========================

Twelve stations note when an earthquake's first waves arrive. Where and when was it,
and how sure can we be? The waves travel at 6 km/s on straight lines. The arrival times
are simulated, with errors of 0.1 s.

Depth and time nearly compensate each other, and the regions of probability are not
ellipses. ``fit.contour`` follows their edges by refitting the other parameters at each
point, in compiled code.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

random = np.random.default_rng(5)
stations = random.uniform([-50, -40], [50, 40], (12, 2)).T  # km, east and north


def arrival(stations, east, north, depth, time):
    aside = (stations[0] - east) ** 2 + (stations[1] - north) ** 2
    return time + np.sqrt(aside + depth**2) / 6.0


truth = [15.0, 8.0, 12.0, 3.0]
seconds = arrival(stations, *truth) + random.normal(0, 0.1, 12)
fit = st.curve_fit(
    arrival, stations, seconds, [0, 0, 20, 0], np.full(12, 0.1), absolute_sigma=True
)
for name, value, error, true in zip(fit.names, fit.x, fit.standard_errors, truth):
    print(f"{name} = {value:.2f} +- {error:.2f}, truth {true}")
print(f"correlation of depth and time: {fit.correlation[2, 3]:.2f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
dots = left.scatter(*stations, c=seconds, marker="^", s=60, label="stations")
left.plot(*truth[:2], "r*", ms=12, label="epicenter")
figure.colorbar(dots, label="arrival (s)", shrink=0.7)
left.set(xlabel="east (km)", ylabel="north (km)", aspect="equal", ylim=(-45, 62))
left.legend(ncols=2, loc="upper center")
for level, alpha in [(0.95, 0.25), (0.68, 0.5)]:
    edge = fit.contour("depth", "time").edge(level)
    right.fill(*edge.T, "C0", alpha=alpha, lw=0, label=f"{level:.0%} region")
right.plot(fit.x[2], fit.x[3], "k+", mew=1.5, label="fit")
right.plot(truth[2], truth[3], "r*", ms=12, label="truth")
right.set(xlabel="depth (km)", ylabel="time (s)")
right.legend()
plt.show()
