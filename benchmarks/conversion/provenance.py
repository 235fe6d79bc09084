"""Measure which disclosure marks survive what, and the content check on harmless videos.

    python -m benchmarks.conversion.provenance           copy, re-encode, change a marked sample
    python -m benchmarks.conversion.provenance DATA ...  the content check's scores of videos

The first needs `faceloom[provenance]`, the second `faceloom[content-check]`.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path

import av
import cv2

from faceloom.provenance import (
    DisclosureMark,
    MarkSettings,
    MarkWriter,
    SwappedIdentity,
    load_nudity_detector,
    verify,
)
from faceloom.provenance.content_check import REFUSED_CLASSES
from faceloom.provenance.verify import C2PA_STORE
from faceloom.video import probe_source, read_frames

SAMPLE = Path(str(files("faceloom.demo") / "sample" / "target_ada.mp4"))
# Bytes of each file in which one bit is flipped.
FLIPS = 1500
# Bytes around the manifest that belong to its container (box or chunk headers).
STORE_MARGIN = 24
# SHA-256 of the bundle that the marks name.
BUNDLE_SHA256 = "0" * 64
VIDEO_SUFFIXES = (".mp4", ".mpg", ".mov", ".mkv", ".avi")


def write_marked(folder: Path, suffix: str) -> Path:
    """Mark the sample, or its first frame, as a conversion would; its pixels are not changed."""
    out = folder / f"marked{suffix}"
    mark = DisclosureMark((SwappedIdentity("ben", BUNDLE_SHA256),))
    writer = MarkWriter.open(MarkSettings(), out)
    if suffix in (".mp4", ".mov", ".mkv"):
        remux(SAMPLE, out, writer.tags(mark, probe_source(SAMPLE)))
    else:
        image = next(read_frames(SAMPLE)).rgb
        cv2.imwrite(str(out), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.write(out, mark, SAMPLE)
    return out


def remux(path: Path, out: Path, tags: dict[str, str]) -> Path:
    """Copy video and audio streams and all tags, as ffmpeg -c copy does."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        streams = {
            s.index: target.add_stream_from_template(s)
            for s in source.streams
            if s.type in ("video", "audio")
        }
        target.metadata.update(dict(source.metadata) | tags)
        for packet in source.demux():
            if packet.dts is not None and packet.stream.index in streams:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    return out


def reencode_video(path: Path, out: Path, *, tags: bool) -> Path:
    """Encode the video stream again, with or without the source's tags."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"crf": "28"})
        context, origin = stream.codec_context, source.streams.video[0]
        context.width, context.height, context.pix_fmt = origin.width, origin.height, "yuv420p"
        if tags:
            target.metadata.update(dict(source.metadata))
        for frame in source.decode(video=0):
            frame.pict_type = 0
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out


def resave_image(path: Path, out: Path) -> Path:
    """Open an image and save it again."""
    cv2.imwrite(str(out), cv2.imread(str(path)))
    return out


def print_marks(description: str, path: Path) -> None:
    """Print the verdict and which marks a file has."""
    report = verify(path)
    marks = {"tags": report.sentences, "XMP": report.xmp, "C2PA": report.credentials}
    names = ", ".join(name for name, mark in marks.items() if mark)
    print(f"{description:34} {report.verdict:10} {names or 'nothing'}")


def flip_bits(path: Path, count: int = FLIPS) -> None:
    """Flip one bit of one byte at a time; print the verdicts and where none was noticed."""
    data, verdicts, unnoticed = path.read_bytes(), Counter(), []
    flipped = path.with_stem("flipped")
    for offset in sorted(random.Random(0).sample(range(len(data)), min(count, len(data)))):
        flipped.write_bytes(data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :])
        try:
            verdict = verify(flipped).verdict
        except Exception as error:
            verdict = type(error).__name__
        verdicts[verdict] += 1
        if verdict == "valid":
            unnoticed.append(offset)
    start = data.find(C2PA_STORE) - 12
    end = start + int.from_bytes(data[start : start + 4], "big")
    outside = [at for at in unnoticed if not start - STORE_MARGIN <= at < end + STORE_MARGIN]
    print(
        f"{path.suffix:5} {len(data):8} bytes ({end - start} manifest), one flipped: "
        f"{dict(verdicts)}; {outside=}"
    )


def measure_survival() -> None:
    """Print which marks survive remuxing, re-encoding and flipped bits."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suffix in (".mp4", ".mov", ".mkv"):
            path = write_marked(folder, suffix)
            print_marks(f"{suffix} as written", path)
            for other in (".mp4", ".mov", ".mkv"):
                out = remux(path, folder / f"remuxed{other}", {})
                print_marks(f"  remuxed to {other}, with tags", out)
            out = reencode_video(path, folder / "reencoded.mp4", tags=True)
            print_marks("  re-encoded, with tags", out)
            out = reencode_video(path, folder / "reencoded.mp4", tags=False)
            print_marks("  re-encoded, without tags", out)
        for suffix in (".png", ".jpg", ".webp"):
            path = write_marked(folder, suffix)
            print_marks(f"{suffix} as written", path)
            print_marks("  saved again", resave_image(path, folder / f"resaved{suffix}"))
        for suffix in (".mp4", ".mov", ".png", ".jpg", ".webp"):
            flip_bits(write_marked(folder, suffix))


def check_video(path: Path) -> None:
    """Check one frame per second, as a conversion does; print the highest score and the time."""
    detector, info = load_nudity_detector(), probe_source(path)
    next_check, checks, elapsed, best = float("-inf"), 0, 0.0, (0.0, "nothing", 0.0)
    for frame in read_frames(path):
        if frame.seconds < next_check:
            continue
        next_check, checks, started = frame.seconds + 1, checks + 1, time.perf_counter()
        upright = info.orientation.to_upright(frame.rgb)
        detections = detector.detect(cv2.cvtColor(upright, cv2.COLOR_RGB2BGR))
        elapsed += time.perf_counter() - started
        scores = [
            (row["score"], row["class"], frame.seconds)
            for row in detections
            if row["class"] in REFUSED_CLASSES
        ]
        best = max([best, *scores])
    score, class_name, seconds = best
    print(
        f"{path.name:28} {checks:4} checks, {1000 * elapsed / checks:4.0f} ms each, "
        f"{score:.2f} {class_name} at {seconds:.1f} s"
    )


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        for video in sorted(p for p in folder.rglob("*") if p.suffix in VIDEO_SUFFIXES):
            check_video(video)
    if len(sys.argv) == 1:
        measure_survival()
