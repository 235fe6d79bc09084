"""Encode frames into a file of pictures, and such files into one that keeps everything else of the source."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from faceloom.video.encode import DEFAULT_ENCODING, Coding, Encoding, coding_of, open_encoder
from faceloom.video.info import Frame, VideoInfo
from faceloom.video.join import FIRST_PTS, join_segments
from faceloom.video.output import check_output
from faceloom.video.pixels import picture_of

_NO_TYPE = 0


class PictureWriter:
    """A file of pictures alone, with the source's own times: a segment, for `join_segments`.

    It begins with a key frame and nothing in it looks back before it. Use it through `PictureWriter.open`.
    """

    def __init__(self, container: OutputContainer, stream: VideoStream, coding: Coding):
        self._container = container
        self._stream = stream
        self._coding = coding
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
        exact = {"video_track_timescale": ticks, "movie_timescale": ticks} if coding.segment != "matroska" else {}
        with av.open(str(part), "w", format=coding.segment, options={"fflags": "+bitexact", **exact}) as container:
            stream = container.add_stream(coding.codec, rate=info.average_rate)
            assert isinstance(stream, VideoStream), "only such are in the table"
            open_encoder(stream.codec_context, info, encoding, coding)
            writer = cls(container, stream, coding)
            yield writer
            writer._finish()

    def write(self, frame: Frame) -> None:
        """Encode one frame; they come in presentation order."""
        picture = picture_of(frame, self._coding.pixel_format, self._coding.colour)
        if self._lasting is None and frame.pts < 0:
            # What a file of this kind cannot say is said in words.
            self._shift = -frame.pts
            self._container.metadata["comment"] = f"{FIRST_PTS}{frame.pts}"
        self._container.start_encoding()
        picture.pts, picture.dts = frame.pts + self._shift, None
        picture.time_base = frame.time_base
        # Or the encoder would make the same kinds of pictures as the source's had.
        picture.pict_type = _NO_TYPE
        self._lasting = frame.duration * frame.time_base
        self._mux(self._stream.encode(picture))

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
            self._held = packet


class VideoWriter:
    """A whole video file in one go: swapped pictures, and every other stream of the source untouched."""

    @staticmethod
    @contextmanager
    def open(part: Path, name: Path, info: VideoInfo, encoding: Encoding = DEFAULT_ENCODING) -> Iterator[PictureWriter]:
        """Yield what takes the frames; when they are all written, `part` becomes what the name `name` asks for.

        Raises what `check_output` raises, before anything is written.
        """
        encoding = check_output(name, info, encoding)
        pictures = part.with_name(f"{part.name}.pictures")
        try:
            with PictureWriter.open(pictures, info, encoding) as writer:
                yield writer
            join_segments([pictures], part, name, info, encoding)
        finally:
            pictures.unlink(missing_ok=True)
