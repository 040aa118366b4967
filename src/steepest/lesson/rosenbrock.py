"""Rosenbrock's valley: gradient descent down its floor.

python examples/rosenbrock.py
"""

import numpy as np

import steepest as st


def rosenbrock(x: float, y: float) -> float:
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def rosenbrock_gradient(x: float, y: float) -> tuple[float, float]:
    return -2 + 2 * x - 400 * (y - x**2) * x, 200 * (y - x**2)


def descend(engine: str = "native", dtype: type = np.float32) -> st.Result:
    """Return the lesson's descent: parameters in float32, arithmetic in float64."""
    return st.minimize(
        lambda p: rosenbrock(p[0], p[1]),
        np.zeros(2, dtype),
        method=st.GradientDescent(step_size=0.001),
        stop=st.LossBelow(0.001) | st.MaxIterations(100_000),
        compute_dtype=np.float64,
        engine=engine,
    )


if __name__ == "__main__":
    run = descend()
    for count, loss in enumerate(run.history.loss[-12:], run.iterations - 12):
        print("iter_count: ", count, "the loss:", loss)
    print(run.x)
    print(run.message)
