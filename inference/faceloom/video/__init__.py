"""Read and write videos and images through PyAV (FFmpeg).

Frames keep their exact timestamps, pixel formats and color tags; audio, subtitles and tags are
copied without re-encoding. This package knows nothing of faces. It may import the top-level
modules of `faceloom` (errors, files, images) and no other package of it.
"""

from faceloom.video.encoding.encoders import DEFAULT_ENCODING, Encoding
from faceloom.video.frame_range import (
    FrameRange,
    ResolvedRange,
    TimeRange,
    read_frame_pts,
    with_repeated_times,
)
from faceloom.video.info import Box, ColorTags, Frame, VideoInfo
from faceloom.video.output import (
    atomic_output,
    check_output_path,
    output_warnings,
    resolve_encoding,
)
from faceloom.video.probe import probe_video
from faceloom.video.read import read_frames
from faceloom.video.segments.prepared_output import PreparedOutput, prepare_output
from faceloom.video.segments.segment_concat import JoinPlan, join_segments
from faceloom.video.segments.segment_writer import SegmentWriter
from faceloom.video.source import probe_source, read_source, stdin_as_file

__all__ = [
    "DEFAULT_ENCODING",
    "Box",
    "ColorTags",
    "Encoding",
    "Frame",
    "FrameRange",
    "JoinPlan",
    "PreparedOutput",
    "ResolvedRange",
    "SegmentWriter",
    "TimeRange",
    "VideoInfo",
    "atomic_output",
    "check_output_path",
    "join_segments",
    "output_warnings",
    "prepare_output",
    "probe_source",
    "probe_video",
    "read_frame_pts",
    "read_frames",
    "read_source",
    "resolve_encoding",
    "stdin_as_file",
    "with_repeated_times",
]
