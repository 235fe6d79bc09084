"""Read what can be decoded of a damaged video, for footage that need not be complete."""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from faceloom.errors import MediaUnreadable
from faceloom.video.ffmpeg_errors import check_memory, reason
from faceloom.video.info import Frame
from faceloom.video.probe import open_video
from faceloom.video.read import check_end, to_frame

# Takes a sentence that describes one damage.
DamageCallback = Callable[[str], None]


def read_intact_frames(
    path: Path, on_damage: DamageCallback, *, start: int = 0, every: int = 1
) -> Iterator[Frame]:
    """Yield the frames of a video that can be decoded, in coded orientation.

    Up to the next key frame, frames after a damage may show traces of it.

    Args:
        path: The video.
        on_damage: Called for each damage, which is passed over.
        start: Index of the first frame. Frames that cannot be decoded do not count.
        every: Yield only frames whose index is a multiple of this.

    Raises:
        UsageError: If there is no such file (before the first frame).
        MediaUnreadable: If it is not a video.
    """
    with open_video(path) as (container, stream):
        end = 0.0
        for index, decoded in enumerate(_decodable(container, stream, path, on_damage)):
            if decoded.time is not None:
                end = decoded.time + float((decoded.duration or 0) * (decoded.time_base or 0))
            if index >= start and index % every == 0:
                try:
                    yield to_frame(decoded, index, path)
                except MediaUnreadable as error:
                    on_damage(str(error))
        try:
            check_end(container, stream, path, end)
        except MediaUnreadable as error:
            on_damage(str(error))


def _decodable(
    container: InputContainer, stream: VideoStream, path: Path, on_damage: DamageCallback
) -> Iterator[av.VideoFrame]:
    time = 0.0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            check_memory(error, path)
            on_damage(f"{path} cannot be read after {time:.2f} s ({reason(error)})")
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            check_memory(error, path)
            on_damage(f"{path} cannot be decoded after {time:.2f} s ({reason(error)})")
            continue
        for decoded in frames:
            time = decoded.time if decoded.time is not None else time
            yield decoded
