"""Convert between decoded frames and RGB without color drift."""

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

# swscale flags. Its defaults round down and halve the chroma resolution once more: a round trip
# darkens a frame by 0.74 levels on average. With these flags it is 0.03, without a bias.
_EXACT = int(
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
# Pixels around a changed rectangle that are converted with it, so that the chroma filter reads
# real neighbors at its border.
_MARGIN = 8
# Width and height in pixels of the frame from which a format's chroma subsampling is measured.
_PROBE_SIZE = 16
# swscale contexts by thread and pixel format: creating one takes half as long as converting a
# 640x480 frame.
_reformatters = threading.local()


def to_rgb(decoded: av.VideoFrame) -> Rgb:
    """Convert a decoded frame to RGB with its own color matrix and range.

    Args:
        decoded: The decoder's output.
    """
    if decoded.format.is_rgb:
        return _reformat(decoded, "rgb24").to_ndarray()
    # swscale converts YUV to planar RGB in less than half the time, merging included.
    green, blue, red = (
        _rows(plane)[:, : plane.width] for plane in _reformat(decoded, "gbrp").planes
    )
    return np.asarray(cv2.merge([red, green, blue]), np.uint8)


def from_rgb(rgb: Rgb, pixel_format: str, color: ColorTags) -> av.VideoFrame:
    """Convert RGB to a frame for the encoder.

    Args:
        rgb: The image [height, width, 3].
        pixel_format: FFmpeg's name of the pixel format.
        color: Color matrix and range of the result.
    """
    described = av.VideoFormat(pixel_format)
    if described.is_rgb and max(part.bits for part in described.components) > 8:
        # swscale converts 255 to 65280, which is right only on the way to YUV.
        frame = av.VideoFrame.from_ndarray(rgb.astype(np.uint16) * np.uint16(257), format="rgb48le")
    else:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return convert_pixel_format(frame, pixel_format, color)


def convert_pixel_format(
    decoded: av.VideoFrame, pixel_format: str, color: ColorTags
) -> av.VideoFrame:
    """Convert a frame to another pixel format.

    Args:
        decoded: The frame to convert.
        pixel_format: FFmpeg's name of the new format.
        color: Color matrix and range of the result.
    """
    if av.VideoFormat(pixel_format).is_rgb:
        return _reformat(decoded, pixel_format)
    # "yuvj..." formats imply full range, but swscale also needs the range (2: full).
    color_range = 2 if pixel_format.startswith("yuvj") else color.range
    return _reformat(
        decoded, pixel_format, dst_colorspace=color.matrix, dst_color_range=color_range
    )


def to_av_frame(frame: Frame, pixel_format: str, color: ColorTags) -> av.VideoFrame:
    """Convert a frame for the encoder; outside the changed rectangles it stays as decoded.

    Args:
        frame: The frame. Its `decoded` frame may be changed in place.
        pixel_format: FFmpeg's name of the pixel format.
        color: Color matrix and range of the result.
    """
    if frame.decoded is None:
        return from_rgb(frame.rgb, pixel_format, color)
    result = frame.decoded
    if result.format.name != pixel_format:
        result = convert_pixel_format(result, pixel_format, color)
    if frame.changed_boxes:
        # The decoder may still predict from this memory; FFmpeg copies it then.
        result.make_writable()
        for box in frame.changed_boxes:
            _write_box(result, frame.rgb, box, color)
    return result


def _reformat(decoded: av.VideoFrame, pixel_format: str, **color: int | None) -> av.VideoFrame:
    reformatter: VideoReformatter = _reformatters.__dict__.setdefault(
        pixel_format, VideoReformatter()
    )
    return reformatter.reformat(decoded, format=pixel_format, interpolation=_EXACT, **color)


def align_to_chroma(box: Box, pixel_format: str, width: int, height: int, margin: int = 0) -> Box:
    """Grow a rectangle to whole chroma samples and clip it to the frame.

    Args:
        box: The rectangle.
        pixel_format: FFmpeg's name of the pixel format.
        width: Frame width in pixels.
        height: Frame height in pixels.
        margin: Pixels to add on each side first.
    """
    across = max(plane.across for plane in _planes(pixel_format))
    down = max(plane.down for plane in _planes(pixel_format))
    left, top = (max(0, edge - margin) for edge in box[:2])
    right, bottom = box[2] + margin, box[3] + margin
    left, top = left // across * across, top // down * down
    return (
        left,
        top,
        min(width, -(-right // across) * across),
        min(height, -(-bottom // down) * down),
    )


def _write_box(frame: av.VideoFrame, rgb: Rgb, box: Box, color: ColorTags) -> None:
    """Write one rectangle of `rgb` into a frame in place; alpha is not changed."""
    name = frame.format.name
    left, top, right, bottom = align_to_chroma(box, name, frame.width, frame.height)
    if left >= right or top >= bottom:
        return
    x, y, x_end, y_end = align_to_chroma(box, name, frame.width, frame.height, _MARGIN)
    patch = from_rgb(rgb[y:y_end, x:x_end], name, color)
    for layout, target, source in zip(_planes(name), frame.planes, patch.planes, strict=True):
        if layout.alpha_only:
            continue
        rows = slice(top // layout.down, -(-bottom // layout.down))
        columns = slice(left // layout.across, -(-right // layout.across))
        from_rows = slice(rows.start - y // layout.down, rows.stop - y // layout.down)
        from_columns = slice(columns.start - x // layout.across, columns.stop - x // layout.across)
        color_bytes = slice(0, layout.step - layout.alpha)
        _samples(target, layout.step)[rows, columns, color_bytes] = _samples(source, layout.step)[
            from_rows, from_columns, color_bytes
        ]


class _PlaneLayout:
    """Memory layout of one plane of a pixel format.

    `across`, `down`: pixels per sample, horizontally and vertically. `step`: bytes per sample.
    `alpha`: bytes of alpha at the end of a sample. `alpha_only`: the plane holds only alpha.
    """

    def __init__(self, pixel_format: av.VideoFormat, index: int):
        parts = [part for part in pixel_format.components if part.plane == index]
        alphas = [part for part in parts if part.is_alpha]
        self.across = _PROBE_SIZE // parts[0].width
        self.down = _PROBE_SIZE // parts[0].height
        self.step = sum(-(-part.bits // 8) for part in parts)
        if len({part.plane for part in pixel_format.components}) == 1:
            # Packed formats such as bgr0 may have a padding byte.
            self.step = pixel_format.padded_bits_per_pixel // 8
        self.alpha_only = len(alphas) == len(parts)
        self.alpha = sum(-(-part.bits // 8) for part in alphas)


@cache
def _planes(pixel_format: str) -> tuple[_PlaneLayout, ...]:
    described = av.VideoFormat(pixel_format, _PROBE_SIZE, _PROBE_SIZE)
    return tuple(
        _PlaneLayout(described, index)
        for index in sorted({part.plane for part in described.components})
    )


def _rows(plane: VideoPlane) -> UInt8[np.ndarray, "h bytes"]:
    """View a plane's memory; rows may have padding at the end."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)


def _samples(plane: VideoPlane, step: int) -> UInt8[np.ndarray, "h w step"]:
    return _rows(plane)[:, : plane.width * step].reshape(plane.height, plane.width, step)
