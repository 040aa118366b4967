"""A small network on handwritten digits: one source, three engines.

    python examples/digits.py [native|numpy|torch]

One hidden tanh layer, 64-32-10, on the 1,797 images of 8 x 8 that come with scikit-learn;
minibatches of 32, softmax cross-entropy, plain gradient descent, 20 epochs.
"""

import sys
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import steepest as st

Layer = dict[str, np.ndarray]
Network = dict[str, Layer]


def load() -> Any:
    """Return training and test images and labels; a fifth is held out."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    return train_test_split(images, labels, test_size=0.2, random_state=0, stratify=labels)


def start(seed: int = 0) -> Network:
    """Return the network's parameters before training."""
    random = np.random.default_rng(seed)

    def layer(inputs: int, outputs: int) -> Layer:
        scale = np.float32(1 / np.sqrt(inputs))
        weights = random.standard_normal((inputs, outputs), dtype=np.float32) * scale
        return {"weights": weights, "bias": np.zeros(outputs, np.float32)}

    return {"hidden": layer(64, 32), "output": layer(32, 10)}


def scores(network: Network, images: np.ndarray) -> Any:
    """Return a score for each image and digit."""
    hidden = np.tanh(images @ network["hidden"]["weights"] + network["hidden"]["bias"])
    return hidden @ network["output"]["weights"] + network["output"]["bias"]


def loss(network: Network, images: np.ndarray, labels: np.ndarray) -> Any:
    """Return the mean cross-entropy."""
    log_probabilities = st.log_softmax(scores(network, images))
    return -np.mean(np.take_along_axis(log_probabilities, labels[:, None], axis=1))


def accuracy(network: Network, images: np.ndarray, labels: np.ndarray) -> Any:
    """Return the share of images that are recognized."""
    return np.mean(np.argmax(scores(network, images), axis=1) == labels)


def train(engine: str, epochs: int = 20) -> tuple[st.Result, float]:
    """Return the finished descent and the share of held-out images recognized."""
    images, test_images, labels, test_labels = load()
    run = st.minimize(
        loss,
        start(),
        args=(images, labels),
        method=st.GradientDescent(step_size=0.1),
        batches=st.Batches(size=32, epochs=epochs, seed=0),
        engine=engine,
    )
    return run, accuracy(run.x, test_images, test_labels)


if __name__ == "__main__":
    run, share = train(sys.argv[1] if len(sys.argv) > 1 else "native")
    print(run.message)
    print(f"loss {run.loss:.4f}, {share:.1%} of the held-out images right")
    print(f"trace {run.timings.trace:.3f} s, compile {run.timings.compile:.3f} s", end=", ")
    print(f"run {run.timings.run:.3f} s: {run.timings.run / run.iterations * 1e6:.1f} us a step")
