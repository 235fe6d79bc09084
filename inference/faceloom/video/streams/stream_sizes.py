"""How many bytes the streams of a file have, from its packets."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import av

from faceloom.errors import MediaUnreadable
from faceloom.video.ffmpeg_errors import reason
from faceloom.video.probe import open_video

# Length of the part of a file in which a rate is measured, in seconds.
_WINDOW_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class VideoSize:
    """The packets of an encoded video."""

    key_frames: int
    """Number of key frames."""
    key_bytes: int
    """Bytes of all key frames."""
    other_frames: int
    """Number of all other frames."""
    other_bytes: int
    """Bytes of all other frames."""


def video_size(path: Path) -> VideoSize:
    """Add up the packets of a file's first video stream.

    Args:
        path: The video.

    Raises:
        MediaUnreadable: It cannot be read.
    """
    sizes: dict[bool, list[int]] = {True: [], False: []}
    with open_video(path) as (container, stream):
        for packet in container.demux(stream):
            if packet.size:
                sizes[bool(packet.is_keyframe)].append(packet.size)
    keys, others = sizes[True], sizes[False]
    return VideoSize(len(keys), sum(keys), len(others), sum(others))


def stream_bytes_per_second(path: Path, indices: Collection[int], middle: float) -> float:
    """Return the rate of some streams around a time.

    Args:
        path: The file.
        indices: Indices of the streams.
        middle: The middle of the measured part in seconds.

    Returns:
        Bytes per second of all of them together; 0 if they have no packet there.

    Raises:
        MediaUnreadable: The file cannot be read.
    """
    size, times = 0, []
    with open_video(path) as (container, _):
        chosen = [stream for stream in container.streams if stream.index in indices]
        if not chosen:
            return 0.0
        try:
            container.seek(round(max(0.0, middle - _WINDOW_SECONDS / 2) * av.time_base))
            for packet in container.demux(chosen):
                if packet.pts is None or packet.time_base is None:
                    continue
                times.append(float(packet.pts * packet.time_base))
                if times[-1] > times[0] + _WINDOW_SECONDS:
                    break
                size += packet.size
        except av.FFmpegError as error:
            raise MediaUnreadable(f"{path} cannot be read ({reason(error)}).") from error
    seconds = max(times) - min(times) if times else 0.0
    return size / seconds if seconds else 0.0
