"""What is read of ONNX: the NumPy function of each operator.

The arguments are the inputs of the operator, then its attributes by name. An input that is left
out is None. Adding an operator is adding a row.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.exchange.pytorch import activations, layers, windows
from steepest.ops.arrays.gather import add_at
from steepest.trace import log_softmax, softmax

Array = Any


def _plain(values: Any) -> list[int]:
    """Return whole numbers, such as a shape, as a list."""
    return [int(value) for value in np.asarray(values).reshape(-1)]


def _axes_of(x: Array, axes: Any) -> tuple[int, ...]:
    return tuple(axis % x.ndim for axis in _plain(axes))


def _reduction(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def function(
        data: Array, axes: Any = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Array:
        if axes is None or len(_plain(axes)) == 0:
            return (
                data if noop_with_empty_axes else reduce(data, axis=None, keepdims=bool(keepdims))
            )
        return reduce(data, axis=_axes_of(data, axes), keepdims=bool(keepdims))

    return function


def _place(find: Callable[..., Any]) -> Callable[..., Any]:
    def function(
        data: Array, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0
    ) -> Array:
        if select_last_index:
            raise InputError("select_last_index is not read")
        return find(data, axis=axis, keepdims=bool(keepdims))

    return function


def _reshape(data: Array, shape: Any, *, allowzero: int = 0) -> Array:
    wanted = _plain(shape)
    if not allowzero:
        wanted = [data.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return np.reshape(data, tuple(wanted))


def _expand(data: Array, shape: Any) -> Array:
    return np.broadcast_to(data, np.broadcast_shapes(data.shape, tuple(_plain(shape))))


def _shape(data: Array, *, start: int = 0, end: int | None = None) -> np.ndarray:
    return np.array(data.shape[start:end], np.int64)


def _slice(data: Array, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Array:
    first, last = _plain(starts), _plain(ends)
    places = range(len(first)) if axes is None else _axes_of(data, axes)
    strides = [1] * len(first) if steps is None else _plain(steps)
    chosen = [slice(None)] * data.ndim
    for axis, start, end, step in zip(places, first, last, strides, strict=True):
        extent = data.shape[axis]
        start = start + extent if start < 0 else start
        end = end + extent if end < 0 else end
        if step > 0:
            chosen[axis] = slice(min(max(start, 0), extent), min(max(end, 0), extent), step)
        else:
            chosen[axis] = slice(min(max(start, 0), extent - 1), None if end < 0 else end, step)
    return data[tuple(chosen)]


def _squeeze(data: Array, axes: Any = None) -> Array:
    return np.squeeze(data, None if axes is None else _axes_of(data, axes))


def _unsqueeze(data: Array, axes: Any) -> Array:
    return np.expand_dims(data, tuple(_plain(axes)))


def _gather(data: Array, indices: Any, *, axis: int = 0) -> Array:
    lead = (slice(None),) * (axis % data.ndim)
    return data[(*lead, indices)]


def _gather_elements(data: Array, indices: Any, *, axis: int = 0) -> Array:
    # Other axes of the indices may be shorter than those of the data.
    cut = [slice(extent) for extent in indices.shape]
    cut[axis] = slice(None)
    return np.take_along_axis(data[tuple(cut)], indices, axis=axis)


def _split_last(indices: Any) -> tuple[Array, ...]:
    return tuple(indices[..., i] for i in range(indices.shape[-1]))


def _gather_nd(data: Array, indices: Any, *, batch_dims: int = 0) -> Array:
    if batch_dims:
        raise InputError("batch_dims is not read")
    return data[_split_last(indices)]


def _scatter_nd(data: Array, indices: Any, updates: Array, *, reduction: str = "none") -> Array:
    if reduction != "add":
        raise InputError(f"reduction={reduction!r} is not read")
    return data + add_at(updates, *_split_last(indices), shape=data.shape)


def _pad(
    data: Array, pads: Any, constant_value: Any = None, axes: Any = None, *, mode: str = "constant"
) -> Array:
    widths = _plain(pads)
    places = range(data.ndim) if axes is None else _axes_of(data, axes)
    pairs = [(0, 0)] * data.ndim
    for axis, before, after in zip(places, widths, widths[len(widths) // 2 :], strict=False):
        pairs[axis] = (before, after)
    cut = tuple(
        slice(max(-b, 0), n - max(-a, 0)) for (b, a), n in zip(pairs, data.shape, strict=True)
    )
    data, pairs = data[cut], [(max(b, 0), max(a, 0)) for b, a in pairs]
    if mode != "constant":
        return np.pad(data, pairs, mode=mode)  # type: ignore[call-overload]
    value = 0 if constant_value is None else np.asarray(constant_value).item()
    return np.pad(data, pairs, constant_values=value)


def _mod(a: Array, b: Array, *, fmod: int = 0) -> Array:
    return np.fmod(a, b) if fmod else np.remainder(a, b)


def _power(a: Array, b: Array) -> Array:
    """Return a power of the base's dtype."""
    if a.dtype.kind == "f":
        return np.power(a, b.astype(a.dtype))
    return np.power(a, b).astype(a.dtype)


def _dropout(x: Array, ratio: Any = None, training_mode: Any = None, *, seed: int = 0) -> Array:
    if training_mode is not None and any(_plain(training_mode)):
        raise UnsupportedError(
            "st.from_onnx: the file's operator Dropout is in training mode, in which it draws "
            "random numbers: export the model in evaluation mode"
        )
    return x


def _divide(a: Array, b: Array) -> Array:
    if np.result_type(a.dtype, b.dtype).kind == "f":
        return a / b
    return np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))


def _cumsum(x: Array, axis: Any, *, exclusive: int = 0, reverse: int = 0) -> Array:
    if exclusive or reverse:
        raise InputError("exclusive and reverse sums are not read")
    return np.cumsum(x, axis=int(np.asarray(axis)))


def _top_k(
    x: Array, k: Any, *, axis: int = -1, largest: int = 1, sorted: int = 1
) -> tuple[Array, Array]:
    number = _plain(k)[0]
    if largest:  # from the end, so that the first of equal elements comes first
        backward = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
        order = x.shape[axis] - 1 - np.flip(backward, axis)
    else:
        order = np.argsort(x, axis=axis, kind="stable")
    lead = (slice(None),) * (axis % x.ndim)
    order = order[(*lead, slice(0, number))]
    return np.take_along_axis(x, order, axis=axis), order


def _gemm(
    a: Array, b: Array, c: Array | None = None, *, alpha: float = 1.0, beta: float = 1.0,
    transA: int = 0, transB: int = 0,
) -> Array:  # fmt: skip
    product = (a.T if transA else a) @ (b.T if transB else b)
    product = product if alpha == 1 else alpha * product
    return product if c is None else product + (c if beta == 1 else beta * c)


def _pairs(pads: Sequence[int] | None, auto_pad: str, count: int) -> list[tuple[int, int]]:
    if auto_pad not in ("NOTSET", "VALID"):
        raise InputError(f"auto_pad={auto_pad!r} is not read")
    pads = [0] * 2 * count if pads is None else list(pads)
    return list(zip(pads[:count], pads[count:], strict=True))


def _conv(
    x: Array, weight: Array, bias: Array | None = None, *, strides: Any = 1, pads: Any = None,
    dilations: Any = 1, group: int = 1, kernel_shape: Any = None, auto_pad: str = "NOTSET",
) -> Array:  # fmt: skip
    padded = windows.pad_axes(x, _pairs(pads, auto_pad, weight.ndim - 2))
    return windows.conv(padded, weight, bias, strides, 0, dilations, group)


def _pool(kind: str) -> Callable[..., Any]:
    def function(
        x: Array, *, kernel_shape: Any, strides: Any = 1, pads: Any = None, dilations: Any = 1,
        ceil_mode: int = 0, auto_pad: str = "NOTSET", count_include_pad: int = 0,
        storage_order: int = 0,
    ) -> Array:  # fmt: skip
        count = len(kernel_shape)
        pairs = _pairs(pads, auto_pad, count)
        if any(before != after for before, after in pairs):
            raise InputError(f"padding of {pairs}, more on one side, is not read")
        widths = [before for before, _ in pairs]
        if kind == "max":
            return windows.max_pool(
                x, kernel_shape, strides, widths, dilations, bool(ceil_mode), count=count
            )
        if windows.each(dilations, count) != (1,) * count:
            raise InputError("dilations of a mean are not read")
        return windows.avg_pool(
            x, kernel_shape, strides, widths, bool(ceil_mode), bool(count_include_pad), count=count
        )

    return function


def _global(reduce: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: reduce(x, axis=tuple(range(2, x.ndim)), keepdims=True)


def _batch_norm(
    x: Array, scale: Array, bias: Array, mean: Array, var: Array, *, epsilon: float = 1e-5,
    momentum: float = 0.9, training_mode: int = 0,
) -> Array:  # fmt: skip
    return layers.batch_norm(x, mean, var, scale, bias, bool(training_mode), momentum, epsilon)


def _layer_norm(
    x: Array, scale: Array, bias: Array | None = None, *, axis: int = -1, epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Array:  # fmt: skip
    return layers.layer_norm(x, x.shape[axis % x.ndim :], scale, bias, epsilon)


def _clip(x: Array, low: Any = None, high: Any = None) -> Array:
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _flatten(x: Array, *, axis: int = 1) -> Array:
    axis = axis % x.ndim if axis != x.ndim else axis
    return np.reshape(x, (math.prod(x.shape[:axis]), -1))


def _split(
    x: Array, sizes: Any = None, *, axis: int = 0, num_outputs: int | None = None
) -> tuple[Array, ...]:
    extent = x.shape[axis]
    if sizes is None:
        part = -(-extent // (num_outputs or 1))
        bounds = list(range(part, extent, part))
        if len(bounds) + 1 != num_outputs:
            raise InputError(f"an axis of {extent} has no {num_outputs} parts of one size")
    else:
        bounds = np.cumsum(_plain(sizes))[:-1].tolist()
    return tuple(np.split(x, bounds, axis=axis))


def _constant_of_shape(shape: Any, *, value: Any = None) -> Array:
    value = np.zeros(1, np.float32) if value is None else value
    return np.full(tuple(_plain(shape)), value[0], value.dtype)


def _range(start: Any, limit: Any, delta: Any) -> Any:
    first, last, step = (np.asarray(x).item() for x in (start, limit, delta))
    return np.arange(first, last, step).astype(np.asarray(start).dtype)


def _folded(pairwise: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operator of any number of inputs."""
    return lambda *arrays: functools.reduce(pairwise, arrays)


def _softmax(of: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *, axis=-1: of(x, axis)


def _elu(x: Array, *, alpha: float = 1.0) -> Array:
    return activations.elu(x, alpha)


def _leaky_relu(x: Array, *, alpha: float = 0.01) -> Array:
    return activations.leaky_relu(x, alpha)


def _prelu(x: Array, slope: Array) -> Array:
    return np.where(x > 0, x, slope * x)


def _gelu(x: Array, *, approximate: str = "none") -> Array:
    return activations.gelu(x, approximate)


def _hard_sigmoid(x: Array, *, alpha: float = 0.2, beta: float = 0.5) -> Array:
    return activations.hardtanh(alpha * x + beta, 0, 1)


def _is_infinite(x: Array, *, detect_negative: int = 1, detect_positive: int = 1) -> Array:
    if not (detect_negative and detect_positive):
        raise InputError("IsInf of one sign is not read")
    return np.isinf(x)


def _trilu(x: Array, k: Any = None, *, upper: int = 1) -> Array:
    return (np.triu if upper else np.tril)(x, 0 if k is None else int(np.asarray(k)))


OPERATORS: dict[str, Callable[..., Any]] = {
    "Abs": np.abs, "Neg": np.negative, "Sign": np.sign, "Sqrt": np.sqrt, "Exp": np.exp,
    "Log": np.log, "Floor": np.floor, "Ceil": np.ceil, "Round": np.rint, "Sin": np.sin,
    "Cos": np.cos, "Tan": np.tan, "Asin": np.arcsin, "Acos": np.arccos, "Atan": np.arctan,
    "Sinh": np.sinh, "Cosh": np.cosh, "Tanh": np.tanh, "Asinh": np.arcsinh,
    "Acosh": np.arccosh, "Atanh": np.arctanh, "IsNaN": np.isnan, "IsInf": _is_infinite,
    "Not": np.logical_not, "BitwiseNot": np.invert, "Reciprocal": np.reciprocal,
    "Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "Div": _divide,
    "Pow": _power, "Mod": _mod, "MatMul": np.matmul, "Equal": np.equal, "Less": np.less,
    "LessOrEqual": np.less_equal, "Greater": np.greater, "GreaterOrEqual": np.greater_equal,
    "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
    "BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor,
    "Max": _folded(np.maximum), "Min": _folded(np.minimum), "Sum": _folded(operator.add),
    "Where": np.where, "Identity": layers.identity, "Dropout": _dropout,
    "Sigmoid": activations.sigmoid, "Erf": activations.erf, "Relu": activations.relu,
    "LeakyRelu": _leaky_relu, "PRelu": _prelu, "Elu": _elu, "Gelu": _gelu,
    "Softplus": activations.softplus, "Softsign": activations.softsign,
    "HardSigmoid": _hard_sigmoid, "HardSwish": activations.hardswish, "Mish": activations.mish,
    "Softmax": _softmax(softmax), "LogSoftmax": _softmax(log_softmax), "Clip": _clip,
    "ReduceSum": _reduction(np.sum), "ReduceProd": _reduction(np.prod),
    "ReduceMax": _reduction(np.max), "ReduceMin": _reduction(np.min),
    "ReduceMean": _reduction(np.mean), "ArgMax": _place(np.argmax), "ArgMin": _place(np.argmin),
    "CumSum": _cumsum, "TopK": _top_k, "Reshape": _reshape, "Expand": _expand, "Shape": _shape,
    "Slice": _slice, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Gather": _gather,
    "GatherElements": _gather_elements, "GatherND": _gather_nd, "ScatterND": _scatter_nd,
    "Pad": _pad, "Flatten": _flatten, "Split": _split, "Trilu": _trilu,
    "Transpose": lambda x, *, perm=None: np.transpose(x, perm),
    "Concat": lambda *arrays, axis: np.concatenate(arrays, axis=axis),
    "Cast": lambda x, *, to, saturate=1: x.astype(to),
    "Tile": lambda x, repeats: np.tile(x, _plain(repeats)),
    "ConstantOfShape": _constant_of_shape, "Range": _range,
    "Det": np.linalg.det, "Gemm": _gemm, "Conv": _conv, "MaxPool": _pool("max"),
    "AveragePool": _pool("mean"), "GlobalAveragePool": _global(np.mean),
    "GlobalMaxPool": _global(np.max), "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
}  # fmt: skip
"""Operators of ONNX, by name."""
