"""
An arm that follows a path
==========================

A robot's arm has four joints in a plane, more than it needs to reach a point. Which
angles bring its hand to each of 60 points on a circle, with the least bending of the
joints? No joint may turn by more than 2 radians.

The hand's place is a constraint, the joints' limits are bounds. ``st.minimize_many``
solves the 60 problems in one call of machine code. SciPy's SLSQP finds the same angles
for the first of them.
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.optimize

import steepest as st

bones = np.array([0.5, 0.4, 0.3, 0.2])  # m


def joints(angles):
    turns = np.cumsum(angles)
    return np.stack(
        [np.cumsum(bones * np.cos(turns)), np.cumsum(bones * np.sin(turns))]
    )


def bending(angles):
    return np.sum(angles[1:] ** 2)


def hand(angles):
    return joints(angles)[:, -1]


phase = np.linspace(0, 2 * np.pi, 60, endpoint=False)
targets = np.stack([0.6 + 0.3 * np.cos(phase), 0.5 + 0.3 * np.sin(phase)], axis=1)
reach = st.Constraint(hand, lower=targets, upper=targets)
starts = np.tile([0.2, 0.4, 0.4, 0.4], (60, 1))
arms = st.minimize_many(bending, starts, bounds=(-2.0, 2.0), constraints=reach)

miss = {"type": "eq", "fun": lambda angles: hand(angles) - targets[0]}
slsqp = scipy.optimize.minimize(
    bending, starts[0], constraints=miss, bounds=[(-2, 2)] * 4
)
off = np.max(np.abs([hand(a) for a in arms.x] - targets))
print(f"{arms.converged.sum()} of 60 converged, off the path by at most {off:.0e} m")
print(f"SLSQP differs by {np.abs(slsqp.x - arms.x[0]).max():.0e} radians")

figure, ax = plt.subplots(figsize=(6.5, 5), layout="constrained")
ax.plot(*targets.T, "k--", lw=1, label="path of the hand")
for number in range(0, 60, 12):
    places = np.hstack([np.zeros((2, 1)), joints(arms.x[number])])
    ax.plot(*places, "o-", lw=3, ms=6, alpha=0.8)
ax.set(xlabel="across (m)", ylabel="height (m)", aspect="equal", ylim=(-0.45, 0.97))
ax.legend()
plt.show()
