"""One frame of a clip swapped as a whole conversion would swap it, with all that lies between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from faceloom.array_types import Mask, Rgb
from faceloom.atomic import atomic_directory, check_output_directory
from faceloom.errors import UsageError
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.temporal_smoothing import SMOOTHING_RADIUS, smooth_alignment
from faceloom.image_io import write_png
from faceloom.progress import Progress, ProgressGenerator
from faceloom.provenance import (
    MarkWriter,
    SwappedIdentity,
    WrittenMarks,
    check_frame,
    content_check_available,
    mark_images,
)
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.analysis import DETECT_EVERY
from faceloom.swap.pipeline.frame_swapper import BlendedFace, FrameSwapper, SelectedFrame
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.preview.contact_sheet import Cell, draw_sheet
from faceloom.swap.selection.face_selector import FaceSelector
from faceloom.video import Frame, VideoInfo, probe_source, read_source
from faceloom.video.frame_sampling import frame_index_at
from faceloom.video.rotation import to_upright

# The file that makes a folder one of these.
MARKER = "sheet.png"
# The steps in which a new face is seen.
_NEW = ("3_drawn", "8_matched")
# Frames before the one that is asked for: by then what is steadied over time is as it would be.
_RUN_UP = 12


@dataclass(frozen=True, slots=True)
class FrameDebugSummary:
    """Which frame it was, its time in seconds, and how many of its faces were swapped.

    marked, worn, content_checked: as `marked`, `faces`, `content_checked` in `ConvertSummary`.
    """

    folder: Path
    frame: int
    seconds: float
    faces: int
    marked: WrittenMarks
    worn: tuple[SwappedIdentity, ...]
    content_checked: bool


def write_frame_debug(
    target: Path,
    source: SwapSource,
    place: str,
    folder: Path,
    options: ConvertOptions,
) -> ProgressGenerator[FrameDebugSummary]:
    """Write one frame of `target`, swapped, to a folder of PNGs, with every step of each face, and a sheet of all.

    place: a frame's number from 0, as "120", or
    a time, as "4.8s". Some frames before it go through too, all of them
    if a track is asked for by number. Raises UsageError if the clip ends before, `folder` cannot be written or an
    option is none, MediaUnreadable, and NoFaceFound if the frame has no face to swap.
    """
    check_output_directory(folder, MARKER, force=options.force, inputs=[target])
    MarkWriter.open(options.marking, folder / MARKER)
    info = probe_source(target)
    wanted = _number(info, place)
    blend_options = replace(options, on_missing="keep")
    swapper = FrameSwapper(source.identity_map.sources, blend_options)
    selector = FaceSelector(blend_options, source.identity_map.reference_set(options))
    first = 0 if options.track is not None else max(0, wanted - _RUN_UP)
    found = smooth_alignment(_found(info, first, wanted + SMOOTHING_RADIUS), fill_gaps=True)
    for frame, faces in islice(found, wanted - first):
        swapper.swap_frame(SelectedFrame(frame, selector.select(frame, faces)))
        yield Progress("frames", frame.index + 1, wanted + 1)
    last = next(found, None)
    if last is None:
        raise UsageError(f"{target} has no frame {wanted}; the first is 0.")
    check_frame(last[0], info)
    frame, faces = last
    result, blended = swapper.swap_frame(SelectedFrame(frame, selector.select(frame, faces)))
    if not blended:
        raise selector.no_face_error(target)
    steps = [_steps(one, swapper.network_input(one.swapped.aligned)) for one in blended]
    sheet = _sheet(frame.rgb, result.rgb, steps)
    if options.label:
        options.label.draw(sheet)
    pictures = {
        "target": frame.rgb,
        "swap": result.rgb,
        MARKER.removesuffix(".png"): sheet,
        **_by_face(steps),
    }
    with atomic_directory(folder) as part:
        for name, picture in pictures.items():
            write_png(part / f"{name}.png", picture)
        swapped = [
            part / f"{name}.png" for name in pictures if name.endswith(("swap", "sheet", *_NEW))
        ]
        marked = mark_images(options.marking, swapped, source.mark, target)
    return FrameDebugSummary(
        folder,
        wanted,
        frame.seconds,
        len(blended),
        marked,
        source.identities,
        content_check_available(),
    )


def _number(info: VideoInfo, place: str) -> int:
    try:
        value = float(place[:-1]) if place.endswith("s") else int(place)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise UsageError(
            f"--frame {place} is no place in a clip; give a frame's number (120) or its time (4.8s)."
        )
    return value if isinstance(value, int) else frame_index_at(info, value)


def _found(info: VideoInfo, first: int, last: int) -> Iterator[tuple[Frame, list[Face]]]:
    """Yield the frames from `first` to `last`, upright, with their faces."""
    finder = FaceFinder(detect_every=DETECT_EVERY)
    for frame in read_source(info, start=first):
        turned = replace(frame, rgb=to_upright(frame.rgb, info.rotation))
        yield turned, finder.find([turned.rgb])[0]
        if frame.index == last:
            return


def _steps(one: BlendedFace, shown: Rgb) -> dict[str, Rgb]:
    """All that lies between a face and its swap, by name."""
    swapped, crop = one.swapped, one.swapped.aligned.crop
    return {
        "1_crop": crop.rgb,
        "2_shown": shown,
        "3_drawn": swapped.prediction,
        "4_learned_mask": _gray(swapped.learned_mask),
        "5_mesh_mask": _gray(crop.mask),
        "6_covered": _gray(one.covered),
        "7_mask": _gray(one.mask),
        "8_matched": one.matched,
    }


def _by_face(faces: Sequence[dict[str, Rgb]]) -> dict[str, Rgb]:
    """Return every face's steps under names of one folder."""
    return {
        f"face{number}_{name}": step
        for number, steps in enumerate(faces)
        for name, step in steps.items()
    }


def _sheet(before: Rgb, after: Rgb, faces: Sequence[dict[str, Rgb]]) -> Rgb:
    cells = [[Cell(before, "target"), Cell(after, "swap")]]
    for steps in faces:
        row = [Cell(picture, name[2:].replace("_", " ")) for name, picture in steps.items()]
        cells += [row[:4], row[4:]]
    return draw_sheet(cells)


def _gray(mask: Mask) -> Rgb:
    return np.repeat(mask[..., None], 3, axis=2)
