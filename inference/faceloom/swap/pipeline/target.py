"""What is converted, and to where."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from faceloom.swap.pipeline.analysis import AnalysisState
from faceloom.video import (
    Encoding,
    Frame,
    FrameRange,
    Stretch,
    VideoInfo,
    check_output,
    probe_source,
    read_source,
    refuse_output,
)
from faceloom.video.rotation import upright

_WHOLE = Stretch(0, None, None, Fraction(0), None)


@dataclass(frozen=True, slots=True)
class Target:
    """A probed source, the part of it that is converted, and the output with its encoding."""

    info: VideoInfo
    stretch: Stretch
    out: Path
    encoding: Encoding

    @classmethod
    def open(
        cls, path: Path, out: Path, encoding: Encoding, part: FrameRange | None, *, force: bool
    ) -> "Target":
        """Probe a source and check that it can be converted to `out`, before anything is done.

        Raises UsageError, MediaUnreadable or ProviderMissing if it cannot.
        """
        refuse_output(out, force=force, inputs=[path])
        info = probe_source(path)
        return cls(
            info, part.resolve(info) if part else _WHOLE, out, check_output(out, info, encoding)
        )

    @property
    def frames(self) -> int | None:
        """How many frames there are to convert, None if the source does not say."""
        stop = self.info.frame_count if self.stretch.stop is None else self.stretch.stop
        return None if stop is None else stop - self.stretch.start

    def read(self, state: AnalysisState | None = None) -> Iterator[Frame]:
        """Yield the frames, upright: all, or from the lead of a state on."""
        if state:
            return self.read_from(state.frame - len(state.lead), state.lead[0].pts)
        return self.read_from(self.stretch.start, self.stretch.start_pts)

    def read_from(self, start: int, pts: int | None) -> Iterator[Frame]:
        """Yield the frames from number `start` on, which is shown at `pts`, upright."""
        for frame in read_source(self.info, start=start, stop=self.stretch.stop, start_pts=pts):
            yield replace(frame, rgb=upright(frame.rgb, self.info.rotation))
