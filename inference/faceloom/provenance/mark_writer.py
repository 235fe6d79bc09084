"""Mark what a conversion writes: tags while it is joined, XMP when it is whole, a signature last."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceloom.errors import ProviderMissing, UsageError
from faceloom.provenance.container_tags import tags_of
from faceloom.provenance.credentials import FORMATS, MISSING, check_key, is_installed, sign
from faceloom.provenance.disclosure_mark import Mark
from faceloom.provenance.signing_key import SigningKey, local_key, read_key
from faceloom.provenance.xmp_embedding import embed
from faceloom.video import VideoInfo
from faceloom.video.output import STANDARD, OutputKind, output_kind
from faceloom.video.stream_copy import source_tags

log = logging.getLogger(__name__)

Level = Literal["full", "tags", "off"]

_WITHOUT_XMP = (".mkv", ".webm")


@dataclass(frozen=True, slots=True)
class Marking:
    """How an output is marked. level: "tags" are tags and XMP, "full" is C2PA as well.

    certificate, key: PEM files of one's own to sign with, None for this machine's.
    """

    level: Level = "full"
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """What an output was marked with, of "tags", "XMP" and "C2PA"; a sentence for each thing that was not."""

    written: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it in words."""
        head = f"Marked with {', '.join(self.written)}." if self.written else "Not marked."
        return " ".join((head, *self.missing))


class Marker:
    """Marks one output. Use it through `Marker.open`."""

    def __init__(self, name: Path, level: Level, key: SigningKey | None, missing: Sequence[str]):
        self._name, self._level, self._key = name, level, key
        self._kind: OutputKind = output_kind(name)
        self._ending = (
            ".png"
            if self._kind == "pictures"
            else ".mkv"
            if name == STANDARD
            else name.suffix.lower()
        )
        self._missing = list(missing)
        self._written: list[str] = []

    @classmethod
    def open(cls, marking: Marking, name: Path) -> "Marker":
        """Find out how `name` can be marked, and make this machine's key if there is none, before the work.

        Raises UsageError if a certificate cannot be used, ProviderMissing if one was given without the extra.
        """
        if (marking.certificate is None) != (marking.key is None):
            raise UsageError("--certificate and --key go together; give both.")
        if marking.certificate and marking.level != "full":
            raise UsageError(
                f"--certificate signs, and --provenance {marking.level} does not; leave one out."
            )
        if marking.level != "full" or name == STANDARD or name.suffix.lower() in _WITHOUT_XMP:
            return cls(name, marking.level, None, ())
        unsigned = _unsigned(name)
        if marking.certificate and not is_installed():
            raise ProviderMissing(f"--certificate: {MISSING}")
        if unsigned:
            return cls(name, marking.level, None, [unsigned])
        key = (
            read_key(marking.certificate, marking.key)
            if marking.certificate and marking.key
            else local_key()
        )
        check_key(key)
        return cls(name, marking.level, key, ())

    def tags(self, mark: Mark, source: VideoInfo) -> dict[str, str]:
        """Return what is written into a video's tags while it is joined; see `tags_of`."""
        if self._level == "off" or self._kind != "video":
            return {}
        said = tags_of(mark, self._ending, source_tags(source))
        if any(name != "xmp" for name in said):
            self._written.append("tags")
        else:
            self._missing.append(f"All tags that {self._ending} has for it are the source's own.")
        return said

    def run_to_completion(self, part: Path, mark: Mark, source: Path) -> Marked:
        """Mark a whole output, `part` being where it lies; say what it carries now."""
        if self._level == "off":
            return Marked((), ("--provenance off leaves out what says that faces were exchanged.",))
        if self._ending in _WITHOUT_XMP:
            lacks = "XMP and C2PA" if self._level == "full" else "XMP"
            self._missing.append(f"Matroska and WebM have no place for {lacks}; an .mp4 has.")
        else:
            files = sorted(part.iterdir()) if self._kind == "pictures" else [part]
            for file in files if self._ending != ".mov" else ():
                embed(file, self._ending, mark.packet(), mark.sentence())
            if self._kind != "video" and self._ending != ".webp":
                self._written.append("tags")
            self._written.append("XMP")
        if self._key:
            self._sign(part, mark, source, self._key)
        return Marked(tuple(self._written), tuple(self._missing))

    def _sign(self, part: Path, mark: Mark, source: Path, key: SigningKey) -> None:
        import c2pa  # noqa: PLC0415  an extra, and there is a key only where it is installed

        try:
            sign(part, self._ending, self._name.name, mark, source, key)
        except c2pa.C2paError as error:
            # Hours of work are not thrown away for it.
            self._missing.append(f"C2PA could not be written ({error}).")
            log.warning("%s: C2PA could not be written: %s", self._name, error)
            return
        self._written.append("C2PA")


def mark_pictures(marking: Marking, files: Sequence[Path], mark: Mark, source: Path) -> Marked:
    """Mark whole pictures, each by itself; return what all of them carry."""
    marked = [Marker.open(marking, file).run_to_completion(file, mark, source) for file in files]
    return min(marked, key=lambda one: len(one.written))


def _unsigned(name: Path) -> str:
    """Say why an output cannot be signed; "" if it can."""
    if output_kind(name) == "pictures":
        return "C2PA is written into single files, not into folders of pictures."
    if name.suffix.lower() not in FORMATS:
        return f"C2PA is not written into {name.suffix}."
    return "" if is_installed() else f"{MISSING}."
