"""
Parts of digits
===============

Can pictures of digits be made of a few parts? Nonnegative matrix factorization (Lee and
Seung 1999) writes 300 pictures as sums of 16 parts. Nothing is ever subtracted, so that
the parts look like strokes.

Bounds keep 5,824 parameters nonnegative, and L-BFGS finds them. The problem has many
minima. From the same start, scikit-learn's ``NMF`` ends in another one, whose error is
nearly the same. No factorization of that rank can be better than the singular value
decomposition, which has parts with both signs.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF

import steepest as st

X = load_digits().data[:300] / 16
rank = 16


def error(p):
    return 0.5 * np.sum((p["amounts"] @ p["parts"] - X) ** 2)


random = np.random.default_rng(0)
scale = np.sqrt(X.mean() / rank)
amounts = scale * np.abs(random.normal(size=(300, rank)))
parts = scale * np.abs(random.normal(size=(rank, 64)))
start, bounds = (
    {"amounts": amounts, "parts": parts},
    {"amounts": (0, None), "parts": (0, None)},
)
run = st.minimize(error, start, bounds=bounds, stop=st.MaxIterations(1000))
theirs = NMF(rank, init="custom", max_iter=2000)
theirs.fit_transform(X, W=amounts.copy(), H=parts.copy())
lost = np.linalg.svd(X, compute_uv=False)[rank:]
print(
    f"error {np.sqrt(2 * run.loss):.3f}, of scikit-learn {theirs.reconstruction_err_:.3f}"
)
print(f"least possible with signs {np.sqrt(np.sum(lost**2)):.3f}")

figure, axes = plt.subplots(2, 8, figsize=(8, 2.4), layout="constrained")
for part, ax in zip(run.x["parts"], axes.flat):
    ax.imshow(part.reshape(8, 8), cmap="gray_r")
    ax.set(xticks=[], yticks=[])
plt.show()
