"""Write segments of PNG pictures as files of their own, as one still or as a GIF."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from faceloom.errors import UsageError
from faceloom.image_io import encode
from faceloom.video.encoders import Encoding
from faceloom.video.image_sequence import list_pictures
from faceloom.video.info import VideoInfo
from faceloom.video.output import output_kind, picture_name
from faceloom.video.pixel_format import to_rgb
from faceloom.video.rotation import upright
from faceloom.video.safe_open import open_input

_GIF_TIME = Fraction(1, 100)
# Of OpenCV's scale to 100, for .jpg and .webp.
_STILL_QUALITY = 95


def write_pictures(
    segments: Sequence[Path],
    out_part: Path,
    name: Path,
    info: VideoInfo,
    encoding: Encoding,
    begin: Fraction,
) -> None:
    """Write the pictures of PNG segments as `name` asks for, upright; `begin` is what becomes a GIF's 0."""
    kind = output_kind(name)
    if kind == "gif":
        _write_gif(segments, out_part, info, begin)
        return
    files = _files(segments, info)
    if kind == "pictures":
        for number, (index, data) in enumerate(files):
            (out_part / _name_of(name, number, index, info)).write_bytes(data)
        return
    first = next(files, None)
    if first is None:
        raise UsageError(f"There is no picture to write to {name}; give a range that holds one.")
    data = first[1]
    out_part.write_bytes(data if name.suffix.lower() == ".png" else _reduced(data, name, encoding))


def _name_of(name: Path, number: int, index: int, info: VideoInfo) -> str:
    """A picture keeps its name, unless a pattern or a video's frames ask for numbers."""
    if info.kind == "pictures" and not name.suffix:
        return list_pictures(info.path)[index].stem + ".png"
    return picture_name(name, number)


def _files(segments: Sequence[Path], info: VideoInfo) -> Iterator[tuple[int, bytes]]:
    """Yield each picture's number in a source of pictures, and the PNG file that it is."""
    for path in segments:
        with open_input(path) as container:
            stream = container.streams.video[0]
            for packet in container.demux(stream):
                if packet.pts is None:
                    continue
                index = round(packet.pts * packet.time_base * info.average_rate)
                data = bytes(packet)
                yield index, _turned(data, info.rotation) if info.rotation else data


def _turned(data: bytes, rotation: int) -> bytes:
    """Turn a PNG upright: it has no display matrix. OpenCV keeps its channels and bits."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None, "it was just encoded"
    return cv2.imencode(".png", np.rot90(picture, rotation // 90))[1].tobytes()


def _reduced(data: bytes, name: Path, encoding: Encoding) -> bytes:
    rgb = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    ending = name.suffix.lower()
    quality = _STILL_QUALITY if encoding.quality is None else encoding.quality
    key = cv2.IMWRITE_WEBP_QUALITY if ending == ".webp" else cv2.IMWRITE_JPEG_QUALITY
    sampling = (
        ()
        if ending == ".webp"
        else (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    )
    return encode(np.asarray(rgb, np.uint8), ending, (key, quality, *sampling))


def _write_gif(segments: Sequence[Path], out_part: Path, info: VideoInfo, begin: Fraction) -> None:
    """Write a GIF whose pictures have palettes of their own."""
    with av.open(str(out_part), "w", format="gif", options={"fflags": "+bitexact"}) as target:
        stream = target.add_stream("gif", rate=info.average_rate)
        context = stream.codec_context
        turned = info.rotation % 180 != 0
        context.width, context.height = (
            (info.height, info.width) if turned else (info.width, info.height)
        )
        context.pix_fmt, context.time_base = "pal8", _GIF_TIME
        graph = _palette_graph(context.width, context.height)
        last = 0
        for picture, seconds, lasting in _shown(segments, info.rotation):
            graph.vpush(picture)
            reduced = graph.vpull()
            reduced.pts, reduced.time_base = round((seconds - begin) / _GIF_TIME), _GIF_TIME
            last = round(lasting / _GIF_TIME)
            target.mux(stream.encode(reduced))
        for packet in stream.encode(None):
            packet.duration = last or packet.duration
            target.mux(packet)


def _shown(
    segments: Sequence[Path], rotation: int
) -> Iterator[tuple[av.VideoFrame, Fraction, Fraction]]:
    for path in segments:
        with open_input(path) as container:
            for picture in container.decode(video=0):
                base = Fraction(picture.time_base or 0)
                rgb = av.VideoFrame.from_ndarray(upright(to_rgb(picture), rotation), "rgb24")
                yield rgb, (picture.pts or 0) * base, picture.duration * base


def _palette_graph(width: int, height: int) -> av.filter.Graph:
    """The 256 colors of each picture, chosen for it alone."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat("rgb24"), time_base=_GIF_TIME
    )
    split, sink = graph.add("split"), graph.add("buffersink")
    choose, use = graph.add("palettegen", "stats_mode=single"), graph.add("paletteuse", "new=1")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(choose, 1, 0)
    choose.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph
