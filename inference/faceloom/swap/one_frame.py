"""One frame of a clip swapped as a whole conversion would swap it, with all that lies between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from faceloom.arrays import Mask, Rgb
from faceloom.atomic import refuse_directory, replacing_directory
from faceloom.errors import UsageError
from faceloom.faces.find import Face, FaceFinder
from faceloom.faces.steady import REACH, steady
from faceloom.pictures import write_png
from faceloom.progress import Progress, Work
from faceloom.provenance import refuse_frame
from faceloom.swap.analysis import DETECT_EVERY
from faceloom.swap.cast import Cast
from faceloom.swap.options import SwapOptions
from faceloom.swap.sheet import Cell, draw_sheet
from faceloom.swap.source import FaceSource
from faceloom.swap.swapper import BlendedFace, DrawnFace, FrameSwapper, Moment
from faceloom.video import Frame, VideoInfo, probe_video, read_frames
from faceloom.video.moments import frame_number
from faceloom.video.orient import upright

# The file that makes a folder one of these.
MARKER = "sheet.png"
# Frames before the one that is asked for: by then what is steadied over time is as it would be.
_RUN_UP = 12


@dataclass(frozen=True, slots=True)
class OneFrameSummary:
    """Which frame it was, its time in seconds, and how many of its faces were swapped."""

    folder: Path
    frame: int
    seconds: float
    faces: int


def one_frame(
    target: Path, source: FaceSource | Cast, place: str, folder: Path, options: SwapOptions, *, force: bool = False
) -> Work[OneFrameSummary]:
    """Write one frame of `target`, swapped, to a folder of PNGs, with every step of each face, and a sheet of all.

    place: a frame's number from 0, as "120", or a time, as "4.8s". Some frames before it go through too, all of them
    if a track is asked for by number. Raises UsageError if the clip ends before, `folder` cannot be written or an
    option is none, MediaUnreadable, and NoFaceFound if the frame has no face to swap.
    """
    refuse_directory(folder, MARKER, force=force, inputs=[target])
    info = probe_video(target)
    wanted = _number(info, place)
    swapper = FrameSwapper(source, replace(options, on_missing="keep"))
    first = 0 if options.track is not None else max(0, wanted - _RUN_UP)
    found = steady(_found(info, first, wanted + REACH), fill_gaps=True)
    for frame, faces in islice(found, wanted - first):
        swapper.blend(*_drawn(swapper, frame, faces))
        yield Progress("frames", frame.index + 1, wanted + 1)
    last = next(found, None)
    if last is None:
        raise UsageError(f"{target} has no frame {wanted}; the first is 0.")
    refuse_frame(last[0], info)
    moment, drawn = _drawn(swapper, *last)
    before = moment.frame.rgb.copy()
    blended = swapper.blend(moment, drawn).faces
    if not blended:
        raise swapper.nobody(target)
    steps = [_steps(one, swapper.shown(one.drawn.cut)) for one in blended]
    _write(folder, before, moment.frame.rgb, steps)
    return OneFrameSummary(folder, wanted, moment.frame.seconds, len(blended))


def _number(info: VideoInfo, place: str) -> int:
    try:
        value = float(place[:-1]) if place.endswith("s") else int(place)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise UsageError(f"--frame {place} is no place in a clip; give a frame's number (120) or its time (4.8s).")
    return value if isinstance(value, int) else frame_number(info.path, value)


def _found(info: VideoInfo, first: int, last: int) -> Iterator[tuple[Frame, list[Face]]]:
    """Yield the frames from `first` to `last`, upright, with their faces."""
    finder = FaceFinder(detect_every=DETECT_EVERY)
    for frame in read_frames(info.path, start=first):
        turned = replace(frame, rgb=upright(frame.rgb, info.rotation).copy())
        yield turned, finder.find([turned.rgb])[0]
        if frame.index == last:
            return


def _drawn(swapper: FrameSwapper, frame: Frame, faces: Sequence[Face]) -> tuple[Moment, list[DrawnFace]]:
    (moment,) = swapper.choose([(frame, faces)])
    (drawn,) = swapper.draw([swapper.cut(moment)])
    return moment, drawn


def _steps(one: BlendedFace, shown: Rgb) -> dict[str, Rgb]:
    """All that lies between a face and its swap, by name."""
    drawn, cut = one.drawn, one.drawn.cut
    return {
        "1_crop": cut.crop,
        "2_shown": shown,
        "3_drawn": drawn.drawn,
        "4_learned_mask": _grey(drawn.learned),
        "5_mesh_mask": _grey(cut.outline),
        "6_covered": _grey(one.covered),
        "7_mask": _grey(one.mask),
        "8_matched": one.matched,
    }


def _write(folder: Path, before: Rgb, after: Rgb, faces: Sequence[dict[str, Rgb]]) -> None:
    cells = [[Cell(before, "target"), Cell(after, "swap")]]
    with replacing_directory(folder) as part:
        write_png(part / "target.png", before)
        write_png(part / "swap.png", after)
        for number, steps in enumerate(faces):
            for name, picture in steps.items():
                write_png(part / f"face{number}_{name}.png", picture)
            row = [Cell(picture, name[2:].replace("_", " ")) for name, picture in steps.items()]
            cells += [row[:4], row[4:]]
        write_png(part / MARKER, draw_sheet(cells))


def _grey(mask: Mask) -> Rgb:
    return np.repeat(mask[..., None], 3, axis=2)
