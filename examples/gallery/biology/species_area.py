"""
Species on islands
==================

Large islands have more species: their number grows like a power of the area. The data
are Johnson and Raven's (1973), plants on 30 Galápagos islands.

``st.maximum_likelihood`` takes the log-density of each datum, here SciPy's. With
Poisson counts, the exponent is 0.3377, as scikit-learn's ``PoissonRegressor`` confirms.
But the counts scatter more than that: a negative binomial distribution has a far lower
AIC. The sandwich errors of the Poisson fit show it, too. They are several times the
usual ones.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import nbinom, poisson
from sklearn.linear_model import PoissonRegressor

import steepest as st

species = """58 31 3 25 2 18 24 10 8 2 97 93 58 5 40
347 51 2 104 108 12 70 280 237 444 62 285 44 16 21"""
area = """25.09 1.24 .21 .1 .05 .34 .08 2.33 .03 .18 58.27 634.49 .57 .78 17.35
4669.32 129.49 .01 59.56 17.95 .23 4.89 551.62 572.33 903.82 24.08 170.92 1.84 1.24
2.85"""
data = {"n": np.array(species.split(), float), "area": np.array(area.split(), float)}


def poisson_law(data, c, z):
    return poisson.logpmf(data["n"], np.exp(c) * data["area"] ** z)


def negative_binomial(data, c, z, k):
    n, mean = data["n"], np.exp(c) * data["area"] ** z
    return nbinom.logpmf(n, k, k / (k + mean))


start = {"c": 3.0, "z": 0.3, "k": st.Positive(1.0)}
plain = st.maximum_likelihood(poisson_law, data, [3.0, 0.3])
wide = st.maximum_likelihood(negative_binomial, data, start)
slope = PoissonRegressor(alpha=0).fit(np.log(data["area"])[:, None], data["n"]).coef_[0]
errors, sandwich = plain.standard_errors[1], plain.robust_standard_errors[1]
print(f"Poisson: z = {plain.x[1]:.4f} +- {errors:.4f}, by the sandwich {sandwich:.4f}")
print(f"scikit-learn: z = {slope:.4f}")
print(f"negative binomial: z = {wide.x['z']:.3f} +- {wide.standard_errors['z']:.3f}")
print(f"AIC: {plain.aic:.1f} and {wide.aic:.1f}")

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
x = np.geomspace(0.008, 6000, 400)
means = np.exp(plain.x[0]) * x ** plain.x[1], np.exp(wide.x["c"]) * x ** wide.x["z"]
ends, k = [[0.05], [0.95]], wide.x["k"]
spread = nbinom.ppf(ends, k, k / (k + means[1])), poisson.ppf(ends, means[0])
for (low, high), name in zip(spread, ["negative binomial", "Poisson"]):
    ax.fill_between(x, low, high, alpha=0.3, label=f"90% of islands, {name}")
ax.loglog(x, means[1], lw=1)
ax.loglog(data["area"], data["n"], "ko", ms=4, label="an island")
ax.set(xlabel="area (km²)", ylabel="species", ylim=(0.8, 1000))
ax.legend()
plt.show()
