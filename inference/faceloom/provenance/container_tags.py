"""The mark in a container's own tags, beside what the user wrote there."""

import mmap
import re
from collections.abc import Mapping
from pathlib import Path

import av

from faceloom.errors import MediaUnreadable
from faceloom.provenance.disclosure_mark import BEGINNING, SOURCE_TYPE, Mark
from faceloom.video.safe_open import open_input

# Matroska takes any name. Others know a list: the first that the user left free is taken.
_OWN = "FACELOOM"
_FREE = ("comment", "description", "synopsis")
# It stops where another one begins, so that a file full of beginnings takes no longer than another.
_SENTENCE = re.compile(
    b"%b (?:(?!%b)[^\0]){1,4000}?%b"
    % (BEGINNING.encode(), BEGINNING.encode(), SOURCE_TYPE.encode())
)


def tags_of(mark: Mark, ending: str, there: Mapping[str, str]) -> dict[str, str]:
    """Return the tags to write into a video. there: its own, by FFmpeg's names; they are never replaced.

    In QuickTime the XMP packet is such a tag, too. Empty if all are taken.
    """
    said = {_OWN: mark.sentence()} if ending in (".mkv", ".webm") else {}
    names = _FREE[:1] if said else _FREE
    taken = {key.lower(): value for key, value in there.items()}
    # An older mark of ours may go: what it said stays in the credentials.
    free = [name for name in names if taken.get(name, BEGINNING).startswith(BEGINNING)]
    if free:
        said[free[0]] = mark.sentence()
    if ending == ".mov":
        said["xmp"] = mark.packet().decode()
    return said


def tags_in(path: Path) -> dict[str, str]:
    """Return the tags of a video or picture that FFmpeg reads. Raises MediaUnreadable if it reads none at all."""
    try:
        with open_input(path) as container:
            tags = dict(container.metadata)
            for stream in container.streams.video[:1]:
                tags |= dict(stream.metadata)
            return {_readable(name): _readable(said) for name, said in tags.items()}
    except (av.FFmpegError, ValueError) as error:
        raise MediaUnreadable(
            f"{path} is no video or picture that can be read; check that it opens in a player or viewer."
        ) from error


def _readable(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")


def sentences_in(path: Path, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return our sentences among a file's tags, each once, or in its bytes: FFmpeg does not read all of a picture's."""
    said = [value for value in tags.values() if value.startswith(BEGINNING)]
    if not said and path.stat().st_size:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            said = [found[0].decode(errors="replace") for found in _SENTENCE.finditer(data)]
    return tuple(dict.fromkeys(said))
