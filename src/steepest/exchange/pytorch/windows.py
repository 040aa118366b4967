"""Convolutions and pooling of torch, in NumPy.

Arrays have torch's axes: samples, channels, then the axes that windows slide along. A convolution
is one matrix product for each sample: the elements of its windows are the columns of the right
factor. So a sample's results depend on that sample alone, and data can be read in panels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.ops.arrays.windows import add_windows, sliding_window_view, span

Array = Any
Sizes = int | Sequence[int]

_UNROLLED = 32
"""Largest windows whose elements are compared one after the other."""


def each(sizes: Sizes, count: int) -> tuple[int, ...]:
    """Return a number for each of some axes."""
    if isinstance(sizes, int | np.integer):
        return (int(sizes),) * count
    sizes = tuple(int(size) for size in sizes)
    return sizes * count if len(sizes) == 1 else sizes


def pad_axes(x: Array, pairs: Sequence[tuple[int, int]], mode: str = "constant") -> Array:
    """Pad the last axes, one pair of widths for each."""
    if not any(itertools.chain(*pairs)):
        return x
    modes = {"zeros": "constant", "replicate": "edge", "circular": "wrap"}
    lead = [(0, 0)] * (x.ndim - len(pairs))
    chosen: Any = modes.get(mode, mode)
    return np.pad(x, [*lead, *pairs], mode=chosen)


def _same(windows: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Return the padding that keeps extents; of an odd number, the larger part comes last."""
    return [((span(w) - 1) // 2, span(w) - 1 - (span(w) - 1) // 2) for w in windows]


def conv(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    padding_mode: str = "constant",
) -> Array:
    """Correlate samples with kernels, as ``torch.nn.functional.conv1d`` to ``conv3d``."""
    count = weight.ndim - 2
    sizes, strides = weight.shape[2:], each(stride, count)
    windows = tuple(zip(sizes, strides, each(dilation, count), strict=True))
    if isinstance(padding, str):
        pairs = _same(windows) if padding == "same" else [(0, 0)] * count
    else:
        pairs = [(width, width) for width in each(padding, count)]
    is_single = input.ndim == count + 1
    x = input[None] if is_single else input
    samples, channels = x.shape[:2]
    if channels != weight.shape[1] * groups:
        raise InputError(
            f"a convolution with weights for {weight.shape[1] * groups} channels got an array of "
            f"shape {input.shape}, whose channels (axis {input.ndim - count - 1}) are {channels}"
        )
    found = sliding_window_view(pad_axes(x, pairs, padding_mode), windows=windows)
    places = found.shape[2 : 2 + count]
    order = (0, 1, *range(2 + count, 2 + 2 * count), *range(2, 2 + count))
    grouped = (groups,) if groups > 1 else ()
    inner = weight.shape[1] * math.prod(sizes)
    shape = (samples, *grouped, inner, math.prod(places))
    columns = np.reshape(np.transpose(found, order), shape)
    kernels = np.reshape(weight, (*grouped, weight.shape[0] // groups, inner))
    y = np.reshape(kernels @ columns, (samples, weight.shape[0], *places))
    if bias is not None:
        y = y + np.reshape(bias, (-1, *(1,) * count))
    return y[0] if is_single else y


def conv_transpose(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Array:
    """Spread samples by kernels: the transpose of :func:`conv`."""
    count = weight.ndim - 2
    sizes, steps = weight.shape[2:], each(stride, count)
    windows = tuple(zip(sizes, steps, each(dilation, count), strict=True))
    widths, added = each(padding, count), each(output_padding, count)
    is_single = input.ndim == count + 1
    x = input[None] if is_single else input
    samples, channels, *places = x.shape
    inner = channels // groups
    grouped = (groups,) if groups > 1 else ()
    columns = np.reshape(x, (samples, *grouped, inner, math.prod(places)))
    kernels = np.reshape(weight, (*grouped, inner, -1))
    product = np.swapaxes(kernels, -1, -2) @ columns
    spread = np.reshape(product, (samples, groups * weight.shape[1], *sizes, *places))
    order = (0, 1, *range(2 + count, 2 + 2 * count), *range(2, 2 + count))
    whole = [
        (n - 1) * step + span(w) + extra
        for n, step, w, extra in zip(places, steps, windows, added, strict=True)
    ]
    grown = _covering(np.transpose(spread, order), whole, windows)
    y = grown[(..., *(slice(p, n - p) for p, n in zip(widths, whole, strict=True)))]
    if bias is not None:
        y = y + np.reshape(bias, (-1, *(1,) * count))
    return y[0] if is_single else y


def _covering(
    values: Array, extents: Sequence[int], windows: tuple[tuple[int, int, int], ...]
) -> Array:
    """Add windows into an array of some extents, of which the last elements may be in none."""
    count = len(windows)
    numbers = values.shape[values.ndim - 2 * count : values.ndim - count]
    reached = [(n - 1) * w[1] + span(w) for n, w in zip(numbers, windows, strict=True)]
    shape = (*values.shape[: values.ndim - 2 * count], *reached)
    sums = add_windows(values, shape=shape, windows=windows)
    return pad_axes(sums, [(0, n - r) for n, r in zip(extents, reached, strict=True)])


def _windows_of(
    x: Array, kernel_size: Sizes, stride: Sizes | None, dilation: Sizes, count: int
) -> tuple[tuple[int, int, int], ...]:
    sizes = each(kernel_size, count)
    empty = stride is None or (not isinstance(stride, int | np.integer) and len(stride) == 0)
    strides = sizes if empty else each(stride, count)  # type: ignore[arg-type]
    return tuple(zip(sizes, strides, each(dilation, count), strict=True))


def _with_ceiling(
    x: Array, windows: Sequence[tuple[int, int, int]], widths: Sequence[int], ceil_mode: bool
) -> list[tuple[int, int]]:
    """Return the padding on both sides; `ceil_mode` adds what a last window reaches beyond.

    As in torch, a last window begins within the array or the padding before it.
    """
    pairs = []
    for extent, window, width in zip(
        x.shape[x.ndim - len(windows) :], windows, widths, strict=True
    ):
        step, after = window[1], width
        rest = (extent + 2 * width - span(window)) % step
        if ceil_mode and rest:
            number = (extent + 2 * width - span(window)) // step + 1
            if number * step < extent + width:
                after += step - rest
        pairs.append((width, after))
    return pairs


def max_pool(
    input: Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    count: int,
) -> Array:
    """Return the largest element of each window; of equal ones the first has the slope."""
    if return_indices:
        raise InputError("max pooling with return_indices=True is not brought in: leave it out")
    windows = _windows_of(input, kernel_size, stride, dilation, count)
    pairs = _with_ceiling(input, windows, each(padding, count), ceil_mode)
    x = input
    if any(itertools.chain(*pairs)):
        lead = [(0, 0)] * (x.ndim - count)
        x = np.pad(x, [*lead, *pairs], constant_values=-np.inf)
    numbers = [
        (n - span(w)) // w[1] + 1 for n, w in zip(x.shape[x.ndim - count :], windows, strict=True)
    ]
    if min(numbers) < 1:
        sizes = tuple(map(span, windows))
        raise InputError(f"windows of {sizes} do not fit into an array of shape {x.shape}")
    offsets = list(itertools.product(*(range(size) for size, _, _ in windows)))
    if len(offsets) > _UNROLLED:
        found = sliding_window_view(x, windows=windows)
        return first_largest(np.reshape(found, (*found.shape[: x.ndim], len(offsets))))
    best = None
    for offset in offsets:
        places = (
            slice(j * gap, j * gap + (number - 1) * step + 1, step)
            for j, number, (_, step, gap) in zip(offset, numbers, windows, strict=True)
        )
        element = x[(..., *places)]
        best = element if best is None else np.where(_is_larger(element, best), element, best)
    return best


def _is_larger(x: Array, y: Array) -> Array:
    return (x > y) | (x != x)


def first_largest(x: Array) -> Array:
    """Return the largest element along the last axis; of equal ones the first has the slope."""
    place = np.argmax(x, axis=-1)
    return np.take_along_axis(x, place[..., None], axis=-1)[..., 0]


def avg_pool(
    input: Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    count: int,
) -> Array:
    """Return the mean of each window."""
    windows = _windows_of(input, kernel_size, stride, 1, count)
    widths = each(padding, count)
    pairs = _with_ceiling(input, windows, widths, ceil_mode)
    axes = tuple(range(-count, 0))
    sums = np.sum(sliding_window_view(pad_axes(input, pairs), windows=windows), axis=axes)
    if divisor_override is not None:
        return sums / divisor_override
    extents = input.shape[input.ndim - count :]
    if count_include_pad:  # but not what ceil_mode adds beyond the padding
        ones = pad_axes(
            np.ones([n + 2 * w for n, w in zip(extents, widths, strict=True)]),
            [(0, after - w) for (_, after), w in zip(pairs, widths, strict=True)],
        )
    else:
        ones = pad_axes(np.ones(extents), pairs)
    numbers = np.sum(sliding_window_view(ones, windows=windows), axis=axes)
    return sums / numbers.astype(input.dtype)


def adaptive_avg_pool(input: Array, output_size: Any, *, count: int) -> Array:
    """Return the means of windows that divide the last axes into `output_size` parts."""
    return _adaptive(input, output_size, count, lambda x: np.mean(x, axis=-1))


def adaptive_max_pool(
    input: Array, output_size: Any, return_indices: bool = False, *, count: int
) -> Array:
    """Return the largest elements of windows that divide the last axes."""
    if return_indices:
        raise InputError("max pooling with return_indices=True is not brought in: leave it out")
    return _adaptive(input, output_size, count, first_largest)


def _adaptive(x: Array, output_size: Any, count: int, reduce: Any) -> Array:
    """Reduce each axis by windows of torch's bounds: one axis after the other."""
    sizes = output_size if isinstance(output_size, tuple | list) else (output_size,) * count
    # The last axis first, so that the first of equal elements is torch's.
    for axis, size in reversed(list(enumerate(sizes, x.ndim - count))):
        extent = x.shape[axis]
        size = extent if size is None else size
        if size == extent:
            continue
        last = np.moveaxis(x, axis, -1)
        if extent % size == 0:  # windows side by side, all of one size
            parts = reduce(np.reshape(last, (*last.shape[:-1], size, extent // size)))
        else:
            bounds = [(i * extent // size, -(-(i + 1) * extent // size)) for i in range(size)]
            parts = np.stack([reduce(last[..., i:j]) for i, j in bounds], axis=-1)
        x = np.moveaxis(parts, -1, axis)
    return x
