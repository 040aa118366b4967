"""Linear regression: yields of apples and oranges from the weather.

python examples/fruit.py [native|numpy|torch]
"""

import sys
from typing import Any

import numpy as np

import steepest as st

Model = dict[str, np.ndarray]

# Temperature, rainfall, humidity.
WEATHER = np.array(
    [[73, 67, 43], [91, 88, 64], [87, 134, 58], [102, 43, 37], [69, 96, 70]], np.float32
)
# Apples, oranges.
YIELDS = np.array([[56, 70], [81, 101], [119, 133], [22, 37], [103, 119]], np.float32)


def start(seed: int = 0) -> Model:
    """Return weights and biases drawn from a standard normal."""
    random = np.random.default_rng(seed)
    return {
        "w": random.standard_normal((2, 3), dtype=np.float32),
        "b": random.standard_normal(2, dtype=np.float32),
    }


def predict(model: Model, weather: np.ndarray) -> Any:
    return weather @ model["w"].T + model["b"]


def loss(model: Model, weather: np.ndarray, yields: np.ndarray) -> Any:
    """Return the mean squared difference over all entries."""
    return np.mean((predict(model, weather) - yields) ** 2)


def train(engine: str = "native", epochs: int = 100) -> st.Result:
    """Return the finished descent."""
    return st.minimize(
        loss,
        start(),
        args=(WEATHER, YIELDS),
        method=st.GradientDescent(step_size=1e-5),
        stop=st.MaxIterations(epochs),
        engine=engine,
    )


if __name__ == "__main__":
    run = train(sys.argv[1] if len(sys.argv) > 1 else "native")
    print(f"loss {run.history.loss[0]:.4f} before, {run.loss:.4f} after {run.iterations} epochs")
    print("predictions", predict(run.x, WEATHER), "yields", YIELDS, sep="\n")
