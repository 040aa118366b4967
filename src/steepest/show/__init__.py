"""Pictures of graphs, plots of descents and fits, progress, reports, tables."""

import functools
import importlib
from typing import Any

from steepest.presentation import presenter, register

_MODULES = {
    "progress": "progress",
    "report": "report",
    "tables": "tables",
    "descent_tables": "descent_tables",
    "text": "text",
    "picture": "graphs.picture",
    "descent_plots": "plots.descents",
    "fit_plots": "plots.fits",
    "inference_plots": "plots.inference",
    "density_plots": "plots.densities",
    "comparison_plots": "plots.comparison",
    "animations": "plots.animations",
    "notebook": "notebook",
}

for _kind, _module in _MODULES.items():
    register(_kind, functools.partial(importlib.import_module, f"steepest.show.{_module}"))


def load_ipython_extension(shell: Any) -> None:
    """Add the cell magic ``%%trace`` to a notebook, for ``%load_ext steepest``."""
    presenter("notebook").load(shell)
