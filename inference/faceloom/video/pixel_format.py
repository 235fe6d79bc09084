"""Convert between decoded frames and RGB without color drift.

Frames are read as 8-bit SDR (see `DisplayRendition`). Changed pixels of video of more than 8 bits,
and of video that needs a rendition, are written in 16 bits.
"""

import threading
from dataclasses import replace
from functools import cache, reduce

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter
from jaxtyping import Bool, UInt8

from faceloom.array_types import Rgb, float32
from faceloom.video.hdr.display_rendition import HLG, PQ, Channel, DisplayRendition, Signal
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
# swscale's 16-bit value of RGB white on the way from and to YUV.
_WHITE_OF_YUV = 65280
# The same between RGB formats.
_WHITE_OF_RGB = 65535
# H.273's matrix coefficients of BT.2020, which HDR without a stated matrix has.
_BT2020_MATRIX = 9
_UNSPECIFIED = 2
# Change of a pixel, 0 to 1, from which nothing of the original is added to its new value.
_FADE = 1 / 16
# Half a level of 8 bits, the largest rounding error of the RGB that was changed.
_HALF_LEVEL = 0.5 / 255
# Width and height in pixels of the frame from which a format's chroma subsampling is measured.
_PROBE_SIZE = 16
# swscale contexts by thread and pixel format: creating one takes half as long as converting a
# 640x480 frame.
_reformatters = threading.local()


def to_rgb(decoded: av.VideoFrame) -> Rgb:
    """Convert a decoded frame to 8-bit SDR with its own color tags.

    Args:
        decoded: The decoder's output.
    """
    if rendition := _rendition_of(decoded):
        return rendition.to_sdr_8_bit(*_channels(decoded), _white(decoded.format))
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
    """Convert a frame for the encoder; unchanged pixels stay as decoded.

    Args:
        frame: The frame. Its `decoded` frame may be changed in place.
        pixel_format: FFmpeg's name of the pixel format.
        color: Color matrix and range of the result.
    """
    if frame.decoded is None:
        return from_rgb(frame.rgb, pixel_format, color)
    result, rendition = frame.decoded, _rendition_of(frame.decoded)
    if result.format.name != pixel_format:
        result = convert_pixel_format(result, pixel_format, color)
    if frame.changed_boxes:
        # The decoder may still predict from this memory; FFmpeg copies it then.
        result.make_writable()
        for box in frame.changed_boxes:
            _write_box(result, frame, box, color, rendition)
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


def _write_box(
    result: av.VideoFrame,
    frame: Frame,
    box: Box,
    color: ColorTags,
    rendition: DisplayRendition | None,
) -> None:
    """Write the changed pixels of one rectangle into `result`; alpha is not changed."""
    name = result.format.name
    inner = align_to_chroma(box, name, result.width, result.height)
    left, top, right, bottom = inner
    if left >= right or top >= bottom:
        return
    outer = align_to_chroma(box, name, result.width, result.height, _MARGIN)
    x, y, x_end, y_end = outer
    if rendition or _is_deep(result.format):
        patch = _deep_patch(result, frame, outer, color, rendition)
    else:
        patch = from_rgb(frame.rgb[y:y_end, x:x_end], name, color)
    changed = _changed_cells(frame, inner, name)
    for layout, target, source in zip(_planes(name), result.planes, patch.planes, strict=True):
        if layout.alpha_only:
            continue
        color_bytes = slice(0, layout.step - layout.alpha)
        written = _samples(target, layout.step)[layout.part(inner)]
        shifted = layout.part((left - x, top - y, right - x, bottom - y))
        np.copyto(
            written[..., color_bytes],
            _samples(source, layout.step)[shifted][..., color_bytes],
            where=changed[:: layout.down, :: layout.across, None],
        )


def _changed_cells(frame: Frame, box: Box, pixel_format: str) -> Bool[np.ndarray, "h w"]:
    """Return which pixels share a chroma sample with a changed pixel.

    Args:
        frame: The frame.
        box: A rectangle of whole chroma samples.
        pixel_format: FFmpeg's name of the pixel format.
    """
    left, top, right, bottom = box
    if frame.decoded_rgb is None:
        return np.ones((bottom - top, right - left), bool)
    part = np.s_[top:bottom, left:right]
    across = max(plane.across for plane in _planes(pixel_format))
    down = max(plane.down for plane in _planes(pixel_format))
    # OpenCV takes a tenth of NumPy's time for this.
    red, green, blue = cv2.split(cv2.absdiff(frame.rgb[part], frame.decoded_rgb[part]))
    changed = cv2.max(cv2.max(red, green), blue)
    height, width = changed.shape
    edges = (0, -height % down, 0, -width % across)
    changed = cv2.copyMakeBorder(changed, *edges, cv2.BORDER_CONSTANT, value=0)
    rows = reduce(cv2.max, (changed[row::down] for row in range(down)))
    cells = reduce(np.maximum, (rows[:, column::across] for column in range(across)))
    grown = cv2.resize(cells, changed.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(grown[:height, :width] != 0)


def _deep_patch(
    result: av.VideoFrame,
    frame: Frame,
    box: Box,
    color: ColorTags,
    rendition: DisplayRendition | None,
) -> av.VideoFrame:
    """Return a rectangle of the changed frame in the pixel format of `result`.

    The original's rounding error is added to the 8-bit RGB, which restores unchanged pixels and
    leaves no bands of 8 bits. Where little is changed, colors outside the SDR gamut return, too.
    """
    x, y, x_end, y_end = box
    original = _crop(result, box)
    if color.transfer in (PQ, HLG) and color.matrix == _UNSPECIFIED:
        color = replace(color, matrix=_BT2020_MATRIX)
    original.colorspace, original.color_range = color.matrix, color.range
    original.color_trc, original.color_primaries = color.transfer, color.primaries
    white = _white(result.format)
    signal = float32(cv2.merge(_channels(original))) / white
    shown = rendition.to_sdr(signal) if rendition else signal
    after = float32(frame.rgb[y:y_end, x:x_end]) / 255
    before = (
        float32(np.rint(255 * np.clip(shown, 0, 1))) / 255
        if frame.decoded_rgb is None
        else float32(frame.decoded_rgb[y:y_end, x:x_end]) / 255
    )
    lost = shown - before
    rounding = np.clip(lost, -_HALF_LEVEL, _HALF_LEVEL)
    similar = np.maximum(0, 1 - np.abs(after - before).max(-1, keepdims=True) / _FADE)
    new = float32(after + rounding + (lost - rounding) * similar)
    return _from_signal(rendition.to_signal(new) if rendition else new, result, white, color)


def _from_signal(
    signal: Signal, like: av.VideoFrame, white: int, color: ColorTags
) -> av.VideoFrame:
    """Convert R'G'B' of 0 to 1 to a frame in the pixel format of another."""
    frame = av.VideoFrame(signal.shape[1], signal.shape[0], "gbrp16le")
    values = np.clip(np.rint(signal * white), 0, _WHITE_OF_RGB).astype(np.uint16)
    for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
        _samples(plane, 2)[:] = values[..., channel, None].view(np.uint8)
    return convert_pixel_format(frame, like.format.name, color)


def _crop(frame: av.VideoFrame, box: Box) -> av.VideoFrame:
    """Return a rectangle of whole chroma samples as a frame of its own."""
    x, y, x_end, y_end = box
    patch = av.VideoFrame(x_end - x, y_end - y, frame.format.name)
    for layout, target, source in zip(
        _planes(frame.format.name), patch.planes, frame.planes, strict=True
    ):
        _samples(target, layout.step)[:] = _samples(source, layout.step)[layout.part(box)]
    return patch


def _rendition_of(decoded: av.VideoFrame) -> DisplayRendition | None:
    return DisplayRendition.of(decoded.color_primaries, decoded.color_trc)


def _is_deep(pixel_format: av.VideoFormat) -> bool:
    return max(part.bits for part in pixel_format.components) > 8


def _white(pixel_format: av.VideoFormat) -> int:
    """Return the value of white in `_channels` of a frame."""
    return _WHITE_OF_RGB if pixel_format.is_rgb else _WHITE_OF_YUV


def _channels(frame: av.VideoFrame) -> tuple[Channel, Channel, Channel]:
    """Return red, green and blue in 16 bits."""
    hdr = frame.color_trc in (PQ, HLG)
    matrix = _BT2020_MATRIX if hdr and frame.colorspace == _UNSPECIFIED else None
    planar = _reformat(frame, "gbrp16le", src_colorspace=matrix)
    green, blue, red = (_rows(plane).view(np.uint16)[:, : plane.width] for plane in planar.planes)
    return red, green, blue


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

    def part(self, box: Box) -> tuple[slice, slice]:
        """Return the rows and columns of samples of a rectangle of pixels."""
        left, top, right, bottom = box
        return (
            slice(top // self.down, -(-bottom // self.down)),
            slice(left // self.across, -(-right // self.across)),
        )


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
