"""The `faceloom` command and what stands between it and the shell."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from faceloom import __version__
from faceloom.atomic import said_plainly
from faceloom.cli import (
    bench,
    compare,
    convert,
    curate,
    demo,
    doctor,
    extract,
    inspect,
    review,
    verify,
)
from faceloom.errors import FaceloomError, printable

app = typer.Typer(
    name="faceloom",
    help="Let one person wear another's face in a video: extract, train, export, convert.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help costs a third of the time of the drawn one.
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command; turn our own errors into one sentence and their exit code."""
    try:
        _with_all_commands()()
    except FaceloomError as error:
        print(printable(f"faceloom: {error}"), file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except OSError as error:
        plain = said_plainly(error, Path(error.filename or "The file"))
        print(printable(f"faceloom: {plain}"), file=sys.stderr)  # noqa: T201
        sys.exit(plain.exit_code)
    except SystemExit as end:
        if end.code == 130:
            print("faceloom: stopped; nothing half-written was left.", file=sys.stderr)  # noqa: T201
        raise


def _with_all_commands() -> typer.Typer:
    """Add the commands of this package, then those of the packages that join through the entry-point group."""
    for module in (extract, curate, review, convert, compare, verify, inspect, demo, doctor, bench):
        module.add_commands(app)
    for point in entry_points(group="faceloom.commands"):
        point.load()(app)
    return app


def _print_version(asked: bool) -> bool:
    if asked:
        typer.echo(f"faceloom {__version__}")
        raise typer.Exit
    return asked


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""
