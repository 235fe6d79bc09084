"""A swap at a glance: a few moments of a clip before and after, on one sheet, without writing a video."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Affine, Mask, Rgb, float32
from faceloom.atomic import replacing_file
from faceloom.errors import UsageError
from faceloom.faces.face_finder import FaceFinder
from faceloom.image_io import encode
from faceloom.progress import Progress, ProgressGenerator
from faceloom.provenance import Mark, Marked, Marker, WornFace, can_check, checked
from faceloom.swap.pipeline.convert import ConvertOptions
from faceloom.swap.pipeline.frame_swapper import BlendedFace, FrameSwapper
from faceloom.swap.preview.contact_sheet import (
    CELL,
    Cell,
    cut_out,
    draw_sheet,
    square_round,
    tinted,
)
from faceloom.swap.sources.face_source import FaceSource
from faceloom.swap.sources.identity_map import Cast
from faceloom.video import Frame, probe_source
from faceloom.video.frame_sampling import read_moments, spread_moments
from faceloom.video.rotation import upright

# Moments that are looked at, and of those with a face so many that are shown.
_LOOKS, _SHOWN = 12, 6
# How much of the picture a cell shows, in sides of the face's box.
_ROOM = 1.7


@dataclass(frozen=True, slots=True)
class PreviewSummary:
    """`moments` of `looked_at` had a face to swap and are shown; their times in seconds.

    marked, faces, content_checked: as in `ConvertSummary`.
    """

    sheet: Path
    looked_at: int
    moments: tuple[float, ...]
    seconds: float
    marked: Marked
    faces: tuple[WornFace, ...]
    content_checked: bool


@dataclass(frozen=True, slots=True)
class _Shown:
    frame: Frame
    before: Rgb
    blended: tuple[BlendedFace, ...]


def preview(
    target: Path,
    source: FaceSource | Cast,
    faces: Sequence[WornFace],
    sheet: Path,
    options: ConvertOptions,
) -> ProgressGenerator[PreviewSummary]:
    """Write a PNG with a column a moment: the target, the swap, and where the new face is shown.

    The moments are spread over the clip, each seen by itself: nothing is steadied. The label stands on the sheet, as
    little of a frame's corners is seen there. faces: what the marks say. Raises UsageError for a track, which single
    moments do not have, and for a sheet that is no PNG, MediaUnreadable if the target is no video, NoFaceFound if no
    moment has a face to swap.
    """
    started = time.monotonic()
    if options.track is not None:
        raise UsageError(
            "A preview looks at single moments, which have no tracks; try --frame N with --select track:N."
        )
    if sheet.suffix.lower() != ".png":
        raise UsageError(f"--preview {sheet}: the sheet is a PNG; name it SHEET.png.")
    marker, info = Marker.open(options.marking, sheet), probe_source(target)
    swapper, finder = (
        FrameSwapper(source, replace(options, on_missing="keep", label=None)),
        FaceFinder(),
    )
    moments = spread_moments(info, _LOOKS)
    shown = []
    frames = (
        replace(coded, rgb=upright(coded.rgb, info.rotation).copy())
        for coded in read_moments(info, moments)
    )
    for number, frame in enumerate(checked(frames, info, info.frame_count)):
        (found,) = finder.renewed(first_track=1000 * number).find([frame.rgb])
        before = frame.rgb.copy()
        (moment,) = swapper.choose([(frame, found)])
        blended = swapper.blend(moment, *swapper.draw([moment])).faces
        if blended:
            shown.append(_Shown(frame, before, blended))
        yield Progress("preview", number + 1, len(moments))
    if not shown:
        raise swapper.nobody(target)
    chosen = [shown[round(at)] for at in np.linspace(0, len(shown) - 1, min(_SHOWN, len(shown)))]
    picture = draw_sheet(list(zip(*(_column(one) for one in chosen), strict=True)))
    if options.label:
        options.label.draw(picture)
    with replacing_file(sheet) as part:
        part.write_bytes(encode(picture, ".png"))
        marked = marker.run_to_completion(part, Mark(tuple(faces)), target)
    times = tuple(round(one.frame.seconds, 3) for one in chosen)
    seconds = time.monotonic() - started
    return PreviewSummary(sheet, len(moments), times, seconds, marked, tuple(faces), can_check())


def _column(one: _Shown) -> tuple[Cell, ...]:
    largest = max(one.blended, key=lambda blended: blended.drawn.cut.face.size)
    to_cell = square_round(largest.drawn.cut.face.box_xyxy, _ROOM)
    before, after = (cut_out(picture, to_cell) for picture in (one.before, one.frame.rgb))
    covered = np.max(
        [_seen(blended.mask, blended.drawn.cut.to_crop, to_cell) for blended in one.blended], axis=0
    )
    when = f"{one.frame.seconds:.2f} s"
    return (
        Cell(before, f"{when} target"),
        Cell(after, f"{when} swap"),
        Cell(tinted(before, covered), f"{when} mask"),
    )


def _seen(mask: Mask, to_crop: Affine, to_cell: Affine) -> Mask:
    """A crop's mask as it lies in the cell."""
    whole = np.eye(3, dtype=np.float32)
    down, out = whole.copy(), whole.copy()
    down[:2], out[:2] = to_crop, to_cell
    to_mask = float32((down @ np.linalg.inv(out))[:2])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(mask, to_mask, (CELL, CELL), flags=flags), np.uint8)
