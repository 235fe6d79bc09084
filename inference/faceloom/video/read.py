"""Decode a video's frames in order, as RGB."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from faceloom.errors import MediaUnreadable
from faceloom.video.info import Frame
from faceloom.video.pixels import to_rgb
from faceloom.video.probe import open_video, stated_duration

# How much earlier than stated the last picture may begin.
_SLACK_SECONDS, _SLACK_SHARE = 0.5, 0.1


def read_frames(path: Path, *, start: int = 0, every: int = 1) -> Iterator[Frame]:
    """Yield frames in presentation order, pictures as coded (see `VideoInfo.rotation`).

    Frames before number `start`, and all but each `every`-th of the whole video, are decoded and passed over.

    Raises UsageError or MediaUnreadable before the first frame if the file is no video, and
    MediaUnreadable later if a frame cannot be decoded or has no presentation time.
    """
    with open_video(path) as (container, stream):
        index, end = 0, 0.0
        try:
            for index, frame in enumerate(container.decode(stream)):
                end = frame.time if frame.time is not None else end
                if index < start or index % every:
                    continue
                if frame.pts is None or frame.time_base is None:
                    raise MediaUnreadable(
                        f"{path}: frame {index} has no presentation time; remux the file (ffmpeg -i in -c copy out)."
                    )
                yield Frame(index, frame.pts, frame.duration or 0, Fraction(frame.time_base), to_rgb(frame))
        except av.FFmpegError as error:
            raise MediaUnreadable(f"{path} cannot be decoded after frame {index} ({error.strerror}).") from error
        stated = stated_duration(container, stream)
        begin = float((stream.start_time or 0) * (stream.time_base or 0))
        if stated is not None and end - begin < stated - max(_SLACK_SECONDS, _SLACK_SHARE * stated):
            raise MediaUnreadable(
                f"{path} is damaged: its pictures end at {end - begin:.1f} s of {stated:.1f} s; "
                "copy or download it again."
            )
