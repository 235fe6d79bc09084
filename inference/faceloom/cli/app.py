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
from faceloom.errors import (
    FaceloomError,
    MediaUnreadable,
    MemoryExhausted,
    PartlyDone,
    Stopped,
    escape_unprintable,
)
from faceloom.interrupts import InterruptRecord, recorded_interrupts
from faceloom.operating_system import address_space_limit, is_memory_exhausted

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
# Address space in MB of 10^6 bytes with which a command fails on its smallest input; with less,
# native libraries end the process with a signal while they load. Measured on Linux with two cores
# (benchmarks/robustness/memory_limits.py); `import` 1000: TensorFlow cannot be imported.
_TOO_LITTLE_MB = {
    "swap": 3000,
    "studio": 600,
    "extract": 1000,
    "curate": 600,
    "review": 1400,
    "train": 3000,
    "export": 3000,
    "import": 1000,
    "convert": 1700,
    "compare": 1700,
    "inspect": 700,
    "demo": 3000,
    "bench": 1000,
}
# The same for other commands.
_OTHER_TOO_LITTLE_MB = 500
# Characters of an unexpected error in a message.
_MAX_REASON = 200
# What takes less memory, for the commands that have such an option.
_LESS_MEMORY = {
    "extract": "use --workers 1 or a larger --every",
    "convert": "use --workers 1",
    "train": "set a smaller batch with --set micro_batch_size=1, or choose a smaller preset",
    "swap": "give smaller footage",
}


class _OrderedGroup(TyperGroup):
    """Lists the commands in the order of work, whatever package adds them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command to run; refuse one that lacks address space.

        Args:
            ctx: The click context.
            args: The words after `faceloom`.

        Returns:
            What click's own method returns: name, command, and the other words.

        Raises:
            MemoryExhausted: The process may have less address space than the command needs.
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
    """Return the error to print; raise one that no code of ours expects."""
    # A library's error for exhausted memory may have been taken for a damaged file.
    if not isinstance(error, PartlyDone | Stopped) and is_memory_exhausted(error):
        return memory_exhausted(sys.argv[1] if len(sys.argv) > 1 else "")
    if isinstance(error, FaceloomError):
        return error
    if isinstance(error, OSError):
        return friendly_os_error(error, Path(error.filename or "The file"))
    # PyAV is not imported by every command.
    if type(error).__module__.startswith("av."):
        return _media_error(error)
    # An import that lacks memory can fail with any error.
    if (limit := address_space_limit()) is not None:
        return MemoryExhausted(
            f"The command failed ({type(error).__name__}: {str(error)[:_MAX_REASON]}), perhaps "
            f"because this process may have only {limit / 1e6:.0f} MB of address space; raise the "
            "limit (ulimit -v) and run the same command again."
        )
    raise error


def check_address_space(command: str) -> None:
    """Check that this process may reserve the address space that a command needs to start.

    Args:
        command: The command's name.

    Raises:
        MemoryExhausted: It may not.
    """
    limit, too_little = address_space_limit(), _TOO_LITTLE_MB.get(command, _OTHER_TOO_LITTLE_MB)
    if limit is not None and limit <= 1_000_000 * too_little:
        raise MemoryExhausted(
            f"`faceloom {command}` needs more than {too_little} MB of address space, and this "
            f"process may have {limit / 1e6:.0f} MB; raise the limit (ulimit -v) and run the same "
            "command again."
        )


def memory_exhausted(command: str) -> MemoryExhausted:
    """Return the error to print for a command that ran out of memory.

    Args:
        command: The command's name.
    """
    limited = address_space_limit() is not None
    more = "raise the limit of this process (ulimit -v)" if limited else "close other programs"
    less = f", {_LESS_MEMORY[command]}," if command in _LESS_MEMORY else ""
    return MemoryExhausted(
        f"There is too little memory to finish; {more}{less} and run the same command again."
    )


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
