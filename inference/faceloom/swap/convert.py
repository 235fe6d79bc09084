"""A face over a video: every frame in, every frame out, the face exchanged."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from faceloom.ahead import read_ahead
from faceloom.atomic import refuse_file, replacing_file
from faceloom.batches import batched
from faceloom.faces.find import Face, FaceFinder
from faceloom.faces.steady import steady
from faceloom.progress import Progress, Work
from faceloom.swap.bundle import Bundle
from faceloom.swap.cast import Cast
from faceloom.swap.manifest import Precision
from faceloom.swap.network import SwapNetwork
from faceloom.swap.options import SwapOptions
from faceloom.swap.source import FaceSource
from faceloom.swap.swapper import FrameSwapper
from faceloom.video import Frame, VideoInfo, VideoWriter, probe_video, read_frames
from faceloom.video.orient import as_coded, upright
from faceloom.video.write import container_format

# What the frames that go through together may take: four of 4K, all sixteen of 720p.
_BATCH_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class ConvertOptions(SwapOptions):
    """How a video is converted: who is swapped and how it looks (see `SwapOptions`), and what the work runs on.

    provider: see `open_session`. precision: see `choose_graph`. batch: frames that go through together.
    """

    provider: str = "auto"
    precision: str = "auto"
    batch: int = 16
    force: bool = False


@dataclass(frozen=True, slots=True)
class ConvertSummary:
    """What a conversion did; `provider` and `precision` are those that ran.

    `still` is the crop that was pasted, if one was; then there is no precision. `missing_frames`: those in which a
    face that was there before was not found.
    """

    frames: int
    swapped_frames: int
    provider: str
    precision: Precision | None
    seconds: float
    still: str | None = None
    missing_frames: int = 0


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
    refuse_file(out, force=options.force, inputs=[target])
    container_format(out)
    return probe_video(target)


def convert_with(
    source: FaceSource | Cast, info: VideoInfo, out: Path, options: ConvertOptions, started: float
) -> Work[ConvertSummary]:
    """Write a probed video to `out` with the faces that `source` gives; see `convert`.

    `started` is when the work began, by the monotonic clock.
    """
    swapper = FrameSwapper(source, options)
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
            raise swapper.nobody(info.path)
    seconds = time.monotonic() - started
    return ConvertSummary(
        done, swapper.swapped_frames, source.provider, source.precision, seconds, missing_frames=swapper.missing_frames
    )


def _found(info: VideoInfo, batch: int) -> Iterator[tuple[Frame, list[Face]]]:
    """Yield a video's frames, upright, with their faces; they are decoded while others are looked at."""
    finder = FaceFinder()
    frames = (replace(f, rgb=upright(f.rgb, info.rotation)) for f in read_frames(info.path))
    for group in batched(read_ahead(frames, batch), batch):
        yield from zip(group, finder.find([frame.rgb for frame in group]), strict=True)


def _rate(frames: int, started: float) -> str:
    return f"{frames / max(time.monotonic() - started, 1e-6):.1f} frames/s"
