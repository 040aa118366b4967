"""
Five orange trees at once
=========================

How big do trees become, and when are they half as big? Each of five orange trees has
a logistic growth curve of its own. The data are Draper and Smith's (1998), the
circumference of trunks in California.

``st.curve_fit_many`` fits the model to all rows side by side, in the lanes of vector
registers. Each fit stops by itself. Five fits or a hundred thousand are the same call.
Pinheiro and Bates (2000) list 154.2, 219.0, 158.8, 225.3 and 207.3 mm for the final
sizes.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

age = np.array([118.0, 484, 664, 1004, 1231, 1372, 1582])  # days
girth = np.array(
    [
        [30.0, 58, 87, 115, 120, 142, 145],
        [33, 69, 111, 156, 172, 203, 203],
        [30, 51, 75, 108, 115, 139, 140],
        [32, 62, 112, 167, 179, 209, 214],
        [30, 49, 81, 125, 142, 174, 177],
    ]
)  # mm


def logistic(age, final, middle, scale):
    return final / (1 + np.exp((middle - age) / scale))


fits = st.curve_fit_many(logistic, age, girth, [200.0, 700.0, 350.0])
for (final, middle, _), (error, *_) in zip(fits.x, fits.standard_errors):
    print(f"grows to {final:.1f} +- {error:.1f} mm, to half of it in {middle:.0f} days")

t = np.linspace(0, 2000, 200)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
for number, parameters in enumerate(fits.x):
    (line,) = ax.plot(t, logistic(t, *parameters), label=f"tree {number + 1}")
    ax.plot(age, girth[number], "o", color=line.get_color(), ms=4)
ax.set(xlabel="age (days)", ylabel="circumference (mm)")
ax.legend()
plt.show()
