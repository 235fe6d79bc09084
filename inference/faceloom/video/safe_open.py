"""Open a media file with FFmpeg, and nothing that it points to."""

import io
import os
import struct
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

# Pixels of a picture: 16,384 a side, above what any camera makes. RGB of one takes 800 MB.
MOST_PIXELS = 2**28
# FFmpeg finds out by the content what a file is. Playlists (hls, concat, dash, imf) name other files, which it would
# open: a "clip.mp4" could be a list of whatever lies on the disk.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,live_flv,asf,gif,ogg,nut,mxf,wtv,rm,dv,"
    "h264,hevc,vvc,obu,av1,ivf,m4v,h261,h263,vc1,vc1test,yuv4mpegpipe,apng,mjpeg,mjpeg_2000,swf,roq,bink,smk,nsv,"
    "wav,mp3,aac,flac"
)
_PICTURES = "png_pipe,jpeg_pipe,bmp_pipe,webp_pipe,tiff_pipe,gif_pipe,image2,image2pipe"
# Tags that are no UTF-8 stay what they are, byte by byte, in files that are read and written. From PyAV 19 on they do.
TAGS_AS_THEY_ARE: dict[str, Any] = (
    {"metadata_errors": "surrogateescape"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
_SAFELY = {"format_whitelist": f"{_CONTAINERS},{_PICTURES}", "protocol_whitelist": "file"}
# How AVI and WAV begin, which are chunks in lists. A chunk's name and length, and of a list what it lists.
_RIFFS = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"ON2 ")
_CHUNK = struct.Struct("<4sI4s")
# Of an AVI's header; it has some ten for each stream.
_MOST_CHUNKS = 10_000


def open_input(source: Path | io.BufferedIOBase) -> InputContainer:
    """Open a video, a piece of one or a picture; what FFmpeg raises is passed on. Raises ValueError for some damage."""
    # A file that is not there FFmpeg tells in its own way.
    with (
        suppress(OSError),
        source.open("rb") if isinstance(source, Path) else nullcontext(source) as opened,
    ):
        if _claims_more(opened):
            raise ValueError("its texts claim more bytes than there are")
    file = str(source) if isinstance(source, Path) else source
    container: InputContainer = av.open(file, "r", options=_SAFELY, **TAGS_AS_THEY_ARE)
    for stream in container.streams.video:
        if stream.codec_context is not None:  # None: a codec that FFmpeg does not have
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return container


def _claims_more(file: io.BufferedIOBase) -> bool:
    """Say whether the texts of an AVI (LIST INFO) claim bytes that are not there: FFmpeg would fill 2 GB for one."""
    began = file.tell()
    size, at = file.seek(0, os.SEEK_END), 12
    try:
        file.seek(0)
        if file.read(4) not in _RIFFS:
            return False
        for _ in range(_MOST_CHUNKS):
            file.seek(at)
            head = file.read(_CHUNK.size)
            if len(head) < _CHUNK.size:
                return False
            name, length, kind = _CHUNK.unpack(head)
            if name == b"LIST" and kind == b"movi":
                return False
            if name == b"LIST" and kind == b"INFO" and at + 8 + length > size:
                return True
            # Every list but the texts is looked into.
            at += _CHUNK.size if name == b"LIST" and kind != b"INFO" else 8 + length + length % 2
        return True
    finally:
        file.seek(began)
