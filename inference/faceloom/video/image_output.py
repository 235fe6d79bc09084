"""Write PNG segments as image files, as one image or as a GIF."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from faceloom.array_types import Picture, Rgb
from faceloom.errors import UsageError
from faceloom.image_io import encode_picture
from faceloom.video.decoding.rising_clock import RisingClock
from faceloom.video.encoding.encoders import Encoding
from faceloom.video.hdr.display_rendition import DisplayRendition
from faceloom.video.image_sequence import list_images
from faceloom.video.info import VideoInfo
from faceloom.video.output import image_name, output_kind, shown_as_coded
from faceloom.video.pixel_aspect import to_square_pixels
from faceloom.video.pixel_format import to_rgb
from faceloom.video.safe_open import file_url, open_input
from faceloom.video.segments.segment_offset import segment_offset

# End of a PNG's signature (8 bytes) and its IHDR chunk (25 bytes).
_PNG_HEADER_END = 33
# Chunks that say how a PNG's colors are shown.
_PNG_COLOR_CHUNKS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI")
# A GIF stores delays in hundredths of a second.
_GIF_TIME_BASE = Fraction(1, 100)
# OpenCV's quality, 0 to 100, of .jpg and .webp if the user gives none.
_DEFAULT_QUALITY = 95


def write_image_output(
    segments: Sequence[Path],
    part: Path,
    name: Path,
    info: VideoInfo,
    encoding: Encoding,
    start: Fraction,
) -> None:
    """Write PNG segments as images or a GIF: upright and with square pixels, as they have no tags.

    Args:
        segments: Files of `SegmentWriter` with PNG frames, in order.
        part: The file or folder to write.
        name: The output path that the user gave; its suffix selects the format.
        info: The source.
        encoding: The user's quality, for .jpg and .webp.
        start: Time in seconds on the source's clock that becomes 0 in a GIF.

    Raises:
        UsageError: If one image is to be written and there is no frame.
    """
    kind = output_kind(name)
    if kind == "gif":
        _write_gif(segments, part, info, start)
        return
    images = _png_files(segments, info)
    if kind == "image_sequence":
        for position, (index, data) in enumerate(images):
            (part / _file_name(name, position, index, info)).write_bytes(data)
        return
    first = next(images, None)
    if first is None:
        raise UsageError(f"There is no frame to write to {name}; give a range with a frame in it.")
    data = first[1]
    if name.suffix.lower() == ".png":
        part.write_bytes(data)
    else:
        part.write_bytes(_reencode(_shown_rgb(data, segments, info), name, encoding))


def _file_name(name: Path, position: int, index: int, info: VideoInfo) -> str:
    """Keep the names of source images, unless the user gives a pattern; number video frames."""
    if info.kind == "image_sequence" and not name.suffix:
        return list_images(info.path)[index].stem + ".png"
    return image_name(name, position)


def _png_files(segments: Sequence[Path], info: VideoInfo) -> Iterator[tuple[int, bytes]]:
    """Yield the index of each frame in an image sequence and its PNG file."""
    for path in segments:
        with open_input(path) as container:
            stream, offset = container.streams.video[0], segment_offset(container)
            for packet in container.demux(stream):
                if packet.pts is None:
                    continue
                seconds = packet.pts * packet.time_base + offset
                index = round(seconds * info.average_rate)
                data = bytes(packet)
                yield index, data if shown_as_coded(info) else _display_png(data, info)


def _display_png(data: bytes, info: VideoInfo) -> bytes:
    """Return a PNG as a viewer shows its source; channels and bit depth stay."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None, "the PNG was encoded by us"
    shown = cv2.imencode(".png", _to_display(image, info))[1].tobytes()
    return shown[:_PNG_HEADER_END] + _color_chunks(data) + shown[_PNG_HEADER_END:]


def _color_chunks(png: bytes) -> bytes:
    """Return the chunks of a PNG that say how its colors are shown, which OpenCV drops."""
    chunks, position = b"", _PNG_HEADER_END
    while (kind := png[position + 4 : position + 8]) not in (b"IDAT", b""):
        end = position + 12 + int.from_bytes(png[position : position + 4], "big")
        if kind in _PNG_COLOR_CHUNKS:
            chunks += png[position:end]
        position = end
    return chunks


def _to_display(image: Picture, info: VideoInfo) -> Picture:
    return info.orientation.to_upright(to_square_pixels(image, info.sample_aspect_ratio))


def _shown_rgb(data: bytes, segments: Sequence[Path], info: VideoInfo) -> Rgb:
    """Return the first frame in 8 bits; HDR and wide gamut as SDR, since it gets no tags."""
    if DisplayRendition.of(info.color.primaries, info.color.transfer):
        return next(_display_frames(segments, info))[0].to_ndarray()
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def _reencode(rgb: Rgb, name: Path, encoding: Encoding) -> bytes:
    suffix = name.suffix.lower()
    quality = _DEFAULT_QUALITY if encoding.quality is None else encoding.quality
    key = cv2.IMWRITE_WEBP_QUALITY if suffix == ".webp" else cv2.IMWRITE_JPEG_QUALITY
    sampling = (
        ()
        if suffix == ".webp"
        else (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    )
    return encode_picture(rgb, suffix, (key, quality, *sampling))


def _write_gif(segments: Sequence[Path], part: Path, info: VideoInfo, start: Fraction) -> None:
    """Write a GIF with one palette per frame."""
    with av.open(file_url(part), "w", format="gif", options={"fflags": "+bitexact"}) as target:
        stream = target.add_stream("gif", rate=info.average_rate)
        context = stream.codec_context
        context.width, context.height = info.display_size
        context.pix_fmt, context.time_base = "pal8", _GIF_TIME_BASE
        graph = _palette_graph(context.width, context.height)
        last_duration = 0
        packets: list[Packet[VideoStream]] = []
        clock = RisingClock(_GIF_TIME_BASE)
        for decoded, seconds, duration in _display_frames(segments, info):
            graph.vpush(decoded)
            paletted = graph.vpull()
            paletted.pts = clock.next(round((seconds - start) / _GIF_TIME_BASE))
            paletted.time_base = _GIF_TIME_BASE
            last_duration = round(duration / _GIF_TIME_BASE)
            # The last packet is held back, as only its frame's duration is not the next one's time.
            packets += stream.encode(paletted)
            target.mux(packets[:-1])
            del packets[:-1]
        packets += stream.encode(None)
        if packets and last_duration:
            packets[-1].duration = last_duration
        target.mux(packets)


def _display_frames(
    segments: Sequence[Path], info: VideoInfo
) -> Iterator[tuple[av.VideoFrame, Fraction, Fraction]]:
    """Yield each RGB frame with its time and duration in seconds."""
    for path in segments:
        with open_input(path) as container:
            offset = segment_offset(container)
            for decoded in container.decode(video=0):
                base = Fraction(decoded.time_base or 0)
                rgb = av.VideoFrame.from_ndarray(_to_display(to_rgb(decoded), info), "rgb24")
                yield rgb, (decoded.pts or 0) * base + offset, decoded.duration * base


def _palette_graph(width: int, height: int) -> av.filter.Graph:
    """Build FFmpeg's filter graph that reduces each frame to its own 256 colors."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat("rgb24"), time_base=_GIF_TIME_BASE
    )
    split, sink = graph.add("split"), graph.add("buffersink")
    generate = graph.add("palettegen", "stats_mode=single")
    apply = graph.add("paletteuse", "new=1")
    source.link_to(split)
    split.link_to(apply, 0, 0)
    split.link_to(generate, 1, 0)
    generate.link_to(apply, 0, 1)
    apply.link_to(sink)
    graph.configure()
    return graph
