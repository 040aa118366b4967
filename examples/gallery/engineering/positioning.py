"""
A position from distances
=========================

A receiver measures its distances from seven beacons. One of the signals came by way of
a wall, so its distance is 25 m too long. Where is the receiver?

Least squares is misled by the wrong distance. The robust loss ``"cauchy"`` is not: one
word makes the difference. The errors of the other distances are simulated with 0.5 m.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

random = np.random.default_rng(3)
beacons = random.uniform(0, 100, (7, 2))
truth = np.array([62.0, 41.0])
measured = np.sqrt(np.sum((beacons - truth) ** 2, axis=1)) + random.normal(0, 0.5, 7)
measured[2] += 25.0


def residuals(place):
    return (np.sqrt(np.sum((beacons - place) ** 2, axis=1)) - measured) / 0.5


center = beacons.mean(axis=0)
plain = st.least_squares(residuals, center)
robust = st.least_squares(residuals, center, loss="cauchy")
for name, fit in [("least squares", plain), ("robust", robust)]:
    print(f"{name}: {np.linalg.norm(fit.x - truth):.2f} m from the truth")

figure, ax = plt.subplots(figsize=(6, 5.4), layout="constrained")
for number, (beacon, distance) in enumerate(zip(beacons, measured)):
    color = "C3" if number == 2 else "0.75"
    ax.add_patch(plt.Circle(beacon, distance, fill=False, color=color))
ax.plot(*beacons.T, "k^", label="beacons")
ax.plot(*plain.x, "C3X", ms=9, label="least squares")
ax.plot(*robust.x, "C0o", ms=9, label="robust")
ax.plot(*truth, "w*", ms=6, mec="k", label="truth")
ax.set(xlabel="east (m)", ylabel="north (m)", aspect="equal")
ax.set(xlim=(0, 110), ylim=(0, 100))
figure.legend(ncols=4, loc="outside upper center")
plt.show()
