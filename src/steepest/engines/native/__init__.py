"""The engine "native": graph, fused loop nests, LLVM IR, machine code."""

from steepest.engines.native.engine import Native

__all__ = ["Native"]
