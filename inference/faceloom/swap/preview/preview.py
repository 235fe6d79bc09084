"""Write a contact sheet with a few frames of a video before and after the swap."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import cv2
import numpy as np

from faceloom.array_types import Affine, Mask, Rgb
from faceloom.atomic import atomic_file
from faceloom.choices import ColorTransfer
from faceloom.errors import UsageError
from faceloom.faces.alignment import compose_affine, invert_affine
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
from faceloom.swap.pipeline.face_blending import BlendedFace
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.selected_frame import SelectedFrame
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.preview.contact_sheet import (
    CELL_SIDE,
    Cell,
    draw_sheet,
    square_around,
    tint_mask,
    warp_to_cell,
)
from faceloom.swap.selection.face_selector import FaceSelector
from faceloom.video import probe_source
from faceloom.video.display import frame_to_upright
from faceloom.video.frame_sampling import read_frames_at, uniform_sample_times

# Frames that are examined.
_EXAMINED = 12
# Largest number of frames with a face that are shown.
_SHOWN = 6
# Side of the shown square, in multiples of the bounding box's longer side.
_PADDING = 1.7
# Values of --color, each a row of the sheet.
_COLORS: tuple[ColorTransfer, ...] = get_args(ColorTransfer)
# Track numbers reserved for each frame, so that no track number occurs in two of them.
_TRACKS_PER_FRAME = 1000


@dataclass(frozen=True, slots=True)
class PreviewSummary:
    """What a preview shows."""

    sheet: Path
    """The PNG."""
    frames_examined: int
    """Frames that were searched for faces."""
    times: tuple[float, ...]
    """Times of the shown frames, in seconds."""
    seconds: float
    """Duration of the work."""
    marks: WrittenMarks
    """How the PNG is marked."""
    identities: tuple[SwappedIdentity, ...]
    """Whose faces were put in."""
    content_checked: bool
    """Whether the content check is installed."""


@dataclass(frozen=True, slots=True)
class _SwappedFrame:
    """One frame before and after the swap."""

    original: Rgb
    """The target's pixels, square."""
    swaps: dict[ColorTransfer, Rgb]
    """The swap with each color transfer, square."""
    seconds: float
    """Presentation time."""
    blended: tuple[BlendedFace, ...]
    """Its faces."""


def write_preview(
    target: Path, source: SwapSource, sheet: Path, options: ConvertOptions
) -> ProgressGenerator[PreviewSummary]:
    """Write a PNG with a column for each shown frame: target, a swap for each --color, and mask.

    The frames are spread evenly over the video and swapped independently, without smoothing over
    time. The visible label is put on the sheet, since the cells do not show the frames' corners.

    Args:
        target: The video.
        source: The opened source.
        sheet: The PNG to write.
        options: How to convert.

    Returns:
        The summary.

    Raises:
        UsageError: The options select a track, or the sheet is not a PNG.
        MediaUnreadable: The target cannot be read.
        NoFaceFound: None of the frames has a face to swap.
    """
    started = time.monotonic()
    if options.track is not None:
        raise UsageError(
            "--preview shows single frames, which have no tracks; use --frame N with "
            "--select track:N."
        )
    if sheet.suffix.lower() != ".png":
        raise UsageError(f"--preview {sheet}: the sheet must be a PNG; name it SHEET.png.")
    marker = MarkWriter.open(options.marking, sheet)
    times, swapped = yield from _swap_frames(target, source, options)
    positions = np.linspace(0, len(swapped) - 1, min(_SHOWN, len(swapped)))
    shown = [swapped[round(position)] for position in positions]
    used = {options.color or face_source.blend.color for face_source in source.identity_map.sources}
    picture = draw_sheet(list(zip(*(_column(frame, used) for frame in shown), strict=True)))
    if options.label:
        options.label.draw(picture)
    with atomic_file(sheet) as part:
        part.write_bytes(encode_picture(picture, ".png"))
        marks = marker.write(part, source.mark, target)
    return PreviewSummary(
        sheet=sheet,
        frames_examined=len(times),
        times=tuple(round(each.seconds, 3) for each in shown),
        seconds=time.monotonic() - started,
        marks=marks,
        identities=source.identities,
        content_checked=content_check_available(),
    )


def _swap_frames(
    target: Path, source: SwapSource, options: ConvertOptions
) -> ProgressGenerator[tuple[Sequence[float], Sequence[_SwappedFrame]]]:
    """Return the times of the examined frames, and the frames that have a face to swap."""
    info = probe_source(target)
    frame_options = replace(options, on_missing="keep", label=None)
    sources = source.identity_map.sources
    swappers = {
        color: FrameSwapper(sources, replace(frame_options, color=color)) for color in _COLORS
    }
    selector = FaceSelector(frame_options, source.identity_map.reference_set(options))
    finder = FaceFinder()
    times = uniform_sample_times(info, _EXAMINED)
    frames = (frame_to_upright(frame, info) for frame in read_frames_at(info, times))
    swapped = []
    for index, frame in enumerate(check_frames(frames, info, info.frame_count)):
        frame_finder = finder.for_new_video(first_track=_TRACKS_PER_FRAME * index)
        (faces,) = frame_finder.find([frame.square_rgb])
        selected = SelectedFrame(frame, selector.select(frame, faces))
        if shown := _swap_with_each_color(selected, swappers):
            swapped.append(shown)
        yield Progress("preview", index + 1, len(times))
    if not swapped:
        raise selector.no_face_error(target)
    return times, swapped


def _swap_with_each_color(
    selected: SelectedFrame, swappers: Mapping[ColorTransfer, FrameSwapper]
) -> _SwappedFrame | None:
    """Predict the faces once and blend them with each color transfer; None without a face."""
    first = next(iter(swappers.values()))
    (faces,) = first.predict([first.align(selected)])
    results = {color: swapper.blend(selected, faces) for color, swapper in swappers.items()}
    _, blended = next(iter(results.values()))
    if not blended:
        return None
    swaps = {color: frame.square_rgb for color, (frame, _) in results.items()}
    return _SwappedFrame(selected.frame.square_rgb, swaps, selected.frame.seconds, blended)


def _column(swapped: _SwappedFrame, used: Collection[ColorTransfer]) -> tuple[Cell, ...]:
    """Return one frame's cells; the labels of the color transfers in `used` say so."""
    faces = [blended.swapped.aligned for blended in swapped.blended]
    largest = max((aligned.face for aligned in faces), key=lambda face: face.size)
    to_cell = square_around(largest.box_xyxy, _PADDING)
    before = warp_to_cell(swapped.original, to_cell)
    masks = [
        _mask_in_cell(blended.mask, aligned.crop.square_to_crop, to_cell)
        for blended, aligned in zip(swapped.blended, faces, strict=True)
    ]
    time_text = f"{swapped.seconds:.2f} s"
    swaps = [
        Cell(
            warp_to_cell(picture, to_cell),
            f"{time_text} --color {color}{' (used)' if color in used else ''}",
        )
        for color, picture in swapped.swaps.items()
    ]
    return (
        Cell(before, f"{time_text} target"),
        *swaps,
        Cell(tint_mask(before, np.max(masks, axis=0)), f"{time_text} mask"),
    )


def _mask_in_cell(mask: Mask, square_to_crop: Affine, square_to_cell: Affine) -> Mask:
    """Warp a crop's mask to the cell."""
    cell_to_crop = compose_affine(square_to_crop, invert_affine(square_to_cell))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(mask, cell_to_crop, (CELL_SIDE, CELL_SIDE), flags=flags), np.uint8
    )
