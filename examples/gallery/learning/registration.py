"""
Two photographs of the same flower
==================================

A camera was turned and moved between two photographs. By how much? The loss is the mean
square difference of the pictures, after one of them is turned, scaled and shifted. The
picture is scikit-learn's ``flower.jpg``. The second photograph is computed from it, with
noise of 3%.

``map_coordinates`` of SciPy interpolates by cubic splines, and its exact slopes tell the
descent where to go.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from sklearn.datasets import load_sample_image

import steepest as st

random = np.random.default_rng(0)
flower = load_sample_image("flower.jpg")[50:370:2, 160:480:2].mean(axis=2) / 255
flower = gaussian_filter(flower, 1.0)
rows, columns = np.mgrid[20:140, 20:140] - 80.0


def moved(p):
    angle, scale, down, right = p
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    places = [cos * rows - sin * columns + down, sin * rows + cos * columns + right]
    return map_coordinates(flower, np.array(places) + 80, order=3, mode="nearest")


truth = np.array([0.08, 1.05, 3.0, -4.0])
second = moved(truth) + 0.03 * random.normal(size=rows.shape)
start = np.array([0.0, 1.0, 0.0, 0.0])
run = st.minimize(lambda p: np.mean((moved(p) - second) ** 2), start, method="BFGS")
for name, found, true in zip(["angle", "scale", "down", "right"], run.x, truth):
    print(f"{name} = {found:.4f}, truth {true}")
print(f"mean square difference {run.loss:.6f}, of the noise {0.03**2:.6f}")

figure, axes = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained")
axes[0].imshow(second, cmap="gray")
for ax, p, name in [(axes[1], start, "before"), (axes[2], run.x, "after")]:
    ax.imshow(moved(p) - second, cmap="RdBu", vmin=-0.6, vmax=0.6)
    ax.set_title(f"difference {name}")
axes[0].set_title("second photograph")
for ax in axes:
    ax.set(xticks=[], yticks=[])
plt.show()
