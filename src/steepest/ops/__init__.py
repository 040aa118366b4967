"""The op table: every op is one row of one of these modules."""

from types import MappingProxyType

from steepest.ops.arrays import (
    collect,
    fourier,
    gather,
    loops,
    newton,
    product,
    reduction,
    shaping,
    slices,
    solutions,
    windows,
)
from steepest.ops.arrays.collect import COLLECT
from steepest.ops.arrays.loops import COND, SCAN, WHILE
from steepest.ops.arrays.newton import NEWTON
from steepest.ops.derivative_rules import JointLinear, Linear, Partials, Rule, Zero
from steepest.ops.elementwise import (
    arithmetic,
    comparison,
    exponential,
    floating,
    kinks,
    special,
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
from steepest.ops.linear_algebra import (
    cholesky,
    equations,
    factors,
    general_functions,
    linear,
    lower_part,
    matrix_functions,
    pivoted,
    sparse,
    spectral,
    triangular,
)
from steepest.ops.machine_code import Elementwise, Indexed, Kernel, Reduction
from steepest.ops.row import Case, Domain, Row, resolve_loop

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
            windows,
            gather,
            product,
            linear,
            lower_part,
            factors,
            cholesky,
            spectral,
            matrix_functions,
            triangular,
            pivoted,
            equations,
            general_functions,
            sparse,
            special,
            loops,
            collect,
            newton,
            fourier,
            solutions,
        )
        for row in module.ROWS
    }
)
"""Every op that takes operands, by name."""

__all__ = [
    "COLLECT",
    "COND",
    "CONSTANT",
    "INPUT",
    "NEWTON",
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
