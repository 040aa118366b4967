"""LLVM's intermediate representation (IR), written as text.

The names are those of ``llvmlite.ir``. Its objects take several times as long to make and to
print, which would double the time to the first result.
"""

from steepest.engines.native.ir.kinds import (
    ArrayType,
    DoubleType,
    FloatType,
    FunctionType,
    IntType,
    PointerType,
    Type,
    VectorType,
    VoidType,
)
from steepest.engines.native.ir.module import Block, Function, GlobalVariable, Metadata, Module
from steepest.engines.native.ir.values import Constant, Instruction, Phi, Room, Undefined, Value
from steepest.engines.native.ir.writer import IRBuilder

__all__ = [
    "ArrayType",
    "Block",
    "Constant",
    "DoubleType",
    "FloatType",
    "Function",
    "FunctionType",
    "GlobalVariable",
    "IRBuilder",
    "Instruction",
    "IntType",
    "Metadata",
    "Module",
    "Phi",
    "PointerType",
    "Room",
    "Type",
    "Undefined",
    "Value",
    "VectorType",
    "VoidType",
]
