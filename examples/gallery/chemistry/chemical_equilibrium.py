"""
A chemical equilibrium
======================

Hydrazine burns in oxygen at 3500 K and 51 bar. Which gases are there in the end? In
equilibrium, the free energy of ten species is least, while the atoms of hydrogen,
nitrogen and oxygen stay: this is the problem of White, Johnson and Dantzig (1958). The
best value known is -47.7611.

The constraints are a matrix times the amounts. ``st.minimize`` finds the amounts with
exact second derivatives. The multipliers are what a mole of each kind of atom is
worth.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

species = ["H", "H₂", "H₂O", "N", "N₂", "NH", "NO", "O", "O₂", "OH"]
energy = "-6.089 -17.164 -34.054 -5.914 -24.721 -14.986 -24.1 -10.708 -26.662 -22.179"
energy = np.array(energy.split(), float)  # free energy / RT, at 51 bar
atoms = np.array(
    [
        [1, 2, 2, 0, 0, 1, 0, 0, 0, 1],
        [0, 0, 0, 1, 2, 1, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 1, 1, 2, 1],
    ]
)
total = np.array([2.0, 1.0, 1.0])


def free_energy(moles):
    return moles @ (energy + np.log(moles / np.sum(moles)))


run = st.minimize(
    free_energy,
    np.full(10, 0.1),
    bounds=(1e-8, None),
    constraints=st.Constraint(lambda moles: atoms @ moles, lower=total, upper=total),
)
print(run.message)
print(f"free energy = {run.loss:.4f} RT")
print("multipliers of H, N and O:", run.multipliers.round(3))

order = np.argsort(run.x)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
bars = ax.barh(np.array(species)[order], run.x[order])
ax.bar_label(bars, fmt="{:.2g}", padding=3)
ax.set(xscale="log", xlabel="amount (mol)", xlim=(1e-4, 3))
plt.show()
