"""Modules of PyTorch brought in, and graphs handed on to it."""
