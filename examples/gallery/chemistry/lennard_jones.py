"""
A cluster of atoms
==================

How do 13 argon atoms arrange themselves? The energy of a cluster has very many minima.
The lowest one is an icosahedron with the energy -44.3268 (in units of the depth of the
pair potential; Hoare and Pal 1971, the Cambridge Cluster Database).

``st.multistart`` descends from 100 random starts side by side and ranks the minima.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

atoms = 13
first, second = np.triu_indices(atoms, 1)


def energy(x):
    places = x.reshape(atoms, 3)
    squares = np.sum((places[first] - places[second]) ** 2, axis=1)
    return np.sum(4 * (squares**-6 - squares**-3))


starts = np.random.default_rng(1).uniform(-1.7, 1.7, (100, 3 * atoms))
found = st.multistart(energy, starts=starts)
energies, counts = np.unique(found.runs.loss.round(4), return_counts=True)
print(f"{len(energies)} energies, {counts[0]} starts found the lowest: {energies[0]}")

figure = plt.figure(figsize=(9, 4), layout="constrained")
left, right = figure.add_subplot(121), figure.add_subplot(122, projection="3d")
left.stem(energies, counts, markerfmt=".", basefmt=" ")
left.set(xlabel="energy (pair depths)", ylabel="starts that led there")
places = found.x.reshape(atoms, 3)
for i, j in zip(first, second):
    if np.linalg.norm(places[i] - places[j]) < 1.3:
        right.plot(*places[[i, j]].T, color="gray", lw=1)
right.scatter(*places.T, s=200, c=np.linalg.norm(places - places.mean(0), axis=1))
right.set_axis_off()
right.set_aspect("equal")
plt.show()
