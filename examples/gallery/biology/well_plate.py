"""
A plate of 96 cultures
======================

A reader measures the optical density of 96 cultures of bacteria, every 15 minutes
for a day. How fast does each of them grow? The model is Gompertz's curve in the form
of Zwietering et al. (1990): its parameters are the plateau, the largest slope and the
lag.

The data are simulated. Growth falls from left to right, with the concentration of an
antibiotic, and the noise is 0.01. The 96 fits are one call of machine code, and the
rates that were put in come out again.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

random = np.random.default_rng(0)
hours = np.arange(0, 24.1, 0.25)
column = np.tile(np.arange(12), 8)
rate = 0.3 / (1 + (column / 6) ** 3) * random.uniform(0.85, 1.15, 96)


def gompertz(hours, plateau, rate, lag):
    return plateau * np.exp(-np.exp(rate * np.e / plateau * (lag - hours) + 1))


truth = np.stack([random.uniform(1.1, 1.4, 96), rate, 2 + 0.3 * column], axis=1)
density = np.array([gompertz(hours, *row) for row in truth])
density += 0.01 * random.normal(size=density.shape)

fits = st.curve_fit_many(gompertz, hours, density, [1.0, 0.2, 3.0])
pulls = (fits.x - truth) / fits.standard_errors
print(f"{fits.converged.sum()} of 96 fits converged")
print(
    f"the rates are off by {np.abs(fits.x[:, 1] - rate).mean():.4f} per hour on average"
)
print(f"the errors are {pulls.std():.2f} standard errors (1 is expected)")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
colors = plt.cm.viridis(column / 11)
for curve, color in zip(density[:12], colors):
    left.plot(hours, curve, color=color, lw=1)
left.set(xlabel="time (h)", ylabel="optical density", title="row A")
image = right.imshow(fits.x[:, 1].reshape(8, 12), cmap="magma")
right.set_xticks(range(12), range(1, 13))
right.set_yticks(range(8), "ABCDEFGH")
figure.colorbar(image, label="growth rate (per h)", shrink=0.8)
plt.show()
