"""
The path of a descent
=====================

``run.plot`` shows a descent with two parameters on the contours of its loss. What a
constraint excludes is hatched. Beside it are the loss, the norm of the gradient and the
length of each step.

Here Rosenbrock's function is minimized within a disk of radius 1. The manual of MATLAB's
``fmincon`` has the same example, with the answer (0.7864, 0.6177).
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


disk = st.Constraint(lambda x: x @ x, upper=1.0)
run = st.minimize(rosenbrock, np.array([-0.8, 0.5]), constraints=disk)
print(run.x.round(4), "multiplier", run.multipliers.round(4))
run.plot()
plt.show()
