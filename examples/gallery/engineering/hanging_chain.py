"""
A hanging chain
===============

A chain of 40 links hangs between two nails, 1 m apart and at different heights. Which
shape has the least potential energy, if no link may change its length? The limit of
ever shorter links is the catenary.

Each link's length is a constraint, and the constraint's multiplier is the force in
the link: ``run.multipliers`` gives all 40 forces. The horizontal force must be the
same in all links.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq

import steepest as st

links, length, rise, weight = 40, 1.5, 0.3, 10.0  # meters, and newtons per meter


def chain(inner):
    return np.concatenate([np.zeros((1, 2)), inner, np.array([[1.0, rise]])])


def energy(inner):
    heights = chain(inner)[:, 1]
    return weight * length / links * np.sum((heights[1:] + heights[:-1]) / 2)


def lengths(inner):
    return np.sqrt(np.sum(np.diff(chain(inner), axis=0) ** 2, axis=1))


share = np.linspace(0, 1, links + 1)[1:-1]
start = np.stack([share, rise * share - share * (1 - share)], axis=1)
link = st.Constraint(lengths, lower=length / links, upper=length / links)
run = st.minimize(energy, start, constraints=link)
places, forces = chain(run.x), np.abs(run.multipliers)
across = forces * np.diff(places[:, 0]) * links / length

# The catenary: y = a cosh((x - x0) / a) + c
a = brentq(lambda a: 2 * a * np.sinh(0.5 / a) - np.sqrt(length**2 - rise**2), 0.1, 9)
x0 = 0.5 - a * np.arctanh(rise / length)
height = a * np.cosh((places[:, 0] - x0) / a) - a * np.cosh(x0 / a)
print(run.message)
print(f"horizontal force: {across.min():.3f} to {across.max():.3f} N in the links,")
print(f"{weight * a:.3f} N in the catenary, from which the chain is off by", end=" ")
print(f"{1000 * np.abs(height - places[:, 1]).max():.1f} mm")

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.plot(*places.T, color="0.7", zorder=1)
middles = (places[1:] + places[:-1]) / 2
dots = ax.scatter(*middles.T, c=forces, s=30)
figure.colorbar(dots, label="force in the link (N)", shrink=0.8)
ax.set(xlabel="across (m)", ylabel="height (m)", aspect="equal")
plt.show()
