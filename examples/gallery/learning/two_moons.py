"""
A small network
===============

Two classes of points lie in the shape of moons, which no line separates. A network with
two hidden layers of 16 units learns the border between them, from 600 points of
scikit-learn's ``make_moons``.

The network is six lines of NumPy. ``st.Adam`` runs 100 epochs of minibatches in one
loop of machine code. 1,000 further points test it.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

import steepest as st

X, y = make_moons(600, noise=0.2, random_state=0)
X_test, y_test = make_moons(1000, noise=0.2, random_state=1)


def network(layers, X):
    for weights, bias in layers[:-1]:
        X = np.tanh(X @ weights + bias)
    weights, bias = layers[-1]
    return (X @ weights + bias)[:, 0]


def loss(layers, X, y):
    scores = network(layers, X)
    return np.mean(np.logaddexp(0, scores) - y * scores)


random = np.random.default_rng(0)
sizes = [(2, 16), (16, 16), (16, 1)]
layers = [(random.normal(size=(m, n)) / m**0.5, np.zeros(n)) for m, n in sizes]
batches = st.Batches(size=30, epochs=100, shuffle=True, seed=0)
run = st.minimize(loss, layers, args=(X, y), method=st.Adam(0.01), batches=batches)
print(run.message)
right = (network(run.x, X_test) > 0) == y_test
print(f"{np.mean(right):.1%} of the test points are classified correctly")

figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
a, b = np.meshgrid(np.linspace(-1.8, 2.8, 200), np.linspace(-1.3, 1.8, 150))
scores = network(run.x, np.stack([a.ravel(), b.ravel()], axis=1)).reshape(a.shape)
levels = np.linspace(0, 1, 11)
filled = ax.contourf(a, b, 1 / (1 + np.exp(-scores)), levels, cmap="RdBu_r", alpha=0.6)
ax.contour(a, b, scores, [0], colors="k")
ax.scatter(*X.T, c=y, s=8, cmap="RdBu_r", edgecolor="k", lw=0.3)
figure.colorbar(filled, label="probability of class 1")
ax.set(xlabel="x", ylabel="y")
plt.show()
