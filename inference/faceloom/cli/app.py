"""The `faceloom` command: its subcommands, error messages and exit codes."""

import shutil
import sys
from functools import cache
from importlib.metadata import entry_points
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from faceloom.atomic import friendly_os_error
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
    studio,
    swap,
    verify,
)
from faceloom.cli.memory_limits import check_address_space, explain_by_limit, memory_exhausted
from faceloom.errors import (
    FaceloomError,
    MediaUnreadable,
    PartlyDone,
    Stopped,
    escape_unprintable,
)
from faceloom.interrupts import InterruptRecord, recorded_interrupts
from faceloom.operating_system import is_memory_exhausted

# The entry-point group through which the trainer and the exporter add their commands.
_COMMAND_GROUP = "faceloom.commands"
# The modules of this package's commands.
_MODULES = (
    swap, studio, extract, curate, review, convert, compare, verify, inspect, demo, doctor, bench,
)  # fmt: skip
# The exit code of a shell for a command that Ctrl-C stopped.
INTERRUPTED = 130

# The commands in the order of work; others follow.
_ORDER = (
    "swap",
    "studio",
    "extract",
    "curate",
    "review",
    "train",
    "export",
    "import",
    "convert",
    "compare",
    "verify",
    "inspect",
    "demo",
    "doctor",
    "bench",
)


class _OrderedGroup(TyperGroup):
    """Lists the commands in the order of work, whatever package adds them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command to run; check that it has the address space that it needs.

        Args:
            ctx: The click context.
            args: The words after `faceloom`.

        Returns:
            What click's own method returns: name, command, and the other words.

        Raises:
            MemoryExhausted: The limit of the address space is too low for the command.
        """
        name, command, rest = super().resolve_command(ctx, args)
        if not {"-h", "--help"} & set(rest):
            check_address_space(name or "")
        return name, command, rest

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands.

        Args:
            ctx: The click context.
        """
        names = super().list_commands(ctx)
        rank = {name: index for index, name in enumerate(_ORDER)}
        return sorted(names, key=lambda name: rank.get(name, len(rank)))


app = typer.Typer(
    name="faceloom",
    cls=_OrderedGroup,
    # Commands inherit both: -h, and help as wide as the terminal instead of 80 columns.
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": shutil.get_terminal_size().columns,
    },
    help="Swap faces in videos: extract faces, train a network, export it, convert videos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help takes a third of the time of help that is formatted with rich.
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command and turn Faceloom's errors into one sentence and an exit code."""
    _print_any_name()
    try:
        with recorded_interrupts() as interrupts:
            _run(interrupts)
    except Exception as error:
        _fail(_explain(error))
    except (KeyboardInterrupt, SystemExit) as error:
        if isinstance(error, SystemExit) and error.code != INTERRUPTED:
            raise
        print("faceloom: stopped; no incomplete output was left.", file=sys.stderr)  # noqa: T201
        sys.exit(INTERRUPTED)


def _explain(error: Exception) -> FaceloomError:
    """Return the error to print; raise one for which there is no sentence."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    # A library's error for exhausted memory may have been taken for a damaged file.
    if not isinstance(error, PartlyDone | Stopped) and is_memory_exhausted(error):
        return memory_exhausted(command)
    if isinstance(error, FaceloomError):
        return error
    if isinstance(error, OSError):
        return friendly_os_error(error, Path(error.filename or "The file"))
    # PyAV is not imported by every command.
    if type(error).__module__.startswith("av."):
        return _media_error(error)
    explained = explain_by_limit(command, error)
    if explained is None:
        raise error
    return explained


def _media_error(error: Exception) -> MediaUnreadable:
    """Word an error of FFmpeg for which no caller has a sentence of its own."""
    name, text = getattr(error, "filename", None), getattr(error, "strerror", None)
    return MediaUnreadable(
        f"{name or 'A video or picture'} cannot be read or written ({str(text or error).lower()}); "
        "check that it plays in a video player."
    )


def _print_any_name() -> None:
    """Let the output contain every file name: what its encoding lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(interrupts: InterruptRecord) -> None:
    """Run the command; one that finishes although Ctrl-C was pressed exits with 130, too."""
    try:
        build_command()()
    except SystemExit as error:
        if interrupts.received and not error.code:
            sys.exit(INTERRUPTED)
        raise


def _fail(error: FaceloomError) -> None:
    print(escape_unprintable(f"faceloom: {error}"), file=sys.stderr)  # noqa: T201
    sys.exit(error.exit_code)


@cache
def build_command() -> TyperGroup:
    """Build `faceloom` from this package's commands and those of installed packages.

    Returns:
        The group of commands; the same at each call, because building takes 40 ms.
    """
    for module in _MODULES:
        module.add_commands(app)
    for point in entry_points(group=_COMMAND_GROUP):
        point.load()(app)
    return typer.main.get_group(app)


def _print_version(requested: bool) -> bool:
    if requested:
        # Imported here: it imports every library.
        from faceloom.doctor.versions import version_lines

        typer.echo("\n".join(version_lines()))
        raise typer.Exit
    return requested


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the versions of Faceloom and of its libraries, and exit.",
        ),
    ] = False,
) -> None:
    """Declare the options that precede a command."""
