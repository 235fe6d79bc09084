"""Time, size and likeness of each encoder at each speed: the table of docs/fidelity.md.

python -m benchmarks.video.encoders CLIP [ENCODER...]

The clip is enlarged. Likeness is the SSIM of FFmpeg's filter, which is run as a program.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from faceloom.video import Encoding, Frame, SegmentWriter, VideoInfo, probe_video, read_frames
from faceloom.video.encoding.codec_table import SPEEDS

SIZES = ((1280, 720), (1920, 1080))
FRAMES = 60


def main(clip: Path, encoders: list[str]) -> None:
    print("| frame size | encoder | speed | wall, ms | processor, ms | kB | SSIM |")
    print("|---" * 7 + "|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for width, height in SIZES:
            source = write_enlarged(clip, folder / f"{height}.mkv", width, height)
            info, frames = probe_video(source), list(read_frames(source))
            for encoder in encoders:
                for speed in SPEEDS:
                    out = folder / "out.segment"
                    wall, processor = encode(frames, info, Encoding(encoder, speed=speed), out)
                    print(
                        f"| {width}x{height} | {encoder} | {speed} | {wall:.1f} | {processor:.1f} "
                        f"| {out.stat().st_size / 1000 / len(frames):.1f} "
                        f"| {ssim(source, out):.4f} |",
                        flush=True,
                    )


def write_enlarged(clip: Path, path: Path, width: int, height: int) -> Path:
    """Write the first frames of a clip, enlarged, without loss."""
    filters = f"scale={width}:{height}:flags=bicubic"
    run_ffmpeg("-i", clip, "-frames:v", FRAMES, "-vf", filters, "-an", "-qp", 0, path)
    return path


def encode(
    frames: list[Frame], info: VideoInfo, encoding: Encoding, out: Path
) -> tuple[float, float]:
    """Return wall and processor time per frame in milliseconds."""
    wall, processor = time.perf_counter(), time.process_time()
    with SegmentWriter.open(out, info, encoding) as writer:
        for frame in frames:
            writer.write(frame)
    spent = time.perf_counter() - wall, time.process_time() - processor
    return 1000 * spent[0] / len(frames), 1000 * spent[1] / len(frames)


def ssim(first: Path, second: Path) -> float:
    """Return the SSIM of two videos over all planes."""
    report = run_ffmpeg("-i", first, "-i", second, "-lavfi", "ssim", "-f", "null", "-")
    found = re.search(r"All:([\d.]+)", report)
    assert found, report
    return float(found[1])


def run_ffmpeg(*arguments: object) -> str:
    """Return what FFmpeg reports."""
    command = ["ffmpeg", "-y", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or ["x264", "x265", "svtav1", "vp9"])
