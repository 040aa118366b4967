"""The builder that writes instructions of LLVM IR."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from steepest.engines.native.ir.kinds import (
    FunctionType,
    IntType,
    PointerType,
    Type,
    VectorType,
    VoidType,
)
from steepest.engines.native.ir.module import Block, Function
from steepest.engines.native.ir.values import Constant, Instruction, Phi, Room, Value

_I = TypeVar("_I", Instruction, Room)

_BIT, _VOID, _POINTER, _WORD = IntType(1), VoidType(), PointerType(), IntType(32)
_CONDITIONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}


def _binary(name: str) -> Callable[..., Value]:
    def write(self: IRBuilder, a: Value, b: Value, flags: Sequence[str] = ()) -> Value:
        words = f"{name} {' '.join(flags)}" if flags else name
        return self._value(a.type, f"{words} {a.type.text} {a.ref}, {b.ref}")

    return write


def _comparison(name: str, prefix: str) -> Callable[..., Value]:
    def write(self: IRBuilder, symbol: str, a: Value, b: Value) -> Value:
        many = isinstance(a.type, VectorType)
        kind = VectorType(_BIT, a.type.count) if many else _BIT
        is_equality = symbol in ("==", "!=")
        condition = "" if is_equality and name == "icmp" else prefix
        return self._value(kind, f"{name} {condition}{_CONDITIONS[symbol]} {a.typed}, {b.ref}")

    return write


def _cast(name: str) -> Callable[..., Value]:
    def write(self: IRBuilder, value: Value, kind: Type) -> Value:
        if value.type == kind:
            return value
        return self._value(kind, f"{name} {value.type.text} {value.ref} to {kind.text}")

    return write


class IRBuilder:
    """Writes instructions, one after the other.

    Attributes
    ----------
    block
        The block of the next instruction, which goes to its end, before a jump out of it.
    """

    def __init__(self, block: Block) -> None:
        self.block = block

    @property
    def function(self) -> Function:
        return self.block.function

    # Position.

    def position_at_end(self, block: Block) -> None:
        self.block = block

    @contextlib.contextmanager
    def goto_block(self, block: Block) -> Iterator[None]:
        """Write at the end of another block meanwhile."""
        before, self.block = self.block, block
        yield
        self.block = before

    @contextlib.contextmanager
    def at_start(self, block: Block) -> Iterator[None]:
        """Write at the start of a block meanwhile."""
        others, block.instructions = block.instructions, []
        was_terminated, block.is_terminated = block.is_terminated, False
        with self.goto_block(block):
            yield
        block.instructions += others
        block.is_terminated = was_terminated

    @contextlib.contextmanager
    def if_then(self, condition: Value, likely: bool | None = None) -> Iterator[None]:
        """Write the instructions that run if a condition holds."""
        there, after = (self.function.append_basic_block(name) for name in ("if", "endif"))
        branch = self.cbranch(condition, there, after)
        if likely is not None:
            counts = (99, 1) if likely else (1, 99)
            weights = [Constant(_WORD, count) for count in counts]
            data = self.function.module.add_metadata(["branch_weights", *weights])
            branch.set_metadata("prof", data)
        self.block = there
        yield
        self._join(after)

    @contextlib.contextmanager
    def if_else(
        self, condition: Value
    ) -> Iterator[
        tuple[contextlib.AbstractContextManager[None], contextlib.AbstractContextManager[None]]
    ]:
        """Write the instructions that run if a condition holds, and those that run if not."""
        names = ("if", "else", "endif")
        there, other, after = (self.function.append_basic_block(name) for name in names)
        self.cbranch(condition, there, other)

        @contextlib.contextmanager
        def inside(block: Block) -> Iterator[None]:
            self.block = block
            yield
            self._join(after)

        yield inside(there), inside(other)
        self.block = after

    def _join(self, after: Block) -> None:
        if not self.block.is_terminated:
            self.branch(after)
        self.block = after

    # Writing.

    def _name(self) -> str:
        function = self.block.function
        function.taken += 1
        return f"%v{function.taken}"

    def _value(self, kind: Type, text: str) -> Instruction:
        ref = self._name()
        return self._write(Instruction(kind, ref, f"{ref} = {text}"))

    def _effect(self, text: str) -> Instruction:
        return self._write(Instruction(_VOID, "", text))

    def _write(self, instruction: _I) -> _I:
        block = self.block
        if block.is_terminated:
            block.instructions.insert(-1, instruction)
        else:
            block.instructions.append(instruction)
        return instruction

    def _leave(self, text: str) -> Instruction:
        instruction = self._effect(text)
        self.block.is_terminated = True
        return instruction

    # Arithmetic.

    add, sub, mul = _binary("add"), _binary("sub"), _binary("mul")
    sdiv, udiv, srem, urem = _binary("sdiv"), _binary("udiv"), _binary("srem"), _binary("urem")
    shl, lshr, ashr = _binary("shl"), _binary("lshr"), _binary("ashr")
    and_, or_, xor = _binary("and"), _binary("or"), _binary("xor")
    fadd, fsub, fmul, fdiv = _binary("fadd"), _binary("fsub"), _binary("fmul"), _binary("fdiv")

    def fneg(self, x: Value) -> Value:
        return self._value(x.type, f"fneg {x.typed}")

    def neg(self, x: Value) -> Value:
        zero = None if isinstance(x.type, VectorType) else 0
        return self.sub(Constant(x.type, zero), x)

    def not_(self, x: Value) -> Value:
        ones: int | list[int] = [-1] * x.type.count if isinstance(x.type, VectorType) else -1
        return self.xor(x, Constant(x.type, ones))

    trunc, zext, sext = _cast("trunc"), _cast("zext"), _cast("sext")
    fptrunc, fpext = _cast("fptrunc"), _cast("fpext")
    sitofp, uitofp = _cast("sitofp"), _cast("uitofp")
    bitcast, ptrtoint = _cast("bitcast"), _cast("ptrtoint")

    def inttoptr(self, value: Value, kind: PointerType) -> Value:
        return self._value(kind, f"inttoptr {value.typed} to ptr")

    icmp_signed, icmp_unsigned = _comparison("icmp", "s"), _comparison("icmp", "u")
    fcmp_ordered, fcmp_unordered = _comparison("fcmp", "o"), _comparison("fcmp", "u")

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        return self._value(a.type, f"select {condition.typed}, {a.typed}, {b.typed}")

    def phi(self, kind: Type) -> Phi:
        """Start a block with a value that depends on the block from which control came."""
        phi = Phi(kind, self._name())
        self.block.instructions.append(phi)
        return phi

    # Vectors.

    def extract_element(self, vector: Value, place: Value) -> Value:
        return self._value(vector.type.element, f"extractelement {vector.typed}, {place.typed}")

    def insert_element(self, vector: Value, element: Value, place: Value) -> Value:
        text = f"insertelement {vector.typed}, {element.typed}, {place.typed}"
        return self._value(vector.type, text)

    def shuffle_vector(self, a: Value, b: Value, order: Value) -> Value:
        kind = VectorType(a.type.element, order.type.count)
        return self._value(kind, f"shufflevector {a.typed}, {b.typed}, {order.typed}")

    # Memory.

    def alloca(self, kind: Type, size: Value | None = None, align: int | None = None) -> Room:
        many = "" if size is None else f", {size.typed}"
        aligned = "" if align is None else f", align {align}"
        return self._write(Room(self._name(), kind, many + aligned))

    def gep(self, pointer: Value, places: Sequence[Value], source_etype: Type) -> Value:
        where = ", ".join([place.typed for place in places])
        text = f"getelementptr {source_etype.text}, ptr {pointer.ref}, {where}"
        return self._value(_POINTER, text)

    def load(self, pointer: Value, typ: Type, align: int | None = None) -> Instruction:
        aligned = "" if align is None else f", align {align}"
        return self._value(typ, f"load {typ.text}, ptr {pointer.ref}{aligned}")

    def store(self, value: Value, pointer: Value, align: int | None = None) -> Instruction:
        aligned = "" if align is None else f", align {align}"
        return self._effect(f"store {value.typed}, ptr {pointer.ref}{aligned}")

    def load_atomic(self, pointer: Value, ordering: str, align: int, typ: Type) -> Value:
        text = f"load atomic {typ.text}, ptr {pointer.ref} {ordering}, align {align}"
        return self._value(typ, text)

    def store_atomic(self, value: Value, pointer: Value, ordering: str, align: int) -> Value:
        return self._effect(
            f"store atomic {value.typed}, ptr {pointer.ref} {ordering}, align {align}"
        )

    def atomic_rmw(self, operation: str, pointer: Value, value: Value, ordering: str) -> Value:
        text = f"atomicrmw {operation} ptr {pointer.ref}, {value.typed} {ordering}"
        return self._value(value.type, text)

    # Control.

    def call(
        self,
        function: Value,
        arguments: Sequence[Value],
        kind: FunctionType | None = None,
        attributes: Sequence[str] = (),
    ) -> Value:
        """Call a function, or an address if `kind` says the function's type."""
        result = (kind or function.ftype).result  # type: ignore[attr-defined]
        given = ", ".join([argument.typed for argument in arguments])
        text = f"call {result.text} {function.ref}({given}) {' '.join(attributes)}"
        if isinstance(result, VoidType):
            return self._effect(text)
        return self._value(result, text)

    def branch(self, block: Block) -> Value:
        return self._leave(f"br label {block.ref}")

    def cbranch(self, condition: Value, there: Block, other: Block) -> Instruction:
        return self._leave(f"br i1 {condition.ref}, label {there.ref}, label {other.ref}")

    def ret(self, value: Value) -> Value:
        return self._leave(f"ret {value.typed}")

    def ret_void(self) -> Value:
        return self._leave("ret void")
