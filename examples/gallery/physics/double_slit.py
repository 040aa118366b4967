"""
Light through two slits
=======================

A laser shines on two slits, and a camera two meters behind them counts photons. How
wide are the slits, and how far apart? The fine fringes come from the distance, the
broad envelope from the width.

The counts are simulated: slits 80 µm wide and 250 µm apart, a wavelength of 632.8 nm.
Many pixels see no photon at all, so least squares would need an error for a count of
0. ``st.maximum_likelihood`` takes Poisson's distribution as it is.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

places = np.linspace(-20, 20, 401)  # mm, on the camera
random = np.random.default_rng(0)


def intensity(places, width, distance, peak, dark):
    angle = 1e-3 * places / 2.0  # rad
    fringes = np.cos(np.pi * distance * 1e-6 * angle / 632.8e-9) ** 2
    return peak * fringes * np.sinc(width * 1e-6 * angle / 632.8e-9) ** 2 + dark


photons = random.poisson(intensity(places, 80.0, 250.0, 60.0, 0.2))


def log_probability(photons, width, distance, peak, dark):
    mean = intensity(places, width, distance, peak, dark)
    return photons * np.log(mean) - mean


start = {"width": 90.0, "distance": 252.0}
start |= {"peak": st.Positive(40.0), "dark": st.Positive(0.5)}
fit = st.maximum_likelihood(log_probability, photons.astype(float), start)
for name, true in [("width", 80), ("distance", 250)]:
    print(
        f"{name} = {fit.x[name]:.2f} +- {fit.standard_errors[name]:.2f} µm, truth {true}"
    )

size = {"figsize": (8, 4.4), "layout": "constrained"}
figure, (above, below) = plt.subplots(2, 1, sharex=True, height_ratios=(1, 5), **size)
stripe = np.sqrt(intensity(places, **fit.x))
above.imshow(stripe[None], aspect="auto", extent=(-20, 20, 0, 1), cmap="inferno")
above.set_yticks([])
below.plot(places, photons, "k.", ms=3, label="photons counted")
below.plot(places, intensity(places, **fit.x), lw=1, label="maximum likelihood")
below.set(xlabel="place on the camera (mm)", ylabel="photons")
below.legend()
plt.show()
