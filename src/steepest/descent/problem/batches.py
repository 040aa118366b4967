"""Minibatches: which rows of the data each iteration uses, the same on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from steepest.descent.settings import settings
from steepest.errors import InputError

_BLOCK = 1 << 16
"""Rows of a block that is shuffled."""


@settings
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
    shuffle : bool or "blocks", optional
        Whether to shuffle the rows anew in each epoch. ``"blocks"`` shuffles blocks of 65,536
        rows, and the rows of each block: data that are read from disk are read block by block.
    seed : int, optional
        Seed of the shuffling. NumPy's default generator is seeded with ``[seed, epoch]``, and
        with ``[seed, epoch, block]`` for the rows of a block.

    Raises
    ------
    InputError
        If size or epochs is not a positive whole number, or if shuffle is something else.

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
    shuffle: bool | Literal["blocks"] = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("size", "epochs"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"Batches needs a positive whole number as {name}, got {value!r}")
        if not isinstance(self.shuffle, bool) and self.shuffle != "blocks":
            raise InputError(
                f"Batches needs True, False or 'blocks' as shuffle, got {self.shuffle!r}"
            )

    def order(self, samples: int, epoch: int) -> np.ndarray:
        """Return the row numbers in the order in which an epoch uses them."""
        return np.concatenate(list(self.pieces(samples, epoch)))

    def pieces(self, samples: int, epoch: int) -> Iterator[np.ndarray]:
        """Yield the :meth:`order` piece by piece; where it can be, a piece is a block of rows."""
        if self.shuffle is True:
            yield np.random.default_rng([self.seed, epoch]).permutation(samples)
            return
        blocks: np.ndarray = np.arange(-(-samples // _BLOCK))
        if self.shuffle == "blocks":
            blocks = np.random.default_rng([self.seed, epoch]).permutation(blocks)
        for block in blocks.tolist():
            rows = np.arange(block * _BLOCK, min(samples, (block + 1) * _BLOCK))
            if self.shuffle == "blocks":
                rows = np.random.default_rng([self.seed, epoch, block]).permutation(rows)
            yield rows

    def check_stream(self, name: str) -> None:
        """Raise if the order cannot be that of data that are read in blocks."""
        if self.shuffle is True:
            raise InputError(
                f"{name} is read in blocks, and Batches(shuffle=True) would read single rows all "
                "over it: use shuffle='blocks', which shuffles blocks and the rows of each, or "
                "shuffle=False"
            )
