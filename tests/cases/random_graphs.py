"""Random functions of one array, as Hypothesis draws and shrinks them."""

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some

# Smooth on all reals and tame, so that chains of them keep sensible numbers.
UNARY = [
    np.sin,
    np.cos,
    np.tanh,
    np.arctan,
    lambda x: x * 0.5,
    lambda x: np.square(x) * 0.1,
    lambda x: np.sqrt(1.5 + np.sin(x)),
    lambda x: np.exp(-np.square(x)),
    lambda x: np.log(2.0 + np.cos(x)),
    lambda x: 1.0 / (2.0 + np.sin(x)),
]
BINARY = [
    np.add,
    np.subtract,
    np.multiply,
    lambda x, y: x / (2.0 + np.sin(y)),
    lambda x, y: np.arctan2(x, 3.0 + np.cos(y)),
    lambda x, y: np.hypot(x, 1.0 + y * y),
]


def reshapers(x):
    """Yield functions that change the shape of an array like this one."""
    yield lambda a: a
    yield lambda a: np.reshape(a, (-1,))
    if x.ndim:
        yield lambda a: np.sum(a, axis=0)
        yield lambda a: np.mean(a, axis=-1, keepdims=True)
        yield lambda a: a[::-1]
        yield lambda a: a[1:] if a.shape[0] > 1 else a
        yield lambda a: np.concatenate([a, a[:1]], axis=0)
        yield lambda a: np.stack([a, a * 0.5], axis=-1)
        yield lambda a: a[np.array([0, -1, 0])]
        yield lambda a: np.broadcast_to(a, (2, *a.shape))
    if x.ndim == 2:
        yield lambda a: a.T
        yield lambda a: a @ np.swapaxes(a, -1, -2) * 0.2
        yield lambda a: np.take_along_axis(a, np.argmax(a, axis=1)[:, None], axis=1)


@some.composite
def programs(draw):
    """Return a function of one array, as choices that can be made again for any input."""
    shape = draw(some.sampled_from([(2,), (3, 2), (5, 4), (19,), (6, 7)]))
    steps = draw(
        some.lists(
            some.tuples(
                some.sampled_from("ubr"),
                some.integers(0, 50),
                some.integers(0, 50),
                some.integers(0, 50),
            ),
            min_size=1,
            max_size=9,
        )
    )
    seed = draw(some.integers(0, 2**32 - 1))
    return shape, steps, seed


def run(steps, x):
    values = [x]
    for kind, which, first, second in steps:
        a, b = values[first % len(values)], values[second % len(values)]
        if a.size > 200:
            continue
        if kind == "u":
            values.append(UNARY[which % len(UNARY)](a))
        elif kind == "b":
            try:
                shape = np.broadcast_shapes(a.shape, b.shape)
            except ValueError:
                continue
            if np.prod(shape) <= 200:
                values.append(BINARY[which % len(BINARY)](a, b))
        else:
            choices = list(reshapers(a))
            values.append(choices[which % len(choices)](a))
    return sum((np.mean(value) for value in values[1:]), np.sum(x) * 0.1)


RELAXED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)
