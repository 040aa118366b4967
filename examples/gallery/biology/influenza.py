"""
An epidemic
===========

Influenza came to a boarding school of 763 boys (British Medical Journal, 4 March
1978). How many others did each sick boy infect? The model has boys who are
susceptible, infected or recovered, and a differential equation for their numbers.

``solve_ivp`` is SciPy's. It is recorded with its steps, so that the slopes of its
solution are exact, and so are standard errors. SciPy's ``curve_fit`` finds the same
least sum of squares, 3589.85.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

import steepest as st

days = np.arange(14.0)
in_bed = np.array([3, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4], float)


def epidemic(t, state, contacts, recovery):
    susceptible, infected, _ = state
    new, well = contacts * susceptible * infected / 763, recovery * infected
    return [-new, new - well, well]


def solution(days, contacts, recovery, first):
    state, span, rates = [763 - first, first, 0.0], (0.0, 13.0), (contacts, recovery)
    return solve_ivp(epidemic, span, state, t_eval=days, args=rates, rtol=1e-8).y


def infected(days, contacts, recovery, first):
    return solution(days, contacts, recovery, first)[1]


fit = st.curve_fit(infected, days, in_bed, [2.0, 0.3, 1.0])
number, error = fit.derive(lambda p: p["contacts"] / p["recovery"])
print(f"each boy infects {number:.2f} +- {error:.2f} others at first")
print(f"sum of squares = {np.sum(fit.residuals**2):.2f}")

t = np.linspace(0, 13, 300)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.plot(t, solution(t, *fit.x).T, label=["susceptible", "infected", "recovered"])
ax.plot(days, in_bed, "ko", label="in bed")
ax.set(xlabel="time (days)", ylabel="boys", ylim=(0, 900))
ax.legend(ncols=4, loc="upper center")
plt.show()
