"""LLVM's language, written as text.

The names are those of llvmlite's package of the same purpose, whose objects take several
times as long to make and to print: that was half of the time until a first answer.
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
