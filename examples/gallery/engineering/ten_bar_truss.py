"""
The lightest truss
==================

A truss of ten bars carries two loads of 100,000 pounds. How thin may its bars be, if no
stress exceeds 25,000 psi and no node moves by more than 2 inches? This is the standard
test of structural optimization. The least weight known is 5060.85 pounds (Haftka and
Gürdal, *Elements of Structural Optimization*, 1992).

The displacements solve a linear system, ``np.linalg.solve``, and so do their exact
derivatives by the bars' areas. In the picture, a bar's width shows its area. Red bars
are pulled, blue ones are pressed, and the stronger the color, the larger the stress.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

nodes = 360.0 * np.array([[2, 1], [2, 0], [1, 1], [1, 0], [0, 1], [0, 0]])  # inches
tails, heads = [4, 2, 5, 3, 2, 0, 4, 5, 2, 3], [2, 0, 3, 1, 3, 1, 3, 2, 1, 0]
bars = np.stack([tails, heads], axis=1)
spans = nodes[bars[:, 1]] - nodes[bars[:, 0]]
length = np.sqrt(np.sum(spans**2, axis=1))
stretch = np.zeros((10, 12))  # of each bar, for a displacement of each node
for bar, (tail, head) in enumerate(bars):
    stretch[bar, 2 * head : 2 * head + 2] = spans[bar] / length[bar]
    stretch[bar, 2 * tail : 2 * tail + 2] = -spans[bar] / length[bar]
stretch = stretch[:, :8]  # the last two nodes are fixed
load = np.array([0, 0, 0, -1e5, 0, 0, 0, -1e5])  # pounds


def displacements(areas):
    stiffness = stretch.T @ ((1e7 * areas / length)[:, None] * stretch)
    return np.linalg.solve(stiffness, load)


def stresses(areas):
    return 1e7 * stretch @ displacements(areas) / length


run = st.minimize(
    lambda areas: 0.1 * length @ areas,
    np.full(10, 20.0),
    bounds=(0.1, None),
    constraints=[
        st.Constraint(stresses, lower=-25e3, upper=25e3),
        st.Constraint(displacements, lower=-2.0, upper=2.0),
    ],
)
print(f"weight = {run.loss:.2f} pounds\nareas = {run.x.round(2)} square inches")

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for bar, area, stress in zip(bars, run.x, stresses(run.x)):
    ax.plot(*nodes[bar].T, color=plt.cm.coolwarm(0.5 + stress / 5e4), lw=0.4 * area + 1)
ax.plot(*nodes.T, "ko", ms=8)
for x in (360, 720):
    ax.arrow(x, 0, 0, -70, width=5, color="k", zorder=3)
    ax.text(x, -110, "100,000 lb", ha="center", va="top")
ax.set(xlabel="across (inches)", ylabel="height (inches)", aspect="equal")
ax.set(xlim=(-40, 820), ylim=(-160, 400))
plt.show()
