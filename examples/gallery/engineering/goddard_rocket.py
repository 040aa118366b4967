"""
Goddard's rocket
================

How high can a rocket fly with a given amount of fuel? Full thrust from the ground on
wastes fuel, since air resists fast flight in the low atmosphere. This is a standard
problem of optimal control. The largest height is 1.01283 radii of the earth (COPS
collection, Dolan, Moré and Munson 2004).

Heights, speeds and masses at 101 times, the thrusts between them and the duration are
the unknowns: 404 of them. The midpoint rule connects them by 300 equations.
``st.InteriorPoint``, the default for problems of this size, finds their sparse
derivatives by itself. The thrust between full and none jitters at first, which is
usual for such arcs: the height hardly depends on it.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

steps, exhaust = 100, 0.5  # all in units of the earth's radius, gravity, and first mass


def flight(p):
    state = np.stack([p["h"], p["v"], p["m"]])
    (h, v, m), thrust = (state[:, 1:] + state[:, :-1]) / 2, p["thrust"]
    drag = 310 * v**2 * np.exp(-500 * (h - 1))
    rates = np.stack([v, (thrust - drag) / m - 1 / h**2, -thrust / exhaust])
    return np.diff(state, axis=1) - p["time"] / steps * rates


def ends(p):
    return np.stack([p["h"][0], p["v"][0], p["m"][0], p["m"][-1]])


share = np.linspace(0, 1, steps + 1)
start = {"h": 1 + 0.01 * share, "v": 0.1 * share * (1 - share), "m": 1 - 0.4 * share}
start |= {"thrust": np.full(steps, 1.75), "time": 0.2}
bounds = {"h": (1, 2), "v": (0, 1), "m": (0.6, 1), "thrust": (0, 3.5)}
bounds |= {"time": (0.01, 1)}
run = st.minimize(
    lambda p: -p["h"][-1],
    start,
    bounds=bounds,
    constraints=[
        st.Constraint(flight, lower=0.0, upper=0.0),
        st.Constraint(ends, lower=[1, 0, 1, 0.6], upper=[1, 0, 1, 0.6]),
    ],
)
print(run.message)
print(f"height = {-run.loss:.5f}")

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
seconds = 806 * share * run.x["time"]
axes[0].stairs(run.x["thrust"], seconds, baseline=None)
axes[1].plot(seconds, 7.905 * run.x["v"])
axes[2].plot(seconds, 6371 * (run.x["h"] - 1))
for ax, name in zip(axes, ["thrust (initial weights)", "speed (km/s)", "height (km)"]):
    ax.set(xlabel="time (s)", ylabel=name)
plt.show()
