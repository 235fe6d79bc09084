"""Encode frames into a segment: a file with one video stream, for `join_segments`."""

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
from faceloom.video.decoding.alpha import ALPHA_TAG
from faceloom.video.encoding.encoders import (
    EncoderConfig,
    Encoding,
    has_alpha,
    open_encoder,
    resolve_encoder,
)
from faceloom.video.info import Frame, VideoInfo
from faceloom.video.pixel_format import to_av_frame
from faceloom.video.safe_open import file_url
from faceloom.video.segments.segment_offset import PTS_OFFSET_PREFIX

# FFmpeg's AV_PICTURE_TYPE_NONE: the encoder chooses between I, P and B frames.
_PICTURE_TYPE_NONE = 0
# Most frames by which decoding order may differ from presentation order in H.264 and H.265.
_MAX_REORDER_FRAMES = 16


class SegmentWriter:
    """Encodes frames into a segment that keeps the source's timestamps.

    A segment starts with a key frame and has a closed GOP, so that segments can be concatenated.
    Create with `SegmentWriter.open`.
    """

    def __init__(
        self,
        container: OutputContainer,
        stream: VideoStream,
        config: EncoderConfig,
        info: VideoInfo,
    ):
        """Store the open output.

        Args:
            container: The output container.
            stream: Its video stream, with an open encoder.
            config: The encoder's configuration.
            info: The source.
        """
        self._container = container
        self._stream = stream
        self._config = config
        self._info = info
        self._last_pts: int | None = None
        self._decode_times: deque[int] = deque()
        self._shift = 0
        self._last_duration: Fraction | None = None
        self._pending: Packet[VideoStream] | None = None

    @classmethod
    @contextmanager
    def open(cls, part: Path, info: VideoInfo, encoding: Encoding) -> Iterator["SegmentWriter"]:
        """Open a segment for writing.

        Args:
            part: The file to write.
            info: The source.
            encoding: The encoding, from `resolve_encoding`.

        Yields:
            The writer; the segment is complete when the block ends.

        Raises:
            UsageError: If the encoder rejects its options.
            ProviderMissing: If the encoder does not run on this machine.
        """
        config = resolve_encoder(info, encoding)
        options = {"fflags": "+bitexact"}
        if config.segment_format != "matroska":
            ticks = str(info.time_base.denominator)
            options |= {"video_track_timescale": ticks, "movie_timescale": ticks}
        url = file_url(part)
        with av.open(url, "w", format=config.segment_format, options=options) as container:
            stream = container.add_stream(config.codec, rate=info.average_rate)
            assert isinstance(stream, VideoStream), "all our encoders encode video"
            open_encoder(stream.codec_context, info, encoding, config)
            if config.codec.startswith("libvpx") and has_alpha(config.pixel_format):
                stream.metadata[ALPHA_TAG] = "1"
            writer = cls(container, stream, config, info)
            yield writer
            writer._finish()

    def write(self, frame: Frame) -> None:
        """Encode one frame.

        Args:
            frame: The next frame in presentation order, in coded orientation.

        Raises:
            MediaUnreadable: If its PTS does not increase or its size differs from the source's.
        """
        if self._last_pts is not None and frame.pts <= self._last_pts:
            raise MediaUnreadable(
                f"{self._info.path}: the presentation time of frame {frame.index} is not after the "
                "previous one's; remux the file (ffmpeg -fflags +genpts -i in -c copy out)."
            )
        if self._last_pts is None:
            self._start(frame.pts)
        self._last_pts = frame.pts
        height, width = frame.rgb.shape[:2]
        if (width, height) != (self._info.width, self._info.height):
            raise MediaUnreadable(
                f"{self._info.path} changes its size at frame {frame.index}; split it there into "
                "two files."
            )
        av_frame = to_av_frame(frame, self._config.pixel_format, self._config.color)
        av_frame.pts, av_frame.dts = frame.pts + self._shift, None
        av_frame.time_base = frame.time_base
        self._decode_times.append(av_frame.pts)
        # A decoded frame keeps its picture type, which would force the encoder's choice.
        av_frame.pict_type = _PICTURE_TYPE_NONE
        self._last_duration = frame.duration * frame.time_base
        self._mux(self._stream.encode(av_frame))

    def _start(self, pts: int) -> None:
        # Matroska stores no timestamp below 0. MP4 stores none exactly whose decoding starts below
        # 0 and whose presentation starts above it. A tag stores the offset.
        earliest = 0 if self._config.segment_format == "matroska" else _MAX_REORDER_FRAMES
        if pts < earliest:
            self._shift = earliest - pts
            offset = -self._shift * self._info.time_base
            self._container.metadata["comment"] = f"{PTS_OFFSET_PREFIX}{offset}"
        self._decode_times.extend(
            pts + self._shift - early for early in range(_MAX_REORDER_FRAMES, 0, -1)
        )
        self._container.start_encoding()

    def _finish(self) -> None:
        self._mux(self._stream.encode(None))
        if self._pending is not None:
            # Only the last packet needs a duration: others end where the next one starts.
            if self._last_duration:
                self._pending.duration = round(self._last_duration / self._pending.time_base)
            self._container.mux(self._pending)

    def _mux(self, packets: "Iterable[Packet[VideoStream]]") -> None:
        for packet in packets:
            if self._pending is not None:
                self._container.mux(self._pending)
            # x265 returns random DTS if there are fewer frames than it reorders. These only need
            # to increase: joining computes new ones.
            packet.dts = self._decode_times.popleft()
            self._pending = packet
