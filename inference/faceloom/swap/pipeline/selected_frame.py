"""Frames with the faces that are swapped, before and after these are aligned."""

from dataclasses import dataclass

from faceloom.swap.pipeline.face_blending import AlignedFace
from faceloom.swap.selection.face_selector import FaceSelection
from faceloom.video import Frame


@dataclass(frozen=True, slots=True)
class SelectedFrame:
    """An upright frame and the faces in it that are swapped."""

    frame: Frame
    """The frame, never changed in place."""
    selection: FaceSelection
    """Its faces."""


@dataclass(frozen=True, slots=True)
class AlignedFrame:
    """The aligned faces of a frame, without its pixels: a small part of the frame's memory."""

    selection: FaceSelection
    """The frame's selection."""
    faces: tuple[AlignedFace, ...]
    """One for each face of the selection."""
