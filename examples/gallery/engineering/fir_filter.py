"""
A low-pass filter
=================

A filter of 31 taps should pass frequencies below 0.2 and stop those above 0.26 (in
units of the sampling rate), with the least ripple. The ripple is the largest
deviation anywhere: the loss is one more unknown, the ripple, and the constraints keep
the response within it at 240 frequencies.

For this problem there is a classic answer, Parks and McClellan's exchange algorithm,
``scipy.signal.remez``. Both find the same ripple. But here one could add any other
constraint.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import freqz, remez

import steepest as st

half = 15
grid = np.concatenate([np.linspace(0, 0.2, 120), np.linspace(0.26, 0.5, 120)])
wanted = (grid < 0.23).astype(float)
cosines = 2 * np.cos(2 * np.pi * grid[:, None] * np.arange(half + 1))
cosines[:, 0] = 1.0


def excess(p):
    error = cosines @ p["taps"] - wanted
    return np.stack([error - p["ripple"], -error - p["ripple"]])


run = st.minimize(
    lambda p: p["ripple"],
    {"taps": 0.1 * np.ones(half + 1), "ripple": 1.0},
    constraints=st.Constraint(excess, upper=0.0),
)
taps = np.concatenate([run.x["taps"][:0:-1], run.x["taps"]])
exchange = remez(2 * half + 1, [0, 0.2, 0.26, 0.5], [1, 0], fs=1.0)
ripple = np.abs(np.abs(freqz(exchange, worN=grid, fs=1.0)[1]) - wanted).max()
print(f"ripple = {run.loss:.5f}, by exchange {ripple:.5f}")

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
for coefficients, name, style in [(taps, "steepest", "-"), (exchange, "remez", "k--")]:
    frequency, response = freqz(coefficients, worN=1000, fs=1.0)
    ax.plot(frequency, 20 * np.log10(np.abs(response)), style, label=name)
ax.axhline(20 * np.log10(run.loss), color="gray", lw=0.8)
ax.set(xlabel="frequency (sampling rates)", ylabel="gain (dB)", ylim=(-70, 5))
ax.legend()
plt.show()
