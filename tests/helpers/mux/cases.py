"""Random videos in every container, written with PyAV, and what conversion must keep."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from faceloom.choices import StreamMode

CONTAINERS = (
    ".mp4",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".ts",
    ".flv",
    ".wmv",
    ".mpg",
    ".gif",
    ".mxf",
)
OUTPUTS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif")
# Encoder and pixel formats of the picture.
PICTURES = {
    "libx264": ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuvj420p"),
    "libx265": ("yuv420p", "yuv420p10le"),
    "libvpx-vp9": ("yuv420p", "yuv444p", "yuva420p"),
    "libvpx": ("yuv420p",),
    "mpeg4": ("yuv420p",),
    "mpeg2video": ("yuv420p", "yuv422p"),
    "mjpeg": ("yuvj420p", "yuvj422p"),
    "wmv2": ("yuv420p",),
    "flv": ("yuv420p",),
    "ffv1": ("yuv420p", "bgr0", "gray", "yuv422p10le"),
    "prores_ks": ("yuv422p10le",),
    "gif": ("rgb8",),
    "rawvideo": ("yuv420p", "bgr24"),
    "huffyuv": ("yuv422p",),
}
SOUNDS = (
    "aac", "libmp3lame", "ac3", "eac3", "mp2", "flac", "alac", "libopus", "libvorbis", "vorbis",
    "pcm_s16le", "pcm_s24le", "pcm_s16be", "pcm_alaw", "adpcm_ms", "adpcm_ima_wav", "wmav2",
    "wavpack", "dca", "truehd", "opus", "g722",
)  # fmt: skip
SUBTITLES = ("mov_text", "subrip", "webvtt", "ass")
RATES = tuple(map(Fraction, ("25", "24", "30000/1001", "24000/1001", "50", "12", "10", "60", "15")))
MODES: tuple[StreamMode, ...] = ("auto", "auto", "auto", "transcode", "drop", "keep")
_FRAMES = 6
_SAMPLE_RATES = (48000, 44100, 22050, 8000)


@dataclass
class MuxCase:
    """One random source, and how it is converted."""

    seed: str
    """What repeats it."""
    container: str = ""
    """Suffix of the source."""
    picture: str = ""
    """Encoder of the picture."""
    pixel_format: str = ""
    """Pixel format of the picture."""
    out: str = ""
    """Suffix of the output."""
    mode: StreamMode = "auto"
    """Value of --streams."""
    features: list[str] = field(default_factory=list)
    """What else the source has, for the report."""

    def __str__(self) -> str:
        source = f"{self.container} {self.picture} {self.pixel_format} {' '.join(self.features)}"
        return f"{self.seed}: {source} -> {self.out} {self.mode}"


def make_case(folder: Path, seed: str) -> tuple[MuxCase, Path] | None:
    """Write a random source.

    Args:
        folder: Where to write it.
        seed: What repeats it.

    Returns:
        The case and its source; None if FFmpeg refuses the combination.
    """
    choice = random.Random(seed)
    case = MuxCase(seed, choice.choice(CONTAINERS), choice.choice(list(PICTURES)))
    case.pixel_format = choice.choice(PICTURES[case.picture])
    case.out, case.mode = choice.choice(OUTPUTS), choice.choice(MODES)
    path = folder / f"in{case.container}"
    try:
        _write(path, case, choice)
        with av.open(str(path)) as made:  # some containers take what they cannot name
            if next(made.decode(video=0), None) is None:
                return None
    except (av.FFmpegError, ValueError, OverflowError, IndexError, RuntimeError):
        path.unlink(missing_ok=True)
        return None
    return case, path


def _write(path: Path, case: MuxCase, choice: random.Random) -> None:
    rate = choice.choice(RATES)
    vfr = choice.random() < 0.25
    size = choice.choice([(64, 48), (48, 64), (66, 50), (65, 49), (176, 144)])
    if case.picture == "libx265":
        size = max(size, (64, 48))  # narrower, x265 corrupts its memory
    with av.open(str(path), "w") as target:
        video = target.add_stream(case.picture, rate=rate)
        context = video.codec_context
        context.width, context.height = size
        context.pix_fmt = case.pixel_format
        context.time_base = Fraction(1, 90_000) if vfr else 1 / rate
        if choice.random() < 0.3 and case.picture in ("libx264", "mpeg4", "mpeg2video"):
            context.max_b_frames = 2
        _color(case, context, choice)
        _geometry(case, video, choice)
        _tags(case, target, video, choice)
        sounds = [_add_sound(case, target, choice) for _ in range(choice.choice([0, 1, 1, 1, 2]))]
        subtitle = _add_subtitle(case, target, choice)
        times = _times(case, choice, rate, vfr)
        produced = list(_encode(video, size, case.pixel_format, times, context.time_base))
        for sound in filter(None, sounds):
            produced += _sound(sound, float(max(times) * context.time_base) + 0.1)
        if subtitle is not None:
            produced += _subtitle(subtitle, choice)
        produced.sort(key=lambda p: (p.dts if p.dts is not None else p.pts or 0) * p.time_base)
        for packet in produced:
            target.mux(packet)


def _times(case: MuxCase, choice: random.Random, rate: Fraction, vfr: bool) -> list[int]:
    """Return the PTS of the frames, in the encoder's time base."""
    first = choice.choice([0, 0, 0, 7])
    if first:
        case.features.append("late")
    if not vfr:
        return [first + n for n in range(_FRAMES)]
    case.features.append("vfr")
    times, now = [], first * 3000
    for _ in range(_FRAMES):
        times.append(now)
        now += choice.choice([900, 1800, 3600, 3603, 90_000])
    return times


def _color(case: MuxCase, context: av.VideoCodecContext, choice: random.Random) -> None:
    if choice.random() < 0.5:
        return
    space = choice.choice([(1, 1, 1), (5, 6, 5), (9, 16, 9), (9, 18, 9), (6, 6, 6)])
    context.color_primaries, context.color_trc, context.colorspace = space
    context.color_range = choice.choice([1, 2])
    case.features.append(f"color{space}")


def _geometry(case: MuxCase, video: av.VideoStream, choice: random.Random) -> None:
    if choice.random() < 0.3:
        aspect = choice.choice([Fraction(4, 3), Fraction(64, 45), Fraction(8, 9)])
        video.codec_context.sample_aspect_ratio = aspect
        case.features.append(f"sar{aspect}")
    if choice.random() < 0.4:
        angle, flip = choice.choice([0, 90, 180, 270]), choice.random() < 0.4
        video.set_display_rotation(angle, hflip=flip)
        case.features.append(f"rot{angle}{'m' if flip else ''}")


def _tags(
    case: MuxCase,
    target: av.container.OutputContainer,
    video: av.VideoStream,
    choice: random.Random,
) -> None:
    if choice.random() < 0.35:
        timecode = choice.choice(["01:00:00:02", "20:42:05:09", "00:59:59;05", "10:00:00:00"])
        choice.choice([target, video]).metadata["timecode"] = timecode
        case.features.append("tc")
    if choice.random() < 0.4:
        target.metadata.update(
            choice.choice(
                [
                    {"title": "Überschrift", "comment": "a\nb"},
                    {"creation_time": "2024-02-30T99:00:00Z", "location": "+12.3-045.6/"},
                    {"artist": "x" * 3000, "custom key": "1=2;3"},
                    {"": "empty"},
                    {"encoder": "other", "track": "3/12", "date": "2024"},
                ]
            )
        )
        case.features.append("tags")
    if choice.random() < 0.3:
        bounds = [(0, 100, "A"), (100, choice.choice([100, 400, 90_000]), "B ü")]
        marks = [
            {
                "id": number,
                "start": start,
                "end": end,
                "time_base": Fraction(1, 1000),
                "metadata": {"title": title},
            }
            for number, (start, end, title) in enumerate(bounds, 1)
        ]
        target.set_chapters(marks)  # type: ignore[arg-type]
        case.features.append("chapters")


def _add_sound(
    case: MuxCase, target: av.container.OutputContainer, choice: random.Random
) -> av.AudioStream | None:
    codec = choice.choice(SOUNDS)
    if case.container == ".flv" and (codec not in ("aac", "libmp3lame") or target.streams.audio):
        return None  # FFmpeg's muxer aborts the process on others
    rate = choice.choice(_SAMPLE_RATES)
    layout = choice.choice(["mono", "stereo", "5.1"])
    try:
        trial = av.CodecContext.create(codec, "w")
        trial.sample_rate, trial.layout = rate, layout  # type: ignore[attr-defined]
        trial.format = (av.codec.Codec(codec, "w").audio_formats or [])[0]  # type: ignore[attr-defined]
        trial.options = {"strict": "experimental"}
        trial.open()
        stream = target.add_stream(
            codec, rate=rate, layout=layout, options={"strict": "experimental"}
        )
    except (av.FFmpegError, ValueError, IndexError):
        return None
    stream.metadata["language"] = choice.choice(["eng", "deu", "und"])
    case.features.append(f"{codec}/{rate}/{layout}")
    return stream  # type: ignore[return-value]


def _add_subtitle(
    case: MuxCase, target: av.container.OutputContainer, choice: random.Random
) -> av.stream.Stream | None:
    if choice.random() < 0.7:
        return None
    codec = choice.choice(SUBTITLES)
    if codec == "ass":
        return None
    try:
        stream = target.add_mux_stream(codec)
    except ValueError:
        return None
    stream.time_base = Fraction(1, 1000)
    case.features.append(codec)
    return stream


def _encode(
    video: av.VideoStream,
    size: tuple[int, int],
    pixel_format: str,
    times: list[int],
    time_base: Fraction,
) -> list[av.Packet]:
    packets = []
    for number, time in enumerate(times):
        rgb = np.full((size[1], size[0], 3), 40 + 20 * number, np.uint8)
        rgb[: size[1] // 2, :, 0] = 200
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixel_format)
        frame.pts, frame.time_base = time, time_base
        packets += video.encode(frame)
    return packets + video.encode(None)


def _sound(stream: av.AudioStream, seconds: float) -> list[av.Packet]:
    rate, packets = stream.codec_context.sample_rate, []
    channels = stream.codec_context.channels
    samples = np.sin(np.arange(int(rate * seconds)) * 0.05).astype(np.float32)
    for start in range(0, len(samples) - 1, 1024):
        part = np.repeat(samples[None, start : start + 1024], channels, 0).copy()
        frame = av.AudioFrame.from_ndarray(part, "fltp", stream.codec_context.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _subtitle(stream: av.stream.Stream, choice: random.Random) -> list[av.Packet]:
    packets, text_of = [], _payloads(stream)
    for start in sorted(choice.sample([0, 0, 10, 40, 90, 150], 2)):
        packet = av.Packet(text_of(f"Text {start} ü"))
        packet.pts = packet.dts = start
        packet.duration, packet.time_base, packet.stream = 50, Fraction(1, 1000), stream
        packets.append(packet)
    return packets


def _payloads(stream: av.stream.Stream) -> Callable[[str], bytes]:
    in_mp4 = stream.container.format.name in ("mp4", "mov")

    def payload(text: str) -> bytes:
        data = text.encode()
        return len(data).to_bytes(2, "big") + data if in_mp4 else data

    return payload
