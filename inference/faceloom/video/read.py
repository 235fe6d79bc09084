"""Decode a video's frames in order, as RGB."""

from collections.abc import Iterator
from pathlib import Path

import av

from faceloom.errors import MediaUnreadable
from faceloom.video.info import Frame
from faceloom.video.pixels import to_rgb
from faceloom.video.probe import open_video


def read_frames(path: Path) -> Iterator[Frame]:
    """Yield every frame in presentation order, pictures as coded (see `VideoInfo.rotation`).

    Raises UsageError or MediaUnreadable before the first frame if the file is no video, and
    MediaUnreadable later if a frame cannot be decoded or has no presentation time.
    """
    with open_video(path) as (container, stream):
        index = 0
        try:
            for frame in container.decode(stream):
                if frame.pts is None or frame.time_base is None:
                    raise MediaUnreadable(
                        f"{path}: frame {index} has no presentation time; remux the file (ffmpeg -i in -c copy out)."
                    )
                yield Frame(index, frame.pts, frame.time_base, to_rgb(frame))
                index += 1
        except av.FFmpegError as error:
            raise MediaUnreadable(f"{path} cannot be decoded after frame {index} ({error.strerror}).") from error
