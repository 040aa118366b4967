"""Modules: functions, the blocks that they are made of, data and metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steepest.engines.native.ir.kinds import FunctionType, PointerType, Type
from steepest.engines.native.ir.values import Constant, Instruction, Phi, Room, Value

_POINTER = PointerType()


class Metadata(Value):
    """What tells LLVM more than it needs to know."""

    __slots__ = ()

    def __init__(self, number: int) -> None:
        super().__init__(Type("metadata"), f"!{number}")


class Module:
    """What is compiled as a whole.

    Attributes
    ----------
    globals
        Functions and data by name.
    triple, data_layout
        The machine that it is for.
    """

    def __init__(self) -> None:
        self.triple, self.data_layout = "", ""
        self.globals: dict[str, Any] = {}
        self._metadata: dict[str, Metadata] = {}
        self._taken = 0

    @property
    def functions(self) -> list[Function]:
        """Its functions."""
        return [value for value in self.globals.values() if isinstance(value, Function)]

    def get_unique_name(self, name: str) -> str:
        """Return a name that begins like this and is nobody else's."""
        self._taken += 1
        return f"{name}.{self._taken}"

    def add_metadata(self, parts: Sequence[str | Value]) -> Metadata:
        """Return metadata of these parts; there is one of the same."""
        words = [f'!"{p}"' if isinstance(p, str) else _part(p) for p in parts]
        return self._metadata.setdefault(", ".join(words), Metadata(len(self._metadata)))

    def __str__(self) -> str:
        head = [f'target triple = "{self.triple}"', f'target datalayout = "{self.data_layout}"']
        notes = [f"{data.ref} = !{{{words}}}" for words, data in self._metadata.items()]
        return "\n".join([*head, *map(str, self.globals.values()), *notes, ""])


def _part(value: Value) -> str:
    return value.ref if isinstance(value, Metadata) else value.typed


class Block:
    """Instructions of which all are run, or none."""

    __slots__ = ("function", "instructions", "is_terminated", "name", "ref")

    def __init__(self, function: Function, name: str) -> None:
        self.function, self.name, self.ref = function, name, f"%{name}"
        self.instructions: list[Instruction | Room | Phi] = []
        self.is_terminated = False


class Function(Value):
    """A function; without blocks it is one that is elsewhere.

    Attributes
    ----------
    args
        Its parameters.
    attributes
        What LLVM may rely on, or has to heed.
    linkage
        ``"internal"`` where nobody else looks for it.
    blocks
        In the order in which they are written.
    taken
        Number of names that are given.
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
        """Return a new block at its end."""
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
    """Data of a module that never change."""

    __slots__ = ("align", "initializer")

    def __init__(self, module: Module, name: str, initializer: Constant, align: int) -> None:
        super().__init__(_POINTER, f'@"{name}"')
        self.initializer, self.align = initializer, align
        module.globals[name] = self

    def __str__(self) -> str:
        return f"{self.ref} = constant {self.initializer.typed}, align {self.align}"
