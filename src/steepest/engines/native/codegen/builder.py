"""The builder that the op table's rows emit machine code on.

A row sees elements (:class:`Element`, with Python's operators) and this builder's methods;
it never sees LLVM.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.control_flow import alias_class, constant_data
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.indexing import Places
from steepest.engines.native.codegen.types import (
    BIT,
    INDEX,
    POINTER,
    index,
    literal,
    register_type,
)
from steepest.engines.native.jit.host_calls import HostCall, special_symbol
from steepest.graph import Node
from steepest.ops import constant_value
from steepest.ops.elementwise.conversion import CONVERTS_TO_LOWEST

_BOOL = np.dtype(np.bool_)

CONTRACT = ("contract",)
"""Fast-math flags of matrix products: a multiplication and an addition may round once."""

REASSOCIATE = ("reassoc",)
"""Fast-math flags of long sums: a block may be added up in lanes, in any order."""


def _is_below(source: Node, extent: int) -> bool:
    """Whether indices are remainders, which cannot be out of bounds."""
    if source.op.name != "remainder":
        return False
    divisor = constant_value(source.operands[1])
    return divisor is not None and bool(np.all((divisor > 0) & (divisor <= extent)))


def intrinsic(module: ir.Module, name: str, result: ir.Type, *operands: ir.Type) -> ir.Function:
    """Return LLVM's own function of a name, for these types."""
    kinds = [result, *operands] if ".sat" in name else [operands[0]]
    full = ".".join([name, *map(_suffix, kinds)])
    known = module.globals.get(full)
    return known or ir.Function(module, ir.FunctionType(result, operands), full)


def _suffix(kind: ir.Type) -> str:
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{kind.element.intrinsic_name}"
    return kind.intrinsic_name


class Builder(Places):
    """Emits instructions at the current position of a function.

    Parameters
    ----------
    function
        The LLVM function being written.
    lanes
        How many numbers of different problems an element holds side by side.
    """

    def __init__(self, function: ir.Function, lanes: int = 1) -> None:
        super().__init__(function, lanes)
        self.result_dtype = np.dtype(np.float64)
        self._error: ir.Value | None = None
        self.checked_nodes: list[Node] = []
        self.hosts: list[HostCall] = []

    # Elements.

    def element(self, value: ir.Value, dtype: np.dtype) -> Element:
        return Element(self, value, dtype)

    def truth_of(self, value: ir.Value) -> Element:
        return Element(self, self.spread(value), _BOOL)

    def truth(self, value: bool) -> Element:
        return self.number(value, _BOOL)

    def constant(self, value: Any, like: Element) -> Element:
        """Return a Python number as an element of the dtype of another."""
        return value if isinstance(value, Element) else self.number(value, like.dtype)

    def number(self, value: Any, dtype: np.dtype) -> Element:
        return Element(self, self._literal(value, dtype), dtype)

    def zero(self, dtype: np.dtype) -> Element:
        return self.number(0, dtype)

    def spread(self, value: ir.Value) -> ir.Value:
        """Return a value of every lane, given that or one number for all of them."""
        if self.lanes == 1 or isinstance(value.type, ir.VectorType):
            return value
        kind = ir.VectorType(value.type, self.lanes)
        empty, place = ir.Constant(kind, ir.Undefined), ir.Constant(ir.IntType(32), 0)
        first = self.ir.insert_element(empty, value, place)
        order = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        return self.ir.shuffle_vector(first, empty, order)

    def _kind(self, dtype: np.dtype) -> ir.Type:
        return register_type(dtype, self.lanes)

    def _literal(self, value: object, dtype: np.dtype) -> ir.Value:
        return literal(value, dtype, self.lanes)

    def cast(self, x: Element, dtype: np.dtype) -> Element:
        """Convert as ``ndarray.astype`` does."""
        if x.dtype == dtype:
            return x
        if dtype == _BOOL:
            return x != 0
        source, target = x.dtype.kind, self._kind(dtype)
        b = self.ir
        if source == "f" and dtype.kind == "f":
            narrow = dtype.itemsize < x.dtype.itemsize
            value = b.fptrunc(x.value, target) if narrow else b.fpext(x.value, target)
        elif source == "f":
            value = self._whole(x, dtype)
        elif dtype.kind == "f":
            signed = source == "i"
            value = b.sitofp(x.value, target) if signed else b.uitofp(x.value, target)
        elif dtype.itemsize < x.dtype.itemsize:
            value = b.trunc(x.value, target)
        elif x.dtype.itemsize == dtype.itemsize and source != "b":
            value = x.value
        else:
            value = b.sext(x.value, target) if source == "i" else b.zext(x.value, target)
        return Element(self, value, dtype)

    def _whole(self, x: Element, dtype: np.dtype) -> ir.Value:
        """Convert a real number to an integer, out of range as NumPy does on this processor."""
        if not CONVERTS_TO_LOWEST:
            return self._saturated(x, dtype)
        if dtype == np.uint64:
            beyond = x >= 2.0**63
            value = self.select(beyond, x - 2.0**63, x)
            wide = Element(self, self._or_lowest(value, 8), np.dtype(np.int64))
            lowest = self.constant(-(2**63), wide)
            flipped = Element(self, self.ir.xor(wide.value, lowest.value), wide.dtype)
            return self.select(beyond, flipped, wide).value
        size = 8 if dtype == np.uint32 else max(dtype.itemsize, 4)
        wide_value = self._or_lowest(x, size)
        return (
            self.ir.trunc(wide_value, self._kind(dtype)) if dtype.itemsize < size else wide_value
        )

    def _or_lowest(self, x: Element, size: int) -> ir.Value:
        """Convert to a signed integer of a size; the lowest one stands for all out of range."""
        limit = 2.0 ** (8 * size - 1)
        whole = np.dtype(f"i{size}")
        inside = (x >= -limit) & (x < limit)
        converted = Element(self, self._converted("llvm.fptosi.sat", x, whole), whole)
        return self.select(inside, converted, self.constant(-int(limit), converted)).value

    def _saturated(self, x: Element, dtype: np.dtype) -> ir.Value:
        # Through the widest signed integer, so that small types wrap as NumPy's do.
        name = "llvm.fptoui.sat" if dtype == np.uint64 else "llvm.fptosi.sat"
        wide = self._converted(name, x, np.dtype(np.int64))
        return self.ir.trunc(wide, self._kind(dtype)) if dtype.itemsize < 8 else wide

    def _converted(self, name: str, x: Element, dtype: np.dtype) -> ir.Value:
        source, target = self._kind(x.dtype), self._kind(dtype)
        return self.ir.call(intrinsic(self.module, name, target, source), [x.value])

    def select(self, condition: Element, a: Any, b: Any) -> Element:
        like = a if isinstance(a, Element) else b
        a, b = self.constant(a, like), self.constant(b, like)
        return Element(self, self.ir.select(condition.value, a.value, b.value), a.dtype)

    def call_intrinsic(self, name: str, *operands: Element) -> Element:
        """Call LLVM's own function of that name, such as ``ctpop``, on elements of one dtype."""
        kind = self._kind(operands[0].dtype)
        function = intrinsic(self.module, f"llvm.{name}", kind, *[kind] * len(operands))
        result = self.ir.call(function, [operand.value for operand in operands])
        return Element(self, result, operands[0].dtype)

    def libm(self, name: str, *operands: Element) -> Element:
        """Call the C library's function of that name (its ``f`` version for float32)."""
        dtype = operands[0].dtype
        name = name + "f" if dtype == np.float32 else name
        function = self.module.globals.get(name)
        if function is None:
            kind = register_type(dtype)
            signature = ir.FunctionType(kind, [kind] * len(operands))
            function = ir.Function(self.module, signature, name)
            function.attributes.add("nounwind")
            function.attributes.add("readnone")
        return self._lane_by_lane(dtype, lambda *x: self.ir.call(function, x), *operands)

    def _lane_by_lane(
        self, dtype: np.dtype, emit: Callable[..., ir.Value], *operands: Element
    ) -> Element:
        """Emit what has no vector form; `emit` returns a number of one lane."""
        values = [operand.value for operand in operands]
        if self.lanes == 1:
            return Element(self, emit(*values), dtype)
        result: ir.Value = ir.Constant(self._kind(dtype), ir.Undefined)
        for number in range(self.lanes):
            lane = ir.Constant(ir.IntType(32), number)
            one = emit(*[self.ir.extract_element(value, lane) for value in values])
            result = self.ir.insert_element(result, one, lane)
        return Element(self, result, dtype)

    def kernel(self, name: str, emit: Callable[..., Element], *operands: Element) -> Element:
        """Call a function of elements, emitted once; it is inlined into loops."""
        dtype = operands[0].dtype
        name = f"{name}.{dtype}"
        function = self.module.globals.get(name)
        if function is None:
            kind = self._kind(dtype)
            signature = ir.FunctionType(kind, [kind] * len(operands))
            function = ir.Function(self.module, signature, name)
            function.linkage = "internal"
            inner = Builder(function, self.lanes)
            parameters = [Element(inner, value, dtype) for value in function.args]
            inner.ir.ret(emit(inner, *parameters).value)
        inlined = ("alwaysinline",) if self.is_in_loop else ()
        values = [operand.value for operand in operands]
        return Element(self, self.ir.call(function, values, attributes=inlined), dtype)

    def far(self, name: str, near: Element, x: Element, limit: float) -> Element:
        """Return what the C library computes where abs(x) is beyond a limit, else `near`.

        A call in a loop would keep it from running in vector registers: there it is only
        noted that one is needed, and :meth:`emit_with_slow_path` writes the loop once more.
        """
        beyond = self.fabs(x) > limit
        if self.lanes > 1:
            return self._far_in_lanes(name, near, x, beyond)
        if self.flag_slow_path(beyond.value):
            return near
        before = self.ir.block
        there, after = (self.function.append_basic_block(kind) for kind in ("far", "near"))
        self.ir.cbranch(beyond.value, there, after)
        self.ir.position_at_end(there)
        value = self.libm(name, x).value
        self.ir.branch(after)
        self.ir.position_at_end(after)
        result = self.ir.phi(near.value.type)
        result.add_incoming(near.value, before)
        result.add_incoming(value, there)
        return Element(self, result, x.dtype)

    def any(self, condition: Element) -> ir.Value:
        """Return whether a condition holds in any lane, as one bit."""
        if self.lanes == 1:
            return condition.value
        reduce = intrinsic(self.module, "llvm.vector.reduce.or", BIT, condition.value.type)
        return self.ir.call(reduce, [condition.value])

    def _far_in_lanes(self, name: str, near: Element, x: Element, beyond: Element) -> Element:
        cell = self.alloca(near.value.type)
        self.ir.store(near.value, cell)
        with self.ir.if_then(self.any(beyond), likely=False):
            value = self.select(beyond, self.libm(name, x), near)
            self.ir.store(value.value, cell)
        return Element(self, self.ir.load(cell, typ=near.value.type), x.dtype)

    def special(self, name: str, *operands: Element) -> Element:
        """Call SciPy's special function of that name, which computes in double precision."""
        dtype, double = operands[0].dtype, np.dtype(np.float64)
        symbol = special_symbol(name, len(operands))
        function = self.module.globals.get(symbol)
        if function is None:
            kind = register_type(double)
            signature = ir.FunctionType(kind, [kind] * len(operands) + [ir.IntType(32)])
            function = ir.Function(self.module, signature, symbol)
        flag = ir.Constant(ir.IntType(32), 0)
        result = self._lane_by_lane(
            double,
            lambda *values: self.ir.call(function, [*values, flag]),
            *[self.cast(operand, double) for operand in operands],
        )
        return self.cast(result, dtype)

    # Named after NumPy's functions, for rows that need no more than a name.

    def add(self, x: Element, y: Element) -> Element:
        return x + y

    def subtract(self, x: Element, y: Element) -> Element:
        return x - y

    def multiply(self, x: Element, y: Element) -> Element:
        return x * y

    def divide(self, x: Element, y: Element) -> Element:
        return x / y

    def negative(self, x: Element) -> Element:
        return -x

    def sqrt(self, x: Element) -> Element:
        return self.call_intrinsic("sqrt", x)

    def fabs(self, x: Element) -> Element:
        return self.call_intrinsic("fabs", x)

    def fma(self, x: Element, y: Any, z: Any) -> Element:
        """Return x * y + z, rounded once."""
        return self.call_intrinsic("fma", x, self.constant(y, x), self.constant(z, x))

    def to_bits(self, x: Element) -> Element:
        """Return the integer that has the bits of a real number."""
        dtype = np.dtype(f"i{x.dtype.itemsize}")
        return Element(self, self.ir.bitcast(x.value, self._kind(dtype)), dtype)

    def of_bits(self, n: Element, like: Element) -> Element:
        """Return the real number that has the bits of an integer."""
        return Element(self, self.ir.bitcast(n.value, self._kind(like.dtype)), like.dtype)

    def shift_left(self, n: Element, bits: int) -> Element:
        return Element(self, self.ir.shl(n.value, self._literal(bits, n.dtype)), n.dtype)

    def shift_right(self, n: Element, bits: int) -> Element:
        """Shift, keeping the sign."""
        return Element(self, self.ir.ashr(n.value, self._literal(bits, n.dtype)), n.dtype)

    def has_bit(self, n: Element, bit: int) -> Element:
        shifted = self.ir.lshr(n.value, self._literal(bit, n.dtype))
        return self.truth_of(self.ir.trunc(shifted, self._kind(_BOOL)))

    def lookup(self, table: np.ndarray, place: Element) -> Element:
        """Return the number at a place in a table that never changes."""
        kind, data = register_type(table.dtype), constant_data(self.module, table)

        def look(where: ir.Value) -> ir.Value:
            value = self.ir.load(self.ir.gep(data, [where], source_etype=kind), typ=kind)
            value.set_metadata("tbaa", alias_class(self.module, "table"))
            return value

        return self._lane_by_lane(table.dtype, look, place)

    def copysign(self, x: Element, sign: Element) -> Element:
        return self.call_intrinsic("copysign", x, sign)

    def floor(self, x: Element) -> Element:
        return x if x.dtype.kind != "f" else self.call_intrinsic("floor", x)

    def ceil(self, x: Element) -> Element:
        return x if x.dtype.kind != "f" else self.call_intrinsic("ceil", x)

    def trunc(self, x: Element) -> Element:
        return x if x.dtype.kind != "f" else self.call_intrinsic("trunc", x)

    def rint(self, x: Element) -> Element:
        return x if x.dtype.kind != "f" else self.call_intrinsic("rint", x)

    def bits(self, operation: str, *operands: Element) -> Element:
        """Apply LLVM's operation of that name to the bits."""
        values = [operand.value for operand in operands]
        return Element(self, getattr(self.ir, operation)(*values), operands[0].dtype)

    def left_shift(self, x: Element, count: Element) -> Element:
        """Shift bits up; by more than there are, or by less than none, nothing is left."""
        inside, places = self._shift_count(x, count)
        shifted = Element(self, self.ir.shl(x.value, places.value), x.dtype)
        return self.select(inside, shifted, self.zero(x.dtype))

    def right_shift(self, x: Element, count: Element) -> Element:
        """Shift bits down; by more than there are, or by less than none, the sign is left."""
        inside, places = self._shift_count(x, count)
        nothing = self.zero(x.dtype)
        if x.dtype.kind == "u":
            shifted = Element(self, self.ir.lshr(x.value, places.value), x.dtype)
            return self.select(inside, shifted, nothing)
        shifted = Element(self, self.ir.ashr(x.value, places.value), x.dtype)
        sign = self.select(x < 0, self.constant(-1, x), nothing)
        return self.select(inside, shifted, sign)

    def _shift_count(self, x: Element, count: Element) -> tuple[Element, Element]:
        inside = count < 8 * x.dtype.itemsize
        if count.dtype.kind == "i":
            inside = inside & (count >= 0)
        return inside, self.select(inside, count, self.zero(count.dtype))

    def truncated_remainder(self, x: Element, y: Element) -> Element:
        """Return the remainder that has the dividend's sign; by zero it is 0."""
        unsigned = x.dtype.kind == "u"
        # By 1 instead of 0 and -1: the remainder is 0, and nothing overflows.
        trivial = (y == 0) if unsigned else (y == 0) | (y == -1)
        safe = self.select(trivial, self.constant(1, y), y)
        remainder = (self.ir.urem if unsigned else self.ir.srem)(x.value, safe.value)
        return Element(self, remainder, x.dtype)

    def fmod(self, x: Element, y: Element) -> Element:
        return self.libm("fmod", x, y)

    def power(self, x: Element, p: Element) -> Element:
        return self._integer_power(x, p) if x.is_integer else self.libm("pow", x, p)

    def maximum(self, x: Element, y: Element) -> Element:
        if x.dtype.kind == "f":
            return self.call_intrinsic("maximum", x, y)  # NaN wins, as in NumPy
        return self.select(x > y, x, y)

    def minimum(self, x: Element, y: Element) -> Element:
        if x.dtype.kind == "f":
            return self.call_intrinsic("minimum", x, y)
        return self.select(x < y, x, y)

    def integer_divmod(self, x: Element, y: Element) -> tuple[Element, Element]:
        """Floor division and remainder as NumPy has them: by zero both give 0."""
        b = self.ir
        is_zero = y == 0
        # Dividing by 1 instead of 0, and not overflowing on the lowest number over -1.
        safe = self.select(is_zero, self.constant(1, y), y)
        if x.dtype.kind == "u":
            quotient = Element(self, b.udiv(x.value, safe.value), x.dtype)
            remainder = Element(self, b.urem(x.value, safe.value), x.dtype)
        else:
            negated = safe == -1
            safe = self.select(negated, self.constant(1, y), safe)
            quotient = Element(self, b.sdiv(x.value, safe.value), x.dtype)
            remainder = Element(self, b.srem(x.value, safe.value), x.dtype)
            inexact = (remainder != 0) & ((remainder < 0) != (safe < 0))
            quotient = self.select(inexact, quotient - 1, quotient)
            remainder = self.select(inexact, remainder + safe, remainder)
            quotient = self.select(negated, -quotient, quotient)
        nothing = self.zero(x.dtype)
        return self.select(is_zero, nothing, quotient), self.select(is_zero, nothing, remainder)

    def _integer_power(self, x: Element, p: Element) -> Element:
        """Power by squaring; a negative exponent is the caller's error, as in NumPy."""
        name = f"integer_power.{x.dtype}"
        function = self.module.globals.get(name)
        if function is None:
            kind = register_type(x.dtype)
            function = ir.Function(self.module, ir.FunctionType(kind, [kind, kind]), name)
            function.linkage = "internal"
            Builder(function)._loop_of_squares(x.dtype)
        return self._lane_by_lane(x.dtype, lambda *values: self.ir.call(function, values), x, p)

    def _loop_of_squares(self, dtype: np.dtype) -> None:
        b, before = self.ir, self.ir.block
        first, exponent = self.function.args
        kind, one = register_type(dtype), literal(1, dtype)
        loop, after = (self.function.append_basic_block(n) for n in ("square", "end"))
        b.branch(loop)
        b.position_at_end(loop)
        result, base, rest = (b.phi(kind) for _ in range(3))
        is_odd = b.trunc(rest, BIT)
        multiplied = b.select(is_odd, b.mul(result, base), result)
        squared, halved = b.mul(base, base), b.lshr(rest, one)
        starts, steps = (one, first, exponent), (multiplied, squared, halved)
        for phi, start, step in zip((result, base, rest), starts, steps, strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(step, loop)
        b.cbranch(b.icmp_unsigned("==", halved, literal(0, dtype)), after, loop)
        b.position_at_end(after)
        b.ret(multiplied)

    def checked_index(self, i: Element, source: Node, extent: int, node: Node) -> ir.Value:
        """Return an index wrapped as NumPy does; out of bounds sets the error flag.

        It is an element of `source`, an operand of the node, which may be known to be inside.
        """
        wide = self.cast(i, np.dtype(np.int64)).value
        if self.lanes > 1:  # the same in all of them, or there would be none
            wide = self.ir.extract_element(wide, ir.Constant(ir.IntType(32), 0))
        wrapped = self.ir.select(
            self.ir.icmp_signed("<", wide, index(0)), self.ir.add(wide, index(extent)), wide
        )
        if source.op.name == "constant":
            return wrapped  # checked when it was recorded
        if _is_below(source, extent):
            return wide
        inside = self.ir.icmp_unsigned("<", wrapped, index(extent))
        if node not in self.checked_nodes:
            self.checked_nodes.append(node)
        number = index(self.checked_nodes.index(node) + 1)
        flag = self.error_flag()
        before = self.ir.load(flag, typ=INDEX)
        self.ir.store(self.ir.select(inside, before, number), flag)
        return self.ir.select(inside, wrapped, index(0))

    def call_host(self, node: Node, pointers: Sequence[ir.Value]) -> None:
        """Call NumPy for a node: pointers to its operands and to its result."""
        call = HostCall(node)
        self.hosts.append(call)
        self.checked_nodes.append(node)
        table = self.alloca(ir.ArrayType(POINTER, len(pointers)))
        for place, pointer in enumerate(pointers):
            self.ir.store(pointer, self.ir.gep(table, [index(place)], source_etype=POINTER))
        signature = ir.FunctionType(INDEX, [POINTER])
        function = self.ir.inttoptr(index(call.address), POINTER)
        failed = self.ir.call(function, [table], signature)
        flag = self.error_flag()
        before = self.ir.load(flag, typ=INDEX)
        number = index(len(self.checked_nodes))
        is_fine = self.ir.icmp_unsigned("==", failed, index(0))
        self.ir.store(self.ir.select(is_fine, before, number), flag)

    def error_flag(self) -> ir.Value:
        """Return where the number of the node with an index out of bounds is kept."""
        if self._error is None:
            self._error = self.alloca(INDEX)
            with self.at_entry():
                self.ir.store(index(0), self._error)
        return self._error
