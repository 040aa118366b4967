"""
Reading digits
==============

Which of ten digits does a small picture show? Logistic regression gives each digit a
weight for each of the 64 pixels. The data are scikit-learn's handwritten digits, of
which the last third is for testing.

The parameters are a dict of arrays. scikit-learn's ``LogisticRegression`` minimizes the
same loss and finds the same weights, and so the same answers. The pictures show the
weights: red pixels speak for a digit, blue ones against it.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import steepest as st

data = load_digits()
X, y = data.data / 16, data.target
X, y, X_test, y_test = X[:1200], y[:1200], X[1200:], y[1200:]
rows = np.arange(len(y))


def loss(p):
    scores = X @ p["weights"] + p["bias"]
    right = st.log_softmax(scores, axis=1)[rows, y]
    return -np.sum(right) + 0.5 * np.sum(p["weights"] ** 2)


start = {"weights": np.zeros((64, 10)), "bias": np.zeros(10)}
run = st.minimize(loss, start)
theirs = LogisticRegression(solver="newton-cg", tol=1e-6).fit(X, y)
answers = np.argmax(X_test @ run.x["weights"] + run.x["bias"], axis=1)
print(f"{np.mean(answers == y_test):.2%} of the test pictures are read correctly,")
print(f"by scikit-learn {theirs.score(X_test, y_test):.2%}")
print(
    f"weights differ by at most {np.abs(run.x['weights'].T - theirs.coef_).max():.0e}"
)

figure, axes = plt.subplots(2, 5, figsize=(8, 3.6), layout="constrained")
for digit, ax in enumerate(axes.flat):
    weights = run.x["weights"][:, digit].reshape(8, 8)
    ax.imshow(weights, cmap="RdBu_r", vmin=-2.5, vmax=2.5)
    ax.set(title=str(digit), xticks=[], yticks=[])
plt.show()
