"""The builder that the op table's rows emit machine code on.

A row sees elements (:class:`Element`, with Python's operators) and this builder's methods;
it never sees LLVM.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen import integers
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
from steepest.engines.native.jit.compile import has_fma
from steepest.engines.native.jit.host_calls import HostCall, special_symbol
from steepest.graph import Node
from steepest.ops import constant_value

_BOOL = np.dtype(np.bool_)


def _is_below(source: Node, extent: int) -> bool:
    """Whether indices are remainders of division by the extent or less: always in bounds."""
    if source.op.name != "remainder":
        return False
    divisor = constant_value(source.operands[1])
    return divisor is not None and bool(np.all((divisor > 0) & (divisor <= extent)))


def _rounding(name: str) -> Callable[[Builder, Element], Element]:
    """Return the builder's method that rounds with an intrinsic; integers stay as they are."""

    def rounded(self: Builder, x: Element) -> Element:
        return self.call_intrinsic(name, x) if x.dtype.kind == "f" else x

    return rounded


class Builder(Places):
    """Emits instructions at the current position of a function.

    Parameters
    ----------
    function
        The LLVM function being written.
    lanes
        Number of problems whose numbers an element holds side by side.

    Attributes
    ----------
    result_dtype
        Dtype of the node whose elements are being emitted.
    checked_nodes
        Nodes that may fail: by an index out of bounds, or in NumPy. The error flag is set to a
        node's position in this list, from 1 on.
    hosts
        Calls back to NumPy.
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
        """Return a value as a vector with a number for each lane, repeating a single number."""
        if self.lanes == 1 or isinstance(value.type, ir.VectorType):
            return value
        return self.splat(value, self.lanes)

    def splat(self, value: ir.Value, count: int) -> ir.Value:
        """Return a vector that repeats a number."""
        empty = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
        first = self.ir.insert_element(empty, value, ir.Constant(ir.IntType(32), 0))
        order = ir.Constant(ir.VectorType(ir.IntType(32), count), None)
        return self.ir.shuffle_vector(first, empty, order)

    def kind_of(self, dtype: np.dtype) -> ir.Type:
        return register_type(dtype, self.lanes)

    def _literal(self, value: object, dtype: np.dtype) -> ir.Value:
        return literal(value, dtype, self.lanes)

    def cast(self, x: Element, dtype: np.dtype) -> Element:
        """Convert as ``ndarray.astype`` does."""
        if x.dtype == dtype:
            return x
        if dtype == _BOOL:
            return x != 0
        source, target = x.dtype.kind, self.kind_of(dtype)
        b = self.ir
        if source == "f" and dtype.kind == "f":
            narrow = dtype.itemsize < x.dtype.itemsize
            value = b.fptrunc(x.value, target) if narrow else b.fpext(x.value, target)
        elif source == "f":
            return self.to_integer(x, dtype)
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

    def select(self, condition: Element, a: Any, b: Any) -> Element:
        like = a if isinstance(a, Element) else b
        a, b = self.constant(a, like), self.constant(b, like)
        return Element(self, self.ir.select(condition.value, a.value, b.value), a.dtype)

    def intrinsic(self, name: str, result: ir.Type, *operands: ir.Type) -> ir.Function:
        """Return an intrinsic function of LLVM for these types."""
        kinds = [result, *operands] if ".sat" in name else [operands[0]]
        full = ".".join([name, *[kind.intrinsic_name for kind in kinds]])
        known = self.module.globals.get(full)
        return known or ir.Function(self.module, ir.FunctionType(result, operands), full)

    def call_intrinsic(self, name: str, *operands: Element) -> Element:
        """Call an intrinsic function of LLVM, such as ``ctpop``, on elements of one dtype."""
        kind = self.kind_of(operands[0].dtype)
        function = self.intrinsic(f"llvm.{name}", kind, *[kind] * len(operands))
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
        return self.lane_by_lane(dtype, lambda *x: self.ir.call(function, x), *operands)

    def lane_by_lane(
        self, dtype: np.dtype, emit: Callable[..., ir.Value], *operands: Element
    ) -> Element:
        """Emit an operation that has no vector form; `emit` returns the number of one lane."""
        values = [operand.value for operand in operands]
        if self.lanes == 1:
            return Element(self, emit(*values), dtype)
        result: ir.Value = ir.Constant(self.kind_of(dtype), ir.Undefined)
        for number in range(self.lanes):
            lane = ir.Constant(ir.IntType(32), number)
            one = emit(*[self.ir.extract_element(value, lane) for value in values])
            result = self.ir.insert_element(result, one, lane)
        return Element(self, result, dtype)

    def kernel(self, name: str, emit: Callable[..., Element], *operands: Element) -> Element:
        """Call a function of elements that is emitted once per module and inlined into loops."""
        dtype = operands[0].dtype
        name = f"{name}.{dtype}"
        function = self.module.globals.get(name)
        if function is None:
            kind = self.kind_of(dtype)
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
        """Return the C library's result where abs(x) is beyond a limit, else `near`.

        A call in a loop would keep the loop from running in vector registers. There, only a
        flag says that the call is needed, and :meth:`emit_with_slow_path` writes the loop a
        second time, with the call.
        """
        beyond = self.fabs(x) > limit
        if self.lanes > 1:
            return self._far_in_lanes(name, near, x, beyond)
        if self.flag_slow_path(beyond.value):
            return near
        before = self.ir.block
        far, after = (self.function.append_basic_block(kind) for kind in ("far", "after"))
        self.ir.cbranch(beyond.value, far, after)
        self.ir.position_at_end(far)
        value = self.libm(name, x).value
        self.ir.branch(after)
        self.ir.position_at_end(after)
        result = self.ir.phi(near.value.type)
        result.add_incoming(near.value, before)
        result.add_incoming(value, far)
        return Element(self, result, x.dtype)

    def any(self, condition: Element) -> ir.Value:
        """Return whether a condition holds in any lane, as one bit."""
        if self.lanes == 1:
            return condition.value
        reduce = self.intrinsic("llvm.vector.reduce.or", BIT, condition.value.type)
        return self.ir.call(reduce, [condition.value])

    def _far_in_lanes(self, name: str, near: Element, x: Element, beyond: Element) -> Element:
        cell = self.alloca(near.value.type)
        self.ir.store(near.value, cell)
        with self.ir.if_then(self.any(beyond), likely=False):
            value = self.select(beyond, self.libm(name, x), near)
            self.ir.store(value.value, cell)
        return Element(self, self.ir.load(cell, typ=near.value.type), x.dtype)

    def special(
        self, name: str, *operands: Element, output: tuple[int, int] | None = None
    ) -> Element:
        """Call SciPy's special function of that name, which computes in double precision.

        Whole numbers stay whole. If the function has several results, `output` says which one,
        of how many.
        """
        double, whole = np.dtype(np.float64), np.dtype(np.int64)
        is_whole = [operand.dtype.kind == "i" for operand in operands]
        kinds = "".join("l" if w else "d" for w in is_whole)
        number, count = output or (0, 0)
        symbol = special_symbol(name, kinds, count)
        function = self.module.globals.get(symbol)
        if function is None:
            taken: list[ir.Type] = [register_type(whole if w else double) for w in is_whole]
            taken += [ir.PointerType()] * count if output else [ir.IntType(32)]
            returned = ir.VoidType() if output else register_type(double)
            function = ir.Function(self.module, ir.FunctionType(returned, taken), symbol)

        def call(*values: ir.Value) -> ir.Value:
            if not output:
                return self.ir.call(function, [*values, ir.Constant(ir.IntType(32), 0)])
            cells = [self.alloca(register_type(double)) for _ in range(count)]
            self.ir.call(function, [*values, *cells])
            return self.ir.load(cells[number], typ=register_type(double))

        casts = [
            self.cast(x, whole if w else double) for x, w in zip(operands, is_whole, strict=True)
        ]
        floats = {x.dtype for x, w in zip(operands, is_whole, strict=True) if not w}
        narrow = not any(is_whole) and floats == {np.dtype(np.float32)}
        result = self.lane_by_lane(double, call, *casts)
        return self.cast(result, np.dtype(np.float32)) if narrow else result

    # Named after NumPy's functions, for rows that need no more than a name.

    add, subtract = staticmethod(operator.add), staticmethod(operator.sub)
    multiply, divide = staticmethod(operator.mul), staticmethod(operator.truediv)
    negative = staticmethod(operator.neg)

    def sqrt(self, x: Element) -> Element:
        return self.call_intrinsic("sqrt", x)

    def fabs(self, x: Element) -> Element:
        return self.call_intrinsic("fabs", x)

    def fma(self, x: Element, y: Any, z: Any) -> Element:
        """Return x * y + z, rounded once."""
        return self.call_intrinsic("fma", x, self.constant(y, x), self.constant(z, x))

    def add_product(self, total: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return ``total + x * y`` of reals or vectors, rounded once where the host can.

        The instruction is chosen here: left to LLVM, the result would depend on how much the
        code is optimized.
        """
        if not has_fma():
            return self.ir.fadd(total, self.ir.fmul(x, y))
        kind = total.type
        return self.ir.call(self.intrinsic("llvm.fma", kind, kind, kind, kind), [x, y, total])

    def to_bits(self, x: Element) -> Element:
        """Return the integer that has the bits of a real number."""
        dtype = np.dtype(f"i{x.dtype.itemsize}")
        return Element(self, self.ir.bitcast(x.value, self.kind_of(dtype)), dtype)

    def of_bits(self, n: Element, like: Element) -> Element:
        """Return the real number that has the bits of an integer."""
        return Element(self, self.ir.bitcast(n.value, self.kind_of(like.dtype)), like.dtype)

    def shift_left(self, n: Element, bits: int) -> Element:
        return Element(self, self.ir.shl(n.value, self._literal(bits, n.dtype)), n.dtype)

    def shift_right(self, n: Element, bits: int) -> Element:
        """Shift, keeping the sign."""
        return Element(self, self.ir.ashr(n.value, self._literal(bits, n.dtype)), n.dtype)

    def has_bit(self, n: Element, bit: int) -> Element:
        shifted = self.ir.lshr(n.value, self._literal(bit, n.dtype))
        return self.truth_of(self.ir.trunc(shifted, self.kind_of(_BOOL)))

    def lookup(self, table: np.ndarray, place: Element) -> Element:
        """Return the number at a place in a table that never changes."""
        kind, data = register_type(table.dtype), constant_data(self.module, table)

        def look(where: ir.Value) -> ir.Value:
            value = self.ir.load(self.ir.gep(data, [where], source_etype=kind), typ=kind)
            value.set_metadata("tbaa", alias_class(self.module, "table"))
            return value

        return self.lane_by_lane(table.dtype, look, place)

    def copysign(self, x: Element, sign: Element) -> Element:
        return self.call_intrinsic("copysign", x, sign)

    floor, ceil, trunc, rint = map(_rounding, ("floor", "ceil", "trunc", "rint"))

    def bits(self, operation: str, *operands: Element) -> Element:
        """Apply LLVM's operation of that name to the bits."""
        values = [operand.value for operand in operands]
        return Element(self, getattr(self.ir, operation)(*values), operands[0].dtype)

    left_shift, right_shift = integers.left_shift, integers.right_shift
    truncated_remainder = integers.truncated_remainder
    integer_divmod, integer_power = integers.integer_divmod, integers.integer_power
    to_integer = integers.to_integer

    def fmod(self, x: Element, y: Element) -> Element:
        return self.libm("fmod", x, y)

    def power(self, x: Element, p: Element) -> Element:
        return self.integer_power(x, p) if x.is_integer else self.libm("pow", x, p)

    def maximum(self, x: Element, y: Element) -> Element:
        if x.dtype.kind == "f":
            return self.call_intrinsic("maximum", x, y)  # NaN wins, as in NumPy
        return self.select(x > y, x, y)

    def minimum(self, x: Element, y: Element) -> Element:
        if x.dtype.kind == "f":
            return self.call_intrinsic("minimum", x, y)
        return self.select(x < y, x, y)

    def checked_index(self, i: Element, source: Node, extent: int, node: Node) -> ir.Value:
        """Return an index, wrapped as NumPy does; an index out of bounds sets the error flag.

        The index is an element of `source`, an operand of the node. If `source` shows that it
        is in bounds, nothing is checked.
        """
        wide = self.cast(i, np.dtype(np.int64)).value
        if self.lanes > 1:  # only indices that are the same in all lanes run in lanes
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
        """Call NumPy for a node, given pointers to its operands and to its result."""
        call = HostCall(node)
        self.hosts.append(call)
        table = self.alloca(ir.ArrayType(POINTER, len(pointers)))
        for place, pointer in enumerate(pointers):
            self.ir.store(pointer, self.ir.gep(table, [index(place)], source_etype=POINTER))
        signature = ir.FunctionType(INDEX, [POINTER])
        function = self.ir.inttoptr(index(call.address), POINTER)
        failed = self.ir.call(function, [table], signature)
        self.fail_if(self.ir.icmp_unsigned("!=", failed, index(0)), node)

    def fail_if(self, condition: ir.Value, node: Node) -> None:
        """Set the error flag to a node's number if a condition holds and nothing failed before."""
        if node not in self.checked_nodes:
            self.checked_nodes.append(node)
        flag = self.error_flag()
        before = self.ir.load(flag, typ=INDEX)
        is_first = self.ir.icmp_unsigned("==", before, index(0))
        number = index(self.checked_nodes.index(node) + 1)
        fails = self.ir.and_(condition, is_first)
        self.ir.store(self.ir.select(fails, number, before), flag)

    def error_flag(self) -> ir.Value:
        """Return the address of the error flag: the number of the node that failed, or 0."""
        if self._error is None:
            self._error = self.alloca(INDEX)
            with self.at_entry():
                self.ir.store(index(0), self._error)
        return self._error
