"""
The graph of a function
=======================

What does steepest record? ``st.trace`` runs a function once and returns its graph.
``graph.draw`` draws it, here with the value and the gradient at every node: read it from
the top, and check the gradient by the chain rule. ``print`` lists the same operations.

At (0.5, 0.5), the slopes of Rosenbrock's function are -51 and 50.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import steepest as st


def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


point = np.float64(0.5), np.float64(0.5)
graph = st.trace(rosenbrock, *point)
print(graph)
print(st.gradient(rosenbrock, wrt=(0, 1))(*point))

with tempfile.TemporaryDirectory() as folder:
    picture = plt.imread(graph.draw(Path(folder) / "graph.png", *point))
height, width = picture.shape[:2]
figure = plt.figure(figsize=(7, 7 * height / width))
ax = figure.add_axes((0, 0, 1, 1))
ax.imshow(picture)
ax.set_axis_off()
plt.show()
