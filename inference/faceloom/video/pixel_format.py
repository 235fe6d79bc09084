"""Between a coded picture and RGB, without a drift of colors."""

import threading
from functools import cache

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter
from jaxtyping import UInt8

from faceloom.array_types import Rgb
from faceloom.video.info import Box, ColorTags, Frame

# swscale's defaults round down and halve the chroma once more: there and back darkens a
# picture by 0.74 levels on average. With these flags it is 0.03, without a bias.
_EXACT = int(
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
# What is converted round a changed rectangle, so that its chroma is filtered from what really lies there.
_MARGIN = 8


# swscale's tables, which take half as long to make as a picture of 640x480 to convert: kept for each thread and format.
_kept = threading.local()


def to_rgb(picture: av.VideoFrame) -> Rgb:
    """Convert with the picture's own matrix and range."""
    if picture.format.is_rgb:
        return _reformatted(picture, "rgb24").to_ndarray()
    # Of YUV swscale makes planes with the same values in less than half the time, joining them included.
    green, blue, red = (
        _rows(plane)[:, : plane.width] for plane in _reformatted(picture, "gbrp").planes
    )
    return np.asarray(cv2.merge([red, green, blue]), np.uint8)


def from_rgb(rgb: Rgb, pixel_format: str, color: ColorTags) -> av.VideoFrame:
    """Convert to a coded picture with the given matrix and range."""
    described = av.VideoFormat(pixel_format)
    if described.is_rgb and max(part.bits for part in described.components) > 8:
        # swscale would make 255 to 65280, which is right on the way to YUV only.
        picture = av.VideoFrame.from_ndarray(
            rgb.astype(np.uint16) * np.uint16(257), format="rgb48le"
        )
    else:
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return recoded(picture, pixel_format, color)


def recoded(picture: av.VideoFrame, pixel_format: str, color: ColorTags) -> av.VideoFrame:
    """Convert a coded picture to another pixel format; `color` is what it then has."""
    if av.VideoFormat(pixel_format).is_rgb:
        return _reformatted(picture, pixel_format)
    # The names with a j say full range once more; swscale asks for both.
    full = 2 if pixel_format.startswith("yuvj") else color.range
    return _reformatted(picture, pixel_format, dst_colorspace=color.matrix, dst_color_range=full)


def picture_of(frame: Frame, pixel_format: str, color: ColorTags) -> av.VideoFrame:
    """Return a frame's picture in `pixel_format`: as it was decoded but for the rectangles that were changed."""
    if frame.coded is None:
        return from_rgb(frame.rgb, pixel_format, color)
    picture = frame.coded
    if picture.format.name != pixel_format:
        picture = recoded(picture, pixel_format, color)
    if frame.changed:
        # The decoder may still predict from this memory; FFmpeg copies it then.
        picture.make_writable()
        for box in frame.changed:
            _lay(picture, frame.rgb, box, color)
    return picture


def _reformatted(picture: av.VideoFrame, pixel_format: str, **color: int | None) -> av.VideoFrame:
    converter: VideoReformatter = _kept.__dict__.setdefault(pixel_format, VideoReformatter())
    return converter.reformat(picture, format=pixel_format, interpolation=_EXACT, **color)


def on_grid(box: Box, pixel_format: str, width: int, height: int, margin: int = 0) -> Box:
    """Grow a rectangle by `margin` and to whole samples of chroma, and cut it to the picture."""
    across = max(plane.across for plane in _planes(pixel_format))
    down = max(plane.down for plane in _planes(pixel_format))
    left, top = (max(0, at - margin) for at in box[:2])
    right, bottom = box[2] + margin, box[3] + margin
    left, top = left // across * across, top // down * down
    return (
        left,
        top,
        min(width, -(-right // across) * across),
        min(height, -(-bottom // down) * down),
    )


def _lay(picture: av.VideoFrame, rgb: Rgb, box: Box, color: ColorTags) -> None:
    """Write one rectangle of `rgb` into a picture, in place; its alpha stays."""
    name = picture.format.name
    left, top, right, bottom = on_grid(box, name, picture.width, picture.height)
    if left >= right or top >= bottom:
        return
    x, y, x_end, y_end = on_grid(box, name, picture.width, picture.height, _MARGIN)
    patch = from_rgb(rgb[y:y_end, x:x_end], name, color)
    for kind, target, source in zip(_planes(name), picture.planes, patch.planes, strict=True):
        if kind.whole_alpha:
            continue
        rows = slice(top // kind.down, -(-bottom // kind.down))
        columns = slice(left // kind.across, -(-right // kind.across))
        from_rows = slice(rows.start - y // kind.down, rows.stop - y // kind.down)
        from_columns = slice(columns.start - x // kind.across, columns.stop - x // kind.across)
        seen = slice(0, kind.step - kind.alpha)
        _samples(target, kind.step)[rows, columns, seen] = _samples(source, kind.step)[
            from_rows, from_columns, seen
        ]


class _Plane:
    """A plane of a pixel format: picture pixels that share a sample, bytes of a sample and of the alpha at its end."""

    def __init__(self, pixel_format: av.VideoFormat, index: int):
        parts = [part for part in pixel_format.components if part.plane == index]
        alphas = [part for part in parts if part.is_alpha]
        self.across, self.down = _SIDE // parts[0].width, _SIDE // parts[0].height
        self.step = sum(-(-part.bits // 8) for part in parts)
        if len({part.plane for part in pixel_format.components}) == 1:
            # bgr0 and the like have a byte that belongs to nothing.
            self.step = pixel_format.padded_bits_per_pixel // 8
        self.whole_alpha = len(alphas) == len(parts)
        self.alpha = sum(-(-part.bits // 8) for part in alphas)


_SIDE = 16


@cache
def _planes(pixel_format: str) -> tuple[_Plane, ...]:
    described = av.VideoFormat(pixel_format, _SIDE, _SIDE)
    return tuple(
        _Plane(described, index) for index in sorted({part.plane for part in described.components})
    )


def _rows(plane: VideoPlane) -> UInt8[np.ndarray, "h bytes"]:
    """Show a plane's memory, which may have room at the end of each row."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)


def _samples(plane: VideoPlane, step: int) -> UInt8[np.ndarray, "h w step"]:
    return _rows(plane)[:, : plane.width * step].reshape(plane.height, plane.width, step)
