"""The engine "torch": the same walk over torch, on a CPU or a GPU."""

from steepest.engines.pytorch.engine import Torch

__all__ = ["Torch"]
