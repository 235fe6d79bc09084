"""Write one frame, swapped as in a whole conversion, with every intermediate image."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from faceloom.array_types import Mask, Rgb
from faceloom.atomic import atomic_directory, check_output_directory
from faceloom.errors import UsageError
from faceloom.faces.parsing.regions import RegionMap
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
from faceloom.swap.pipeline.face_blending import BlendedFace
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.selected_frame import SelectedFrame
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.preview.contact_sheet import Cell, draw_sheet
from faceloom.swap.preview.frame_lead_in import FRAME_LEAD_IN, find_in_frames, first_frame
from faceloom.swap.selection.face_selector import FaceSelector
from faceloom.video import VideoInfo, probe_source, read_source
from faceloom.video.frame_sampling import frame_index_at
from faceloom.video.output import CONTAINERS, OUTPUT_IMAGE_EXTENSIONS

# The file that identifies a folder as the output of `--frame`, so that --force may replace it.
SHEET_FILE = "sheet.png"
# Intermediate images that show the source's face, and are therefore marked.
_MARKED_STEPS = ("3_prediction", "8_matched")
# The color that each region is painted in, by its value.
_REGION_COLORS = np.array(
    [
        (40, 40, 40),  # background
        (230, 190, 160),  # skin
        (120, 70, 30),  # brows
        (255, 255, 255),  # eyes
        (220, 60, 90),  # lips
        (120, 0, 30),  # mouth
        (150, 110, 240),  # hair
        (0, 220, 220),  # glasses
        (250, 220, 0),  # occluder
        (40, 140, 60),  # cloth
    ],
    np.uint8,
)
# Cells in a row of the sheet.
_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class FrameDebugSummary:
    """Which frame was written."""

    folder: Path
    """The folder of images."""
    frame: int
    """Index of the frame, from 0."""
    seconds: float
    """Time of the frame, in seconds."""
    faces: int
    """Number of swapped faces in it."""
    marks: WrittenMarks
    """How the images are marked."""
    identities: tuple[SwappedIdentity, ...]
    """Whose faces were put in."""
    content_checked: bool
    """Whether the content check is installed."""


def write_frame_debug(
    target: Path,
    source: SwapSource,
    place: str,
    folder: Path,
    options: ConvertOptions,
) -> ProgressGenerator[FrameDebugSummary]:
    """Write one swapped frame, every intermediate image of its faces, and a sheet of all.

    The `FRAME_LEAD_IN` frames before it are swapped as well.

    Args:
        target: The video.
        source: The opened source.
        place: The frame's index from 0, such as "120", or its time, such as "4.8s".
        folder: The folder to write.
        options: How to convert.

    Returns:
        The summary.

    Raises:
        UsageError: The video has no such frame, or the folder cannot be written.
        MediaUnreadable: The target cannot be read.
        NoFaceFound: The frame has no face to swap.
    """
    if folder.suffix.lower() in (*OUTPUT_IMAGE_EXTENSIONS, *CONTAINERS):
        raise UsageError(
            f"--frame writes a folder of pictures, and {folder.name} looks like a file; give --out "
            f"a name without an ending, such as {folder.with_suffix('')}."
        )
    inputs = [target, *options.reference, *options.exclude]
    check_output_directory(folder, SHEET_FILE, force=options.force, inputs=inputs)
    MarkWriter.open(options.marking, folder / SHEET_FILE)
    info = probe_source(target)
    index = _frame_index(info, place)
    frame_options = replace(options, on_missing="keep")
    swapper = FrameSwapper(source.identity_map.sources, frame_options)
    selector = FaceSelector(frame_options, source.identity_map.reference_set(options))
    first = first_frame(index) if options.track is None else 0
    frames = find_in_frames(read_source(info, start=first), info, index)
    for frame, faces in islice(frames, index - first):
        selected = SelectedFrame(frame, selector.select(frame, faces))
        if frame.index >= index - FRAME_LEAD_IN:
            swapper.swap_frame(selected)
        yield Progress("frames", frame.index + 1, index + 1)
    requested = next(frames, None)
    if requested is None:
        raise UsageError(f"{target} has no frame {index}; the first frame is 0.")
    frame, faces = requested
    check_frame(frame, info)
    result, blended = swapper.swap_frame(SelectedFrame(frame, selector.select(frame, faces)))
    if not blended:
        raise selector.no_face_error(target)
    images = _images(frame.square_rgb, result.square_rgb, blended, swapper, options)
    with atomic_directory(folder) as part:
        for name, image in images.items():
            write_png(part / f"{name}.png", image)
        marked = [name for name in images if name.endswith(("swap", "sheet", *_MARKED_STEPS))]
        paths = [part / f"{name}.png" for name in marked]
        marks = mark_images(options.marking, paths, source.mark, target)
    return FrameDebugSummary(
        folder=folder,
        frame=index,
        seconds=frame.seconds,
        faces=len(blended),
        marks=marks,
        identities=source.identities,
        content_checked=content_check_available(),
    )


def _frame_index(info: VideoInfo, place: str) -> int:
    try:
        value = float(place[:-1]) if place.endswith("s") else int(place)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise UsageError(f"--frame {place} is not a frame; give an index (120) or a time (4.8s).")
    return value if isinstance(value, int) else frame_index_at(info, value)


def _images(
    before: Rgb,
    after: Rgb,
    blended: Sequence[BlendedFace],
    swapper: FrameSwapper,
    options: ConvertOptions,
) -> dict[str, Rgb]:
    """Return all images by the name of their file, without the extension."""
    faces = [_steps(face, swapper.network_input(face.swapped.aligned)) for face in blended]
    sheet = _draw_sheet(before, after, faces)
    if options.label:
        options.label.draw(sheet)
    return {
        "target": before,
        "swap": after,
        SHEET_FILE.removesuffix(".png"): sheet,
        **{
            f"face{number}_{name}": image
            for number, steps in enumerate(faces)
            for name, image in steps.items()
        },
    }


def _steps(blended: BlendedFace, network_input: Rgb) -> dict[str, Rgb]:
    """Return a face's intermediate images by name."""
    swapped, crop = blended.swapped, blended.swapped.aligned.crop
    steps = {
        "1_crop": crop.rgb,
        "2_network_input": network_input,
        "3_prediction": swapped.prediction,
        "4_learned_mask": _gray(swapped.learned_mask),
        "5_mesh_mask": _gray(crop.mask),
        "6_combined_mask": _gray(blended.covered),
        "7_feathered_mask": _gray(blended.mask),
        "8_matched": blended.matched,
    }
    if swapped.target_regions is not None:
        steps["9_target_regions"] = _paint_regions(swapped.target_regions, len(crop.rgb))
    return steps


def _paint_regions(regions: RegionMap, size: int) -> Rgb:
    painted = _REGION_COLORS[regions.argmax(-1)]
    return np.asarray(cv2.resize(painted, (size, size), interpolation=cv2.INTER_NEAREST), np.uint8)


def _draw_sheet(before: Rgb, after: Rgb, faces: Sequence[dict[str, Rgb]]) -> Rgb:
    cells = [[Cell(before, "target"), Cell(after, "swap")]]
    for steps in faces:
        row = [Cell(image, name[2:].replace("_", " ")) for name, image in steps.items()]
        cells += [row[i : i + _COLUMNS] for i in range(0, len(row), _COLUMNS)]
    return draw_sheet(cells)


def _gray(mask: Mask) -> Rgb:
    return np.repeat(mask[..., None], 3, axis=2)
