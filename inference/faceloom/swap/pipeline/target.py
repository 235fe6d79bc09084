"""The target of a conversion: what is read, which part of it, and what is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.choices import Decoder, OnDamaged
from faceloom.errors import FrameDamaged
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.analysis import AnalysisState
from faceloom.video import (
    Encoding,
    Frame,
    PreparedOutput,
    ResolvedRange,
    VideoInfo,
    check_output_path,
    prepare_output,
    probe_source,
    read_source,
    with_repeated_times,
)
from faceloom.video.display import frame_to_upright

# Bytes per pixel of a frame in memory: 3 as RGB and 1.5 as decoded (8 bits, 4:2:0).
BYTES_PER_PIXEL = 4.5


@dataclass(frozen=True, slots=True)
class Target:
    """A probed source, the part that is converted, and the output with its encoding."""

    info: VideoInfo
    """The source."""
    frame_range: ResolvedRange
    """The part that is converted."""
    out: Path
    """The output's name."""
    output: PreparedOutput
    """How the output is written."""
    on_damaged: OnDamaged = "stop"
    """What happens at a damaged frame of the source."""
    decoder: Decoder = "software"
    """What decodes the source."""

    @property
    def encoding(self) -> Encoding:
        """The output's encoding."""
        return self.output.encoding

    @classmethod
    def open(
        cls, path: Path, out: Path, options: ConvertOptions, inputs: Sequence[Path] = ()
    ) -> "Target":
        """Probe a source and check that it can be converted to an output.

        Args:
            path: a video, a picture or a folder of pictures.
            out: the output's name.
            options: `encoding`, `frame_range`, `label`, `force` and the pictures apply.
            inputs: what else is read, such as bundles; the output replaces none of it.

        Returns:
            The target.

        Raises:
            UsageError: the output, the encoding, the range or the label does not fit.
            MediaUnreadable: the source cannot be read.
            ProviderMissing: the encoder does not run on this machine.
        """
        pictures = [
            picture for each in options.variants for picture in (*each.reference, *each.exclude)
        ]
        read = (path, *pictures, *inputs)
        check_output_path(out, force=options.force, inputs=read)
        info = with_repeated_times(probe_source(path))
        if options.label:
            size = (info.width, info.height)
            options.label.check_fits(*(size[::-1] if info.orientation.swaps_sides else size))
        part = options.frame_range.resolve(info) if options.frame_range else ResolvedRange()
        output = prepare_output(out, info, options.encoding, options.streams, part)
        return cls(info, part, out, output, options.on_damaged, options.decoder)

    @property
    def frame_count(self) -> int | None:
        """How many frames are converted; None if the source does not state it."""
        stop = self.info.frame_count if self.frame_range.stop is None else self.frame_range.stop
        return None if stop is None else stop - self.frame_range.start

    @property
    def can_start_at_a_time(self) -> bool:
        """Whether decoding can start at a frame's time; else it starts at the first frame."""
        return self.info.states_pts and not self.info.repeated_times

    def read(self, state: AnalysisState | None = None) -> Iterator[Frame]:
        """Read the frames, upright.

        Args:
            state: where an earlier run stopped; None reads from the start.

        Yields:
            The frames from the start, or from the state's first lead-in frame on.
        """
        if state:
            return self.read_from(state.next_frame - len(state.lead_in), state.lead_in[0].pts)
        return self.read_from(self.frame_range.start, self.frame_range.start_pts)

    def read_from(self, start: int, pts: int | None) -> Iterator[Frame]:
        """Read the frames from one frame on, upright.

        Args:
            start: the frame's index.
            pts: its presentation time in units of the time base; None if unknown.

        Yields:
            The frames to the end of the range.

        Raises:
            FrameDamaged: a frame is damaged.
        """
        frames = read_source(
            self.info,
            start=start,
            stop=self.frame_range.stop,
            start_pts=pts,
            on_damaged=self.on_damaged,
            decoder=self.decoder,
        )
        try:
            for frame in frames:
                yield frame_to_upright(frame, self.info)
        except FrameDamaged as error:
            raise FrameDamaged(
                f"{error} With --on-damaged repeat, the frame before it is shown again."
            ) from error
