"""Files of arrays with settings: safetensors, with JSON in the header, written atomically.

The first setting is a checksum of the whole file, computed with zeros in its place. Nothing in a
file is code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.files import write_atomically
from steepest.version import __version__

CHECKSUM = "sha256"
"""Key of the checksum in the settings."""

_NO_CHECKSUM = b"0" * 64
_LENGTH = 8  # bytes at the start of the file that hold the length of the header


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes
    ----------
    key
        Key of the settings in the metadata. It is the only one, since safetensors writes several
        in varying order.
    version
        Version of the format; files of another version raise an error.
    name, writer
        What the file is called, and what writes it.
    """

    key: str
    version: int
    name: str
    writer: str

    def write(
        self, path: Any, arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]
    ) -> None:
        """Write arrays and settings to a file."""
        from safetensors.numpy import save as to_bytes

        first = {
            CHECKSUM: _NO_CHECKSUM.decode(),
            "format": self.version,
            "version": __version__,
        }
        packed = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        metadata = {self.key: json.dumps({**first, **settings})}
        content = to_bytes(packed, metadata=metadata)
        checksum = hashlib.sha256(content).hexdigest()
        write_atomically(path, content.replace(_NO_CHECKSUM, checksum.encode(), 1))

    def wrote(self, path: Any) -> bool:
        """Whether a file is of this kind.

        Raises
        ------
        InputError
            If there is no such file, or if it is not one of arrays.
        """
        return self.key in self._opened(path)[1].get("__metadata__", {})

    def _opened(self, path: Any) -> tuple[bytes, dict[str, Any]]:
        """Return the content of a file and its header."""
        path = Path(path)
        if not path.is_file():
            raise InputError(f"there is no file {path}")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        try:
            header = _header(content)
            dict(header.get("__metadata__", {}))
        except (ValueError, AttributeError, TypeError, RecursionError):
            raise InputError(
                f"{path} is no {self.name}, or was cut short; save it again"
            ) from None
        return content, header

    def read(self, path: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return settings and arrays from a file.

        Raises
        ------
        InputError
            If there is no such file, or if it is damaged, of another kind or another version.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load as from_bytes

        content, header = self._opened(path)
        metadata = header.get("__metadata__", {})
        if self.key not in metadata:
            names = ", ".join(name for name in header if name != "__metadata__")
            raise InputError(
                f"{path} was not written by {self.writer}: it holds {names or 'no arrays'}"
            )
        damaged = InputError(f"{path} is damaged: it does not hold what was saved; save it again")
        try:
            settings = json.loads(metadata[self.key])
            written, version = settings["format"], settings["version"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise damaged from None
        if written != self.version:
            raise InputError(
                f"{path} is of format {written}, written by steepest {version}; this is steepest "
                f"{__version__}, which reads format {self.version}"
            )
        checksum = str(settings.get(CHECKSUM)).encode()
        zeroed = content.replace(checksum, _NO_CHECKSUM, 1)
        if hashlib.sha256(zeroed).hexdigest().encode() != checksum:
            raise damaged
        try:
            return settings, from_bytes(content)
        except (SafetensorError, ValueError):
            raise damaged from None


def _header(content: bytes) -> dict[str, Any]:
    """Return the JSON header of a file of arrays."""
    length = int.from_bytes(content[:_LENGTH], "little")
    header = content[_LENGTH : _LENGTH + length]
    if len(header) < length or len(content) < _LENGTH:
        raise ValueError("cut short")
    settings: dict[str, Any] = json.loads(header)
    return settings
