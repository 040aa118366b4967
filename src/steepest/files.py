"""Write files atomically: a reader sees the old file or the new one, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from steepest.errors import InputError

_MOST_LINKS = 40  # as Linux allows in one path


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    The new content is written to another file in the same folder, which then replaces the old
    one. It gets the old file's permissions, or those that ``open`` would give. If the path is a
    link, the file that it leads to is replaced. Devices and pipes are written to directly.

    Parameters
    ----------
    path
        The file.
    content
        What to write; text is encoded as UTF-8.

    Raises
    ------
    InputError
        If the file cannot be written, for example because its folder does not exist.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        target = _target(Path(path))
        if target is None:
            _append(Path(path), data)
        else:
            _replace(target, data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot write {path}: {reason}") from error


def _target(path: Path) -> Path | None:
    """Return the file that a path leads to; None if it must be written to directly.

    Devices, pipes and files that this process has open must: ``/dev/stdout`` leads to a file
    that other processes may still write to.
    """
    for _ in range(_MOST_LINKS):
        folder = path.parent.resolve()
        if str(folder) == "/dev" or str(folder).startswith("/proc/"):
            return None
        if not path.is_symlink():
            break
        path = path.parent / path.readlink()
    try:
        is_replaced = stat.S_ISREG(path.stat().st_mode) or path.is_dir()
    except FileNotFoundError:
        is_replaced = True
    return path if is_replaced else None


def _append(path: Path, data: bytes) -> None:
    with open(path, "ab", buffering=0, opener=_existing) as file:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]


def _existing(path: str, flags: int) -> int:
    return os.open(path, flags & ~os.O_CREAT)


def _replace(path: Path, data: bytes) -> None:
    before = None
    with contextlib.suppress(FileNotFoundError):
        before = path.stat()
        if stat.S_ISDIR(before.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    mode = 0o666 if before is None else stat.S_IMODE(before.st_mode)
    # Its name is known before it exists, so that an interrupt cannot leave it behind.
    new = path.with_name(f".{secrets.token_hex(8)}.new")
    try:
        with open(new, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if before is not None and os.name == "posix":
                with contextlib.suppress(PermissionError):  # only the superuser gives files away
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
