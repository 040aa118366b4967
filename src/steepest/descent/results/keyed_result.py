"""Results whose fields can be read by name in brackets, as SciPy's."""

from __future__ import annotations

import difflib
from collections.abc import ItemsView, KeysView, Sequence
from typing import Any


class KeyedResult:
    """A result whose attributes can be read by name: ``result["x"]``, ``result.keys()``."""

    def _names(self) -> Sequence[str]:
        """Return the names of the fields, SciPy's first."""
        raise NotImplementedError

    def __getitem__(self, name: Any) -> Any:
        """Return the field of a name."""
        if name in self:
            return getattr(self, name)
        near = difflib.get_close_matches(str(name), self._names(), n=1)
        guess = f": did you mean {near[0]!r}?" if near else f": there is {', '.join(self.keys())}"
        raise KeyError(f"{name!r}{guess}")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._names()

    def get(self, name: str, default: Any = None) -> Any:
        """Return the field of a name, or `default` if there is none."""
        return getattr(self, name) if name in self else default

    def keys(self) -> KeysView[str]:
        """Return the names of the fields."""
        return dict.fromkeys(self._names()).keys()

    def items(self) -> ItemsView[str, Any]:
        """Return the fields with their names."""
        return {name: getattr(self, name) for name in self._names()}.items()
