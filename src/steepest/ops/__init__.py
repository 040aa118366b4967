"""The op table: every op is one row of one of these modules."""

from types import MappingProxyType

from steepest.ops import (
    arithmetic,
    comparison,
    exponential,
    floating,
    fourier,
    gather,
    kinks,
    linear,
    loops,
    matrix_functions,
    product,
    reduction,
    shaping,
    slices,
    special,
    spectral,
    triangular,
    trigonometric,
)
from steepest.ops.leaves import (
    CONSTANT,
    INPUT,
    constant_node,
    constant_value,
    input_node,
    is_zero,
)
from steepest.ops.loops import COND, SCAN, WHILE
from steepest.ops.row import (
    Case,
    Domain,
    Elementwise,
    Indexed,
    JointLinear,
    Kernel,
    Linear,
    Partials,
    Reduction,
    Row,
    Rule,
    Zero,
    resolve_loop,
)

TABLE: MappingProxyType[str, Row] = MappingProxyType(
    {
        row.name: row
        for module in (
            arithmetic,
            kinks,
            exponential,
            floating,
            trigonometric,
            comparison,
            reduction,
            shaping,
            slices,
            gather,
            product,
            linear,
            spectral,
            matrix_functions,
            triangular,
            special,
            loops,
            fourier,
        )
        for row in module.ROWS
    }
)
"""Every op that takes operands, by name."""

__all__ = [
    "COND",
    "CONSTANT",
    "INPUT",
    "SCAN",
    "TABLE",
    "WHILE",
    "Case",
    "Domain",
    "Elementwise",
    "Indexed",
    "JointLinear",
    "Kernel",
    "Linear",
    "Partials",
    "Reduction",
    "Row",
    "Rule",
    "Zero",
    "constant_node",
    "constant_value",
    "input_node",
    "is_zero",
    "resolve_loop",
]
