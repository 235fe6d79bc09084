"""A swap at a glance: a few moments of a clip before and after, on one sheet, without writing a video."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Affine, Mask, Rgb, float32
from faceloom.atomic import atomic_file
from faceloom.errors import UsageError
from faceloom.faces.face_finder import FaceFinder
from faceloom.image_io import encode_picture
from faceloom.progress import Progress, ProgressGenerator
from faceloom.provenance import (
    MarkWriter,
    SwappedIdentity,
    WrittenMarks,
    check_frames,
    content_check_available,
)
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.frame_swapper import BlendedFace, FrameSwapper, SelectedFrame
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.preview.contact_sheet import (
    CELL,
    Cell,
    draw_sheet,
    square_around,
    tint_mask,
    warp_to_cell,
)
from faceloom.swap.selection.face_selector import FaceSelector
from faceloom.video import Frame, probe_source
from faceloom.video.frame_sampling import read_frames_at, uniform_sample_times
from faceloom.video.rotation import to_upright

# Moments that are looked at, and of those with a face so many that are shown.
_LOOKS, _SHOWN = 12, 6
# How much of the picture a cell shows, in sides of the face's box.
_ROOM = 1.7


@dataclass(frozen=True, slots=True)
class SheetSummary:
    """`moments` of `looked_at` had a face to swap and are shown; their times in seconds.

    marked, faces, content_checked: as in `ConvertSummary`.
    """

    sheet: Path
    looked_at: int
    moments: tuple[float, ...]
    seconds: float
    marked: WrittenMarks
    faces: tuple[SwappedIdentity, ...]
    content_checked: bool


@dataclass(frozen=True, slots=True)
class _Shown:
    frame: Frame
    before: Rgb
    blended: tuple[BlendedFace, ...]


def write_preview(
    target: Path,
    source: SwapSource,
    sheet: Path,
    options: ConvertOptions,
) -> ProgressGenerator[SheetSummary]:
    """Write a PNG with a column a moment: the target, the swap, and where the new face is shown.

    The moments are spread over the clip, each seen by itself: nothing is steadied. The label stands on the sheet, as
    little of a frame's corners is seen there. Raises UsageError for a track, which single
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
    marker, info = MarkWriter.open(options.marking, sheet), probe_source(target)
    blend_options = replace(options, on_missing="keep", label=None)
    swapper = FrameSwapper(source.identity_map.sources, blend_options)
    selector = FaceSelector(blend_options, source.identity_map.reference_set(options))
    finder = FaceFinder()
    moments = uniform_sample_times(info, _LOOKS)
    shown = []
    frames = (
        replace(coded, rgb=to_upright(coded.rgb, info.rotation))
        for coded in read_frames_at(info, moments)
    )
    for number, frame in enumerate(check_frames(frames, info, info.frame_count)):
        (found,) = finder.for_new_video(first_track=1000 * number).find([frame.rgb])
        selected = SelectedFrame(frame, selector.select(frame, found))
        swapped, blended = swapper.swap_frame(selected)
        if blended:
            shown.append(_Shown(swapped, frame.rgb, blended))
        yield Progress("preview", number + 1, len(moments))
    if not shown:
        raise selector.no_face_error(target)
    chosen = [shown[round(at)] for at in np.linspace(0, len(shown) - 1, min(_SHOWN, len(shown)))]
    picture = draw_sheet(list(zip(*(_column(one) for one in chosen), strict=True)))
    if options.label:
        options.label.draw(picture)
    with atomic_file(sheet) as part:
        part.write_bytes(encode_picture(picture, ".png"))
        marked = marker.write(part, source.mark, target)
    times = tuple(round(one.frame.seconds, 3) for one in chosen)
    seconds = time.monotonic() - started
    return SheetSummary(
        sheet, len(moments), times, seconds, marked, source.identities, content_check_available()
    )


def _column(one: _Shown) -> tuple[Cell, ...]:
    largest = max(one.blended, key=lambda blended: blended.swapped.aligned.face.size)
    to_cell = square_around(largest.swapped.aligned.face.box_xyxy, _ROOM)
    before, after = (warp_to_cell(picture, to_cell) for picture in (one.before, one.frame.rgb))
    covered = np.max(
        [
            _seen(blended.mask, blended.swapped.aligned.crop.frame_to_crop, to_cell)
            for blended in one.blended
        ],
        axis=0,
    )
    when = f"{one.frame.seconds:.2f} s"
    return (
        Cell(before, f"{when} target"),
        Cell(after, f"{when} swap"),
        Cell(tint_mask(before, covered), f"{when} mask"),
    )


def _seen(mask: Mask, to_crop: Affine, to_cell: Affine) -> Mask:
    """A crop's mask as it lies in the cell."""
    whole = np.eye(3, dtype=np.float32)
    down, out = whole.copy(), whole.copy()
    down[:2], out[:2] = to_crop, to_cell
    to_mask = float32((down @ np.linalg.inv(out))[:2])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(mask, to_mask, (CELL, CELL), flags=flags), np.uint8)
