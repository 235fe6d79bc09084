"""What marks survive, and what the content check sees of harmless clips.

    python benchmarks/provenance.py                 what is done to a marked sample, and flipped bytes
    python benchmarks/provenance.py DATA [DATA ...] the surest refused thing in each video below the folders

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
from faceloom.video.rotation import to_upright

SAMPLE = Path(str(files("faceloom.demo") / "sample" / "target_ada.mp4"))
FLIPS = 2000
MADE_UP = "0" * 64


def marked(folder: Path, ending: str) -> Path:
    """Mark the sample as a conversion would; the pictures are the sample's own."""
    out = folder / f"marked{ending}"
    mark, marker = (
        DisclosureMark((SwappedIdentity("ben", MADE_UP),)),
        MarkWriter.open(MarkSettings(), out),
    )
    if ending in (".mp4", ".mov", ".mkv"):
        remux(SAMPLE, out, marker.tags(mark, probe_source(SAMPLE)))
    else:
        picture = next(read_frames(SAMPLE)).rgb
        cv2.imwrite(str(out), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    marker.run_to_completion(out, mark, SAMPLE)
    return out


def remux(path: Path, out: Path, tags: dict[str, str]) -> Path:
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        pairs = {
            s.index: target.add_stream_from_template(s)
            for s in source.streams
            if s.type in ("video", "audio")
        }
        target.metadata.update(dict(source.metadata) | tags)
        for packet in source.demux():
            if packet.dts is not None and packet.stream.index in pairs:
                packet.stream = pairs[packet.stream.index]
                target.mux(packet)
    return out


def reencode(path: Path, out: Path, *, tags: bool) -> Path:
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


def recompress(path: Path, out: Path) -> Path:
    cv2.imwrite(str(out), cv2.imread(str(path)))
    return out


def said(what: str, path: Path) -> None:
    found = verify(path)
    kinds = {"tags": found.sentences, "XMP": found.xmp, "C2PA": found.credentials}
    carries = ", ".join(name for name, there in kinds.items() if there)
    print(f"{what:34} {found.verdict:10} {carries or 'nothing'}")


def flips(path: Path, count: int = FLIPS) -> None:
    """Flip a bit of one byte, at as many places."""
    data, verdicts, missed = path.read_bytes(), Counter(), []
    damaged = path.with_stem("flipped")
    for at in sorted(random.Random(0).sample(range(len(data)), min(count, len(data)))):
        damaged.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        try:
            verdict = verify(damaged).verdict
        except Exception as error:
            verdict = type(error).__name__
        verdicts[verdict] += 1
        if verdict == "intact":
            missed.append(at)
    start = data.find(C2PA_STORE) - 12
    end = start + int.from_bytes(data[start : start + 4], "big")
    outside = [at for at in missed if not start - 24 <= at < end + 24]
    print(
        f"{path.suffix:5} {len(data):8} bytes ({end - start} manifest), one flipped: {dict(verdicts)}; {outside=}"
    )


def survives() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for ending in (".mp4", ".mov", ".mkv"):
            path = marked(folder, ending)
            said(f"{ending} as written", path)
            for other in (".mp4", ".mov", ".mkv"):
                said(
                    f"  remuxed to {other}, tags taken along",
                    remux(path, folder / f"remuxed{other}", {}),
                )
            said(
                "  encoded again, tags taken along", reencode(path, folder / "again.mp4", tags=True)
            )
            said("  encoded again", reencode(path, folder / "again.mp4", tags=False))
        for ending in (".png", ".jpg", ".webp"):
            path = marked(folder, ending)
            said(f"{ending} as written", path)
            said("  opened and saved again", recompress(path, folder / f"again{ending}"))
        for ending in (".mp4", ".mov", ".png", ".jpg", ".webp"):
            flips(marked(folder, ending))


def sees(path: Path) -> None:
    """Look at a video once a second, as conversion does, and tell the surest score of what is refused."""
    detector, info = load_nudity_detector(), probe_source(path)
    due, looks, spent, best = float("-inf"), 0, 0.0, (0.0, "nothing", 0.0)
    for frame in read_frames(path):
        if frame.seconds < due:
            continue
        due, looks, started = frame.seconds + 1, looks + 1, time.perf_counter()
        found = detector.detect(
            cv2.cvtColor(to_upright(frame.rgb, info.rotation), cv2.COLOR_RGB2BGR)
        )
        spent += time.perf_counter() - started
        scores = [
            (row["score"], row["class"], frame.seconds)
            for row in found
            if row["class"] in REFUSED_CLASSES
        ]
        best = max([best, *scores])
    score, what, when = best
    print(
        f"{path.name:28} {looks:4} looks, {1000 * spent / looks:4.0f} ms each, {score:.2f} {what} at {when:.1f} s"
    )


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        for video in sorted(
            p for p in folder.rglob("*") if p.suffix in (".mp4", ".mpg", ".mov", ".mkv", ".avi")
        ):
            sees(video)
    if len(sys.argv) == 1:
        survives()
