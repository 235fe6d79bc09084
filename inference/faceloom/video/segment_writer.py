"""Encode frames into a file of pictures, and such files into one that keeps everything else of the source."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from faceloom.errors import MediaUnreadable
from faceloom.video.encoders import Coding, Encoding, coding_of, open_encoder
from faceloom.video.info import Frame, VideoInfo
from faceloom.video.pixel_format import picture_of
from faceloom.video.segment_concat import FIRST_PTS

_NO_TYPE = 0
# By how many pictures the order of decoding may differ from that of showing in H.264 and H.265.
_MOST_DELAYED = 16


class PictureWriter:
    """A file of pictures alone, with the source's own times: a segment, for `join_segments`.

    It begins with a key frame and nothing in it looks back before it. Use it through `PictureWriter.open`.
    """

    def __init__(
        self, container: OutputContainer, stream: VideoStream, coding: Coding, info: VideoInfo
    ):
        self._container = container
        self._stream = stream
        self._coding = coding
        self._info = info
        self._last_pts: int | None = None
        self._decode_times: deque[int] = deque()
        self._shift = 0
        self._lasting: Fraction | None = None
        self._held: Packet[VideoStream] | None = None

    @classmethod
    @contextmanager
    def open(cls, part: Path, info: VideoInfo, encoding: Encoding) -> Iterator["PictureWriter"]:
        """Open `part` for the pictures of a video.

        Raises UsageError or ProviderMissing, as `open_encoder`, before anything is written.
        """
        coding = coding_of(info, encoding)
        ticks = str(info.time_base.denominator)
        exact = (
            {"video_track_timescale": ticks, "movie_timescale": ticks}
            if coding.segment != "matroska"
            else {}
        )
        with av.open(
            str(part), "w", format=coding.segment, options={"fflags": "+bitexact", **exact}
        ) as container:
            stream = container.add_stream(coding.codec, rate=info.average_rate)
            assert isinstance(stream, VideoStream), "only such are in the table"
            open_encoder(stream.codec_context, info, encoding, coding)
            writer = cls(container, stream, coding, info)
            yield writer
            writer._finish()

    def write(self, frame: Frame) -> None:
        """Encode one frame; they come in presentation order.

        Raises MediaUnreadable if one is not after the last or of another size.
        """
        if self._last_pts is not None and frame.pts <= self._last_pts:
            raise MediaUnreadable(
                f"{self._info.path}: frame {frame.index} is to be shown no later than the one before it; "
                "remux the file (ffmpeg -fflags +genpts -i in -c copy out)."
            )
        if self._last_pts is None:
            self._begin(frame.pts)
        self._last_pts = frame.pts
        height, width = frame.rgb.shape[:2]
        if (width, height) != (self._info.width, self._info.height):
            raise MediaUnreadable(
                f"{self._info.path} changes its size at frame {frame.index}; cut it there into two files."
            )
        picture = picture_of(frame, self._coding.pixel_format, self._coding.color)
        picture.pts, picture.dts = frame.pts + self._shift, None
        picture.time_base = frame.time_base
        self._decode_times.append(picture.pts)
        # Or the encoder would make the same kinds of pictures as the source's had.
        picture.pict_type = _NO_TYPE
        self._lasting = frame.duration * frame.time_base
        self._mux(self._stream.encode(picture))

    def _begin(self, pts: int) -> None:
        if pts < 0:
            # What a file of this kind cannot say is said in words.
            self._shift = -pts
            self._container.metadata["comment"] = f"{FIRST_PTS}{pts}"
        self._decode_times.extend(
            pts + self._shift - early for early in range(_MOST_DELAYED, 0, -1)
        )
        self._container.start_encoding()

    def _finish(self) -> None:
        self._mux(self._stream.encode(None))
        if self._held is not None:
            # How long the last picture stands, which for the others the next one tells.
            if self._lasting:
                self._held.duration = round(self._lasting / self._held.time_base)
            self._container.mux(self._held)

    def _mux(self, packets: "Iterable[Packet[VideoStream]]") -> None:
        for packet in packets:
            if self._held is not None:
                self._container.mux(self._held)
            # Of fewer pictures than it reorders x265 gives random times; joining makes its own.
            packet.dts = self._decode_times.popleft()
            self._held = packet
