"""The engine "numpy": node by node in NumPy, the semantics of record."""

from steepest.engines.interpreter.engine import Interpreter

__all__ = ["Interpreter"]
