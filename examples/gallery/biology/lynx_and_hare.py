"""
Lynx and hare
=============

The Hudson's Bay Company counted pelts for 90 years. Do hares and lynxes follow Lotka
and Volterra's equations? The data are Hewitt's (1921), thousands of pelts from 1900
to 1920.

The residuals are differences of logarithms, since counts scatter by per cent. All six
parameters, two of them the first year's numbers, follow from exact slopes of
``solve_ivp``. Carpenter (2018) finds posterior means of 0.55, 0.028, 0.80 and 0.024
for the four rates, by Hamiltonian Monte Carlo.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

import steepest as st

years = np.arange(1900.0, 1921.0)
hare = """30 47.2 70.2 77.4 36.3 20.6 18.1 21.4 22 25.4 27.1
40.3 57 76.6 52.3 19.5 11.2 7.6 14.6 16.2 24.7"""
lynx = """4 6.1 9.8 35.2 59.4 41.7 19 13 8.3 9.1 7.4
8 12.3 19.5 45.7 51.1 29.7 15.8 9.7 10.1 8.6"""
pelts = np.array([hare.split(), lynx.split()], float)


def equations(t, numbers, birth, hunt, death, growth):
    u, v = numbers
    return [(birth - hunt * v) * u, (growth * u - death) * v]


def solution(t, p):
    span = (t[0], t[-1])
    return solve_ivp(equations, span, p[4:], t_eval=t, args=tuple(p[:4]), rtol=1e-7).y


def residuals(logarithms):
    return np.log(solution(years, np.exp(logarithms))) - np.log(pelts)


start = np.log([0.5, 0.03, 0.8, 0.03, 30.0, 4.0])
fit = st.least_squares(residuals, start)
rates, errors = np.exp(fit.x), fit.standard_errors
for name, rate, error in zip(["birth", "hunt", "death", "growth"], rates, errors):
    print(f"{name} = {rate:.3f}, +- {100 * error:.0f}%")

t = np.linspace(1900, 1920, 400)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
for numbers, counted, color, name in zip(
    solution(t, rates), pelts, ["C0", "C3"], ["hare", "lynx"]
):
    ax.plot(t, numbers, color=color)
    ax.plot(years, counted, "o--", color=color, lw=0.5, ms=4, label=name)
ax.set(xlabel="year", ylabel="pelts (thousands)", xticks=years[::4], ylim=(0, 95))
ax.legend(ncols=2, loc="upper center")
plt.show()
