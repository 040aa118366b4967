"""Values of LLVM IR: constants, and results of instructions."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from steepest.engines.native.ir.kinds import DoubleType, FloatType, PointerType, Type

_DOUBLE, _WORD = struct.Struct("<d"), struct.Struct("<Q")


class Value:
    """Something with a type.

    Attributes
    ----------
    type
        Its type.
    ref
        Its name in instructions.
    """

    __slots__ = ("ref", "type")

    def __init__(self, kind: Type, ref: str) -> None:
        self.type, self.ref = kind, ref

    @property
    def typed(self) -> str:
        """Type and name."""
        return f"{self.type.text} {self.ref}"


class _Undefined:
    """The content of a constant that nobody reads."""


Undefined = _Undefined()


class Constant(Value):
    """A constant.

    Parameters
    ----------
    kind
        Its type.
    constant
        A number, a list of numbers or constants, bytes, None for zeros, or `Undefined`.
    """

    __slots__ = ("constant",)

    def __init__(self, kind: Type, constant: Any) -> None:
        super().__init__(kind, _written(kind, constant))
        self.constant = constant


def _written(kind: Type, constant: Any) -> str:
    if isinstance(constant, float):
        return _real(kind, constant)
    if isinstance(constant, int):
        return _real(kind, float(constant)) if _is_real(kind) else str(int(constant))
    if constant is None:
        return "null" if isinstance(kind, PointerType) else "zeroinitializer"
    if constant is Undefined:
        return "undef"
    if isinstance(constant, bytes | bytearray):
        return 'c"' + "".join([f"\\{byte:02x}" for byte in constant]) + '"'
    parts = [x if isinstance(x, Value) else Constant(kind.element, x) for x in constant]
    return f"<{', '.join([part.typed for part in parts])}>"


def _is_real(kind: Type) -> bool:
    return isinstance(kind, DoubleType | FloatType)


def _real(kind: Type, number: float) -> str:
    """Return the bits of a floating-point number; LLVM writes a float as a double."""
    if isinstance(kind, FloatType):
        number = float(np.float32(number))
    return f"0x{_WORD.unpack(_DOUBLE.pack(number))[0]:016x}"


class Instruction(Value):
    """An instruction and its result.

    Attributes
    ----------
    text
        The instruction in LLVM IR.
    """

    __slots__ = ("text",)

    def __init__(self, kind: Type, ref: str, text: str) -> None:
        self.type, self.ref, self.text = kind, ref, text

    def set_metadata(self, name: str, data: Value) -> None:
        """Attach metadata."""
        self.text += f", !{name} {data.ref}"


class Room(Value):
    """Memory on the stack.

    Attributes
    ----------
    kind
        Type of the memory; it may change until the module is printed.
    """

    __slots__ = ("_elsewhere", "_rest", "kind")

    def __init__(self, ref: str, kind: Type, rest: str) -> None:
        super().__init__(PointerType(), ref)
        self.kind, self._rest = kind, rest
        self._elsewhere: Value | None = None

    def replace_by(self, address: Value) -> None:
        """Use other memory instead, at an address that is computed before this instruction."""
        self._elsewhere = address

    @property
    def text(self) -> str:
        """The instruction in LLVM IR."""
        if self._elsewhere is not None:
            return f"{self.ref} = bitcast {self._elsewhere.typed} to ptr"
        return f"{self.ref} = alloca {self.kind.text}{self._rest}"


class Phi(Value):
    """A value that depends on the block from which control came."""

    __slots__ = ("_incoming",)

    def __init__(self, kind: Type, ref: str) -> None:
        super().__init__(kind, ref)
        self._incoming: list[str] = []

    def add_incoming(self, value: Value, block: Any) -> None:
        """Set the value if control comes from a block."""
        self._incoming.append(f"[{value.ref}, {block.ref}]")

    @property
    def text(self) -> str:
        """The instruction in LLVM IR."""
        return f"{self.ref} = phi {self.type.text} {', '.join(self._incoming)}"
