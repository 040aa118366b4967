"""
A stiff reaction
================

In Robertson's reaction (1966), rates differ by nine orders of magnitude: that is why
its equations are a standard test for stiff solvers. Can its three rates be found from
concentrations? The data are simulated with the rates 0.04, 3e7 and 1e4, and with an
error of 2%.

``solve_ivp`` with ``method="Radau"`` is recorded as any other NumPy code. The
parameters are logarithms, since the rates differ so much.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

import steepest as st

times = np.geomspace(1e-2, 1e4, 25)
truth = np.log([0.04, 3e7, 1e4])


def robertson(t, y, k1, k2, k3):
    slow, fast, back = k1 * y[0], k2 * y[1] ** 2, k3 * y[1] * y[2]
    return [back - slow, slow - back - fast, fast]


def solution(logarithms, t=times):
    rates, start = tuple(np.exp(logarithms)), [1.0, 0.0, 0.0]
    settings = {"method": "Radau", "rtol": 1e-6, "atol": 1e-10, "t_eval": t}
    return solve_ivp(robertson, (0, 1e4), start, args=rates, **settings).y


random = np.random.default_rng(0)
measured = solution(truth) * np.exp(0.02 * random.normal(size=(3, 25)))


def residuals(logarithms):
    return (np.log(solution(logarithms)) - np.log(measured)) / 0.02


fit = st.least_squares(residuals, truth + np.array([0.5, -1.0, 1.0]))
for name, found, true in zip(["k1", "k2", "k3"], np.exp(fit.x), np.exp(truth)):
    print(f"{name} = {found:.4g}, simulated with {true:.4g}")
print(f"chi-square = {np.sum(fit.residuals**2):.1f}, of {75 - 3} degrees of freedom")

t = np.geomspace(1e-2, 1e4, 200)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
for name, y, data, factor in zip("ABC", solution(fit.x, t), measured, [1, 1e4, 1]):
    (line,) = ax.semilogx(t, factor * y, label=name + " (10⁴ times)" * (factor > 1))
    ax.semilogx(times, factor * data, "o", color=line.get_color(), ms=4)
ax.set(xlabel="time (s)", ylabel="concentration (mol/L)")
ax.legend(loc="center left")
plt.show()
