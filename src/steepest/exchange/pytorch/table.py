"""What is brought in from torch: one row for each kind of module, function and method.

To add a module, give the NumPy function and the names of the module's settings, which are also
the function's arguments. The module's own parameters and buffers are arguments by their names.
To add a function or method, give the NumPy function; its arguments are torch's.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from steepest.exchange.pytorch import activations, layers, losses, tensors, windows
from steepest.ops.elementwise.arithmetic import stop_gradient


@dataclass(frozen=True)
class ModuleRow:
    """How a kind of module is computed.

    Attributes
    ----------
    function
        NumPy function of the inputs; settings and arrays are passed by name.
    settings
        Attributes of the module that are arguments of the function.
    renamed
        Arguments whose attribute has another name.
    fixed
        Arguments that the kind of module determines.
    """

    function: Callable[..., Any]
    settings: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)


def _row(function: Callable[..., Any], settings: str = "", **renamed: str) -> ModuleRow:
    return ModuleRow(function, tuple(settings.split()), renamed)


def names_in(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


def _in_axes(
    kind: str, function: Callable[..., Any], settings: str, counts: Sequence[int] = (1, 2, 3)
) -> dict[str, ModuleRow]:
    """Return the rows of a kind of module in one, two and three dimensions."""
    names = tuple(settings.split())
    return {
        f"{kind}{count}d": ModuleRow(function, names, fixed={"count": count}) for count in counts
    }


def _alike(row: ModuleRow, *kinds: str) -> dict[str, ModuleRow]:
    return dict.fromkeys(kinds, row)


_CONV = _row(windows.conv, "stride padding dilation groups padding_mode")
_TRANSPOSE = _row(windows.conv_transpose, "stride padding output_padding groups dilation")
_MAX = "kernel_size stride padding dilation ceil_mode return_indices"
_MEAN = "kernel_size stride padding ceil_mode count_include_pad"
_DROPOUT = _row(layers.dropout, "p training")
_REDUCED = "reduction"

MODULES: Mapping[str, ModuleRow] = MappingProxyType(
    {
        "Identity": _row(layers.identity),
        "Linear": _row(layers.linear),
        "Bilinear": _row(layers.bilinear),
        "Embedding": _row(
            layers.embedding, "padding_idx max_norm norm_type scale_grad_by_freq sparse"
        ),
        "Flatten": _row(tensors.flatten, "start_dim end_dim"),
        "Unflatten": _row(tensors.unflatten, "dim", sizes="unflattened_size"),
        **_alike(_CONV, "Conv1d", "Conv2d", "Conv3d"),
        **_alike(_TRANSPOSE, "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"),
        **_in_axes("MaxPool", windows.max_pool, _MAX),
        **_in_axes("AvgPool", windows.avg_pool, _MEAN, (1,)),
        **_in_axes("AvgPool", windows.avg_pool, f"{_MEAN} divisor_override", (2, 3)),
        **_in_axes("AdaptiveAvgPool", windows.adaptive_avg_pool, "output_size"),
        **_in_axes("AdaptiveMaxPool", windows.adaptive_max_pool, "output_size return_indices"),
        **_in_axes("ZeroPad", functools.partial(layers.pad_module, mode="constant"), "padding"),
        **_in_axes(
            "ConstantPad", functools.partial(layers.pad_module, mode="constant"), "padding value"
        ),
        **_in_axes(
            "ReflectionPad", functools.partial(layers.pad_module, mode="reflect"), "padding"
        ),
        **_in_axes(
            "ReplicationPad", functools.partial(layers.pad_module, mode="replicate"), "padding"
        ),
        "Upsample": _row(layers.interpolate, "scale_factor mode"),
        "PixelShuffle": _row(layers.pixel_shuffle, "upscale_factor"),
        "LayerNorm": _row(layers.layer_norm, "normalized_shape eps"),
        "RMSNorm": _row(layers.rms_norm, "normalized_shape eps"),
        "GroupNorm": _row(layers.group_norm, "num_groups eps"),
        **_in_axes("BatchNorm", layers.batch_norm, "training eps"),
        **_in_axes("InstanceNorm", layers.instance_norm, "eps"),
        **_alike(_DROPOUT, "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"),
        "ReLU": _row(activations.relu),
        "ReLU6": _row(activations.relu6),
        "Hardtanh": _row(activations.hardtanh, "min_val max_val"),
        "LeakyReLU": _row(activations.leaky_relu, "negative_slope"),
        "PReLU": _row(activations.prelu),
        "Threshold": _row(activations.threshold, "threshold value"),
        "ELU": _row(activations.elu, "alpha"),
        "SELU": _row(activations.selu),
        "CELU": _row(activations.celu, "alpha"),
        "GELU": _row(activations.gelu, "approximate"),
        "SiLU": _row(activations.silu),
        "Mish": _row(activations.mish),
        "Softplus": _row(activations.softplus, "beta threshold"),
        "Softsign": _row(activations.softsign),
        "Tanh": _row(activations.tanh),
        "Tanhshrink": _row(activations.tanhshrink),
        "Sigmoid": _row(activations.sigmoid),
        "LogSigmoid": _row(activations.logsigmoid),
        "Hardsigmoid": _row(activations.hardsigmoid),
        "Hardswish": _row(activations.hardswish),
        "Hardshrink": _row(activations.hardshrink, "lambd"),
        "Softshrink": _row(activations.softshrink, "lambd"),
        "GLU": _row(activations.glu, "dim"),
        "Softmax": _row(activations.softmax, "dim"),
        "Softmin": _row(activations.softmin, "dim"),
        "LogSoftmax": _row(activations.log_softmax, "dim"),
        "CosineSimilarity": _row(layers.cosine_similarity, "dim eps"),
        "MSELoss": _row(losses.mse_loss, _REDUCED),
        "L1Loss": _row(losses.l1_loss, _REDUCED),
        "HuberLoss": _row(losses.huber_loss, "reduction delta"),
        "SmoothL1Loss": _row(losses.smooth_l1_loss, "reduction beta"),
        "NLLLoss": _row(losses.nll_loss, "ignore_index reduction"),
        "CrossEntropyLoss": _row(losses.cross_entropy, "ignore_index reduction label_smoothing"),
        "BCELoss": _row(losses.binary_cross_entropy, _REDUCED),
        "BCEWithLogitsLoss": _row(losses.binary_cross_entropy_with_logits, _REDUCED),
    }
)
"""Modules of ``torch.nn``, by name."""


def _counted(function: Callable[..., Any], kind: str) -> dict[str, Callable[..., Any]]:
    return {
        f"nn.functional.{kind}{count}d": functools.partial(function, count=count)
        for count in (1, 2, 3)
    }


_NUMPYS = names_in(
    "abs sqrt exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh floor ceil round "
    "trunc sign isnan isinf isfinite logaddexp maximum minimum square reciprocal"
)
_RENAMED = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
            "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "neg": "negative",
            "pow": "power", "fmod": "fmod", "remainder": "remainder"}  # fmt: skip

_SHARED: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in _NUMPYS},
    **{name: getattr(np, numpys) for name, numpys in _RENAMED.items()},
    **{name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    **dict.fromkeys(("mul", "multiply"), operator.mul),
    **dict.fromkeys(("add",), tensors.add),
    **dict.fromkeys(("sub", "subtract"), tensors.sub),
    **dict.fromkeys(("div", "divide", "true_divide"), tensors.div),
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot"), operator.matmul),
    **{
        name: getattr(tensors, name)
        for name in names_in(
            "mean var std amax amin argmax norm addmm baddbmm outer rsqrt clamp where "
            "masked_fill split chunk unbind reshape permute transpose t flatten unflatten "
            "squeeze unsqueeze flip cumsum numel"
        )
    },
    "sum": tensors.sum_,
    "max": tensors.max_,
    "min": tensors.min_,
    "clip": tensors.clamp,
    "swapaxes": tensors.transpose,
    "relu": activations.relu,
    "sigmoid": activations.sigmoid,
    "tanh": activations.tanh,
    "softmax": activations.softmax,
    "log_softmax": activations.log_softmax,
    "erf": activations.erf,
    "absolute": np.abs,
}
"""What is both a function of torch and a method of its tensors."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **_SHARED,
        "rsub": tensors.rsub,
        "cat": tensors.cat,
        "concat": tensors.cat,
        "stack": tensors.stack,
        "einsum": tensors.einsum,
        "zeros_like": tensors.zeros_like,
        "ones_like": tensors.ones_like,
        "bilinear": layers.bilinear,
        "dropout": layers.dropout,
        "layer_norm": layers.layer_norm,
        "special.expit": activations.sigmoid,
        "nn.functional.linear": layers.linear,
        "nn.functional.bilinear": layers.bilinear,
        **dict.fromkeys(
            (f"nn.functional.{n}" for n in ("dropout", "dropout1d", "dropout2d", "dropout3d")),
            layers.dropout,
        ),
        **{f"nn.functional.conv{count}d": windows.conv for count in (1, 2, 3)},
        **{f"nn.functional.conv_transpose{n}d": windows.conv_transpose for n in (1, 2, 3)},
        **_counted(windows.max_pool, "max_pool"),
        **_counted(windows.avg_pool, "avg_pool"),
        **_counted(windows.adaptive_avg_pool, "adaptive_avg_pool"),
        **_counted(windows.adaptive_max_pool, "adaptive_max_pool"),
        **{
            f"nn.functional.{name}": getattr(activations, name)
            for name in names_in(
                "relu relu6 hardtanh leaky_relu prelu threshold elu selu celu gelu silu "
                "mish softplus logsigmoid softsign tanhshrink hardshrink softshrink "
                "hardsigmoid hardswish glu softmax softmin log_softmax"
            )
        },
        **{
            f"nn.functional.{name}": getattr(layers, name)
            for name in names_in(
                "embedding layer_norm rms_norm group_norm instance_norm batch_norm "
                "normalize pad pixel_shuffle cosine_similarity "
                "scaled_dot_product_attention"
            )
        },
        **{
            f"nn.functional.{name}": getattr(losses, name)
            for name in [
                "mse_loss",
                "l1_loss",
                "huber_loss",
                "smooth_l1_loss",
                "nll_loss",
                "cross_entropy",
                "binary_cross_entropy",
                "binary_cross_entropy_with_logits",
            ]
        },
    }
)
"""Functions of torch, by their names in it."""

METHODS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **_SHARED,
        "view": tensors.reshape,
        "contiguous": layers.identity,
        "clone": tensors.clone,
        "float": tensors.as_float,
        "double": tensors.as_double,
        "to": tensors.to,
        "type_as": tensors.to,
        "expand": tensors.expand,
        "repeat": tensors.repeat,
        "size": tensors.size,
        "dim": tensors.dim,
        "where": tensors.where_method,
        "detach": stop_gradient,
    }
)
"""Methods of tensors, by name."""

OPERATORS = frozenset(
    (*(value for name, value in vars(operator).items() if name[:1] != "_" and callable(value)),
     *(getattr, math.sqrt, math.prod))
)  # fmt: skip
"""Python's functions, which arrays take as tensors do."""
