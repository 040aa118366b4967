"""What other processes have found out, kept in the user's cache folder.

A file holds one object, named after a hash of everything it depends on: for machine code the
program's text, the processor, and the versions of what made it. A file that is damaged is as
good as none.
The environment variable ``STEEPEST_CACHE_DIR`` names another folder; empty, nothing is kept.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from pathlib import Path

import numpy as np

from steepest.version import __version__

_KEPT_BYTES = 1 << 28
_PRUNED_TO = 0.75
_CHECKED_EVERY = 64  # objects kept by this process, before the folder's size is looked at
_DIGEST = 32  # bytes

_kept = 0


@functools.cache
def folder() -> Path | None:
    """Return where objects are kept; None if nowhere."""
    named = os.environ.get("STEEPEST_CACHE_DIR")
    if named == "":
        return None
    if named is None:
        import platformdirs  # here and below: what importing steepest can do without

        named = platformdirs.user_cache_dir("steepest", appauthor=False)
    return Path(named) / "objects"


def _hashed(content: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(content).digest()


def key_of(*parts: str) -> str:
    """Return a name for what depends on these texts and nothing else."""
    encoded = [part.encode() for part in parts]
    content = b"".join(len(text).to_bytes(8, "little") + text for text in encoded)
    return _hashed(content).hex()


@functools.cache
def sources() -> str:
    """Return what changes whenever a file of this package does, for what its code has made."""
    package, seen = os.path.dirname(__file__), []
    for folder, _, names in os.walk(package):  # in a fifth of pathlib's time
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                status = os.stat(path)
                place = path[len(package) :]
                seen.append(f"{place} {status.st_size} {status.st_mtime_ns}")
    versions = f"{__version__} {np.__version__} {sys.version}"
    return key_of(versions, *sorted(seen))


def find(key: str) -> bytes | None:
    """Return the object of a name, if it is there and whole."""
    place = folder()
    if place is None:
        return None
    try:
        content = (place / key).read_bytes()
    except OSError:
        return None
    checksum, found = content[:_DIGEST], content[_DIGEST:]
    if not found or _hashed(found) != checksum:
        return None
    with contextlib.suppress(OSError):
        os.utime(place / key)  # those used last are kept longest
    return found


def keep(key: str, content: bytes) -> None:
    """Write an object for other processes; where that is impossible, do without."""
    global _kept  # noqa: PLW0603 - a count for this process
    place = folder()
    if place is None:
        return
    import tempfile

    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place, prefix="new-", delete=False) as file:
            file.write(_hashed(content) + content)
        os.replace(file.name, place / key)
        if _kept % _CHECKED_EVERY == 0:
            _prune(place)
        _kept += 1
    except OSError:
        return  # a full disk, a folder that may not be written to: the program runs all the same


def _prune(place: Path) -> None:
    """Delete the objects used longest ago if all together are too large."""
    sizes = []
    for entry in os.scandir(place):
        with contextlib.suppress(OSError):  # another process may have deleted it
            status = entry.stat()
            sizes.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in sizes)
    if total <= _KEPT_BYTES:
        return
    for _, size, path in sorted(sizes):
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
        if total <= _PRUNED_TO * _KEPT_BYTES:
            return
