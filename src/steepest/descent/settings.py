"""Classes of settings: methods, step sizes, stop rules, batches."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from typing import Any, TypeVar, dataclass_transform

from steepest.errors import SettingError

_Class = TypeVar("_Class", bound=type)

SYNONYMS = {
    "step_size": ("lr", "learning_rate", "step", "stepsize", "alpha", "eta"),
    "epsilon": ("eps",),
    "damping": ("lambda_", "lam", "mu"),
    "memory": ("m", "history_size", "maxcor", "history"),
    "size": ("batch_size", "batchsize", "minibatch_size", "batch", "n_batches"),
    "epochs": ("n_epochs", "num_epochs", "max_epochs"),
    "seed": ("random_state", "rng"),
}
"""What other libraries call a setting."""


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def settings(kind: _Class) -> _Class:
    """Make a frozen dataclass of settings, which answers a name that it does not have.

    Parameters
    ----------
    kind : type
        The class; its annotations are the settings.

    Returns
    -------
    type
        The dataclass.
    """
    result: Any = dataclasses.dataclass(frozen=True)(kind)
    names = [field.name for field in dataclasses.fields(result) if field.init]
    initialize = result.__init__

    @functools.wraps(initialize)
    def checked(self: Any, /, *args: Any, **given: Any) -> None:
        for name, value in given.items():
            if name not in names:
                raise _unknown(result.__name__, name, value, names)
        initialize(self, *args, **given)

    result.__init__ = checked
    return result  # type: ignore[no-any-return]


def shown(value: Any) -> str:
    """Return how advice writes the value that was given."""
    return repr(value) if isinstance(value, int | float | str) else "..."


def _unknown(kind: str, name: str, value: Any, names: list[str]) -> SettingError:
    """Return the error for a name that is no setting of a class."""
    by_meaning = [known for known in names if name.lower() in SYNONYMS.get(known, ())]
    near = by_meaning or difflib.get_close_matches(name.lower(), names, n=1)
    if near:
        advice = f"write st.{kind}({near[0]}={shown(value)})"
    elif names:
        advice = f"{'its settings are' if names[1:] else 'it has'} {', '.join(names)}"
    else:
        advice = "it has no settings"
    return SettingError(f"st.{kind} has no setting {name!r}: {advice}")
