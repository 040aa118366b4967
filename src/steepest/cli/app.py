"""The ``steepest`` command: its commands, and how errors are shown."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated, Any

import typer

from steepest.cli import descents, examples, fits, inspection, play, report
from steepest.errors import SteepestError
from steepest.frames import without_own_frames
from steepest.version import __version__

# Click's base class of errors: typer carries a copy of click, or not, by its version.
_USAGE_ERRORS: Any = typer.BadParameter.__mro__[2]

_INTERRUPTED = 130
"""Exit status of a command that Ctrl-C ended, as shells have it; typer returns it, or raises."""

app = typer.Typer(
    name="steepest",
    help="Gradient descent for NumPy code.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Gradient descent for NumPy code."""


COMMANDS = (
    descents.descend,
    fits.fit,
    fits.curve,
    inspection.graph,
    inspection.check,
    descents.compare,
    inspection.coverage,
    play.play,
    inspection.tour,
    examples.examples,
)
for command in COMMANDS:
    app.command()(command)


def _print_error(error: BaseException) -> None:
    if isinstance(error, SteepestError):
        report.errors.print(str(error), markup=False)
        return
    frames = without_own_frames(error)
    while frames is not None and "site-packages" in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    sys.stderr.write("".join(traceback.format_exception(type(error), error, frames)))


def main() -> None:
    """Run the command line; errors are one sentence on stderr and exit status 1."""
    try:
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:
            report.errors.print("Interrupted.")
    except typer.Exit as leaving:
        code = leaving.exit_code
    except _USAGE_ERRORS as error:
        report.errors.print(f"{error.format_message()} (see --help)", markup=False)
        code = 1
    except (typer.Abort, KeyboardInterrupt):
        report.errors.print("Interrupted.")
        code = _INTERRUPTED
    except Exception as error:  # a user's function may raise anything
        _print_error(error)
        code = 1
    sys.exit(code or 0)
