"""Graphs handed on as ONNX, and read back."""
