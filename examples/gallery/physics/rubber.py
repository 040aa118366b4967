"""
Stretching rubber
=================

How much force does it take to stretch rubber to seven times its length? Treloar's
(1944) measurements are the classic test for models of rubber. The simplest model,
neo-Hookean, fails at large stretches. Ogden's (1972) is a sum of powers of the
stretch.

Ogden found three terms by hand, with the moduli 0.618, 0.00118 and -0.00981 MPa and the
exponents 1.3, 5.0 and -2.0. Two terms are enough for these data if they are fitted: a
third one would not be determined, and ``st.curve_fit`` says so in a warning.
"""

import matplotlib.pyplot as plt
import numpy as np

import steepest as st

stretch = """1 1.02 1.125 1.24 1.39 1.585 1.9 2.18 2.42 3.02 3.57 4.03 4.76 5.36 5.75 6.15
6.4 6.6 6.85 7.05 7.15 7.25 7.4 7.5 7.6"""
force = """0 0.26 1.37 2.3 3.23 4.16 5.1 6 6.9 8.8 10.7 12.5 16.2 19.9 23.6 27.4 31 34.8
38.5 42.1 45.8 49.6 53.3 57 64.4"""
stretch, force = np.array([stretch.split(), force.split()], float)
stress = 0.0980665 * force  # MPa, from kg/cm²


def term(stretch, modulus, power):
    return modulus * (stretch ** (power - 1) - stretch ** (-power / 2 - 1))


def ogden(stretch, m1, m2, a1, a2):
    return term(stretch, m1, a1) + term(stretch, m2, a2)


simple = st.curve_fit(lambda x, modulus: term(x, modulus, 2), stretch, stress, [0.4])
fit = st.curve_fit(ogden, stretch, stress, [0.6, 0.001, 1.3, 5.0])
x = np.linspace(1, 7.65, 300)
by_hand = term(x, 0.618, 1.3) + term(x, 0.00118, 5.0) + term(x, -0.00981, -2.0)
curves = {"neo-Hookean": simple.predict(x), "Ogden 1972": by_hand}
curves["two terms, fitted"] = fit.predict(x)

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
for (name, curve), style in zip(curves.items(), ["--", ":", "-"]):
    error = np.sqrt(np.mean((np.interp(stretch, x, curve) - stress) ** 2))
    print(f"{name}: root mean square error {error:.2f} MPa")
    ax.plot(x, curve, style, label=name)
ax.plot(stretch, stress, "ko", ms=4, label="Treloar 1944")
ax.set(xlabel="stretch (length / length at rest)", ylabel="stress (MPa)")
ax.legend()
plt.show()
