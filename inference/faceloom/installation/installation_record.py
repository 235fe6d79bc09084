"""Find the program that installed Faceloom, and read its record of the installation.

`uv tool install` and `pipx install` record their arguments in a file of the environment.
"""

import json
import re
import sys
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

# The record of `uv tool install` in the environment that it makes.
_UV_RECEIPT = "uv-receipt.toml"
# The record of `pipx install`.
_PIPX_METADATA = "pipx_metadata.json"
# The settings of a virtual environment; uv adds its version to those that it makes.
_VENV_SETTINGS = "pyvenv.cfg"
# Name of Faceloom's distribution.
DISTRIBUTION = "faceloom"
# A requirement by name, such as "faceloom[cpu]>=0.1" or "faceloom[cpu] @ file:///x.whl".
_NAMED = re.compile(
    rf"^{DISTRIBUTION}\s*(?:\[(?P<extras>[^\]]*)\])?\s*(?P<source>@\s*\S+|[<>=!~][^;]*)?\s*(?:;.*)?$",
    re.IGNORECASE,
)
# A path or a URL, such as "/x.whl[cpu]" or "git+https://host/x.git".
_LOCATION = re.compile(r"^(?P<location>.+?)(?:\[(?P<extras>[^\]]*)\])?$")
# Keys of a Git reference in the query of a URL in uv's record.
_GIT_REFERENCES = ("rev", "tag", "branch")
# Most characters of a record that are read.
_MAX_RECORD_LENGTH = 1_000_000


class Installer(StrEnum):
    """The program that made the environment of this process."""

    PIP = "pip"
    """pip, or another program that writes no record."""
    UV_PIP = "uv pip"
    """`uv pip install` in an environment made by `uv venv`, which has no pip."""
    UV_TOOL = "uv tool"
    """`uv tool install`."""
    PIPX = "pipx"
    """`pipx install`."""
    STANDALONE = "standalone"
    """No program: the standalone folder has its own Python, and no package can be added to it."""


@dataclass(frozen=True, slots=True)
class Installation:
    """How this copy of Faceloom was installed."""

    installer: Installer
    """What installed it."""
    extras: tuple[str, ...] = ()
    """The extras in the record; empty without a record."""
    source: str = ""
    """Source or version, as it follows the extras: "@ file:///path" or "==0.1"; or empty."""
    packages: tuple[str, ...] = ()
    """Packages that the user added to it."""
    python: str = ""
    """The Python that the user chose for it, such as "3.12"; empty if none."""


def is_standalone() -> bool:
    """Return whether this is the standalone folder, which contains its own Python."""
    return bool(getattr(sys, "frozen", False))


@cache
def find_installation(prefix: Path) -> Installation:
    """Return how an environment was made.

    Args:
        prefix: The environment's folder, `sys.prefix` for this one.

    Returns:
        Its installer and the content of its record. An unreadable record counts as an empty one.
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


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MAX_RECORD_LENGTH)
    except (OSError, UnicodeDecodeError):
        return ""


def _read_uv_receipt(path: Path) -> Installation:
    try:
        tool = tomllib.loads(_read(path))["tool"]
        found = tool["requirements"]
        main = next(each for each in found if each["name"] == DISTRIBUTION)
        packages = tuple(_uv_package(each) for each in found if each["name"] != DISTRIBUTION)
        extras = tuple(map(str, main.get("extras", ())))
        python = str(tool.get("python", ""))
        return Installation(Installer.UV_TOOL, extras, _uv_source(main), packages, python)
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration):
        return Installation(Installer.UV_TOOL)


def _uv_source(requirement: dict[str, Any]) -> str:
    for key in ("path", "directory", "editable"):
        if path := requirement.get(key):
            return f"@ {Path(str(path)).as_uri()}"
    if url := requirement.get("url"):
        folder = requirement.get("subdirectory")
        return f"@ {url}#subdirectory={folder}" if folder else f"@ {url}"
    if git := requirement.get("git"):
        return f"@ {_git_url(str(git))}"
    return str(requirement.get("specifier", ""))


def _git_url(recorded: str) -> str:
    """Convert uv's "URL?rev=REFERENCE#commit" to "git+URL@REFERENCE#subdirectory=FOLDER"."""
    parts = urlsplit(recorded)
    query = parse_qs(parts.query)
    reference = next((f"@{query[key][0]}" for key in _GIT_REFERENCES if key in query), "")
    folder = f"#subdirectory={query['subdirectory'][0]}" if "subdirectory" in query else ""
    return f"git+{parts.scheme}://{parts.netloc}{parts.path}{reference}{folder}"


def _uv_package(requirement: dict[str, Any]) -> str:
    extras = f"[{','.join(requirement['extras'])}]" if requirement.get("extras") else ""
    source = _uv_source(requirement)
    gap = " " if source.startswith("@") else ""
    return f"{requirement['name']}{extras}{gap}{source}"


def _read_pipx_metadata(path: Path) -> Installation:
    try:
        record = json.loads(_read(path))
        extras, source = _split_requirement(str(record["main_package"]["package_or_url"]).strip())
        packages = tuple(
            str(each["package_or_url"]) for each in record.get("injected_packages", {}).values()
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return Installation(Installer.PIPX)
    return Installation(Installer.PIPX, extras, source, packages)


def _split_requirement(text: str) -> tuple[tuple[str, ...], str]:
    """Return the extras, and the source or version, of the argument of `pipx install`."""
    if match := _NAMED.match(text):
        source = (match["source"] or "").strip()
    elif match := _LOCATION.match(text):
        location = match["location"]
        source = f"@ {location if '://' in location else Path(location).absolute().as_uri()}"
    else:
        return (), ""
    extras = re.sub(r"[-_.]+", "-", (match["extras"] or "").lower().replace(" ", "")).split(",")
    return tuple(filter(None, extras)), source
