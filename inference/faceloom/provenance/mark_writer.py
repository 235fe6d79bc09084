"""Write the disclosure mark to an output: tags while muxing, then XMP, a signature last."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceloom.errors import ProviderMissing, UsageError
from faceloom.provenance.container_tags import build_tags
from faceloom.provenance.credentials import (
    C2PA_FORMATS,
    check_key,
    install_hint,
    is_installed,
    sign,
)
from faceloom.provenance.disclosure_mark import DisclosureMark
from faceloom.provenance.signing_key import SigningKey, local_key, read_key
from faceloom.provenance.xmp_embedding import embed_mark
from faceloom.video import VideoInfo
from faceloom.video.output import STDIO_PATH, OutputKind, output_kind
from faceloom.video.streams.stream_copy import source_tags

log = logging.getLogger(__name__)

# Values of --provenance: "full" is tags, XMP and C2PA; "tags" leaves out C2PA.
MarkLevel = Literal["full", "tags", "off"]

# Suffixes of containers that support neither XMP nor C2PA.
_WITHOUT_XMP = (".mkv", ".webm")


@dataclass(frozen=True, slots=True)
class MarkSettings:
    """How an output is marked."""

    level: MarkLevel = "full"
    """What is written."""

    certificate: Path | None = None
    """The user's certificate chain in PEM; None: this machine's."""

    key: Path | None = None
    """The user's private key in PEM; None: this machine's."""

    watermark: bool = False
    """Whether the swapped faces get a watermark."""

    def choose_mark(self, mark: DisclosureMark, source: Path) -> DisclosureMark:
        """Return the mark of an output, which states the watermark if there is one.

        Args:
            mark: The disclosure mark.
            source: The input, whose name and size distinguish it.

        Raises:
            UsageError: If the output gets a watermark but no other mark.
        """
        if not self.watermark:
            return mark
        if self.level == "off":
            raise UsageError(
                "--watermark adds a mark and --provenance off leaves out all marks; give one of "
                "the two options."
            )
        size = source.stat().st_size if source.is_file() else 0
        return mark.with_watermark(f"{source.name} {size}")


@dataclass(frozen=True, slots=True)
class WrittenMarks:
    """The marks that an output has."""

    formats: tuple[str, ...] = ()
    """Which of "tags", "XMP", "watermark" and "C2PA" were written."""

    limitations: tuple[str, ...] = ()
    """One sentence for each that was not, with the reason."""

    def __str__(self) -> str:
        """Return the marks as sentences."""
        first = f"Marked with {', '.join(self.formats)}." if self.formats else "Not marked."
        return " ".join((first, *self.limitations))


class MarkWriter:
    """Marks one output. Create with `MarkWriter.open`."""

    def __init__(
        self, name: Path, level: MarkLevel, key: SigningKey | None, limitations: Sequence[str]
    ):
        """Store the settings.

        Args:
            name: The output path.
            level: What is written.
            key: The key to sign with; None: the output is not signed.
            limitations: Reasons why parts of the mark cannot be written.
        """
        self._name, self._level, self._key = name, level, key
        self._kind: OutputKind = output_kind(name)
        self._suffix = name.suffix.lower()
        if self._kind == "image_sequence":
            self._suffix = ".png"
        elif name == STDIO_PATH:
            self._suffix = ".mkv"
        self._limitations = list(limitations)
        self._formats: list[str] = []

    @classmethod
    def open(cls, settings: MarkSettings, name: Path) -> "MarkWriter":
        """Check how an output can be marked, before the work; create this machine's key if needed.

        The signature is an extra: without a usable key of this machine the output is not signed.

        Args:
            settings: How the output is marked.
            name: The output path.

        Raises:
            UsageError: If the given certificate or key cannot be used.
            ProviderMissing: If a certificate is given and the extra is not installed.
        """
        if (settings.certificate is None) != (settings.key is None):
            raise UsageError("--certificate and --key need each other; give both.")
        if settings.certificate and settings.level != "full":
            raise UsageError(
                f"--certificate signs the output, but --provenance {settings.level} leaves out the "
                "signature; leave one out."
            )
        if settings.level != "full" or name == STDIO_PATH or name.suffix.lower() in _WITHOUT_XMP:
            return cls(name, settings.level, None, ())
        reason = _unsigned_reason(name)
        if settings.certificate and not is_installed():
            raise ProviderMissing(f"--certificate: {install_hint()}")
        if reason:
            return cls(name, settings.level, None, [reason])
        if settings.certificate and settings.key:
            key = read_key(settings.certificate, settings.key)
            check_key(key)
            return cls(name, settings.level, key, ())
        try:
            key = local_key()
            check_key(key)
        except UsageError as error:
            return cls(name, settings.level, None, [f"It is not signed (C2PA): {error}"])
        return cls(name, settings.level, key, ())

    def tags(self, mark: DisclosureMark, source: VideoInfo) -> dict[str, str]:
        """Return the tags to write while a video is muxed; see `build_tags`.

        Args:
            mark: The disclosure mark.
            source: The input, whose tags are copied.
        """
        if self._level == "off" or self._kind != "video":
            return {}
        tags = build_tags(mark, self._suffix, source_tags(source))
        if any(name != "xmp" for name in tags):
            self._formats.append("tags")
        else:
            self._limitations.append(f"All tags of {self._suffix} for a mark are in use.")
        return tags

    def write(self, part: Path, mark: DisclosureMark, source: Path) -> WrittenMarks:
        """Mark a finished output.

        Args:
            part: The file, or the folder of images, before it is moved to its place.
            mark: The disclosure mark.
            source: The input.

        Raises:
            MediaUnreadable: If a JPEG cannot store a mark of this length.
        """
        if self._level == "off":
            return WrittenMarks((), ("--provenance off leaves out the disclosure mark.",))
        if self._suffix in _WITHOUT_XMP:
            missing = "XMP and C2PA" if self._level == "full" else "XMP"
            self._limitations.append(f"Matroska and WebM do not support {missing}; use .mp4.")
        else:
            self._embed(part, mark)
        if mark.watermark is not None:
            self._formats.append("watermark")
        if self._key:
            self._sign(part, mark, source, self._key)
        return WrittenMarks(tuple(self._formats), tuple(self._limitations))

    def _embed(self, part: Path, mark: DisclosureMark) -> None:
        files = sorted(part.iterdir()) if self._kind == "image_sequence" else [part]
        if self._suffix != ".mov":  # QuickTime stores XMP as a tag
            for file in files:
                embed_mark(file, self._suffix, mark.to_xmp(), mark.to_sentence())
        if self._kind != "video" and self._suffix != ".webp":
            self._formats.append("tags")
        self._formats.append("XMP")

    def _sign(self, part: Path, mark: DisclosureMark, source: Path, key: SigningKey) -> None:
        import c2pa  # noqa: PLC0415  an extra; there is a key only if it is installed

        try:
            limitation = sign(part, self._suffix, self._name.name, mark, source, key)
        except c2pa.C2paError as error:
            # Keep the output: hours of work are in it.
            self._limitations.append(f"C2PA could not be written ({error}).")
            log.warning("%s: C2PA could not be written: %s", self._name, error)
            return
        self._formats.append("C2PA")
        if limitation:
            self._limitations.append(limitation)


def mark_images(
    settings: MarkSettings, files: Sequence[Path], mark: DisclosureMark, source: Path
) -> WrittenMarks:
    """Mark finished images, each on its own.

    Args:
        settings: How they are marked.
        files: The images.
        mark: The disclosure mark.
        source: The input.

    Returns:
        The marks that all images have.

    Raises:
        UsageError: If the certificate or key cannot be used.
        ProviderMissing: If a certificate is given and the extra is not installed.
        MediaUnreadable: If a JPEG cannot store a mark of this length.
    """
    marks = [MarkWriter.open(settings, file).write(file, mark, source) for file in files]
    return min(marks, key=lambda written: len(written.formats))


def _unsigned_reason(name: Path) -> str:
    """Return why an output cannot be signed; "" if it can."""
    if output_kind(name) == "image_sequence":
        return "C2PA is written to single files, not to folders of images."
    if name.suffix.lower() not in C2PA_FORMATS:
        return f"C2PA is not written to {name.suffix}."
    return "" if is_installed() else f"{install_hint()}."
