"""
Pharmacokinetics: a drug in the blood
=====================================

A patient swallows a dose of theophylline. How long does the drug stay in the body?
The model has one compartment: the drug is absorbed at the rate ``ka`` and eliminated
at the rate ``ke``. The data are those of the first subject in Boeckmann, Sheiner and
Beal (1994), R's table ``Theoph``.

Rates and clearance are positive: ``st.Positive`` says so. ``fit.derive`` gives the
half-life with its standard error. R's ``nls`` with ``SSfol`` finds the logarithms
-2.9196 (ke), 0.5752 (ka) and -3.9159 (clearance).
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

dose = 4.02  # mg per kg of body weight
hours = np.array([0, 0.25, 0.57, 1.12, 2.02, 3.82, 5.1, 7.03, 9.05, 12.12, 24.37])
level = np.array([0.74, 2.84, 6.57, 10.5, 9.66, 8.58, 8.36, 7.47, 6.89, 5.94, 3.28])


def one_compartment(hours, ke, ka, clearance):
    rise_and_fall = np.exp(-ke * hours) - np.exp(-ka * hours)
    return dose * ke * ka / (clearance * (ka - ke)) * rise_and_fall


start = {"ke": st.Positive(0.1), "ka": st.Positive(1.0), "clearance": st.Positive(0.04)}
fit = st.curve_fit(one_compartment, hours, level, start)
for name, value in fit.x.items():
    print(f"log {name} = {np.log(value):.4f}")
half_life, error = fit.derive(lambda p: np.log(2) / p["ke"])
print(f"half-life = {half_life:.1f} +- {error:.1f} hours")

t = np.linspace(0, 25, 300)
low, high = fit.band(t)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.fill_between(t, low, high, alpha=0.25, label="95% confidence")
ax.plot(t, fit.predict(t), label="one compartment")
ax.plot(hours, level, "ko", label="subject 1")
ax.set(xlabel="time since the dose (h)", ylabel="concentration (mg/L)")
ax.legend()
plt.show()
