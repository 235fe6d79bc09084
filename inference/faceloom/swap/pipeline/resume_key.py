"""What decides the pixels of a conversion, as the folder of an interrupted one keeps it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom import __version__
from faceloom.atomic import hidden_sibling
from faceloom.errors import ArtifactRefused
from faceloom.hashing import sha256_of
from faceloom.json_documents import StrictModel, read_document
from faceloom.provenance import content_check_available
from faceloom.swap.inference.providers import PROVIDERS
from faceloom.swap.options import ConvertOptions, resume_settings
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.pipeline.target import Target
from faceloom.video.image_sequence import list_images
from faceloom.video.output import final_path

SCHEMA: Literal[2] = 2
KEY_FILE = "conversion.json"


class ResumeKey(StrictModel):
    """`conversion.json`: everything that decides the output's pixels."""

    schema_number: Annotated[Literal[2], Field(alias="schema")] = SCHEMA
    """Version of this format."""
    faceloom_version: str
    """Faceloom's version."""
    target: str
    """The target's absolute path."""
    target_fingerprint: str
    """SHA-256 of the names, sizes and times of the target's files."""
    settings: dict[str, str]
    """The options, the source and what it runs on, as text by name."""

    @classmethod
    def of(cls, target: Target, source: SwapSource, options: ConvertOptions) -> "ResumeKey":
        """Build the key of a conversion.

        Args:
            target: what is converted.
            source: its source. The provider and precision that run are part of the key: a GPU
                computes other numbers than a processor.
            options: its options, with the batch size that is used.

        Returns:
            The key.
        """
        settings = resume_settings(options) | {
            "source": source.resume_id,
            "provider": source.identity_map.provider,
            "precision": str(source.identity_map.precision),
            # Frames that were written without the content check are not reported as checked.
            "content_check": str(content_check_available()),
        }
        return cls(
            faceloom_version=__version__,
            target=str(target.info.path.resolve()),
            target_fingerprint=_fingerprint(target.info.path),
            settings=settings,
        )

    def differences(self, other: "ResumeKey") -> list[str]:
        """Return the names of what differs.

        Args:
            other: the key to compare with.
        """
        names = [
            name
            for name in ("faceloom_version", "target", "target_fingerprint")
            if getattr(self, name) != getattr(other, name)
        ]
        settings = sorted(self.settings.keys() | other.settings.keys())
        return names + [
            name for name in settings if self.settings.get(name) != other.settings.get(name)
        ]


def read_batch_size(out: Path) -> int | None:
    """Return the batch size of an interrupted conversion; it decides the last bits of predictions.

    Args:
        out: the conversion's output.

    Returns:
        Frames per batch; None if there is no such conversion or its file cannot be read.
    """
    try:
        return int(_read_setting(out, "batch_size"))
    except ValueError:
        return None


def read_provider(out: Path) -> str | None:
    """Return the provider of an interrupted conversion, which "auto" must not choose again.

    Args:
        out: the conversion's output.

    Returns:
        A key of `PROVIDERS`; None if there is no such conversion or its file cannot be read.
    """
    provider = _read_setting(out, "provider")
    return provider if provider in PROVIDERS else None


def _read_setting(out: Path, name: str) -> str:
    try:
        key = read_key(resume_folder(out))
    except ArtifactRefused:
        return ""
    return key.settings.get(name, "")


def read_key(folder: Path) -> ResumeKey:
    """Read the key of an interrupted conversion.

    Args:
        folder: what `resume_folder` returns.

    Returns:
        The key.

    Raises:
        ArtifactRefused: the file is missing, damaged or of another version.
    """
    return read_document(folder / KEY_FILE, ResumeKey, SCHEMA, "interrupted conversion")


def resume_folder(out: Path) -> Path:
    """Return the folder of an interrupted conversion, see `ResumeStore`.

    Args:
        out: the conversion's output.

    Returns:
        The path; it may not exist.
    """
    written = final_path(out).resolve()
    return hidden_sibling(written, "work")


def _fingerprint(path: Path) -> str:
    """Hash names, sizes and times of a file, or of a folder's pictures."""
    stats = [(file.name, file.stat()) for file in list_images(path)]
    return sha256_of(
        repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]).encode()
    )
