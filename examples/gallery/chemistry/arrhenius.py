"""
Arrhenius' law
==============

How much energy does a molecule need to fall apart? Daniels and Johnston (1921)
measured how fast dinitrogen pentoxide decomposes at six temperatures. The slope of
the logarithm against the reciprocal temperature is the activation energy, 103 kJ/mol
in textbooks.

Rates scatter by per cent, so ``sigma`` is a share of each rate, and the model stays
as it is written in textbooks. A line through the logarithms gives nearly the same.
``fit.derive`` tells the half-life at another temperature, with its standard error.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

kelvin = np.array([273.15, 298.15, 308.15, 318.15, 328.15, 338.15])
rate = np.array([7.87e-7, 3.46e-5, 1.35e-4, 4.98e-4, 1.50e-3, 4.87e-3])  # per second
gas = 8.314462618e-3  # kJ/mol/K


def arrhenius(kelvin, log_factor, energy):
    return np.exp(log_factor - energy / (gas * kelvin))


fit = st.curve_fit(arrhenius, kelvin, rate, [30.0, 100.0], sigma=0.05 * rate)
slope = np.polyfit(1 / kelvin, np.log(rate), 1)[0]
print(f"activation energy = {fit.x[1]:.1f} +- {fit.standard_errors[1]:.1f} kJ/mol")
print(f"from a line through the logarithms: {-slope * gas:.1f} kJ/mol")
life, error = fit.derive(lambda p: np.log(2) / arrhenius(283.15, **p) / 3600)
print(f"half-life at 10 °C = {life:.1f} +- {error:.1f} hours")

x = np.linspace(268, 343, 200)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.semilogy(1000 / x, fit.predict(x), label="Arrhenius' law")
ax.semilogy(1000 / kelvin, rate, "ko", label="measured")
ax.set(xlabel="1000 / temperature (1/K)", ylabel="rate (1/s)")
ax.legend()
plt.show()
