"""The disclosure mark in a container's tags, beside the user's own tags."""

import mmap
import re
from collections.abc import Mapping
from pathlib import Path

from faceloom.artifact_kind import SENTENCE_PREFIX
from faceloom.errors import MediaUnreadable
from faceloom.provenance.disclosure_mark import SOURCE_TYPE, DisclosureMark
from faceloom.video.ffmpeg_errors import FFMPEG_ERRORS
from faceloom.video.safe_open import open_input

# Our own tag; Matroska allows any name.
_OWN_TAG = "FACELOOM"
# Other containers support a fixed list of tags: the first of these that is free is used.
_STANDARD_TAGS = ("comment", "description", "synopsis")
# A sentence in a file's bytes. It does not extend over a second prefix, so that a file full of
# prefixes is searched in linear time.
_SENTENCE_PATTERN = re.compile(
    b"%b (?:(?!%b)[^\0]){1,4000}?%b"
    % (SENTENCE_PREFIX.encode(), SENTENCE_PREFIX.encode(), SOURCE_TYPE.encode())
)


def build_tags(mark: DisclosureMark, suffix: str, existing: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that disclose a swap in a video; the user's tags are never replaced.

    QuickTime also stores the XMP packet as a tag.

    Args:
        mark: The disclosure mark.
        suffix: Suffix of the video, such as ".mp4".
        existing: The video's tags, by FFmpeg's names.

    Returns:
        The tags to write; empty if all that the container supports are in use.
    """
    has_own_tag = suffix in (".mkv", ".webm")
    tags = {_OWN_TAG: mark.to_sentence()} if has_own_tag else {}
    names = _STANDARD_TAGS[:1] if has_own_tag else _STANDARD_TAGS
    existing = {key.lower(): value for key, value in existing.items()}
    # An earlier mark of ours may be replaced: the credentials still describe the input.
    free = [
        name for name in names if existing.get(name, SENTENCE_PREFIX).startswith(SENTENCE_PREFIX)
    ]
    if free:
        tags[free[0]] = mark.to_sentence()
    if suffix == ".mov":
        tags["xmp"] = mark.to_xmp().decode()
    return tags


def read_tags(path: Path) -> dict[str, str]:
    """Return the tags of a video or image that FFmpeg reads.

    Args:
        path: The file.

    Raises:
        MediaUnreadable: If it is not a video or image.
    """
    try:
        with open_input(path) as container:
            tags = dict(container.metadata)
            for stream in container.streams.video[:1]:
                tags |= dict(stream.metadata)
            return {_to_utf8(name): _to_utf8(value) for name, value in tags.items()}
    except FFMPEG_ERRORS as error:
        raise MediaUnreadable(
            f"{path} is not a video or image that can be read; check that it opens in a player or "
            "viewer."
        ) from error


def _to_utf8(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")


def find_sentences(path: Path, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return our sentences in a file, each once.

    Args:
        path: The file; its bytes are searched if no tag has one, as FFmpeg does not read all
            tags of images.
        tags: The file's tags.
    """
    sentences = [value for value in tags.values() if value.startswith(SENTENCE_PREFIX)]
    if not sentences and path.stat().st_size:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            sentences = [
                match[0].decode(errors="replace") for match in _SENTENCE_PATTERN.finditer(data)
            ]
    return tuple(dict.fromkeys(sentences))
