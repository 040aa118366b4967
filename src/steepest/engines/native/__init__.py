"""The engine "native": graph, fused loop nests, LLVM IR, machine code."""

from steepest.engines.native.engine import Native
from steepest.engines.native.runtime.thread_pool import get_num_threads, set_num_threads

__all__ = ["Native", "get_num_threads", "set_num_threads"]
