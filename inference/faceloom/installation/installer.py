"""Find the program that installed Faceloom, and word its command for more extras.

`uv tool install` and `pipx install` replace what they installed before, so their commands repeat
the extras and packages of this installation, which they record in a file of the environment.
"""

import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

# The record of `uv tool install` in the environment that it makes.
_UV_RECEIPT = "uv-receipt.toml"
# The record of `pipx install`.
_PIPX_METADATA = "pipx_metadata.json"
# The settings of a virtual environment; uv adds its version to those that it makes.
_VENV_SETTINGS = "pyvenv.cfg"
_NAME = "faceloom"
# The name, extras and source of a requirement such as "faceloom[cpu] @ file:///x.whl".
_REQUIREMENT = re.compile(r"^(?P<name>[^\[@]*?)\s*(?:\[(?P<extras>[^\]]*)\])?\s*(?P<source>@.*)?$")
# Extras that install the same module: of each pair, the one that is asked for replaces the other.
_EXCLUSIVE = (("cpu", "gpu"), ("train", "train-gpu"))
# Extras whose packages need TensorFlow.
_TENSORFLOW_EXTRAS = {"train", "train-gpu", "export"}
# The newest Python that TensorFlow 2.21 supports.
_NEWEST_TENSORFLOW_PYTHON = (3, 13)
# This Python.
_PYTHON = sys.version_info[:2]
# Whether the shell is that of Windows, which takes double quotes only.
_IS_WINDOWS = os.name == "nt"
# Largest record that is read, in bytes.
_MAX_RECORD_BYTES = 1_000_000


class Installer(StrEnum):
    """What made the environment that this process runs in."""

    PIP = "pip"
    """pip, or anything that leaves no record."""
    UV_PIP = "uv pip"
    """`uv pip install` in an environment made by `uv venv`, which has no pip."""
    UV_TOOL = "uv tool"
    """`uv tool install`."""
    PIPX = "pipx"
    """`pipx install`."""
    STANDALONE = "standalone"
    """None: the folder with its own Python, to which no package can be added."""


# How an installer installs what is there already.
_REINSTALL_FLAGS = {Installer.PIP: " --force-reinstall", Installer.UV_PIP: " --reinstall"}


@dataclass(frozen=True, slots=True)
class Installation:
    """How this copy of Faceloom was installed."""

    installer: Installer
    """What installed it."""
    extras: tuple[str, ...] = ()
    """The extras that its record names; empty where there is no record."""
    source: str = ""
    """Where it was installed from, as "@ file:///path", if it was not installed by its name."""
    packages: tuple[str, ...] = ()
    """Packages that the user added to it."""
    python: str = ""
    """The Python that the user chose for it, such as "3.12"; empty if none."""


def is_standalone() -> bool:
    """Return whether this is the standalone folder, which contains its own Python."""
    return bool(getattr(sys, "frozen", False))


def extras_command(extras: str, *packages: str, reinstall: bool = False) -> str:
    """Return the command line that adds extras to this installation.

    Args:
        extras: The extras, such as "train" or "cpu,train".
        packages: Other packages that it adds.
        reinstall: Whether to install again what is there already.

    Returns:
        One line for the program that installed Faceloom. For the standalone folder, the line that
        installs Faceloom with the CPU runtime and the extras beside it.
    """
    installation = find_installation(Path(sys.prefix))
    asked = tuple(filter(None, extras.split(",")))
    if installation.installer in (Installer.PIP, Installer.UV_PIP):
        flags = _REINSTALL_FLAGS[installation.installer] if reinstall else ""
        words = [_requirement(asked), *packages]
        command = _join(f"{installation.installer} install{flags}", words)
        older = _older_python(asked)
        return f"{command}  # with Python {older} or older" if older else command
    return _whole_command(installation, asked, packages, reinstall=reinstall)


def extras_advice(extras: str) -> str:
    """Return what to do about a missing extra, as the end of a sentence without a period.

    Args:
        extras: The extras, such as "train" or "cpu,train".
    """
    if is_standalone():
        return f"this folder takes no packages; install Faceloom with uv: {extras_command(extras)}"
    return f"run: {extras_command(extras)}"


def replacement_command(conflicting: str, extras: str) -> str:
    """Return the command line that replaces a package by that of an extra.

    Args:
        conflicting: The installed package, such as "onnxruntime".
        extras: The extra whose package overwrites it, such as "gpu".
    """
    command = extras_command(extras)
    match find_installation(Path(sys.prefix)).installer:
        case Installer.PIP:
            return f"pip uninstall -y {conflicting} && {command}"
        case Installer.UV_PIP:
            return f"uv pip uninstall {conflicting} && {command}"
    # The others install exactly what the command names.
    return command


@cache
def find_installation(prefix: Path) -> Installation:
    """Return how an environment was made.

    Args:
        prefix: The environment's folder, `sys.prefix` for this one.

    Returns:
        Its installer and what its record names. A record that cannot be read counts as none.
    """
    if is_standalone():
        return Installation(Installer.STANDALONE)
    if (prefix / _UV_RECEIPT).is_file():
        return _read_uv_receipt(prefix / _UV_RECEIPT)
    if (prefix / _PIPX_METADATA).is_file():
        return _read_pipx_metadata(prefix / _PIPX_METADATA)
    if re.search(r"^uv\s*=", _read(prefix / _VENV_SETTINGS), re.MULTILINE):
        return Installation(Installer.UV_PIP)
    return Installation(Installer.PIP)


def _whole_command(
    installation: Installation,
    asked: tuple[str, ...],
    packages: tuple[str, ...],
    *,
    reinstall: bool,
) -> str:
    """Return a command that installs Faceloom with all of its extras and packages."""
    is_standalone_copy = installation.installer is Installer.STANDALONE
    known = ("cpu",) if is_standalone_copy else installation.extras
    requirement = _requirement(_union(known, asked), installation.source)
    others = tuple(dict.fromkeys((*installation.packages, *packages)))
    version = _older_python(asked) or installation.python
    python = ["--python", version] if version else []
    if installation.installer is Installer.PIPX:
        command = _join("pipx install --force", [*python, requirement])
        return f"{command} && {_join(f'pipx inject {_NAME}', others)}" if others else command
    flags = " --reinstall" if reinstall and not is_standalone_copy else ""
    added = [word for package in others for word in ("--with", package)]
    return _join(f"uv tool install{flags}", [*python, requirement, *added])


def _older_python(asked: tuple[str, ...]) -> str:
    """Return the newest Python for these extras if this one is too new; otherwise nothing."""
    if _PYTHON <= _NEWEST_TENSORFLOW_PYTHON or not _TENSORFLOW_EXTRAS & {*asked}:
        return ""
    return ".".join(map(str, _NEWEST_TENSORFLOW_PYTHON))


def _join(command: str, words: Iterable[str]) -> str:
    return " ".join([command, *map(_quote, words)])


def _union(known: tuple[str, ...], asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return the known extras and those that are asked for, without what these replace."""
    replaced = {a for a, b in _EXCLUSIVE if b in asked} | {b for a, b in _EXCLUSIVE if a in asked}
    return tuple(dict.fromkeys([*(extra for extra in known if extra not in replaced), *asked]))


def _requirement(extras: tuple[str, ...], source: str = "") -> str:
    text = f"{_NAME}[{','.join(extras)}]"
    return f"{text} {source}" if source else text


def _quote(word: str) -> str:
    if _IS_WINDOWS:
        return f'"{word}"' if re.search(r"[^\w.=-]", word) else word
    return shlex.quote(word)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MAX_RECORD_BYTES)
    except (OSError, UnicodeDecodeError):
        return ""


def _read_uv_receipt(path: Path) -> Installation:
    try:
        tool = tomllib.loads(_read(path))["tool"]
        found = tool["requirements"]
        main = next(each for each in found if each["name"] == _NAME)
        packages = tuple(_uv_package(each) for each in found if each["name"] != _NAME)
        extras = tuple(map(str, main.get("extras", ())))
        python = str(tool.get("python", ""))
        return Installation(Installer.UV_TOOL, extras, _uv_source(main), packages, python)
    except (tomllib.TOMLDecodeError, LookupError, TypeError, AttributeError, StopIteration):
        return Installation(Installer.UV_TOOL)


def _uv_source(requirement: dict[str, Any]) -> str:
    for key in ("path", "directory", "editable", "url"):
        if place := requirement.get(key):
            return f"@ {place}" if key == "url" else f"@ {Path(str(place)).as_uri()}"
    return ""


def _uv_package(requirement: dict[str, Any]) -> str:
    extras = f"[{','.join(requirement['extras'])}]" if requirement.get("extras") else ""
    return f"{requirement['name']}{extras}{requirement.get('specifier', '')}"


def _read_pipx_metadata(path: Path) -> Installation:
    try:
        record = json.loads(_read(path))
        match = _REQUIREMENT.match(str(record["main_package"]["package_or_url"]).strip())
        packages = tuple(
            str(each["package_or_url"]) for each in record.get("injected_packages", {}).values()
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return Installation(Installer.PIPX)
    if match is None:
        return Installation(Installer.PIPX, packages=packages)
    extras = tuple(filter(None, (match["extras"] or "").replace(" ", "").split(",")))
    source = match["source"] or ""
    name = match["name"].strip()
    if name != _NAME:
        # A path of a wheel or a folder.
        source = f"@ {Path(name).absolute().as_uri()}"
    return Installation(Installer.PIPX, extras, source, packages)
