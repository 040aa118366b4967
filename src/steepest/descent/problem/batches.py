"""Minibatches: which rows of the data each iteration uses, the same on every engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steepest.errors import InputError


@dataclass(frozen=True)
class Batches:
    """Minibatches: each iteration uses the next rows of the data.

    Every array in ``args`` is cut along its first axis. The last batch of an epoch is smaller if
    the size does not divide the number of rows.

    Parameters
    ----------
    size : int
        Rows of a batch.
    epochs : int, optional
        Number of passes over all rows.
    shuffle : bool, optional
        Whether to shuffle the rows anew in each epoch.
    seed : int, optional
        Seed of the shuffling. NumPy's default generator is seeded with ``[seed, epoch]``.

    Raises
    ------
    InputError
        If size or epochs is not a positive whole number.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> X, y = np.arange(6.0), 2 * np.arange(6.0)
    >>> run = st.minimize(lambda w, X, y: np.mean((w * X - y) ** 2), 0.0, args=(X, y),
    ...                   batches=st.Batches(size=2, epochs=50),
    ...                   method=st.GradientDescent(0.02))
    >>> float(run.x.round(3)), run.iterations
    (2.0, 150)
    """

    size: int
    epochs: int = 1
    shuffle: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("size", "epochs"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"Batches needs a positive whole number as {name}, got {value!r}")

    def order(self, samples: int, epoch: int) -> np.ndarray:
        """Return the row numbers in the order in which an epoch uses them."""
        if not self.shuffle:
            return np.arange(samples)
        return np.random.default_rng([self.seed, epoch]).permutation(samples)
