"""Write the packets of one source stream to an output: copied, or decoded and encoded again."""

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from faceloom.video.ffmpeg_errors import FFMPEG_ERRORS
from faceloom.video.streams.packet_times import PacketTimes

# Bits per second and channel of transcoded sound.
_BIT_RATE = 96_000
# Sample rate in Hz if the encoder does not support the source's.
_FALLBACK_RATE = 48_000
# Gap in seconds between decoded sound from which its own time is used instead of the sample count.
_GAP_SECONDS = 0.1
# Unit of time of converted subtitles in seconds: Matroska's.
_SUBTITLE_TICK = Fraction(1, 1000)
# Step in seconds that MP4 stores for every sound: its unit is one sample, at 7,350 Hz or more.
_MP4_TICK = Fraction(1, 7350)
# Style overrides of ASS, and the tags that SubRip shares with HTML.
_MARKUP = re.compile(r"\{[^}]*\}|</?[a-zA-Z][^>]*>")


def container_tick(target: OutputContainer) -> Fraction:
    """Return the smallest step in seconds by which two packets of a stream must differ.

    Args:
        target: The output container; 0 for Matroska, which stores equal times.
    """
    return Fraction(0) if target.format.name in ("matroska", "webm") else _MP4_TICK


class CopySink:
    """Copies packets."""

    def __init__(self, stream: Stream, target: OutputContainer):
        """Add the stream to the output.

        Args:
            stream: The source stream.
            target: The output container.

        Raises:
            ValueError: If the container does not support the codec.
        """
        self._target = target
        self.stream: Stream = target.add_stream_from_template(stream)
        self.times = PacketTimes(container_tick(target))

    def write(self, packet: "Packet[Stream]") -> None:
        """Write the next packet of the source.

        Args:
            packet: The packet, with the output's times.
        """
        if self.times.mend(packet):
            packet.stream = self.stream
            self._target.mux(packet)

    def finish(self) -> None:
        """Write what is still buffered."""


class SoundSink:
    """Decodes sound and encodes it again."""

    def __init__(self, stream: AudioStream, target: OutputContainer, encoder: str):
        """Add the encoder's stream to the output.

        Args:
            stream: The source stream.
            target: The output container.
            encoder: FFmpeg's name of the encoder.

        Raises:
            ValueError: If the encoder does not support the sound.
        """
        source = stream.codec_context
        rates = av.codec.Codec(encoder, "w").audio_rates or ()
        rate = source.sample_rate if source.sample_rate in rates else _FALLBACK_RATE
        self._target, self._rate = target, source.sample_rate
        self._source = stream
        self.stream: AudioStream = self._add(encoder, rate, source.layout.name, source.channels)
        self.times = PacketTimes(container_tick(target))
        self._samples: int | None = None

    def _add(self, encoder: str, rate: int, layout: str, channels: int) -> AudioStream:
        # Encoders support the layouts of film and television; others become stereo.
        for name, count in ((layout, channels), ("stereo" if channels > 1 else "mono", 2)):
            trial = av.CodecContext.create(encoder, "w")
            assert isinstance(trial, av.AudioCodecContext), "a sound encoder"
            try:
                trial.layout, trial.sample_rate = name, rate
                formats = av.codec.Codec(encoder, "w").audio_formats or []
                trial.format = formats[0]
                trial.time_base = Fraction(1, rate)
                trial.open()
            except FFMPEG_ERRORS:
                continue
            stream = self._target.add_stream(encoder, rate=rate, layout=name)
            assert isinstance(stream, AudioStream), "a sound encoder"
            stream.bit_rate = _BIT_RATE * min(count, channels)
            stream.time_base = Fraction(1, rate)
            return stream
        raise ValueError(f"{encoder} does not support {channels} channels at {rate} Hz")

    def write(self, packet: "Packet[Stream]") -> None:
        """Write the next packet of the source.

        Args:
            packet: The packet, with the output's times.
        """
        try:
            frames = self._source.codec_context.decode(packet)
        except av.FFmpegError:
            return  # a damaged packet is silent
        for frame in frames:
            self._encode(frame)

    def _encode(self, frame: av.AudioFrame) -> None:
        base = Fraction(frame.time_base or Fraction(1, self._rate))
        stated = None if frame.pts is None else round(frame.pts * base * frame.sample_rate)
        start = self._samples if self._samples is not None else (stated or 0)
        # Containers round times; only the count of samples is exact.
        if stated is not None and stated - start > _GAP_SECONDS * frame.sample_rate:
            start = stated
        frame.pts, frame.time_base = start, Fraction(1, frame.sample_rate)
        self._samples = start + frame.samples
        self._mux(self.stream.encode(frame))

    def finish(self) -> None:
        """Write what is still buffered."""
        try:
            for frame in self._source.codec_context.decode(None):
                self._encode(frame)
        except av.FFmpegError:
            pass  # the rest is damaged
        if self._samples is not None:
            self._mux(self.stream.encode(None))

    def _mux(self, packets: "Iterable[Packet[AudioStream]]") -> None:
        for packet in packets:
            self._target.mux(packet)


class SubtitleSink:
    """Writes text subtitles in another format, without their styles."""

    def __init__(self, stream: Stream, target: OutputContainer, codec: str):
        """Add the stream to the output.

        Args:
            stream: The source stream.
            target: The output container.
            codec: FFmpeg's name of the output's subtitle codec.

        Raises:
            ValueError: If the container does not support it.
        """
        self._target, self._source, self._codec = target, stream, codec
        self.stream: Stream = target.add_mux_stream(codec)
        self.stream.time_base = _SUBTITLE_TICK
        self.times = PacketTimes(Fraction(0))

    def write(self, packet: "Packet[Stream]") -> None:
        """Write the next packet of the source.

        Args:
            packet: The packet, with the output's times.
        """
        text = self._text(packet)
        if not text or packet.pts is None or not self.times.mend(packet):
            return
        data = text.encode("utf-8")
        if self._codec == "mov_text":
            data = len(data).to_bytes(2, "big") + data
        new: Packet[Stream] = Packet(data)
        new.pts, new.dts, new.duration = packet.pts, packet.dts, packet.duration
        new.time_base, new.stream = packet.time_base, self.stream
        new.is_keyframe = True
        self._target.mux(new)

    def finish(self) -> None:
        """Write what is still buffered."""

    def _text(self, packet: "Packet[Stream]") -> str:
        try:
            decoded = self._source.codec_context.decode2(packet)  # type: ignore[attr-defined]
        except av.FFmpegError:
            return ""
        lines = [rect.dialogue.decode("utf-8", "replace") for rect in (decoded or ())]
        return _MARKUP.sub("", "\n".join(lines)).strip()


# Where the packets of one source stream go.
Sink: TypeAlias = CopySink | SoundSink | SubtitleSink
