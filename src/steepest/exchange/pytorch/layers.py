"""Layers of torch that are no windows and no activations, in NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.trace import softmax

Array = Any


def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return ``input @ weight.T + bias``."""
    product = input @ weight.T
    return product if bias is None else product + bias


def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return a bilinear form of two arrays for each output."""
    partial = np.tensordot(input1, weight, (-1, 1))  # ..., outputs, second
    product = np.sum(partial * input2[..., None, :], axis=-1)
    return product if bias is None else product + bias


def embedding(
    input: Array,
    weight: Array,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Array:
    """Return the rows of a table at whole numbers."""
    if max_norm is not None or scale_grad_by_freq or padding_idx is not None:
        raise InputError(
            "an embedding with padding_idx, max_norm or scale_grad_by_freq trains by rules of its "
            "own, which are not brought in: leave them out"
        )
    return weight[not_from_the_end(input, weight.shape[0])]


def not_from_the_end(places: Array, extent: int) -> Array:
    """Return places in which negative ones, which torch refuses, are out of bounds."""
    return places if places.dtype.kind == "u" else np.where(places < 0, extent, places)


def identity(input: Array, *_: Any, **__: Any) -> Array:
    """Return the array."""
    return input


def dropout(input: Array, p: float = 0.5, training: bool = True, inplace: bool = False) -> Array:
    """Return the array: dropout in evaluation."""
    if training and p > 0:
        raise InputError(
            "dropout in training mode draws random numbers, and a graph holds none: call "
            "module.eval() before st.from_torch, or set p=0"
        )
    return input


def _scaled(x: Array, weight: Array | None, bias: Array | None) -> Array:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _normal(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    """Subtract means, and divide by standard deviations."""
    centered = x - np.mean(x, axis=axes, keepdims=True)
    variance = np.mean(centered * centered, axis=axes, keepdims=True)
    return centered / np.sqrt(variance + eps)


def layer_norm(
    input: Array,
    normalized_shape: Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Normalize over the last axes."""
    return _scaled(_normal(input, tuple(range(-len(normalized_shape), 0)), eps), weight, bias)


def rms_norm(
    input: Array,
    normalized_shape: Sequence[int],
    weight: Array | None = None,
    eps: float | None = None,
) -> Array:
    """Divide by the root of the mean square over the last axes."""
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    axes = tuple(range(-len(normalized_shape), 0))
    return _scaled(
        input / np.sqrt(np.mean(input * input, axis=axes, keepdims=True) + eps), weight, None
    )


def group_norm(
    input: Array,
    num_groups: int,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Normalize over groups of channels."""
    parts = np.reshape(input, (input.shape[0], num_groups, -1))
    normal = np.reshape(_normal(parts, (-1,), eps), input.shape)
    return _by_channel(normal, weight, bias)


def _by_channel(x: Array, weight: Array | None, bias: Array | None) -> Array:
    ones = (1,) * (x.ndim - 2)
    weight = None if weight is None else np.reshape(weight, (-1, *ones))
    return _scaled(x, weight, None if bias is None else np.reshape(bias, (-1, *ones)))


def instance_norm(
    input: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    count: int | None = None,
) -> Array:
    """Normalize each channel of each sample over `count` axes."""
    if not use_input_stats or running_mean is not None:
        raise InputError(
            "InstanceNorm with track_running_stats=True is not brought in: set it to False"
        )
    is_single = count is not None and input.ndim == count + 1
    x = input[None] if is_single else input
    if x.ndim != (max(x.ndim, 3) if count is None else count + 2):
        raise InputError(f"an array of shape {input.shape} has too few or too many axes")
    y = _by_channel(_normal(x, tuple(range(2, x.ndim)), eps), weight, bias)
    return y[0] if is_single else y


def batch_norm(
    input: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    count: int | None = None,
) -> Array:
    """Normalize by the running statistics: batch normalization in evaluation."""
    if count is not None and input.ndim not in ((2, 3) if count == 1 else (count + 2,)):
        raise InputError(f"an array of shape {input.shape} has too few or too many axes")
    if training or running_mean is None or running_var is None:
        raise InputError(
            "batch normalization by the statistics of each batch changes its running statistics, "
            "which a graph cannot: call module.eval() before st.from_torch (it then normalizes "
            "by the running statistics), or use LayerNorm or GroupNorm"
        )
    scale = 1 / np.sqrt(running_var + eps)
    shift = -running_mean * scale
    if weight is not None:
        scale, shift = weight * scale, weight * shift
    return _by_channel(input, scale, shift if bias is None else shift + bias)


def normalize(input: Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Array:
    """Divide by norms along an axis."""
    if p <= 0:
        raise InputError(f"norms of order {p} are not brought in: only positive orders are")
    if p == math.inf:
        norms = np.max(np.abs(input), axis=dim, keepdims=True)
    elif p == 2:
        norms = np.sqrt(np.sum(input * input, axis=dim, keepdims=True))
    else:
        norms = np.sum(np.abs(input) ** p, axis=dim, keepdims=True) ** (1 / p)
    return input / np.maximum(norms, eps)


def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8) -> Array:
    """Return the cosines of angles along an axis."""
    product = np.sum(x1 * x2, axis=dim)
    norms = [np.sqrt(np.sum(x * x, axis=dim)) for x in (x1, x2)]
    return product / (np.maximum(norms[0], eps) * np.maximum(norms[1], eps))


def pad(
    input: Array, padding: Sequence[int], mode: str = "constant", value: float | None = None
) -> Array:
    """Pad the last axes: torch's pairs begin with the last axis."""
    widths = list(zip(padding[::2], padding[1::2], strict=True))[::-1]
    lead = [(0, 0)] * (input.ndim - len(widths))
    x, cut = input, [slice(None)] * input.ndim
    for axis, (before, after) in enumerate([*lead, *widths]):
        cut[axis] = slice(max(-before, 0), input.shape[axis] - max(-after, 0))
    x = x[tuple(cut)]
    pairs = [(max(before, 0), max(after, 0)) for before, after in [*lead, *widths]]
    if mode == "constant":
        return np.pad(x, pairs, constant_values=0 if value is None else value)
    names = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    return np.pad(x, pairs, mode=names[mode])  # type: ignore[call-overload]


def pad_module(input: Array, padding: Any, mode: str, value: float = 0.0, *, count: int) -> Array:
    """Pad the last axes, as torch's modules do."""
    pairs = (padding,) * 2 * count if isinstance(padding, int) else padding
    return pad(input, pairs, mode, value)


def interpolate(input: Array, scale_factor: Any = None, mode: str = "nearest") -> Array:
    """Repeat each element along the last axes a whole number of times."""
    count = input.ndim - 2
    factors = scale_factor if isinstance(scale_factor, tuple | list) else (scale_factor,) * count
    if mode != "nearest" or any(f is None or f != int(f) for f in factors):
        raise InputError(
            "upsampling is brought in for mode='nearest' with whole scale factors only"
        )
    for axis, factor in enumerate(factors, 2):
        input = np.repeat(input, int(factor), axis=axis)
    return input


def pixel_shuffle(input: Array, upscale_factor: int) -> Array:
    """Move channels into blocks of pixels."""
    *lead, channels, height, width = input.shape
    r = upscale_factor
    parts = np.reshape(input, (*lead, channels // (r * r), r, r, height, width))
    n = len(lead)
    moved = np.transpose(parts, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return np.reshape(moved, (*lead, channels // (r * r), height * r, width * r))


def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Array:
    """Return values averaged with weights that are the softmax of products."""
    if dropout_p:
        raise InputError("attention with dropout draws random numbers: set dropout_p=0")
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query @ np.swapaxes(key, -1, -2)) * scale
    if is_causal:
        allowed = np.tril(np.ones(scores.shape[-2:], bool))
        scores = np.where(allowed, scores, -np.inf)
    if attn_mask is not None:
        is_mask = attn_mask.dtype == np.bool_
        scores = np.where(attn_mask, scores, -np.inf) if is_mask else scores + attn_mask
    return softmax(scores, -1) @ value
