"""Compose the command that adds extras to this installation.

`uv tool install` and `pipx install` replace what they installed before, so their commands repeat
the extras and packages of this installation, which they record in a file of the environment.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from faceloom.installation.installation_record import (
    DISTRIBUTION,
    Installation,
    Installer,
    find_installation,
    is_standalone,
)
from faceloom.installation.runtime_builds import choose_extras
from faceloom.operating_system import chain_commands, quote_word

# Extras whose packages need TensorFlow.
_TENSORFLOW_EXTRAS = {"train", "train-gpu", "export"}
# The newest Python that TensorFlow 2.21 supports.
_NEWEST_TENSORFLOW_PYTHON = (3, 13)
# Version of this Python.
_PYTHON = sys.version_info[:2]
# Options that install again what is already installed.
_REINSTALL_FLAGS = {Installer.PIP: " --force-reinstall", Installer.UV_PIP: " --reinstall"}


def extras_command(extras: str, *packages: str, reinstall: bool = False, then: str = "") -> str:
    """Return the command line that adds extras to this installation.

    If the GPU build of onnxruntime is installed, it names the packages of an extra instead of the
    extra, which would also install the CPU build and overwrite the GPU build.

    Args:
        extras: The extras, such as "train" or "cpu,train".
        packages: Other packages that it adds.
        reinstall: Whether to install again what is already installed.
        then: A command that follows, such as that of `set_variable`; empty for none.

    Returns:
        One line for the program that installed Faceloom, which may end in a comment. For the
        standalone folder, a line that installs another copy of Faceloom, with the CPU build and
        the extras.
    """
    commands, notes = _commands(extras, packages, reinstall=reinstall)
    return _to_line([*commands, then] if then else commands, notes)


def extras_advice(extras: str) -> str:
    """Return how to install a missing extra, as the end of a sentence without a period.

    Args:
        extras: The extras, such as "train" or "cpu,train".
    """
    if is_standalone():
        return (
            "no package can be added to the standalone folder; install Faceloom with uv: "
            f"{extras_command(extras)}"
        )
    return f"run: {extras_command(extras)}"


def replacement_command(conflicting: str, extras: str) -> str:
    """Return the command line that replaces a package by the package of an extra.

    Args:
        conflicting: The installed package, such as "onnxruntime".
        extras: The extra whose package overwrites it, such as "gpu".
    """
    commands, notes = _commands(extras)
    match find_installation(Path(sys.prefix)).installer:
        case Installer.PIP:
            commands = [f"pip uninstall -y {conflicting}", *commands]
        case Installer.UV_PIP:
            commands = [f"uv pip uninstall {conflicting}", *commands]
    # The others install exactly what the command names.
    return _to_line(commands, notes)


def _commands(
    extras: str, packages: tuple[str, ...] = (), *, reinstall: bool = False
) -> tuple[list[str], list[str]]:
    """Return the commands that add extras to this installation, and notes about them."""
    installation = find_installation(Path(sys.prefix))
    asked = tuple(filter(None, extras.split(",")))
    compose = (
        _package_commands
        if installation.installer in (Installer.PIP, Installer.UV_PIP)
        else _whole_commands
    )
    return compose(installation, asked, packages, reinstall=reinstall)


def _to_line(commands: list[str], notes: list[str]) -> str:
    """Return the line that runs the commands, with the notes as a comment at its end."""
    line = chain_commands(*commands)
    return f"{line}  # {', '.join(notes)}" if notes else line


def _package_commands(
    installation: Installation,
    asked: tuple[str, ...],
    packages: tuple[str, ...],
    *,
    reinstall: bool,
) -> tuple[list[str], list[str]]:
    """Return the command that adds to the environment, and notes about it."""
    flags = _REINSTALL_FLAGS[installation.installer] if reinstall else ""
    choice = choose_extras((), asked)
    others = dict.fromkeys((*packages, *choice.packages))
    words = [*([_requirement(choice.extras)] if choice.extras or not others else []), *others]
    older = _older_python(asked)
    notes = [f"with Python {older} or older"] if older else []
    if choice.leaves_gpu:
        notes.append("in an environment without onnxruntime-gpu")
    return [_join(f"{installation.installer} install{flags}", words)], notes


def _whole_commands(
    installation: Installation,
    asked: tuple[str, ...],
    packages: tuple[str, ...],
    *,
    reinstall: bool,
) -> tuple[list[str], list[str]]:
    """Return commands that install Faceloom with all of its extras and packages, and notes."""
    is_standalone_copy = installation.installer is Installer.STANDALONE
    choice = choose_extras(("cpu",) if is_standalone_copy else installation.extras, asked)
    requirement = _requirement(choice.extras, installation.source)
    others = tuple(dict.fromkeys((*installation.packages, *packages, *choice.packages)))
    notes = ["converts on the CPU"] if choice.leaves_gpu else []
    notes += [f"without {extra}, which needs the CPU build" for extra in choice.dropped]
    older = _older_python(asked)
    version = older or installation.python
    python = ["--python", version] if version else []
    if installation.installer is Installer.PIPX:
        # --force keeps the environment, with its Python and its packages.
        is_new = bool(older) or choice.replaces
        start = "pipx install" if is_new else "pipx install --force"
        commands = [f"pipx uninstall {DISTRIBUTION}"] if is_new else []
        commands.append(_join(start, [*python, requirement]))
        commands += [_join(f"pipx inject {DISTRIBUTION}", others)] if others else []
        return commands, notes
    flags = " --reinstall" if reinstall and not is_standalone_copy else ""
    added = [word for package in others for word in ("--with", package)]
    return [_join(f"uv tool install{flags}", [*python, requirement, *added])], notes


def _older_python(asked: tuple[str, ...]) -> str:
    """Return the newest Python for these extras if this one is too new; otherwise an empty text."""
    if _PYTHON <= _NEWEST_TENSORFLOW_PYTHON or not _TENSORFLOW_EXTRAS & {*asked}:
        return ""
    return ".".join(map(str, _NEWEST_TENSORFLOW_PYTHON))


def _join(command: str, words: Iterable[str]) -> str:
    return " ".join([command, *map(quote_word, words)])


def _requirement(extras: tuple[str, ...], source: str = "") -> str:
    name = f"{DISTRIBUTION}[{','.join(extras)}]" if extras else DISTRIBUTION
    return f"{name} {source}" if source.startswith("@") else f"{name}{source}"
