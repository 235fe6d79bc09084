"""The options of `faceloom convert` without those of the blend, as the swap page sends them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom.choices import (
    DEFAULT_SPEED,
    EncoderName,
    EncodingSpeed,
    LabelPosition,
    OnMissing,
    StreamMode,
)
from faceloom.errors import UsageError
from faceloom.provenance import MarkSettings, VisibleLabel
from faceloom.studio.conversion.swap_sections import MAX_FRAMES
from faceloom.studio.conversion.swap_settings import SwapSettings
from faceloom.studio.picker import check_picture
from faceloom.studio.web.responses import Body
from faceloom.swap.options import ConvertOptions
from faceloom.video import Encoding, FrameRange

_DEFAULTS = ConvertOptions()
# The default of `convert`, which chooses by the output's extension.
_DEFAULT_ENCODER: EncoderName = "auto"
# Most pictures of one list.
_MAX_PICTURES = 100
FrameIndex = Annotated[int, Field(ge=0, lt=MAX_FRAMES)]
Pictures = Annotated[tuple[str, ...], Field(max_length=_MAX_PICTURES)]


class PeopleByPictures(Body):
    """People whose faces are swapped or left as they are, by pictures."""

    reference: Pictures = ()
    """Absolute paths of pictures of the people who are swapped."""
    exclude: Pictures = ()
    """Absolute paths of pictures of people who are not swapped."""
    threshold: Annotated[float, Field(ge=0, le=1)] = _DEFAULTS.threshold
    """Similarity from which a face counts as a person of the pictures."""

    def check_pictures(self, roots: Sequence[Path]) -> None:
        """Check that every picture is a picture in a folder that the page may read.

        Args:
            roots: Allowed folders, resolved.

        Raises:
            UsageError: A path is not absolute, is missing, is not a picture, or is outside the
                roots.
        """
        for path in map(Path, (*self.reference, *self.exclude)):
            if not path.is_absolute():
                raise UsageError(f"{path} is not an absolute path; choose the picture again.")
            check_picture(path, roots)


class ConversionOptions(PeopleByPictures):
    """How a conversion is written, which part of the target it takes, and whom it swaps."""

    container: Literal["mp4", "mkv", "mov"] = "mp4"
    """Container of the output, its extension."""
    encoder: EncoderName = _DEFAULT_ENCODER
    """Encoder of the output's frames."""
    speed: EncodingSpeed = DEFAULT_SPEED
    """Whether encoding takes little time or makes small files."""
    quality: Annotated[int, Field(ge=0, le=100)] | None = None
    """Video quality; None: the default of `convert`."""
    streams: StreamMode = _DEFAULTS.streams
    """What becomes of sound and subtitles that the container cannot hold."""
    first_frame: FrameIndex | None = None
    """First frame that is converted; None: from the start."""
    last_frame: FrameIndex | None = None
    """Last frame that is converted; None: to the end."""
    on_missing: OnMissing = _DEFAULTS.on_missing
    """What happens to a frame that lost its face."""
    label: Annotated[str, Field(max_length=200)] = ""
    """Text to draw into every frame, or "eu" for the EU's label; empty: no label."""
    label_position: LabelPosition | None = None
    """The corner of the label; None: the default of its text."""
    watermark: bool = _DEFAULTS.marking.watermark
    """Whether the pixels of swapped faces are marked."""

    def to_convert_options(self, settings: SwapSettings) -> ConvertOptions:
        """Return the options of the library.

        Args:
            settings: How faces are blended.

        Raises:
            UsageError: Two options do not fit together, or the part is empty.
        """
        part = self._range()
        return ConvertOptions(
            **settings.model_dump(),
            reference=tuple(map(Path, self.reference)),
            exclude=tuple(map(Path, self.exclude)),
            threshold=self.threshold,
            on_missing=self.on_missing,
            label=VisibleLabel.parse(self.label, self.label_position) if self.label else None,
            encoding=Encoding.parse(self.encoder, self.quality, speed=self.speed),
            streams=self.streams,
            marking=MarkSettings(watermark=self.watermark),
            frame_range=FrameRange.parse(part) if part else None,
        )

    def to_arguments(self) -> tuple[str, ...]:
        """Return the arguments of `faceloom convert` that differ from the defaults."""
        values = {
            "--range": self._range(),
            "--encoder": _unless(self.encoder, _DEFAULT_ENCODER),
            "--speed": _unless(self.speed, DEFAULT_SPEED),
            "--quality": "" if self.quality is None else str(self.quality),
            "--streams": _unless(self.streams, _DEFAULTS.streams),
            "--on-missing": _unless(self.on_missing, _DEFAULTS.on_missing),
            "--threshold": _unless(f"{self.threshold:g}", f"{_DEFAULTS.threshold:g}"),
            "--label": self.label,
            "--label-position": (self.label_position or "") if self.label else "",
        }
        given = [part for option, value in values.items() if value for part in (option, value)]
        pictures = [part for path in self.reference for part in ("--reference", path)]
        pictures += [part for path in self.exclude for part in ("--exclude", path)]
        switches = ["--watermark"] if self.watermark else []
        return (*given, *switches, *pictures)

    def _range(self) -> str:
        """Return the part as `--range` takes it; empty for the whole target."""
        first, last = self.first_frame, self.last_frame
        if first is not None and last is not None and last < first:
            raise UsageError(
                f"The last frame, {last}, is before the first one, {first}; choose a later one."
            )
        if not first and last is None:
            return ""
        return f"{first or ''}:{'' if last is None else last + 1}"


def _unless(value: str, default: str) -> str:
    """Return a value; empty if it is the default."""
    return "" if value == default else value
