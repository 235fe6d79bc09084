"""Counts of a conversion's frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from faceloom.faces.parsing.occlusion import Occlusion
from faceloom.swap.pipeline.face_blending import SwappedFace
from faceloom.swap.pipeline.selected_frame import SelectedFrame


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """Counts of converted frames."""

    frames: int = 0
    """All of them."""
    swapped: int = 0
    """Those in which a face was swapped."""
    missing: int = 0
    """Those in which a face was lost."""
    occlusion: Occlusion = field(default_factory=Occlusion)
    """Those in which something stands before a swapped face; none if faces are not parsed."""

    def __add__(self, other: "FrameCounts") -> "FrameCounts":
        return FrameCounts(
            self.frames + other.frames,
            self.swapped + other.swapped,
            self.missing + other.missing,
            self.occlusion + other.occlusion,
        )

    @classmethod
    def of(
        cls, frames: Sequence[SelectedFrame], faces: Sequence[Sequence[SwappedFace]]
    ) -> "FrameCounts":
        """Count frames.

        Args:
            frames: selected frames.
            faces: the swapped faces of each.
        """
        return cls(
            len(frames),
            sum(bool(selected.selection.faces) for selected in frames),
            sum(bool(selected.selection.lost) for selected in frames),
            Occlusion.at(
                selected.frame.seconds
                for selected, swapped in zip(frames, faces, strict=True)
                if any(face.is_occluded for face in swapped)
            ),
        )
