"""
Methods side by side
====================

How do methods differ on Rosenbrock's function, which has a curved valley?
``st.compare`` runs several of them from the same start, and its ``plot`` shows their
paths, and the loss by the number of evaluations and by time. ``print`` shows a table.

Gradient descent with a fixed step creeps along the valley. Methods that learn the
curvature need less than a hundredth of its evaluations. All end at the minimum, (1, 1).
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


found = st.compare(
    rosenbrock,
    np.array([-1.2, 1.0]),
    methods=[st.GradientDescent(0.001), st.Adam(0.1), "lbfgs", "newton-cg"],
    stop=st.LossBelow(1e-8) | st.MaxIterations(50_000),
)
print(found)
found.plot()
plt.show()
