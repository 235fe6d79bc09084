"""Open a media file with FFmpeg, and nothing that it points to."""

import io
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


def open_input(source: Path | io.BufferedIOBase) -> InputContainer:
    """Open a video, a piece of one or a picture; what FFmpeg raises is passed on."""
    file = str(source) if isinstance(source, Path) else source
    container: InputContainer = av.open(file, "r", options=_SAFELY, **TAGS_AS_THEY_ARE)
    for stream in container.streams.video:
        if stream.codec_context is not None:  # None: a codec that FFmpeg does not have
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return container
