"""A bundle over a video: every frame in, every frame out, the face exchanged."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from faceloom.ahead import read_ahead
from faceloom.arrays import Affine, Mask, Rgb, RgbBatch
from faceloom.atomic import refuse_file, replacing_file
from faceloom.batches import batched
from faceloom.errors import NoFaceFound
from faceloom.faces.align import apply_affine, crop_face
from faceloom.faces.find import Face, FaceFinder
from faceloom.faces.mask import hide_background, mesh_mask
from faceloom.faces.steady import steady
from faceloom.progress import Progress, Work
from faceloom.swap.blend import paste, soften
from faceloom.swap.bundle import Bundle
from faceloom.swap.colour import match_lab
from faceloom.swap.manifest import BlendRow
from faceloom.swap.network import SwapNetwork
from faceloom.video import Frame, VideoInfo, VideoWriter, probe_video, read_frames
from faceloom.video.orient import as_coded, upright
from faceloom.video.write import container_format

# What the frames that go through together may take: four of 4K, all sixteen of 720p.
_BATCH_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """provider: see `open_session`. select: which faces to swap. batch: frames that go through together.

    colour, erode, feather: override the bundle's own blend settings unless None.
    """

    provider: str = "auto"
    select: Literal["largest", "all"] = "largest"
    batch: int = 16
    colour: Literal["none", "lab"] | None = None
    erode: float | None = None
    feather: float | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class ConvertSummary:
    """What a conversion did; `provider` is the one that ran."""

    frames: int
    swapped_frames: int
    provider: str
    seconds: float


def convert(target: Path, bundle_path: Path, out: Path, options: ConvertOptions) -> Work[ConvertSummary]:
    """Write `target` to `out` with the bundle's face; sound, times and size stay as they are.

    Frames without a face pass through. Raises UsageError, MediaUnreadable, ArtefactRefused or
    ProviderMissing before anything is written, NoFaceFound if no frame had a face; then, and
    whenever it is interrupted, no output is left.
    """
    started = time.monotonic()
    refuse_file(out, force=options.force, inputs=[target])
    container_format(out)
    info = probe_video(target)
    bundle = Bundle.read(bundle_path)
    swapper = FrameSwapper(SwapNetwork.open(bundle, options.provider), bundle.manifest.blend, options)
    batch = min(options.batch, max(1, _BATCH_BYTES // (3 * info.width * info.height)))
    done = 0
    with replacing_file(out) as part:
        with VideoWriter.open(part, out, info) as writer:
            for group in batched(steady(_found(info, batch), fill_gaps=True), batch):
                for frame in swapper.swap(group):
                    writer.write(replace(frame, rgb=as_coded(frame.rgb, info.rotation)))
                done += len(group)
                yield Progress("convert", done, info.frame_count, _rate(done, started))
        if not swapper.swapped_frames:
            raise NoFaceFound(f"No face was found in {target}; nothing was written.")
    return ConvertSummary(done, swapper.swapped_frames, swapper.provider, time.monotonic() - started)


def _found(info: VideoInfo, batch: int) -> Iterator[tuple[Frame, list[Face]]]:
    """Yield a video's frames, upright, with their faces; they are decoded while others are looked at."""
    finder = FaceFinder()
    frames = (replace(f, rgb=upright(f.rgb, info.rotation)) for f in read_frames(info.path))
    for group in batched(read_ahead(frames, batch), batch):
        yield from zip(group, finder.find([frame.rgb for frame in group]), strict=True)


class FrameSwapper:
    """Swaps the faces of a video's frames, in order, a batch at a time."""

    def __init__(self, network: SwapNetwork, blend: BlendRow, options: ConvertOptions):
        self._network = network
        self._all = options.select == "all"
        chosen = {"colour": options.colour, "erode": options.erode, "feather": options.feather}
        self._blend = blend.model_copy(update={k: v for k, v in chosen.items() if v is not None})
        self.provider = network.provider
        self.swapped_frames = 0

    def swap(self, seen: Sequence[tuple[Frame, Sequence[Face]]]) -> Iterator[Frame]:
        """Return upright frames with their faces exchanged, in place; the largest face of each, or all."""
        chosen = [(frame, faces if self._all else faces[:1]) for frame, faces in seen]
        self._swap_faces([(frame.rgb, face) for frame, faces in chosen for face in faces])
        self.swapped_frames += sum(bool(faces) for _, faces in chosen)
        yield from (frame for frame, _ in seen)

    def _swap_faces(self, faces: Sequence[tuple[Rgb, Face]]) -> None:
        """Swap each face in its picture, in place; all of them are one batch of the network."""
        size = self._network.crop.size
        maps = [self._network.crop.frame_to_crop(face.points_xy) for _, face in faces]
        crops = [crop_face(picture, to_crop, size) for (picture, _), to_crop in zip(faces, maps, strict=True)]
        outlines = [_outline(face, to_crop, size) for (_, face), to_crop in zip(faces, maps, strict=True)]
        swapped = self._network.swap(self._as_trained(crops, outlines))
        for (picture, _), to_crop, crop, outline, new, mask in zip(
            faces, maps, crops, outlines, swapped.faces, swapped.masks, strict=True
        ):
            # Never beyond the target's own face, whatever the network thinks.
            covered = np.minimum(mask, outline)
            matched = match_lab(new, crop, covered) if self._blend.colour == "lab" else new
            paste(picture, matched, soften(covered, self._blend.erode, self._blend.feather), to_crop)

    def _as_trained(self, crops: Sequence[Rgb], outlines: Sequence[Mask]) -> RgbBatch:
        """Show the network what it saw in training: the whole crops, or only the faces in them."""
        if not crops:
            return np.zeros((0, self._network.crop.size, self._network.crop.size, 3), np.uint8)
        if not self._network.hides_background:
            return np.stack(crops)
        return np.stack([hide_background(c, outline) for c, outline in zip(crops, outlines, strict=True)])


def _outline(face: Face, to_crop: Affine, size: int) -> Mask:
    """The target face's own outline in its crop."""
    return mesh_mask(apply_affine(to_crop, face.landmarks.points_xy), size, size)


def _rate(frames: int, started: float) -> str:
    return f"{frames / max(time.monotonic() - started, 1e-6):.1f} frames/s"
