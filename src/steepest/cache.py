"""The cache on disk: compiled programs, shared by the processes of one user.

A file holds one object. Its name is a hash of everything that the object depends on: for
machine code, the program's text, the processor, and the versions of the compilers. A damaged
file counts as missing.

Machine code from the cache is run. So the folder is used only if nobody else can write to it.
It is opened once, so that the folder that was checked is the one that is used.

The environment variable ``STEEPEST_CACHE_DIR`` names another folder; if it is empty, nothing is
kept.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import stat
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from steepest.version import __version__

_KEPT_BYTES = 1 << 28
_PRUNED_TO = 0.75
_CHECKED_EVERY = 64  # objects kept by this process, before the folder's size is looked at
_MAGIC = b"steepest"
_DIGEST = 32  # bytes
_NEW = "new-"  # what files are called while they are written
_OLD = 3600.0  # seconds after which nobody is still writing one

_IS_POSIX = os.name == "posix"  # elsewhere folders are the user's own by other means
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)

_kept = 0


class CacheWarning(UserWarning):
    """The cache folder is not used, because others could write to it."""


@functools.cache
def folder() -> Path | None:
    """Return the folder of the cache; None if nothing is kept."""
    named = os.environ.get("STEEPEST_CACHE_DIR")
    if named == "":
        return None
    if named is None:
        import platformdirs  # here and below: a slow import that not every program needs

        named = platformdirs.user_cache_dir("steepest", appauthor=False)
    return Path(named) / "objects"


def _hashed(content: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(content).digest()


def key_of(*parts: str) -> str:
    """Return a file name for an object that depends on these texts alone."""
    encoded = [part.encode() for part in parts]
    content = b"".join(len(text).to_bytes(8, "little") + text for text in encoded)
    return _hashed(content).hex()


@functools.cache
def sources() -> str:
    """Return a key that changes whenever a file of this package does."""
    package, seen = os.path.dirname(__file__), []
    for folder, _, names in os.walk(package):  # five times as fast as pathlib
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                status = os.stat(path)
                relative = path[len(package) :]
                seen.append(f"{relative} {status.st_size} {status.st_mtime_ns}")
    versions = f"{__version__} {np.__version__} {sys.version}"
    return key_of(versions, *sorted(seen))


def find(key: str) -> bytes | None:
    """Return the object of a name; None if it is missing or damaged."""
    try:
        with _opened(create=False) as opened:
            content = None if opened is None else opened.read(key)
    except OSError:
        return None
    if content is None:
        return None
    found = content[len(_MAGIC) + _DIGEST :]
    return found if found and content == _sealed(key, found) else None


def keep(key: str, content: bytes) -> None:
    """Write an object for other processes, if that is possible."""
    global _kept  # noqa: PLW0603 - a count for this process
    try:
        with _opened(create=True) as opened:
            if opened is None:
                return
            opened.write(key, _sealed(key, content))
            if _kept % _CHECKED_EVERY == 0:
                _prune(opened)
            _kept += 1
    except OSError:
        return  # a full disk, say: the program runs without the cache


def _sealed(key: str, content: bytes) -> bytes:
    """Return the content of a file: a checksum of name and object, and the object."""
    return _MAGIC + _hashed(key.encode() + content) + content


class _OpenFolder:
    """An open folder. Its files are found by name even if its path leads elsewhere later.

    Parameters
    ----------
    path
        Of the folder.
    descriptor
        Of the open folder; None on systems without such descriptors.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path, self.descriptor = path, descriptor

    def name(self, name: str) -> str:
        """Return the name of a file for calls that take `descriptor` as ``dir_fd``."""
        return str(self.path / name) if self.descriptor is None else name

    def open(self, name: str, flags: int) -> int:
        """Open a file without following links and without blocking."""
        flags |= _NO_LINK | getattr(os, "O_NONBLOCK", 0)
        return os.open(self.name(name), flags, 0o600, dir_fd=self.descriptor)

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if it is no regular file or not the user's alone."""
        descriptor = self.open(name, os.O_RDONLY)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or _reason_for_distrust(status):
                return None
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read()
            if os.utime in os.supports_fd:
                with contextlib.suppress(OSError):
                    os.utime(descriptor)  # files used most recently are kept longest
            return content
        finally:
            os.close(descriptor)

    def write(self, name: str, content: bytes) -> None:
        """Write a file atomically."""
        new = _NEW + secrets.token_hex(8)
        try:
            with os.fdopen(self.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
                file.write(content)
            os.replace(
                self.name(new),
                self.name(name),
                src_dir_fd=self.descriptor,
                dst_dir_fd=self.descriptor,
            )
        finally:
            self.delete(new)

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.name(name), dir_fd=self.descriptor)

    def entries(self) -> list[tuple[str, os.stat_result]]:
        """Return the name and status of each file in the folder."""
        found = []
        for entry in os.scandir(self.path if self.descriptor is None else self.descriptor):
            with contextlib.suppress(OSError):  # another process may have deleted it
                found.append((entry.name, entry.stat(follow_symlinks=False)))
        return found


@contextlib.contextmanager
def _opened(create: bool) -> Iterator[_OpenFolder | None]:
    """Open the folder; the value is None if it cannot be used."""
    path = folder()
    if path is None or not _IS_POSIX:
        if path is not None and create:
            path.mkdir(parents=True, exist_ok=True)
        yield None if path is None else _OpenFolder(path, None)
        return
    if create:
        os.makedirs(path.parent, 0o700, exist_ok=True)
    descriptors = [os.open(path.parent, os.O_RDONLY | _FOLDER)]
    try:
        if _is_private(path.parent, os.fstat(descriptors[0])):
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(path.name, 0o700, dir_fd=descriptors[0])
            status = os.stat(path.name, dir_fd=descriptors[0], follow_symlinks=False)
            if _is_private(path, status):
                flags = os.O_RDONLY | _FOLDER | _NO_LINK
                descriptors.append(os.open(path.name, flags, dir_fd=descriptors[0]))
        if len(descriptors) > 1 and _is_private(path, os.fstat(descriptors[1])):
            yield _OpenFolder(path, descriptors[1])
        else:
            yield None
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _reason_for_distrust(status: os.stat_result) -> str:
    """Return why a file or folder is not the user's alone; an empty text if it is."""
    if not _IS_POSIX:
        return ""
    if stat.S_ISLNK(status.st_mode):
        return "it is a link"
    if {os.getuid(), os.geteuid()} != {status.st_uid}:
        return "it belongs to another user"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write to it"
    return ""


def _is_private(path: Path, status: os.stat_result) -> bool:
    """Whether a folder is the user's alone. Warns once if it is not."""
    reason = _reason_for_distrust(status)
    if reason:
        _warn(path, reason)
    return not reason


@functools.cache
def _warn(path: Path, reason: str) -> None:
    warnings.warn(
        f"the cache folder {path} is not used, because {reason}, and machine code in it would "
        f"be run: give it to yourself alone (chmod 700 {path}), or name another folder with the "
        "environment variable STEEPEST_CACHE_DIR",
        CacheWarning,
        stacklevel=2,
    )


def _prune(opened: _OpenFolder) -> None:
    """Delete unfinished files, and the least recently used ones if the folder is too large."""
    sizes, now = [], time.time()
    for name, status in opened.entries():
        if not stat.S_ISREG(status.st_mode):
            continue
        if name.startswith(_NEW) and status.st_mtime < now - _OLD:
            opened.delete(name)
        else:
            sizes.append((status.st_mtime, status.st_size, name))
    total = sum(size for _, size, _ in sizes)
    if total <= _KEPT_BYTES:
        return
    for _, size, name in sorted(sizes):
        opened.delete(name)
        total -= size
        if total <= _PRUNED_TO * _KEPT_BYTES:
            return
