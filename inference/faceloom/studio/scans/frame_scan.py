"""Scan a clip twice in order: for cuts and with samples, then for the faces of every frame."""

from collections.abc import Iterator
from pathlib import Path

from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.shot_detection import CutDetector
from faceloom.project.step import file_signature
from faceloom.studio.scans.clip_scan import ClipScan
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.swap.preview.frame_lead_in import first_frame

# Frames from one sample to the next: a second of most videos. The first pass takes a fifth of the
# time of the second one at 1080p.
_INTERVAL = 25


class FrameScan:
    """A scan that runs. The faces are those that a conversion finds."""

    def __init__(self, clip: Path, finder: FaceFinder, known: ClipScan | None = None):
        """Open a clip.

        Args:
            clip: The clip.
            finder: A finder that detects as a conversion does; its networks are used.
            known: What an earlier scan of this file found.

        Raises:
            UsageError: There is no such file.
            MediaUnreadable: It cannot be read.
        """
        self._signature = file_signature(clip)
        # Every frame is read once.
        self._frames = ClipFrames(clip, cache_bytes=0)
        self._finder = finder
        self._interval = known.interval if known else _INTERVAL
        self._sampled, self._done = (known.sampled, known.done) if known else (0, 0)
        self._samples = list(known.samples) if known else []
        self._cuts = list(known.cuts) if known else []
        self._runs = list(known.runs) if known else []

    def result(self) -> ClipScan:
        """Return what is known; call it between two steps."""
        return ClipScan(
            signature=self._signature,
            frames=len(self._frames),
            interval=self._interval,
            sampled=self._sampled,
            samples=tuple(self._samples),
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
            MediaUnreadable: A frame cannot be read.
        """
        yield from self._find_cuts()
        yield from self._count_faces()

    def _find_cuts(self) -> Iterator[None]:
        cuts, known = CutDetector(), self._sampled
        if known == len(self._frames):
            return
        for frame in self._frames.frames(first_frame(known), len(self._frames) - 1):
            is_cut = cuts.begins_shot(frame.square_rgb)
            if frame.index >= known:
                if is_cut and frame.index:
                    self._cuts.append(frame.index)
                if frame.index % self._interval == 0:
                    (faces,) = self._finder.for_new_video().find([frame.square_rgb])
                    self._samples.append(len(faces))
                self._sampled += 1
            yield

    def _count_faces(self) -> Iterator[None]:
        finder, known = self._finder.for_new_video(), self._done
        if known == len(self._frames):
            return
        for frame in self._frames.frames(first_frame(known), len(self._frames) - 1):
            (faces,) = finder.find([frame.square_rgb])
            if frame.index >= known:
                if not self._runs or self._runs[-1][1] != len(faces):
                    self._runs.append((frame.index, len(faces)))
                self._done += 1
            yield
