"""Read image files as a video: a folder in natural order, or one image."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.image_io import PICTURE_EXTENSIONS, natural_sort
from faceloom.video.info import ColorTags, Frame, VideoInfo
from faceloom.video.orientation import Orientation
from faceloom.video.pixel_format import to_rgb
from faceloom.video.safe_open import open_input

# Frames per second of an image sequence; FFmpeg's own default.
DEFAULT_RATE = Fraction(25)


def list_images(path: Path) -> list[Path]:
    """Return the images of a folder in natural order (2 before 10), or the one image.

    Args:
        path: A folder or an image.
    """
    if not path.is_dir():
        return [path]
    return natural_sort(
        file for file in path.iterdir() if file.suffix.lower() in PICTURE_EXTENSIONS
    )


def probe_images(path: Path, rate: Fraction = DEFAULT_RATE) -> VideoInfo:
    """Read the properties of an image sequence from its first image.

    Args:
        path: A folder or an image.
        rate: Frames per second.

    Raises:
        UsageError: If the folder has no image.
        MediaUnreadable: If the first image cannot be decoded.
    """
    files = list_images(path)
    if not files:
        raise UsageError(
            f"{path} has no image ({', '.join(sorted(PICTURE_EXTENSIONS))}); give a video or a "
            "folder of images."
        )
    first = _decode(files[0])
    return VideoInfo(
        path=path,
        width=first.width,
        height=first.height,
        orientation=Orientation.of_frame(first),
        sample_aspect_ratio=Fraction(1),
        time_base=1 / rate,
        average_rate=rate,
        start=Fraction(0),
        duration=float(len(files) / rate),
        frame_count=len(files),
        codec="images",
        pixel_format=first.format.name,
        color=ColorTags(
            first.color_primaries, first.color_trc, first.colorspace, first.color_range
        ),
        kind="image_sequence",
    )


def read_images(
    info: VideoInfo, *, start: int = 0, stop: int | None = None, every: int = 1
) -> Iterator[Frame]:
    """Yield images as frames.

    Args:
        info: The image sequence.
        start: Index of the first image.
        stop: Index after the last image; None: to the end.
        every: Yield only images whose index is a multiple of this.

    Raises:
        MediaUnreadable: If an image cannot be decoded, or differs from the first one in size,
            pixel format or orientation.
    """
    for index, file in enumerate(list_images(info.path)[:stop]):
        if index < start or index % every:
            continue
        decoded = _decode(file)
        properties = (
            decoded.width,
            decoded.height,
            decoded.format.name,
            Orientation.of_frame(decoded),
        )
        if properties != (info.width, info.height, info.pixel_format, info.orientation):
            raise MediaUnreadable(
                f"{file} is {properties[0]}x{properties[1]} {properties[2]} and the first image is "
                f"{info.width}x{info.height} {info.pixel_format}; convert all to one size and "
                "format."
            )
        yield Frame(index, index, 1, info.time_base, to_rgb(decoded), decoded)


def _decode(path: Path) -> av.VideoFrame:
    try:
        # As an open file: FFmpeg would take a % in a file name for a sequence pattern.
        with path.open("rb") as file, open_input(file) as container:
            return next(container.decode(video=0))
    except (av.FFmpegError, IndexError, StopIteration, ValueError) as error:
        raise MediaUnreadable(
            f"{path} is not an image that can be decoded; check that it opens in an image viewer."
        ) from error
