"""Make small video files with exactly the properties a test is about."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def make_clip(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    rotation: int = 0,
    sample_aspect_ratio: Fraction = Fraction(1),
    pixel_format: str = "yuv420p",
    matrix: int | None = None,
    colour_range: int | None = None,
    sound_seconds: float = 0,
) -> Path:
    """Write RGB pictures, 40 ms apart unless `pts` says otherwise, and a tone of `sound_seconds`."""
    height, width = pictures[0].shape[:2]
    times = pts or [40 * n for n in range(len(pictures))]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"crf": "10"})
        context = video.codec_context
        context.width, context.height, context.pix_fmt = width, height, pixel_format
        context.time_base, context.sample_aspect_ratio = time_base, sample_aspect_ratio
        if matrix is not None:
            context.colorspace = matrix
        if colour_range is not None:
            context.color_range = colour_range
        if rotation:
            video.set_display_rotation(rotation)
        sound = container.add_stream("aac", rate=44100, layout="mono") if sound_seconds else None
        for time, rgb in zip(times, pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
                format=pixel_format, dst_colorspace=matrix, dst_color_range=colour_range
            )
            frame.pts, frame.time_base = time, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            for packet in _tone(sound, sound_seconds):
                container.mux(packet)
    return path


def noise(count: int, height: int = 96, width: int = 128, seed: int = 0) -> list[np.ndarray]:
    """Smooth coloured pictures without a face, each different."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    waves = random.uniform(1, 4, (count, 3, 2))
    return [
        np.stack([127 + 50 * np.sin(6 * (a * rows + b * columns)) for a, b in wave], -1).astype(np.uint8)
        for wave in waves
    ]


def _tone(stream: av.AudioStream, seconds: float) -> list[av.Packet]:
    packets = []
    samples = np.sin(np.arange(int(44100 * seconds)) * 0.05).astype(np.float32)[None]
    for start in range(0, samples.shape[1] - 1023, 1024):
        frame = av.AudioFrame.from_ndarray(samples[:, start : start + 1024].copy(), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
        packets += stream.encode(frame)
    return packets + stream.encode(None)
