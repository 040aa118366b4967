"""The command that writes the examples into a folder."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from steepest.errors import InputError
from steepest.files import write_atomically
from steepest.graph.source import PACKAGE

_INSTALLED = Path("share", "steepest", "examples")
"""Where the wheel puts the examples, below the environment's own folder."""


def examples(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where to.")] = Path(
        "examples"
    ),
) -> None:
    """Write the examples, scripts and a table, into a folder; what is there is kept.

    Example: steepest examples examples
    """
    for source in _sources():
        target = folder / source.name
        if target.exists():
            print(f"{target} is there already")
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write to {folder}: {error.strerror}") from None
        write_atomically(target, source.read_text(encoding="utf-8"))
        print(target)


def _sources() -> list[Path]:
    """Return the files: of an installed package, or of the folder that it runs from."""
    checkout = Path(PACKAGE).parent.parent / "examples"
    files = [
        Path(str(file.locate()))
        for file in metadata.files("steepest") or ()
        if _INSTALLED.as_posix() in file.as_posix()
    ] or [path for path in checkout.glob("*") if path.suffix in (".py", ".csv")]
    if not files:
        raise InputError("this installation has no examples")
    return sorted(files)
