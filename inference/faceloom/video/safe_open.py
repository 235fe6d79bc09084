"""Open media files of unknown origin with FFmpeg, and no other file that they refer to."""

import io
import os
import struct
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from faceloom.image_io import MAX_PIXELS

# Demuxers that are allowed. FFmpeg detects the format by content, and playlists (hls, concat,
# dash, imf) name other files, which it would open: "clip.mp4" could list any file on the disk.
_VIDEO_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,live_flv,asf,gif,ogg,nut,"
    "mxf,wtv,rm,dv,h264,hevc,vvc,obu,av1,ivf,m4v,h261,h263,vc1,vc1test,yuv4mpegpipe,apng,mjpeg,"
    "mjpeg_2000,swf,roq,bink,smk,nsv,wav,mp3,aac,flac"
)
_IMAGE_DEMUXERS = "png_pipe,jpeg_pipe,bmp_pipe,webp_pipe,tiff_pipe,gif_pipe,image2,image2pipe"
_SAFE_OPTIONS = {
    "format_whitelist": f"{_VIDEO_DEMUXERS},{_IMAGE_DEMUXERS}",
    "protocol_whitelist": "file",
}
# Arguments of av.open() that keep the bytes of tags that are not UTF-8; PyAV 19 always does.
METADATA_OPTIONS: dict[str, Any] = (
    {"metadata_errors": "surrogateescape"} if int(av.__version__.partition(".")[0]) < 19 else {}
)
# First bytes of RIFF files (AVI, WAV).
_RIFF_SIGNATURES = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"ON2 ")
# A RIFF chunk: name, length and, for a list, its type.
_CHUNK = struct.Struct("<4sI4s")
# Most chunks of an AVI's header that are read; real files have some ten per stream.
_MAX_CHUNKS = 10_000


def file_url(path: Path) -> str:
    """Return what FFmpeg takes for a file of any name; in `a:b.mp4` it would see a protocol `a`.

    Args:
        path: The file.
    """
    return f"file:{path}"


def open_input(source: Path | io.BufferedIOBase) -> InputContainer:
    """Open a video or an image.

    Args:
        source: A path or an open file.

    Raises:
        ValueError: If an AVI's header claims more bytes than the file has.
        av.FFmpegError: If FFmpeg cannot open it.
    """
    # A missing file is reported by av.open().
    with (
        suppress(OSError),
        source.open("rb") if isinstance(source, Path) else nullcontext(source) as opened,
    ):
        if _claims_too_many_bytes(opened):
            raise ValueError("its text chunks claim more bytes than the file has")
    file = file_url(source) if isinstance(source, Path) else source
    container: InputContainer = av.open(file, "r", options=_SAFE_OPTIONS, **METADATA_OPTIONS)
    for stream in container.streams.video:
        if stream.codec_context is not None:  # None: a codec that this FFmpeg does not have
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return container


def _claims_too_many_bytes(file: io.BufferedIOBase) -> bool:
    """Return whether a text list (LIST INFO) of an AVI is longer than the file.

    FFmpeg would allocate up to 2 GB for each.
    """
    position = file.tell()
    size, offset = file.seek(0, os.SEEK_END), 12
    try:
        file.seek(0)
        if file.read(4) not in _RIFF_SIGNATURES:
            return False
        for _ in range(_MAX_CHUNKS):
            file.seek(offset)
            header = file.read(_CHUNK.size)
            if len(header) < _CHUNK.size:
                return False
            name, length, kind = _CHUNK.unpack(header)
            if name == b"LIST" and kind == b"movi":
                return False
            if name == b"LIST" and kind == b"INFO" and offset + 8 + length > size:
                return True
            # Descend into every list except text lists.
            offset += (
                _CHUNK.size if name == b"LIST" and kind != b"INFO" else 8 + length + length % 2
            )
        return True
    finally:
        file.seek(position)
