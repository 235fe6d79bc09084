"""The options of a conversion: which faces are swapped, how they are blended, how the work runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType

from faceloom.choices import (
    ColorTransfer,
    Decoder,
    Engine,
    GlassesChoice,
    MaskKind,
    OnDamaged,
    OnMissing,
    StreamMode,
)
from faceloom.errors import UsageError
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faces.mask import FOREHEAD_EXTENSION
from faceloom.hashing import sha256_of_file
from faceloom.provenance import MarkSettings, VisibleLabel
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.video import DEFAULT_ENCODING, Encoding, FrameRange

# Frames in a segment: a killed conversion loses at most this many. Encoders place a key frame
# about as often anyway.
SEGMENT_LENGTH = 250

_RESUME = "resume"
# How an option takes part in resuming. Every option declares one of these four, so that a new
# option cannot join or leave the check by accident.
MUST_MATCH: Mapping[str, str] = MappingProxyType({_RESUME: "value"})
"""The option decides pixels: a resumed run must give the same value."""
FILES_MUST_MATCH: Mapping[str, str] = MappingProxyType({_RESUME: "files"})
"""The option names files that decide pixels: a resumed run must give the same file contents."""
SECTIONS_MUST_MATCH: Mapping[str, str] = MappingProxyType({_RESUME: "sections"})
"""The option contains sections: a resumed run must give the same ones."""
MAY_CHANGE: Mapping[str, str] = MappingProxyType({_RESUME: "free"})
"""The option decides no pixel, or `ResumeKey` records what it resolves to."""

_TRACK_PREFIX = "track:"


@dataclass(frozen=True, slots=True)
class SwapOptions:
    """Which faces are swapped and how they are blended into the frame."""

    select: str | None = field(default=None, metadata=MUST_MATCH)
    """"largest", "all" or "track:N"; None is "all" with `reference` and "largest" without it."""
    reference: tuple[Path, ...] = field(default=(), metadata=FILES_MUST_MATCH)
    """Pictures of the people whose faces are swapped."""
    exclude: tuple[Path, ...] = field(default=(), metadata=FILES_MUST_MATCH)
    """Pictures of people whose faces are never swapped."""
    threshold: float = field(default=SAME_PERSON_SIMILARITY, metadata=MUST_MATCH)
    """Cosine similarity, -1 to 1, from which a face counts as a person of the pictures."""
    color: ColorTransfer | None = field(default=None, metadata=MUST_MATCH)
    """Color transfer; None takes the source's suggestion."""
    mask: MaskKind = field(default="regions", metadata=MUST_MATCH)
    """Which mask faces are pasted with, see `face_mask` in `compositing.face_mask`."""
    glasses: GlassesChoice = field(default="auto", metadata=MUST_MATCH)
    """Whose glasses are shown with mask "regions"."""
    erode: float | None = field(default=None, metadata=MUST_MATCH)
    """Width that is removed from the mask's edge, in crop sides; None: the source's suggestion."""
    feather: float | None = field(default=None, metadata=MUST_MATCH)
    """Standard deviation of the mask's soft edge, in crop sides; None: the source's suggestion."""
    forehead: float = field(default=FOREHEAD_EXTENSION, metadata=MUST_MATCH)
    """How far the mesh mask extends above the mesh, in face heights."""
    sharpen: float | None = field(default=None, metadata=MUST_MATCH)
    """Unsharp mask amount, 0 to 1; None sharpens up to the source's limit to match the target."""
    on_missing: OnMissing = field(default="keep", metadata=MUST_MATCH)
    """What to do with a frame that lost its face: keep it, paste the last face, or fail."""
    label: VisibleLabel | None = field(default=None, metadata=MUST_MATCH)
    """Text to write into every frame."""
    watermark_fingerprint: int | None = field(default=None, metadata=MUST_MATCH)
    """Fingerprint in the pixels of the swapped faces, 0 to 2**32 - 1; None: no watermark. A
    conversion sets it by `marking`."""

    @property
    def track(self) -> int | None:
        """The number N of "track:N"; None for any other selection."""
        return (
            int(self.select.removeprefix(_TRACK_PREFIX))
            if self.select and self.select.startswith(_TRACK_PREFIX)
            else None
        )

    def check(self) -> None:
        """Check the selection and the label.

        Raises:
            UsageError: one of them is invalid.
        """
        if self.label:
            self.label.check()
        name = self.select or "all"
        if name in ("largest", "all") or (
            name.startswith(_TRACK_PREFIX) and name.removeprefix(_TRACK_PREFIX).isdecimal()
        ):
            return
        raise UsageError(
            f"--select {name!r} is invalid; choose largest, all or track:N "
            "(--list-tracks shows the numbers)."
        )


@dataclass(frozen=True, slots=True)
class Section:
    """Successive frames of a target that are swapped with options of their own."""

    frames: FrameRange
    """Which frames of the target."""
    options: SwapOptions
    """How faces are swapped in them; the label is that of the conversion."""
    swap: bool = True
    """Whether faces are swapped in them; False leaves the frames as they are."""


@dataclass(frozen=True, slots=True)
class ConvertOptions(SwapOptions):
    """The options of a whole conversion: `SwapOptions`, and how the work runs."""

    provider: str = field(default="auto", metadata=MAY_CHANGE)
    """onnxruntime provider, see `open_on_provider`; the provider that runs must match."""
    face_provider: str = field(default="cpu", metadata=MUST_MATCH)
    """onnxruntime provider of the networks that find and parse faces; `resolve_face_provider`
    replaces one that does not run by "cpu"."""
    precision: str = field(default="auto", metadata=MAY_CHANGE)
    """Which graph of the bundle runs, see `choose_graph`; the precision that runs must match."""
    batch_size: int | None = field(default=None, metadata=MUST_MATCH)
    """Frames per batch; None takes the tuned value of this machine, see `tuned_batch_size`."""
    encoding: Encoding = field(default=DEFAULT_ENCODING, metadata=MUST_MATCH)
    """How the output's pictures are encoded."""
    streams: StreamMode = field(default="auto", metadata=MAY_CHANGE)
    """What becomes of sound and subtitles that the output's container cannot hold."""
    on_damaged: OnDamaged = field(default="stop", metadata=MAY_CHANGE)
    """What happens at a damaged frame; frames before it are the same in any case."""
    decoder: Decoder = field(default="software", metadata=MUST_MATCH)
    """What decodes the target; "cuda" falls back to software with a warning."""
    frame_range: FrameRange | None = field(default=None, metadata=MUST_MATCH)
    """The part of the target that is converted; None converts all of it."""
    sections: tuple[Section, ...] = field(default=(), metadata=SECTIONS_MUST_MATCH)
    """Parts of the target with options of their own, see `OptionTimeline`; they do not overlap.
    A contact sheet and a single frame ignore them."""
    engine: Engine = field(default="local", metadata=MAY_CHANGE)
    """"local" uses this machine; "ray" spreads segments over a Ray cluster."""
    workers: int | None = field(default=None, metadata=MAY_CHANGE)
    """Processes of the local engine that swap segments; None chooses, see `choose_worker_count`."""
    resume: bool = field(default=False, metadata=MAY_CHANGE)
    """Continue an interrupted conversion to the same output."""
    keep_partial: bool = field(default=True, metadata=MAY_CHANGE)
    """Keep finished segments when the conversion is interrupted."""
    force: bool = field(default=False, metadata=MAY_CHANGE)
    """Replace an existing output, and discard an interrupted conversion to it."""
    segment_length: int = field(default=SEGMENT_LENGTH, metadata=MUST_MATCH)
    """Frames per segment."""
    marking: MarkSettings = field(default_factory=MarkSettings, metadata=MAY_CHANGE)
    """How the output is marked as swapped; `watermark_fingerprint` decides pixels."""

    @property
    def variants(self) -> tuple[SwapOptions, ...]:
        """The options outside all sections, then those of each section."""
        return self, *(section.options for section in self.sections)


def resume_settings(options: SwapOptions) -> dict[str, str]:
    """Return what must be equal in an interrupted run and in the run that resumes it.

    Args:
        options: the options of a run.

    Returns:
        Text by option name: the value's `repr`, or the SHA-256 of each file.

    Raises:
        KeyError: an option declares none of `MUST_MATCH`, `FILES_MUST_MATCH`,
            `SECTIONS_MUST_MATCH` and `MAY_CHANGE`.
    """
    settings = {}
    for option in fields(options):
        value, rule = getattr(options, option.name), option.metadata[_RESUME]
        if rule == "value":
            settings[option.name] = repr(value)
        elif rule == "files":
            settings[option.name] = " ".join(map(_content_hash, value))
        elif rule == "sections":
            rows = [(str(row.frames), row.swap, resume_settings(row.options)) for row in value]
            settings[option.name] = repr(rows)
    return settings


def _content_hash(path: Path) -> str:
    """Return a file's SHA-256; opening a missing file fails elsewhere, with a clear message."""
    return sha256_of_file(path) if path.is_file() else "missing"


@dataclass(frozen=True, slots=True)
class BlendSettings:
    """How the faces of one source are blended: its suggestions, overridden by the user's options.

    Lengths are in crop sides.
    """

    color: ColorTransfer
    """Color transfer."""
    mask: MaskKind
    """Which mask faces are pasted with."""
    glasses: GlassesChoice
    """Whose glasses are shown with mask "regions"."""
    erode: float
    """Width that is removed from the mask's edge."""
    feather: float
    """Standard deviation of the mask's soft edge."""
    forehead: float
    """How far the mesh mask extends above the mesh, in face heights."""
    sharpen: float
    """Unsharp mask amount, 0 to 1."""
    sharpen_exactly: bool
    """Whether `sharpen` is the amount for every face, and not the limit for matching the target."""

    @property
    def measured(self) -> tuple[ColorTransfer, MaskKind, GlassesChoice, float]:
        """The settings that change the colors and masks measured over a track."""
        return self.color, self.mask, self.glasses, self.forehead

    @classmethod
    def from_options(cls, suggested: BlendRow, options: SwapOptions) -> "BlendSettings":
        """Combine a source's suggestions with the user's options.

        Args:
            suggested: what the source suggests.
            options: options that are not None override it.

        Returns:
            The settings for faces of that source.
        """
        return cls(
            color=options.color or suggested.color,
            mask=options.mask,
            glasses=options.glasses,
            erode=suggested.erode if options.erode is None else options.erode,
            feather=suggested.feather if options.feather is None else options.feather,
            forehead=options.forehead,
            sharpen=suggested.sharpen if options.sharpen is None else options.sharpen,
            sharpen_exactly=options.sharpen is not None,
        )
