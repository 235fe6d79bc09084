"""Read image files as a video: a folder in natural order, or one image."""

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.image_io import (
    PICTURE_EXTENSIONS,
    is_heif,
    is_jpeg_in_tiff,
    read_picture,
    read_picture_file,
)
from faceloom.video.folder import PassedOver, sort_folder
from faceloom.video.info import ColorTags, Frame, VideoInfo
from faceloom.video.orientation import Orientation
from faceloom.video.pixel_format import convert_pixel_format, to_rgb
from faceloom.video.safe_open import open_input

# Frames per second of an image sequence; FFmpeg's own default.
DEFAULT_RATE = Fraction(25)
# What a folder is searched for.
_WANTED = "a picture"
# Color description of converted RGB images.
_RGB = ColorTags(2, 2, 0, 2)
# Color description of converted black-and-white images.
_GRAY = ColorTags(2, 2, 2, 2)


def list_images(path: Path) -> list[Path]:
    """Return the images of a folder in natural order (2 before 10), or the one image.

    Args:
        path: A folder or an image.
    """
    return sort_folder(path, PICTURE_EXTENSIONS, _WANTED)[0] if path.is_dir() else [path]


def list_other_files(path: Path) -> list[PassedOver]:
    """Return what a folder contains besides images that are read; nothing for one image.

    Args:
        path: A folder or an image.
    """
    return sort_folder(path, PICTURE_EXTENSIONS, _WANTED)[1] if path.is_dir() else []


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
    first, orientation = _decode(files[0])
    return VideoInfo(
        path=path,
        width=first.width,
        height=first.height,
        orientation=orientation,
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
        decoded, orientation = _decode(file)
        properties = (decoded.width, decoded.height, decoded.format.name, orientation)
        if properties != (info.width, info.height, info.pixel_format, info.orientation):
            raise MediaUnreadable(
                f"{file} is {properties[0]}x{properties[1]} {properties[2]} and the first image is "
                f"{info.width}x{info.height} {info.pixel_format}; convert all to one size and "
                "format."
            )
        yield Frame(index, index, 1, info.time_base, to_rgb(decoded), decoded)


class _Image(NamedTuple):
    """A decoded image file."""

    decoded: av.VideoFrame
    """Its pixels, in a format in which parts can be written."""

    orientation: Orientation
    """How a viewer turns and mirrors it."""


def _decode(path: Path) -> _Image:
    data = read_picture_file(path)
    if is_heif(data) or is_jpeg_in_tiff(data):
        return _Image(av.VideoFrame.from_ndarray(read_picture(path), "rgb24"), Orientation())
    try:
        # As bytes: FFmpeg would take a % in a file name for a sequence pattern.
        with open_input(io.BytesIO(data)) as container:
            decoded = next(container.decode(video=0))
            codec = container.streams.video[0].codec_context.name
        orientation = Orientation.of_frame(decoded)
        return _Image(_with_writable_format(decoded, codec), orientation)
    except (av.FFmpegError, IndexError, StopIteration, ValueError) as error:
        raise MediaUnreadable(
            f"{path} is not an image that can be decoded; check that it opens in an image viewer."
        ) from error


def _with_writable_format(decoded: av.VideoFrame, codec: str) -> av.VideoFrame:
    """Return an image in a format in which a part can get new colors and be encoded."""
    name = decoded.format.name
    if name == "pal8":
        rgba = convert_pixel_format(decoded, "rgba", _RGB)
        opaque = bool((rgba.to_ndarray()[..., 3] == 255).all())
        return convert_pixel_format(decoded, "rgb24", _RGB) if opaque else rgba
    if name in ("monob", "monow"):
        return convert_pixel_format(decoded, "gray", _GRAY)
    if name == "gbrap" and codec == "mjpeg":
        # FFmpeg's result for CMYK; a JPEG has no transparency.
        return convert_pixel_format(decoded, "gbrp", _RGB)
    return decoded
