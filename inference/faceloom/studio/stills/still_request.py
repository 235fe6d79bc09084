"""What a still is asked for, and what it is."""

from dataclasses import dataclass, field
from pathlib import Path

from faceloom.array_types import Rgb
from faceloom.studio.stills.still_views import StillView
from faceloom.swap import Assignment
from faceloom.swap.options import Section, SwapOptions


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a timeline needs to know of a clip."""

    frames: int
    """Number of frames."""
    rate: float
    """Average frames per second."""
    width: int
    """Width in pixels as shown: upright, with square pixels."""
    height: int
    """Height in pixels as shown."""

    def thumbnail_frames(self, count: int) -> list[int]:
        """Return the indices of frames that are spread evenly.

        Args:
            count: How many; fewer if the clip has fewer frames.
        """
        count = min(count, self.frames)
        return [int((index + 0.5) * self.frames / count) for index in range(count)]


@dataclass(frozen=True, slots=True)
class StillRequest:
    """One still."""

    clip: Path
    """The target."""
    bundle: Path
    """The bundle; it is not used with `assignments`."""
    frame: int
    """Index of the frame."""
    options: SwapOptions = field(default_factory=SwapOptions)
    """Which faces are swapped and how; `on_missing` and the label do not apply."""
    view: StillView = StillView.SWAP
    """What it shows."""
    draft: bool = False
    """Whether the still may be approximate to be quick: a new frame is swapped alone, without the
    frames that it is smoothed with, and erode, feather and forehead apply to it alone."""
    sections: tuple[Section, ...] = ()
    """Frames with other options, as `resolve_sections` returns them. The people of `options` apply
    in them too."""
    assignments: tuple[Assignment, ...] = ()
    """A bundle for each of several people; all other faces are left as they are."""

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The clip, bundles and pictures that the still depends on."""
        assigned = (path for pair in self.assignments for path in pair)
        pictures = self.options.reference + self.options.exclude
        return (self.clip, self.bundle, *pictures, *assigned)


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of one frame."""

    picture: Rgb
    """Its pixels, upright and square."""
    faces: int
    """Number of swapped faces."""
