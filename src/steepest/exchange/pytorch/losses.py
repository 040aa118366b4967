"""Losses of torch, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.exchange.pytorch.activations import log_softmax
from steepest.exchange.pytorch.layers import not_from_the_end

Array = Any


def _reduced(losses: Array, reduction: str) -> Array:
    if reduction == "none":
        return losses
    if reduction not in ("mean", "sum"):
        raise InputError(f"reduction must be 'none', 'mean' or 'sum', got {reduction!r}")
    return np.mean(losses) if reduction == "mean" else np.sum(losses)


def mse_loss(input: Array, target: Array, *, reduction: str = "mean") -> Array:
    """Return squares of differences."""
    return _reduced((input - target) ** 2, reduction)


def l1_loss(input: Array, target: Array, *, reduction: str = "mean") -> Array:
    """Return sizes of differences."""
    return _reduced(np.abs(input - target), reduction)


def huber_loss(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0) -> Array:
    """Return half the squares of small differences, and multiples of the sizes of others."""
    size = np.abs(input - target)
    return _reduced(
        np.where(size < delta, 0.5 * size * size, delta * (size - 0.5 * delta)), reduction
    )


def smooth_l1_loss(
    input: Array, target: Array, *, reduction: str = "mean", beta: float = 1.0
) -> Array:
    """Return the Huber loss divided by its width."""
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return huber_loss(input, target, reduction, beta) / beta


def nll_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    """Return minus the log probabilities of the targets, which are numbers of classes."""
    if input.ndim == 1:
        input, target = input[None], np.reshape(target, (1,))
    known = target != ignore_index
    numbers = not_from_the_end(np.where(known, target, 0), input.shape[1])
    chosen = np.take_along_axis(input, np.expand_dims(numbers, 1), axis=1)
    weights = known.astype(input.dtype)
    if weight is not None:
        weights = weights * weight[numbers]
    losses = -np.reshape(chosen, target.shape) * weights
    if reduction == "mean":
        return np.sum(losses) / np.sum(weights)
    return _reduced(losses, reduction)


def cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Array:
    """Return the cross entropy of scores, for numbers of classes or for probabilities."""
    logs = log_softmax(input, 0 if input.ndim == 1 else 1)
    if target.dtype.kind != "f" and not label_smoothing:
        return nll_loss(logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    if weight is not None or label_smoothing or target.dtype.kind != "f":
        raise InputError(
            "cross entropy with label_smoothing, or of probabilities with weights, is not "
            "brought in: leave them out"
        )
    losses = -np.sum(target * logs, axis=0 if input.ndim == 1 else 1)
    return _reduced(losses, reduction)


def binary_cross_entropy(
    input: Array, target: Array, weight: Array | None = None, *, reduction: str = "mean"
) -> Array:
    """Return the cross entropy of probabilities; logarithms are at least -100, as in torch."""
    logs = (np.maximum(np.log(p), -100) for p in (input, 1 - input))
    positive, negative = logs
    losses = -(target * positive + (1 - target) * negative)
    return _reduced(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Array,
    target: Array,
    weight: Array | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Array | None = None,
) -> Array:
    """Return the cross entropy of log odds."""
    positive, negative = np.logaddexp(-input, 0), np.logaddexp(input, 0)
    if pos_weight is not None:
        positive = pos_weight * positive
    losses = target * positive + (1 - target) * negative
    return _reduced(losses if weight is None else losses * weight, reduction)
