"""Estimate how long a conversion takes and how large its output becomes, from a few frames.

Short parts of the target are swapped and encoded as in the conversion; their time and size are
scaled to all frames. Key frames are larger than others, so both are scaled separately.
"""

import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from faceloom.prefetch import prefetch
from faceloom.progress import Progress, ProgressGenerator, run_to_completion
from faceloom.provenance import check_frames
from faceloom.swap.inference.face_models import face_model_opener, resolve_face_provider
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.analysis import (
    SEGMENT_LEAD_IN,
    Analysis,
    SegmentGrid,
    conversion_finder,
    detects_ahead,
)
from faceloom.swap.pipeline.convert import choose_batch_size
from faceloom.swap.pipeline.frame_counts import FrameCounts
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.segments import (
    LeadIn,
    ProgressMeter,
    queue_depth,
    split_segments,
    swap_segment,
)
from faceloom.swap.pipeline.swap_request import SwapRequest
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.pipeline.target import Target
from faceloom.swap.pipeline.workers.worker_count import choose_worker_count
from faceloom.swap.selection.face_selector import FaceSelector
from faceloom.video import Frame, read_frame_pts
from faceloom.video.streams.stream_sizes import stream_bytes_per_second, video_size

# Parts of the target that are converted at most: a clip differs from place to place.
_MAX_PARTS = 3
# Frames of a part: some seconds of work at 1080p on two cores.
_PART_FRAMES = 24
# Frames that are converted first and not counted, since the first ones wait for the networks.
_WARM_UP_FRAMES = 4
# Frames of a batch at most: a larger one is no faster on a CPU, and a part has several.
_MAX_BATCH = 8
# Factors by which the shortest and the longest measured time are widened.
_SECONDS_MARGIN = (0.8, 1.3)
# Factors by which the smallest and the largest measured size are widened.
_BYTES_MARGIN = (0.75, 1.35)
# Units of time from the largest on: the least value for each in seconds, its length, its name.
_DURATIONS = ((5400.0, 3600.0, "hours"), (100.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
# Units of size from the largest on: the least value for each in bytes, its size, its name.
_SIZES = ((1.5e9, 1e9, "GB"), (1e6, 1e6, "MB"), (0.0, 1e3, "KB"))


@dataclass(frozen=True, slots=True)
class ConvertEstimate:
    """The expected duration and output size of a conversion."""

    target: Path
    """The target."""
    frames: int
    """Frames that the conversion has."""
    sampled_frames: int
    """Frames that were swapped and encoded for the estimate."""
    swapped_frames: int
    """Sampled frames in which a face was swapped."""
    seconds: tuple[float, float]
    """Shortest and longest likely duration, in seconds."""
    bytes: tuple[int, int]
    """Smallest and largest likely size of the output, in bytes."""

    def to_text(self) -> str:
        """Return the estimate in a sentence."""
        no_face = "which has no face" if self.sampled_frames == 1 else "none of which has a face"
        faces = "" if self.swapped_frames else f", {no_face} to swap"
        return (
            f"About {_range_text(self.seconds, _DURATIONS)} and "
            f"{_range_text(self.bytes, _SIZES)} for {_count_text(self.frames)}; measured on "
            f"{_count_text(self.sampled_frames)} of {self.target.name}{faces}."
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """The time and size of one part of the target."""

    frames: int
    """Its frames."""
    swapped_frames: int
    """Frames in which a face was swapped."""
    seconds_per_frame: float
    """Duration of a frame."""
    bytes_per_key_frame: float
    """Bytes of a key frame."""
    bytes_per_frame: float
    """Bytes of any other frame."""


def estimate_conversion(
    path: Path, request: SwapRequest, out: Path, options: ConvertOptions
) -> ProgressGenerator[ConvertEstimate]:
    """Estimate a conversion; only temporary files are written.

    With a selected track the largest face is swapped, since tracks are counted from the start. The
    options of sections are not measured.

    Args:
        path: The target.
        request: Whose face is put in.
        out: The output's name.
        options: How to convert.

    Yields:
        Progress in sampled frames.

    Returns:
        The estimate.

    Raises:
        FaceloomError: As `convert_request` before its work.
    """
    started = time.monotonic()
    target = Target.open(path, out, options, request.inputs)
    source = yield from request.open(target.info, options)
    if options.track is not None:
        options = replace(options, select="largest")
    batch_size = min(_MAX_BATCH, choose_batch_size(target.info, source.identity_map, options))
    options = replace(options, batch_size=batch_size)
    sampler = _Sampler(target, source, options)
    opening = time.monotonic() - started
    parts: list[_Part] = []
    ranges = _part_ranges(sampler.frame_count)
    for number, part in enumerate([range(ranges[0].start, _warm_up_stop(ranges[0])), *ranges]):
        measured = sampler.measure(part)
        if number:
            parts.append(measured)
            sampled = sum(each.frames for each in parts)
            yield Progress("estimate", sampled, sum(map(len, ranges)))
    workers = choose_worker_count(target, options, source.identity_map.provider)
    return _scale(sampler, parts, opening, workers)


def _part_ranges(frames: int) -> list[range]:
    """Return the parts as frames of the conversion: spread evenly, without an overlap."""
    count = min(_MAX_PARTS, max(1, frames // _PART_FRAMES))
    length = min(frames, _PART_FRAMES)
    starts = [int((index + 0.5) * frames / count - length / 2) for index in range(count)]
    return [range(max(0, start), max(0, start) + length) for start in starts]


def _warm_up_stop(first: range) -> int:
    return min(first.start + _WARM_UP_FRAMES, first.stop)


class _Sampler:
    """Converts parts of a target into temporary files."""

    def __init__(self, target: Target, source: SwapSource, options: ConvertOptions):
        self.target = target
        self.options = options
        self._sources = source.identity_map.sources
        self._references = source.identity_map.reference_set(options)
        face_provider = resolve_face_provider(options.face_provider)
        self._finder = conversion_finder(face_provider)
        self._ahead = detects_ahead(face_provider)
        self._open_model = face_model_opener(face_provider)
        self._pts = read_frame_pts(target.info)[target.frame_range.start : target.frame_range.stop]

    @property
    def frame_count(self) -> int:
        """Frames of the conversion."""
        return len(self._pts)

    @property
    def duration(self) -> float:
        """Seconds of the conversion's part of the target."""
        return float((self._pts[-1] - self._pts[0]) * self.target.info.time_base)

    def measure(self, part: range) -> _Part:
        """Swap and encode a part.

        Args:
            part: Its frames, counted from the start of the conversion.
        """
        first = self.target.frame_range.start + part.start
        chosen = replace(
            self.target.frame_range,
            start=first,
            stop=first + len(part),
            start_pts=self._pts[part.start],
        )
        target = replace(self.target, frame_range=chosen)
        began: list[float] = []
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "part"
            counts = self._swap(target, _noting_start(target, began), file)
            seconds = time.monotonic() - began[0]
            size = video_size(file)
        key_bytes = size.key_bytes / max(1, size.key_frames)
        others = size.other_bytes / size.other_frames if size.other_frames else key_bytes
        return _Part(
            counts.frames, counts.swapped, seconds / counts.frames, key_bytes, float(others)
        )

    def _swap(self, target: Target, frames: Iterator[Frame], file: Path) -> FrameCounts:
        batch_size = self.options.batch_size or 1
        depth = queue_depth(batch_size)
        grid = SegmentGrid(target.frame_range.start, self.options.segment_length)
        selector = FaceSelector(self.options, self._references)
        finder = self._finder.for_new_video()
        analysis = Analysis(finder, selector, grid, batch_size, ahead=self._ahead)
        swapper = FrameSwapper(self._sources, self.options, open_model=self._open_model)
        meter = ProgressMeter(None, 0, time.monotonic())
        counts = FrameCounts()
        with closing(prefetch(analysis.run(prefetch(frames, depth)), depth)) as selected:
            for batches in split_segments(selected, grid, batch_size):
                lead_in: LeadIn = deque(maxlen=SEGMENT_LEAD_IN)
                counts += run_to_completion(
                    swap_segment(swapper, lead_in, batches, target, file, depth, meter)
                )
        return counts


def _noting_start(target: Target, began: list[float]) -> Iterator[Frame]:
    """Yield the frames of a part; append the time at which the first one is decoded to `began`."""
    for frame in check_frames(target.read(), target.info, target.frame_count):
        if not began:
            began.append(time.monotonic())
        yield frame


def _scale(
    sampler: _Sampler, parts: Sequence[_Part], opening: float, workers: int
) -> ConvertEstimate:
    frames = sampler.frame_count
    per_frame = np.array([part.seconds_per_frame for part in parts])
    alone = _spread(per_frame * frames, _SECONDS_MARGIN)
    # Processes share the cores, so that N of them are less than N times as fast: assumed to be
    # between (N + 1) / 2 and N times.
    seconds = alone[0] / workers, alone[1] / ((workers + 1) / 2)
    sizes = [_video_bytes(part, frames, sampler.options.segment_length) for part in parts]
    low, high = _spread(np.array(sizes), _BYTES_MARGIN)
    streams = _other_bytes(sampler)
    return ConvertEstimate(
        target=sampler.target.info.path,
        frames=frames,
        sampled_frames=sum(part.frames for part in parts),
        swapped_frames=sum(part.swapped_frames for part in parts),
        seconds=(round(seconds[0] + opening, 1), round(seconds[1] + opening, 1)),
        bytes=(round(low + streams), round(high + streams)),
    )


def _video_bytes(part: _Part, frames: int, segment_length: int) -> float:
    """Return the size of a video whose frames are like those of a part."""
    # Each segment starts with a key frame.
    keys = -(-frames // segment_length)
    return keys * part.bytes_per_key_frame + (frames - keys) * part.bytes_per_frame


def _spread(values: np.ndarray, margin: tuple[float, float]) -> tuple[float, float]:
    """Return the likely range of the mean over all frames, from the values of the parts.

    Assumed: it lies at most halfway from the mean of the parts to the lowest or highest part.
    """
    mean = float(values.mean())
    low, high = (mean + float(values.min())) / 2, (mean + float(values.max())) / 2
    return low * margin[0], high * margin[1]


def _other_bytes(sampler: _Sampler) -> float:
    """Return the bytes of sound and subtitles."""
    info, decisions = sampler.target.info, sampler.target.output.streams.decisions
    kept = [each.index for each in decisions if each.action != "drop"]
    if not kept or info.kind != "video":
        return 0.0
    middle = float(info.start) + (info.duration or 0.0) / 2
    return sampler.duration * stream_bytes_per_second(info.path, kept, middle)


def _count_text(frames: int) -> str:
    return "1 frame" if frames == 1 else f"{frames} frames"


def _range_text(values: tuple[float, float], units: Sequence[tuple[float, float, str]]) -> str:
    """Return a range with two digits, such as "4 to 6 minutes"."""
    _, unit, name = next(each for each in units if values[1] >= each[0])
    low, high = (f"{float(f'{value / unit:.2g}'):g}" for value in values)
    return f"{low} {name}" if low == high else f"{low} to {high} {name}"
