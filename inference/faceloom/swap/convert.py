"""A face over a video: every frame in, every frame out, the face exchanged."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from faceloom.ahead import read_ahead
from faceloom.arrays import Affine, Rgb
from faceloom.batches import batched
from faceloom.errors import NoFaceFound
from faceloom.faces.align import apply_affine, crop_face
from faceloom.faces.find import Face, FaceFinder
from faceloom.faces.mask import mesh_mask
from faceloom.faces.steady import steady
from faceloom.progress import Progress, Work
from faceloom.swap.blend import paste, soften
from faceloom.swap.bundle import Bundle
from faceloom.swap.colour import match_lab
from faceloom.swap.manifest import Precision
from faceloom.swap.network import SwapNetwork
from faceloom.swap.source import AlignedFaces, FaceSource
from faceloom.video import (
    DEFAULT_ENCODING,
    Box,
    Encoding,
    Frame,
    VideoInfo,
    VideoWriter,
    notices,
    probe_source,
    read_source,
    refuse_output,
    replacing_output,
)
from faceloom.video.orient import frame_as_coded, upright

log = logging.getLogger(__name__)

# What the frames that go through together may take: four of 4K, all sixteen of 720p.
_BATCH_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """provider: see `open_session`. precision: see `choose_graph`. select: which faces to swap.

    batch: frames that go through together. colour, erode, feather: override the blend settings of what
    gives the faces unless None. encoding: how the pictures are encoded.
    """

    provider: str = "auto"
    precision: str = "auto"
    select: Literal["largest", "all"] = "largest"
    batch: int = 16
    colour: Literal["none", "lab"] | None = None
    erode: float | None = None
    feather: float | None = None
    force: bool = False
    encoding: Encoding = DEFAULT_ENCODING


@dataclass(frozen=True, slots=True)
class ConvertSummary:
    """What a conversion did; `provider` and `precision` are those that ran.

    `still` is the crop that was pasted, if one was; then there is no precision.
    """

    frames: int
    swapped_frames: int
    provider: str
    precision: Precision | None
    seconds: float
    still: str | None = None


def convert(target: Path, bundle_path: Path, out: Path, options: ConvertOptions) -> Work[ConvertSummary]:
    """Write `target` to `out` with the bundle's face; sound, times and size stay as they are.

    Frames without a face pass through. Raises UsageError, MediaUnreadable, ArtefactRefused or
    ProviderMissing before anything is written, NoFaceFound if no frame had a face; then, and
    whenever it is interrupted, no output is left.
    """
    started = time.monotonic()
    info = probe_target(target, out, options)
    network = SwapNetwork.open(Bundle.read(bundle_path), options.provider, options.precision)
    return (yield from convert_with(network, info, out, options, started))


def probe_target(target: Path, out: Path, options: ConvertOptions) -> VideoInfo:
    """Return what the target is; raise UsageError or MediaUnreadable if it cannot be converted to `out`."""
    refuse_output(out, force=options.force, inputs=[target])
    return probe_source(target)


def convert_with(
    source: FaceSource, info: VideoInfo, out: Path, options: ConvertOptions, started: float
) -> Work[ConvertSummary]:
    """Write a probed video to `out` with the faces that `source` gives; see `convert`.

    `started` is when the work began, by the monotonic clock.
    """
    swapper = FrameSwapper(source, options)
    batch = min(options.batch, max(1, _BATCH_BYTES // (3 * info.width * info.height)))
    done = 0
    with replacing_output(out) as part:
        with VideoWriter.open(part, out, info, options.encoding) as writer:
            for notice in notices(out, info, options.encoding):
                log.warning("%s", notice)
            for group in batched(steady(_found(info, batch), fill_gaps=True), batch):
                for frame in swapper.swap(group):
                    writer.write(frame_as_coded(frame, info.rotation))
                done += len(group)
                yield Progress("convert", done, info.frame_count, _rate(done, started))
        if not swapper.swapped_frames:
            raise NoFaceFound(f"No face was found in {info.path}; nothing was written.")
    return ConvertSummary(done, swapper.swapped_frames, source.provider, source.precision, time.monotonic() - started)


def _found(info: VideoInfo, batch: int) -> Iterator[tuple[Frame, list[Face]]]:
    """Yield a video's frames, upright, with their faces; they are decoded while others are looked at."""
    finder = FaceFinder()
    frames = (replace(f, rgb=upright(f.rgb, info.rotation)) for f in read_source(info))
    for group in batched(read_ahead(frames, batch), batch):
        yield from zip(group, finder.find([frame.rgb for frame in group]), strict=True)


class FrameSwapper:
    """Swaps the faces of a video's frames, in order, a batch at a time."""

    def __init__(self, source: FaceSource, options: ConvertOptions):
        self._source = source
        self._all = options.select == "all"
        chosen = {"colour": options.colour, "erode": options.erode, "feather": options.feather}
        self._blend = source.blend.model_copy(update={k: v for k, v in chosen.items() if v is not None})
        self.swapped_frames = 0

    def swap(self, seen: Sequence[tuple[Frame, Sequence[Face]]]) -> Iterator[Frame]:
        """Return upright frames with their faces exchanged, in place; the largest face of each, or all."""
        chosen = [(frame, faces if self._all else faces[:1]) for frame, faces in seen]
        boxes = iter(self._swap_faces([(frame.rgb, face) for frame, faces in chosen for face in faces]))
        self.swapped_frames += sum(bool(faces) for _, faces in chosen)
        for frame, faces in chosen:
            changed = tuple(box for _ in faces if (box := next(boxes)) is not None)
            yield replace(frame, changed=changed)

    def _swap_faces(self, faces: Sequence[tuple[Rgb, Face]]) -> list[Box | None]:
        """Swap each face in its picture, in place, and return where; all of them are one batch of the source."""
        boxes = []
        maps = [self._source.crop.frame_to_crop(face.points_xy) for _, face in faces]
        targets = _align(faces, maps, self._source.crop.size)
        swapped = self._source.swap_aligned(targets)
        for (picture, _), to_crop, crop, outline, new, mask in zip(
            faces, maps, targets.crops, targets.outlines, swapped.faces, swapped.masks, strict=True
        ):
            # Never beyond the target's own face, whatever the source thinks.
            covered = np.minimum(mask, outline)
            matched = match_lab(new, crop, covered) if self._blend.colour == "lab" else new
            soft = soften(covered, self._blend.erode, self._blend.feather)
            boxes.append(paste(picture, matched, soft, to_crop))
        return boxes


def _align(faces: Sequence[tuple[Rgb, Face]], maps: Sequence[Affine], size: int) -> AlignedFaces:
    """Cut each face out of its picture by its map."""
    crops = np.zeros((len(faces), size, size, 3), np.uint8)
    outlines = np.zeros((len(faces), size, size), np.uint8)
    meshes = np.zeros((len(faces), 468, 2), np.float32)
    for number, ((picture, face), to_crop) in enumerate(zip(faces, maps, strict=True)):
        crops[number] = crop_face(picture, to_crop, size)
        meshes[number] = apply_affine(to_crop, face.landmarks.points_xy)
        outlines[number] = mesh_mask(meshes[number], size, size)
    return AlignedFaces(crops, meshes, outlines)


def _rate(frames: int, started: float) -> str:
    return f"{frames / max(time.monotonic() - started, 1e-6):.1f} frames/s"
