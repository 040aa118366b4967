"""Models handed on and brought in: PyTorch and ONNX."""

from steepest.exchange.entry import from_onnx, from_torch, to_onnx, to_torch
from steepest.exchange.onnx.model import OnnxModel
from steepest.exchange.pytorch.model import TorchModel

__all__ = ["OnnxModel", "TorchModel", "from_onnx", "from_torch", "to_onnx", "to_torch"]
