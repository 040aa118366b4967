"""Types of values in LLVM IR."""

from __future__ import annotations

from collections.abc import Sequence


class Type:
    """The type of a value; types with the same text are equal.

    Attributes
    ----------
    text
        The type in LLVM IR.
    intrinsic_name
        The type as a part of names of intrinsic functions.
    element, count
        Type and number of the elements of vectors and arrays.
    """

    element: Type
    count: int

    def __init__(self, text: str, intrinsic_name: str = "") -> None:
        self.text, self.intrinsic_name = text, intrinsic_name

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Type) and self.text == other.text)

    def __hash__(self) -> int:
        return hash(self.text)


class VoidType(Type):
    """The type of no value."""

    def __init__(self) -> None:
        super().__init__("void")


class IntType(Type):
    """Integers of `width` bits."""

    def __init__(self, width: int) -> None:
        super().__init__(f"i{width}", f"i{width}")
        self.width = width


class DoubleType(Type):
    """Floating-point numbers of 64 bits."""

    def __init__(self) -> None:
        super().__init__("double", "f64")


class FloatType(Type):
    """Floating-point numbers of 32 bits."""

    def __init__(self) -> None:
        super().__init__("float", "f32")


class PointerType(Type):
    """Addresses."""

    def __init__(self) -> None:
        super().__init__("ptr", "p0")


class VectorType(Type):
    """Vectors of `count` numbers in a register."""

    def __init__(self, element: Type, count: int) -> None:
        super().__init__(f"<{count} x {element.text}>", f"v{count}{element.intrinsic_name}")
        self.element, self.count = element, count


class ArrayType(Type):
    """Arrays of `count` values in memory."""

    def __init__(self, element: Type, count: int) -> None:
        super().__init__(f"[{count} x {element.text}]")
        self.element, self.count = element, count


class FunctionType(Type):
    """Types of functions."""

    def __init__(self, result: Type, parameters: Sequence[Type]) -> None:
        super().__init__(f"{result.text} ({', '.join([kind.text for kind in parameters])})")
        self.result, self.parameters = result, tuple(parameters)
