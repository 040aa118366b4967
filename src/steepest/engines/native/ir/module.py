"""Modules of LLVM IR: functions and their blocks, data and metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steepest.engines.native.ir.kinds import FunctionType, PointerType, Type
from steepest.engines.native.ir.values import Constant, Instruction, Phi, Room, Value

_POINTER = PointerType()


class Metadata(Value):
    """Metadata, which helps LLVM to optimize."""

    __slots__ = ()

    def __init__(self, number: int) -> None:
        super().__init__(Type("metadata"), f"!{number}")


class Module:
    """A module, which is compiled as a whole.

    Attributes
    ----------
    globals
        Functions and data by name.
    triple, data_layout
        Description of the target machine.
    """

    def __init__(self) -> None:
        self.triple, self.data_layout = "", ""
        self.globals: dict[str, Any] = {}
        self._metadata: dict[str, Metadata] = {}
        self._taken = 0

    @property
    def functions(self) -> list[Function]:
        """The functions of the module."""
        return [value for value in self.globals.values() if isinstance(value, Function)]

    def get_unique_name(self, name: str) -> str:
        """Return a new name that starts with `name`."""
        self._taken += 1
        return f"{name}.{self._taken}"

    def add_metadata(self, parts: Sequence[str | Value]) -> Metadata:
        """Return metadata of these parts; equal metadata is one object."""
        words = [f'!"{p}"' if isinstance(p, str) else _part(p) for p in parts]
        return self._metadata.setdefault(", ".join(words), Metadata(len(self._metadata)))

    def __str__(self) -> str:
        head = [f'target triple = "{self.triple}"', f'target datalayout = "{self.data_layout}"']
        notes = [f"{data.ref} = !{{{words}}}" for words, data in self._metadata.items()]
        return "\n".join([*head, *map(str, self.globals.values()), *notes, ""])


def _part(value: Value) -> str:
    return value.ref if isinstance(value, Metadata) else value.typed


class Block:
    """A basic block: instructions that all run, one after the other."""

    __slots__ = ("function", "instructions", "is_terminated", "name", "ref")

    def __init__(self, function: Function, name: str) -> None:
        self.function, self.name, self.ref = function, name, f"%{name}"
        self.instructions: list[Instruction | Room | Phi] = []
        self.is_terminated = False


class Function(Value):
    """A function; without blocks it is a declaration of an external one.

    Attributes
    ----------
    args
        Its parameters.
    attributes
        Its attributes in LLVM IR, such as ``noinline``.
    linkage
        ``"internal"`` if it is used in this module only.
    blocks
        Its blocks, in order.
    taken
        Number of local names in use.
    """

    __slots__ = ("args", "attributes", "blocks", "ftype", "linkage", "module", "name", "taken")

    def __init__(self, module: Module, kind: FunctionType, name: str) -> None:
        super().__init__(_POINTER, f'@"{name}"')
        self.module, self.ftype, self.name = module, kind, name
        self.args = [Value(part, f"%a{i}") for i, part in enumerate(kind.parameters)]
        self.attributes: set[str] = set()
        self.linkage = ""
        self.blocks: list[Block] = []
        self.taken = 0
        module.globals[name] = self

    def append_basic_block(self, name: str = "") -> Block:
        """Return a new block at the end of the function."""
        self.taken += 1
        self.blocks.append(Block(self, f"{name}.{self.taken}"))
        return self.blocks[-1]

    def __str__(self) -> str:
        result, attributes = self.ftype.result.text, " ".join(sorted(self.attributes))
        if not self.blocks:
            kinds = ", ".join([kind.text for kind in self.ftype.parameters])
            return f"declare {result} {self.ref}({kinds}) {attributes}"
        given = ", ".join([argument.typed for argument in self.args])
        lines = [f"define {self.linkage} {result} {self.ref}({given}) {attributes} {{"]
        for block in self.blocks:
            lines.append(f"{block.name}:")
            lines += [instruction.text for instruction in block.instructions]
        return "\n".join([*lines, "}"])


class GlobalVariable(Value):
    """Constant data of a module."""

    __slots__ = ("align", "initializer")

    def __init__(self, module: Module, name: str, initializer: Constant, align: int) -> None:
        super().__init__(_POINTER, f'@"{name}"')
        self.initializer, self.align = initializer, align
        module.globals[name] = self

    def __str__(self) -> str:
        return f"{self.ref} = constant {self.initializer.typed}, align {self.align}"
