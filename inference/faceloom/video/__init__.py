"""Video in and out through PyAV: exact times, the pictures' own values and tags, every other stream copied."""

from faceloom.video.encoders import DEFAULT_ENCODING, Encoding
from faceloom.video.frame_range import FrameRange, Stretch, frame_times
from faceloom.video.info import Box, ColorTags, Frame, VideoInfo
from faceloom.video.output import check_output, notices, refuse_output, replacing_output
from faceloom.video.probe import probe_video
from faceloom.video.read import read_frames
from faceloom.video.segment_concat import join_segments
from faceloom.video.segment_writer import PictureWriter
from faceloom.video.source import probe_source, read_source, spooled

__all__ = [
    "DEFAULT_ENCODING",
    "Box",
    "ColorTags",
    "Encoding",
    "Frame",
    "FrameRange",
    "PictureWriter",
    "Stretch",
    "VideoInfo",
    "check_output",
    "frame_times",
    "join_segments",
    "notices",
    "probe_source",
    "probe_video",
    "read_frames",
    "read_source",
    "refuse_output",
    "replacing_output",
    "spooled",
]
