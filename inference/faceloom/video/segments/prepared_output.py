"""Try an output before the work: everything that a muxer can refuse is found out here."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from faceloom.choices import StreamMode
from faceloom.video.encoding.encoders import Encoding
from faceloom.video.ffmpeg_errors import FFMPEG_ERRORS, write_error
from faceloom.video.frame_range import ResolvedRange
from faceloom.video.info import Frame, VideoInfo
from faceloom.video.output import container_format, output_kind, output_warnings, resolve_encoding
from faceloom.video.safe_open import open_input
from faceloom.video.segments.segment_concat import JoinPlan, join_video
from faceloom.video.segments.segment_writer import SegmentWriter
from faceloom.video.streams.stream_plan import StreamPlan, plan_streams
from faceloom.video.streams.timecode import equal, source_timecode

# Largest relative error of a stored aspect ratio: Matroska rounds it to whole pixels.
_MAX_ASPECT_ERROR = 0.02
# Frames that are encoded for the trial: some encoders give no packet before the second.
_TRIAL_FRAMES = 2


@dataclass(frozen=True, slots=True)
class PreparedOutput:
    """How an output is written, found out by writing one of two frames."""

    encoding: Encoding
    """The encoding of the segments."""

    streams: StreamPlan
    """What becomes of sound, subtitles and the rest."""

    notices: tuple[str, ...]
    """One sentence for each property of the source that the output does not keep."""


def prepare_output(
    name: Path,
    info: VideoInfo,
    encoding: Encoding,
    mode: StreamMode = "auto",
    frame_range: ResolvedRange = ResolvedRange(),  # noqa: B008 (frozen)
) -> PreparedOutput:
    """Decide how a source is written to an output, and try it; called before the work.

    Args:
        name: The output path.
        info: The source.
        encoding: What the user asked for.
        mode: Value of --streams.
        frame_range: The part that is converted.

    Returns:
        How to write it.

    Raises:
        UsageError: If the output cannot hold the video.
        ProviderMissing: If the encoder does not run on this machine.
        MediaUnreadable: If the source cannot be read to its end.
    """
    warnings = output_warnings(name, info, encoding)
    encoding = resolve_encoding(name, info, encoding)
    if output_kind(name) != "video":
        return PreparedOutput(encoding, StreamPlan(), tuple(warnings))
    plan = JoinPlan(name, info, encoding, frame_range.time_range)
    container = container_format(name)
    streams = plan_streams(info, container, mode, plan.source_range, str(name))
    streams = _tried(replace(plan, streams=streams), streams, frame_range)
    return PreparedOutput(encoding, streams, (*warnings, *streams.sentences(str(name))))


def _tried(plan: JoinPlan, streams: StreamPlan, frame_range: ResolvedRange) -> StreamPlan:
    """Write two frames; leave out what the container refuses, or refuse the output."""
    with tempfile.TemporaryDirectory() as folder:
        segment, part = Path(folder, "segment"), Path(folder, "part")
        _write_segment(segment, plan, frame_range)
        refusal: Exception | None = None
        for attempt in _attempts(streams):
            try:
                join_video([segment], part, replace(plan, streams=attempt), all_packets=False)
                _check_timecode(part, attempt)
            except FFMPEG_ERRORS as error:
                refusal = refusal or error
            else:
                lost = _lost_properties(part, plan.info)
                return replace(attempt, left_out=(*attempt.left_out, *lost))
    assert refusal is not None, "the first attempt was refused"
    raise write_error(refusal, plan.output) from refusal


def _check_timecode(part: Path, streams: StreamPlan) -> None:
    """Raise ValueError if the muxer passed over the timecode without an error."""
    with open_input(part) as container:
        if not equal(source_timecode(container), streams.timecode):
            raise ValueError("it does not hold the timecode")


def _lost_properties(part: Path, info: VideoInfo) -> Iterator[str]:
    """Yield what the written frames do not have although it was given to the muxer."""
    with open_input(part) as container:
        aspect = Fraction(container.streams.video[0].sample_aspect_ratio or 1)
    if abs(aspect / info.sample_aspect_ratio - 1) > _MAX_ASPECT_ERROR:
        yield f"pixel aspect ratio of {info.sample_aspect_ratio}"


def _attempts(streams: StreamPlan) -> list[StreamPlan]:
    """Return the plan, then with one thing left out, then with all of them."""
    attempts = [streams]
    if streams.timecode:
        attempts.append(replace(streams, timecode=None, left_out=("timecode",)))
    attempts += [
        replace(streams, keep_chapters=False, left_out=("chapters",)),
        replace(streams, keep_tags=False, left_out=("tags",)),
        replace(
            streams,
            timecode=None,
            keep_chapters=False,
            keep_tags=False,
            left_out=("timecode", "chapters", "tags"),
        ),
    ]
    return attempts


def _write_segment(path: Path, plan: JoinPlan, frame_range: ResolvedRange) -> None:
    """Encode black frames at the times where the output begins."""
    info = plan.info
    step = max(1, round(1 / (info.average_rate * info.time_base)))
    start = frame_range.start_pts
    if start is None:
        start = round(info.start / info.time_base)
    black = np.zeros((info.height, info.width, 3), np.uint8)
    with SegmentWriter.open(path, info, plan.encoding) as writer:
        for index in range(_TRIAL_FRAMES):
            pts = start + index * step
            writer.write(Frame(index, pts, step, info.time_base, black))
