"""The engine "torch": the same walk over torch, its gradient by ``torch.autograd``."""

from steepest.engines.pytorch.engine import Torch

__all__ = ["Torch"]
