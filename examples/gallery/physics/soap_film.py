"""
A soap film
===========

A wire frame is dipped into soap water: the film takes the shape of least area. The
frame here is the edge of Scherk's surface, z = log(cos x / cos y), which is known to be
minimal. So the film must be that surface.

The area is that of triangles on a grid. 1,521 heights are found by L-BFGS, as one
compiled loop with the exact gradient.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

n = 41
x, y = np.meshgrid(np.linspace(-1.2, 1.2, n), np.linspace(-1.2, 1.2, n))
scherk = np.log(np.cos(x) / np.cos(y))
width = 2.4 / (n - 1)


def surface(heights):
    film = scherk.copy()
    film[1:-1, 1:-1] = heights
    return film


def area(heights):
    z = surface(heights)
    total = 0.0
    for corner in (z[:-1, :-1], z[1:, 1:]):  # of the two triangles of each square
        along, across = (z[1:, :-1] - corner) / width, (z[:-1, 1:] - corner) / width
        total += np.sum(np.sqrt(1 + along**2 + across**2)) * width**2 / 2
    return total


run = st.minimize(area, np.zeros((n - 2, n - 2)))
difference = np.abs(surface(run.x) - scherk).max()
print(run.message)
print(f"area = {run.loss:.4f}, largest distance from Scherk's surface {difference:.4f}")

figure = plt.figure(figsize=(7, 5), layout="constrained")
ax = figure.add_subplot(projection="3d")
ax.plot_surface(x, y, surface(run.x), cmap="viridis", rstride=1, cstride=1, lw=0.1)
ax.set(xlabel="x", ylabel="y", zlabel="height", zticks=[-1, 0, 1])
plt.show()
