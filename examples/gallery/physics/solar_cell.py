"""
A solar cell
============

The current through a solar cell is that of a diode with two resistances. The current
stands on both sides of the equation, and Lambert's W solves it. The data are those of
Easwarakhanthan et al. (1986), a silicon cell at 33 °C, by which methods of fitting are
compared. The least root mean square error known is 7.7301e-4 A.

``scipy.special.lambertw`` is recorded and differentiated.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import lambertw

import steepest as st

volts = """-0.2057 -0.1291 -0.0588 0.0057 0.0646 0.1185 0.1678 0.2132 0.2545 0.2924 0.3269
0.3585 0.3873 0.4137 0.4373 0.459 0.4784 0.496 0.5119 0.5265 0.5398 0.5521 0.5633 0.5736
0.5833 0.59"""
amperes = """0.764 0.762 0.7605 0.7605 0.76 0.759 0.757 0.757 0.7555 0.754 0.7505 0.7465
0.7385 0.728 0.7065 0.6755 0.632 0.573 0.499 0.413 0.3165 0.212 0.1035 -0.01 -0.123
-0.21"""
volts, amperes = np.array([volts.split(), amperes.split()], float)
thermal = 1.380649e-23 * (273.15 + 33) / 1.602176634e-19  # volts


def current(v, photo, log_saturation, ideality, series, shunt):
    saturation, vt = np.exp(log_saturation), ideality * thermal
    total = series + shunt
    drive = shunt * (series * (photo + saturation) + v) / (vt * total)
    w = lambertw(series * saturation * shunt / (vt * total) * np.exp(drive)).real
    return (shunt * (photo + saturation) - v) / total - vt / series * w


fit = st.curve_fit(current, volts, amperes, [0.7, -14.0, 1.6, 0.02, 30.0])
print(f"root mean square error = {np.sqrt(np.mean(fit.residuals**2)):.4e} A")
for i, unit in [(2, ""), (3, "ohm"), (4, "ohm")]:
    print(f"{fit.names[i]} = {fit.x[i]:.4f} +- {fit.standard_errors[i]:.4f} {unit}")

v = np.linspace(-0.21, 0.6, 300)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.plot(v, fit.predict(v), label="current")
ax.plot(v, v * fit.predict(v), "--", label="power")
ax.plot(volts, amperes, "ko", ms=4, label="measured")
ax.set(xlabel="voltage (V)", ylabel="current (A), power (W)", ylim=(-0.25, 0.85))
ax.legend(loc="center left")
plt.show()
