"""
Quantiles instead of means
==========================

How does diabetes progress, depending on the body mass index? The mean does not tell the
whole story: the spread grows, too. Quantile regression finds lines below which 10%,
50% and 90% of the patients lie. The data are those of Efron et al. (2004), in
scikit-learn.

The loss is the mean of tilted absolute values, with a corner that is rounded within
0.1 units. ``st.minimize_many`` fits the three lines at once. scikit-learn's
``QuantileRegressor`` solves a linear program instead, and finds the same slopes, but for
the rounding.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import QuantileRegressor

import steepest as st

data = load_diabetes(scaled=False)
index, progress = data.data[:, 2], data.target
shares = np.array([0.1, 0.5, 0.9])


def tilted(p, share):
    miss = progress - p[0] - p[1] * (index - 26)
    return np.mean(share * miss + 0.1 * np.logaddexp(0, -miss / 0.1))


lines = st.minimize_many(tilted, np.tile([150.0, 10.0], (3, 1)), args=(shares,))
for share, (level, slope) in zip(shares, lines.x):
    program = QuantileRegressor(quantile=share, alpha=0).fit(index[:, None], progress)
    below = np.mean(progress < level + slope * (index - 26))
    print(
        f"{share:.0%}: slope {slope:.2f}, scikit-learn {program.coef_[0]:.2f};", end=" "
    )
    print(f"{below:.1%} of the patients lie below")

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.plot(index, progress, "k.", ms=3, label="patients")
ends = np.array([index.min(), index.max()])
for share, (level, slope) in zip(shares, lines.x):
    ax.plot(ends, level + slope * (ends - 26), label=f"{share:.0%} below")
ax.set(xlabel="body mass index (kg/m²)", ylabel="progression in a year (score)")
ax.set_ylim(0, 480)
ax.legend(ncols=4, loc="upper center")
plt.show()
