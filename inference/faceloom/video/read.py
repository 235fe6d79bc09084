"""Decode a video's frames in order, as RGB."""

from collections.abc import Iterator
from pathlib import Path

import av

from faceloom.errors import MediaUnreadable
from faceloom.video.info import Frame
from faceloom.video.pixels import to_rgb
from faceloom.video.probe import open_video


def read_frames(path: Path, *, start: int = 0, every: int = 1) -> Iterator[Frame]:
    """Yield frames in presentation order, pictures as coded (see `VideoInfo.rotation`).

    Frames before number `start`, and all but each `every`-th of the whole video, are decoded and passed over.

    Raises UsageError or MediaUnreadable before the first frame if the file is no video, and
    MediaUnreadable later if a frame cannot be decoded or has no presentation time.
    """
    with open_video(path) as (container, stream):
        index = 0
        try:
            for index, frame in enumerate(container.decode(stream)):
                if index < start or index % every:
                    continue
                if frame.pts is None or frame.time_base is None:
                    raise MediaUnreadable(
                        f"{path}: frame {index} has no presentation time; remux the file (ffmpeg -i in -c copy out)."
                    )
                yield Frame(index, frame.pts, frame.time_base, to_rgb(frame))
        except av.FFmpegError as error:
            raise MediaUnreadable(f"{path} cannot be decoded after frame {index} ({error.strerror}).") from error
