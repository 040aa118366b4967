"""Pictures of graphs, plots of descents, progress, reports."""

import functools
import importlib

from steepest.presentation import register

for _kind in ("fit_plots", "picture", "plot", "progress", "report", "tables", "text"):
    register(_kind, functools.partial(importlib.import_module, f"steepest.show.{_kind}"))
