"""Types of values."""

from __future__ import annotations

from collections.abc import Sequence


class Type:
    """The type of a value; types of the same text are equal.

    Attributes
    ----------
    text
        As LLVM writes it.
    intrinsic_name
        As it is part of the names of LLVM's own functions.
    element, count
        Of vectors and arrays.
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
    """Of no value."""

    def __init__(self) -> None:
        super().__init__("void")


class IntType(Type):
    """Whole numbers of so many bits."""

    def __init__(self, width: int) -> None:
        super().__init__(f"i{width}", f"i{width}")
        self.width = width


class DoubleType(Type):
    """Real numbers of 64 bits."""

    def __init__(self) -> None:
        super().__init__("double", "f64")


class FloatType(Type):
    """Real numbers of 32 bits."""

    def __init__(self) -> None:
        super().__init__("float", "f32")


class PointerType(Type):
    """Addresses of anything."""

    def __init__(self) -> None:
        super().__init__("ptr", "p0")


class VectorType(Type):
    """So many numbers in one register."""

    def __init__(self, element: Type, count: int) -> None:
        super().__init__(f"<{count} x {element.text}>", f"v{count}{element.intrinsic_name}")
        self.element, self.count = element, count


class ArrayType(Type):
    """So many values in memory."""

    def __init__(self, element: Type, count: int) -> None:
        super().__init__(f"[{count} x {element.text}]")
        self.element, self.count = element, count


class FunctionType(Type):
    """Of functions."""

    def __init__(self, result: Type, parameters: Sequence[Type]) -> None:
        super().__init__(f"{result.text} ({', '.join([kind.text for kind in parameters])})")
        self.result, self.parameters = result, tuple(parameters)
