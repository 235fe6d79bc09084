"""Scan the frames of a clip in order, for cuts and for the number of faces."""

from collections.abc import Iterator
from pathlib import Path

from faceloom.faces.face_finder import FaceFinder
from faceloom.project.step import file_signature
from faceloom.studio.scans.clip_scan import ClipScan
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.swap.preview.frame_lead_in import first_frame


class FrameScan:
    """Scans one clip, one frame a step. It finds the faces that a conversion finds."""

    def __init__(self, clip: Path, finder: FaceFinder, known: ClipScan | None = None):
        """Open a clip.

        Args:
            clip: The clip.
            finder: A finder that detects as a conversion does; its networks are used.
            known: What an earlier scan found; ignored if the clip was replaced after it.

        Raises:
            UsageError: There is no such file.
            MediaUnreadable: It cannot be read.
        """
        self._signature = file_signature(clip)
        if known and known.signature != self._signature:
            known = None
        # Every frame is read once.
        self._frames = ClipFrames(clip, cache_bytes=0)
        self._finder = finder
        self._done = known.done if known else 0
        self._cuts = list(known.cuts) if known else []
        self._runs = list(known.runs) if known else []

    def result(self) -> ClipScan:
        """Return what is known; call it between two steps."""
        return ClipScan(
            signature=self._signature,
            frames=len(self._frames),
            cuts=tuple(self._cuts),
            done=self._done,
            runs=tuple(self._runs),
        )

    def steps(self) -> Iterator[None]:
        """Scan one frame for each step.

        A scan that continues an earlier one starts with the lead-in of its first frame.

        Yields:
            Nothing, after each frame.

        Raises:
            UsageError: The clip has fewer frames than its container states.
            MediaUnreadable: A frame cannot be read.
        """
        finder, known = self._finder.for_new_video(), self._done
        if known == len(self._frames):
            return
        for frame in self._frames.frames(first_frame(known), len(self._frames) - 1):
            ((faces, starts_shot),) = finder.find_with_shots([frame.square_rgb])
            if frame.index >= known:
                self._keep(frame.index, len(faces), starts_shot=starts_shot)
            yield

    def _keep(self, index: int, faces: int, *, starts_shot: bool) -> None:
        if starts_shot and index:
            self._cuts.append(index)
        if not self._runs or self._runs[-1][1] != faces:
            self._runs.append((index, faces))
        self._done = index + 1
