"""The ``steepest`` command."""

from steepest.cli.app import main

__all__ = ["main"]
