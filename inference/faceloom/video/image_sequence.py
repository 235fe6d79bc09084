"""Pictures on disk as if they were a video: a folder of them in natural order, or one."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.image_io import PICTURES, in_natural_order
from faceloom.video.info import ColorTags, Frame, VideoInfo
from faceloom.video.pixel_format import to_rgb
from faceloom.video.safe_open import open_input

RATE = Fraction(25)


def list_pictures(path: Path) -> list[Path]:
    """Return the pictures of a folder as people count them (2 before 10), or the one picture that `path` is."""
    if not path.is_dir():
        return [path]
    return in_natural_order(file for file in path.iterdir() if file.suffix.lower() in PICTURES)


def probe_pictures(path: Path, rate: Fraction = RATE) -> VideoInfo:
    """Say what pictures are as a video of `rate` frames a second.

    Raises UsageError if there are none, MediaUnreadable if the first cannot be decoded.
    """
    files = list_pictures(path)
    if not files:
        raise UsageError(
            f"{path} holds no picture ({', '.join(sorted(PICTURES))}); give a video or a folder of pictures."
        )
    first = _decode(files[0])
    return VideoInfo(
        path=path,
        width=first.width,
        height=first.height,
        rotation=_rotation(first),
        sample_aspect_ratio=Fraction(1),
        time_base=1 / rate,
        average_rate=rate,
        start=Fraction(0),
        duration=float(len(files) / rate),
        frame_count=len(files),
        codec="pictures",
        pixel_format=first.format.name,
        color=ColorTags(
            first.color_primaries, first.color_trc, first.colorspace, first.color_range
        ),
        kind="pictures",
    )


def read_pictures(
    info: VideoInfo, *, start: int = 0, stop: int | None = None, every: int = 1
) -> Iterator[Frame]:
    """Yield pictures `start` to `stop` as frames, all but each `every`-th passed over.

    Raises MediaUnreadable at one that cannot be decoded or is of another size or kind than the first.
    """
    for index, file in enumerate(list_pictures(info.path)[:stop]):
        if index < start or index % every:
            continue
        picture = _decode(file)
        seen = (picture.width, picture.height, picture.format.name, _rotation(picture))
        if seen != (info.width, info.height, info.pixel_format, info.rotation):
            raise MediaUnreadable(
                f"{file} is {seen[0]}x{seen[1]} {seen[2]} and the first picture {info.width}x{info.height} "
                f"{info.pixel_format}; make them all of one size and kind."
            )
        yield Frame(index, index, 1, info.time_base, to_rgb(picture), picture)


def _decode(path: Path) -> av.VideoFrame:
    try:
        # By its open file: FFmpeg would take a % in a name for a pattern.
        with path.open("rb") as file, open_input(file) as container:
            return next(container.decode(video=0))
    except (av.FFmpegError, IndexError, StopIteration, ValueError) as error:
        raise MediaUnreadable(
            f"{path} is not a picture that can be decoded; check that it opens in a viewer."
        ) from error


def _rotation(picture: av.VideoFrame) -> int:
    return round(picture.rotation / 90) * 90 % 360
