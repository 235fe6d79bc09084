"""Create small video files with chosen properties."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MS = Fraction(1, 1000)


def make_clip(
    path: Path,
    images: Sequence[np.ndarray],
    *,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    rotation: int = 0,
    mirrored: bool = False,
    sample_aspect_ratio: Fraction = Fraction(1),
    pixel_format: str = "yuv420p",
    matrix: int | None = None,
    color_range: int | None = None,
    primaries: int | None = None,
    transfer: int | None = None,
    audio_seconds: float = 0,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
) -> Path:
    """Write RGB images as a video, 40 ms apart unless `pts` is given, with an optional sine tone.

    Color tags are code points of ITU-T H.273. Without `options` the encoder gets crf 10.
    """
    height, width = images[0].shape[:2]
    times = pts or [40 * n for n in range(len(images))]
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=25, options=options or {"crf": "10"})
        context = video.codec_context
        context.width, context.height, context.pix_fmt = width, height, pixel_format
        context.time_base, context.sample_aspect_ratio = time_base, sample_aspect_ratio
        tags = {
            "colorspace": matrix,
            "color_range": color_range,
            "color_primaries": primaries,
            "color_trc": transfer,
        }
        for name, value in tags.items():
            if value is not None:
                setattr(context, name, value)
        if rotation or mirrored:
            video.set_display_rotation(rotation, hflip=mirrored)
        audio = container.add_stream("aac", rate=44100, layout="mono") if audio_seconds else None
        for time, rgb in zip(times, images, strict=True):
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
                format=pixel_format, dst_colorspace=matrix, dst_color_range=color_range
            )
            frame.pts, frame.time_base = time, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            for packet in _tone_packets(audio, audio_seconds):
                container.mux(packet)
    return path


def wave_images(count: int, height: int = 96, width: int = 128, seed: int = 0) -> list[np.ndarray]:
    """Return images of smooth colored waves without a face, each different."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    waves = random.uniform(1, 4, (count, 3, 2))
    return [
        np.stack([127 + 50 * np.sin(6 * (a * rows + b * columns)) for a, b in wave], -1).astype(
            np.uint8
        )
        for wave in waves
    ]


def _tone_packets(stream: av.AudioStream, seconds: float, pitch: float = 0.05) -> list[av.Packet]:
    """Encode a sine tone of `pitch` radians per sample."""
    packets = []
    samples = np.sin(np.arange(int(44100 * seconds)) * pitch).astype(np.float32)[None]
    for start in range(0, samples.shape[1] - 1023, 1024):
        frame = av.AudioFrame.from_ndarray(samples[:, start : start + 1024].copy(), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


@dataclass(frozen=True)
class ExtraStreams:
    """Everything in a video file besides its video stream."""

    languages: tuple[str, ...] = ()
    """One audio stream per language (ISO 639-2)."""

    subtitles: tuple[tuple[int, int, str], ...] = ()
    """Start and end in milliseconds, and text."""

    chapters: tuple[tuple[int, int, str], ...] = ()
    """Start and end in milliseconds, and title."""

    tags: dict[str, str] = field(default_factory=dict)
    """Tags of the container."""

    attachment: bytes = b""
    """Content of an attached font."""

    seconds: float = 1.0
    """Duration of the audio streams."""


def add_streams(path: Path, extra: ExtraStreams) -> Path:
    """Remux a clip with further streams, chapters and tags; return the new file."""
    out = path.with_stem(f"{path.stem}_extra")
    subtitle_codec = "mov_text" if path.suffix == ".mp4" else "subrip"
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        video = target.add_stream_from_template(source.streams.video[0])
        target.metadata.update(extra.tags)
        target.set_chapters(
            [
                {
                    "id": chapter_id,
                    "start": start,
                    "end": end,
                    "time_base": MS,
                    "metadata": {"title": title},
                }
                for chapter_id, (start, end, title) in enumerate(extra.chapters, 1)
            ]
        )
        audios = [target.add_stream("aac", rate=44100, layout="mono") for _ in extra.languages]
        for audio, language in zip(audios, extra.languages, strict=True):
            audio.metadata["language"] = language
        subtitle = target.add_mux_stream(subtitle_codec) if extra.subtitles else None
        if subtitle is not None:
            subtitle.time_base, subtitle.metadata["language"] = MS, "deu"
        if extra.attachment:
            target.add_attachment("font.ttf", "font/ttf", extra.attachment)
        packets = [p for p in source.demux(video=0) if p.size]
        for packet in packets:
            packet.stream = video
        for index, audio in enumerate(audios):
            packets += _tone_packets(audio, extra.seconds, 0.05 + 0.02 * index)
        packets += [
            _subtitle_packet(text, start, end, subtitle, path.suffix == ".mp4")
            for start, end, text in extra.subtitles
        ]
        for packet in sorted(
            packets, key=lambda p: (p.pts if p.dts is None else p.dts) * p.time_base
        ):
            target.mux(packet)
    return out


def _subtitle_packet(
    text: str, start: int, end: int, stream: av.stream.Stream, in_mp4: bool
) -> av.Packet:
    data = text.encode()
    packet = av.Packet(len(data).to_bytes(2, "big") + data if in_mp4 else data)
    packet.pts = packet.dts = start
    packet.duration, packet.time_base, packet.stream = end - start, MS, stream
    return packet
