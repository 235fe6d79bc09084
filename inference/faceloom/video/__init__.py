"""Video in and out through PyAV: exact times, colours tagged, every other stream copied."""

from faceloom.video.info import ColourTags, Frame, VideoInfo
from faceloom.video.probe import probe_video
from faceloom.video.read import read_frames
from faceloom.video.write import VideoWriter

__all__ = ["ColourTags", "Frame", "VideoInfo", "VideoWriter", "probe_video", "read_frames"]
