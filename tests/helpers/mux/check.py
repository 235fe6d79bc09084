"""Convert a random video with a rectangle as the face; check what must be kept."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from tests.helpers.fakes.swap import swap
from tests.helpers.mux.cases import MuxCase

from faceloom.errors import FaceloomError
from faceloom.video import (
    DEFAULT_ENCODING,
    PreparedOutput,
    VideoInfo,
    prepare_output,
    probe_source,
    read_frames,
    with_repeated_times,
)
from faceloom.video.output import output_kind
from faceloom.video.streams.timecode import equal

Outcome = Literal["equal", "equal, as said", "refused before the work", "failure"]
OUTCOMES: tuple[Outcome, ...] = (
    "equal",
    "equal, as said",
    "refused before the work",
    "failure",
)


@dataclass(frozen=True)
class Result:
    """What a conversion came to."""

    outcome: Outcome
    """One of `OUTCOMES`."""
    detail: str = ""
    """What differs, or the message."""


def convert_case(case: MuxCase, source: Path) -> Result:
    """Convert a random video.

    Args:
        case: The case.
        source: Its source.

    Returns:
        The outcome; "failure" for any exception that no user may see, a refusal after the first
        frame, and an output that differs.
    """
    out = source.with_name(f"out{case.out}")
    try:
        info = with_repeated_times(probe_source(source))
        prepared = prepare_output(out, info, DEFAULT_ENCODING, case.mode)
    except FaceloomError as error:
        return Result("refused before the work", str(error))
    except Exception as error:
        return Result("failure", f"before the work: {type(error).__name__}: {error}")
    try:
        swap(source, out, streams=case.mode, segment_count=2)
        if problem := _difference(info, prepared, source, out):
            return Result("failure", problem)
    except Exception as error:
        return Result("failure", f"after the work: {type(error).__name__}: {error}")
    return Result("equal, as said" if prepared.notices else "equal", " ".join(prepared.notices))


def _difference(info: VideoInfo, prepared: PreparedOutput, source: Path, out: Path) -> str:
    """Return the first promised property that the output does not have."""
    return _frames(info, source, out) or (
        "" if output_kind(out) == "gif" else _properties(info, prepared, source, out)
    )


def _frames(info: VideoInfo, source: Path, out: Path) -> str:
    step = 0.0101 if output_kind(out) == "gif" else 0.00101
    before = [float(f.pts * f.time_base - info.start) for f in read_frames(source)]
    after = [float(f.pts * f.time_base) for f in read_frames(out)]
    if len(before) != len(after):
        return f"{len(after)} frames instead of {len(before)}"
    if output_kind(out) == "gif":  # players show the first frame at once
        before = [time - before[0] for time in before]
        after = [time - after[0] for time in after]
        step *= len(before)  # frames closer than a hundredth are moved
    off = [abs(a - b) for a, b in zip(before, after, strict=True)]
    return f"times {after} instead of {before}" if max(off) > step else ""


def _properties(info: VideoInfo, prepared: PreparedOutput, source: Path, out: Path) -> str:
    made = probe_source(out)
    gray = info.pixel_format.startswith("gray")  # has no chroma for a matrix
    rgb = (
        gray
        or "rgb" in info.pixel_format
        or "bgr" in info.pixel_format
        or info.pixel_format == "pal8"
    )
    pairs: list[tuple[str, object, object]] = [
        ("size", (info.width, info.height), (made.width, made.height)),
        ("aspect", *_aspects(info, prepared, made)),
        ("orientation", info.orientation, made.orientation),
        ("color", None if rgb else _color(info), None if rgb else _color(made)),
    ]
    kept = [d for d in prepared.streams.decisions if d.action != "drop"]
    with av.open(str(source)) as before, av.open(str(out)) as after:
        others = [s for s in after.streams if s.type in ("audio", "subtitle")]
        if after.chapters():  # MP4 stores their titles as a track
            others = others[: len(kept)]
        pairs.append(("streams", [d.kind for d in kept], [s.type for s in others]))
        for decision, stream in zip(kept, others, strict=False):
            pairs += _stream_pairs(decision.action == "copy", before, stream, decision.index)
        picture = after.streams.video[0]
        timecode = {k.lower(): v for k, v in picture.metadata.items()}.get("timecode")
        if not equal(prepared.streams.timecode, timecode):
            pairs.append(("timecode", prepared.streams.timecode, timecode))
        rate = picture.average_rate if after.format.name.startswith("matroska") else None
        if rate and not _close(rate, info.average_rate):
            pairs.append(("rate", info.average_rate, rate))
        if prepared.streams.keep_chapters:
            count = len(
                [
                    c
                    for c in before.chapters()
                    if c["end"] > max(c["start"], info.start / (c["time_base"] or 1))
                ]
            )
            pairs.append(("chapters", count, len(after.chapters())))
        if "title" in before.metadata:
            pairs.append(("title", before.metadata["title"], after.metadata.get("title")))
    return next((f"{n}: {b} instead of {a}" for n, a, b in pairs if a != b), "")


def _aspects(
    info: VideoInfo, prepared: PreparedOutput, made: VideoInfo
) -> tuple[Fraction, Fraction]:
    if any(what.startswith("pixel aspect") for what in prepared.streams.left_out):
        return Fraction(1), Fraction(1)
    close = abs(info.sample_aspect_ratio / made.sample_aspect_ratio - 1) < 0.02
    return info.sample_aspect_ratio, info.sample_aspect_ratio if close else made.sample_aspect_ratio


def _color(info: VideoInfo) -> tuple[int, int, int, bool]:
    """Return the color tags; not stating a range means limited."""
    full = info.color.range == 2 or info.pixel_format.startswith("yuvj")
    matrix = 2 if info.pixel_format.startswith("gray") else info.color.matrix
    return info.color.primaries, info.color.transfer, matrix, full


def _stream_pairs(
    copied: bool, before: av.container.InputContainer, stream: av.stream.Stream, index: int
) -> list[tuple[str, object, object]]:
    origin = before.streams[index]
    name = f"stream {index}"
    if copied:
        return [
            (f"codec of {name}", _codec(origin), _codec(stream)),
        ]
    return [(f"type of {name}", origin.type, stream.type)]


def _codec(stream: av.stream.Stream) -> str:
    # MP4 has one number for MPEG audio layers 2 and 3.
    name = stream.codec_context.codec.canonical_name
    return "mp3" if name == "mp2" else name


def _close(rate: Fraction, other: Fraction) -> bool:
    return abs(float(rate) - float(other)) < 0.01 * float(other) + 0.01
