"""The history of a descent as a pandas data frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import optional
from steepest.graph import trees

_COLUMNS = ("loss", "gradient_norm", "step_length", "evaluations")


def history_frame(history: Any) -> Any:
    """Return a row for each recorded iteration, with a column for each number in x."""
    pandas = optional("pandas", "to_frame")
    columns = {name: getattr(history, name) for name in _COLUMNS}
    if history.x is not None:
        pairs = zip(trees.leaf_names(history.x, "x"), trees.leaves(history.x), strict=True)
        for name, leaf in pairs:
            for index in np.ndindex(leaf.shape[1:]):
                place = f"[{', '.join(map(str, index))}]" if index else ""
                columns[name + place] = leaf[(slice(None), *index)]
    return pandas.DataFrame(columns, index=pandas.Index(history.iteration, name="iteration"))
