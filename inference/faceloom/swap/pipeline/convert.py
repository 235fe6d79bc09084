"""A face over a video: every frame in, every frame out, the face exchanged."""

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from faceloom.errors import UsageError
from faceloom.faces.face_finder import FaceFinder
from faceloom.prefetch import read_ahead
from faceloom.progress import ProgressGenerator
from faceloom.provenance import Mark, Marked, Marker, Marking, WornFace, can_check, checked
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.bundle.manifest import Precision
from faceloom.swap.inference.batch_tuning import DEFAULT_BATCH, tuned_batch
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.options import SwapOptions
from faceloom.swap.pipeline.analysis import DETECT_EVERY, Analysis
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.resume_store import Unfinished, batch_begun, job_of
from faceloom.swap.pipeline.segments import (
    SEGMENT,
    Clock,
    ahead_of,
    cut_lead,
    segments,
    swap_segment,
)
from faceloom.swap.pipeline.target import Target
from faceloom.swap.selection.track_state import Memory, Notes
from faceloom.swap.sources.face_source import FaceSource
from faceloom.swap.sources.identity_map import Cast, Opener
from faceloom.video import (
    DEFAULT_ENCODING,
    Encoding,
    FrameRange,
    VideoInfo,
    join_segments,
    notices,
    replacing_output,
)

log = logging.getLogger(__name__)

_GPUS = frozenset(["cuda", "tensorrt"])
# What the frames that go through together may take: one of 4K or of 1080p, eleven of 480p; a GPU is only busy with
# more. Six such batches are on their way at any time.
_BATCH_BYTES, _BATCH_BYTES_OF_GPUS = 16_000_000, 80_000_000
# Bytes a pixel of a frame takes: as RGB, and as it was coded (of 8 bits, 4:2:0).
_PIXEL_BYTES = 4.5


@dataclass(frozen=True, slots=True)
class ConvertOptions(SwapOptions):
    """How a video is converted: who is swapped and how it looks (see `SwapOptions`), and what the work runs on.

    provider: see `open_session`. precision: see `choose_graph`. batch: frames that go through together; None: what was
    found best here (see `tuning`). encoding: how the pictures are encoded. stretch: the part that is converted, None:
    all. engine: "local", or "ray" for a cluster (see `ray_engine`). resume: go on with an interrupted conversion.
    resumable: keep what is done of one that is interrupted. force: replace what is there. segment: frames of a segment.
    marking: what says in the output that faces were exchanged.
    """

    provider: str = "auto"
    precision: str = "auto"
    batch: int | None = None
    encoding: Encoding = DEFAULT_ENCODING
    stretch: FrameRange | None = None
    engine: Literal["local", "ray"] = "local"
    resume: bool = False
    resumable: bool = True
    force: bool = False
    segment: int = SEGMENT
    marking: Marking = field(default_factory=Marking)


@dataclass(frozen=True, slots=True)
class ConvertSummary:
    """What a conversion did; `provider` and `precision` are those that ran.

    `still` is the crop that was pasted, if one was; then there is no precision. `missing_frames`: those in which a
    face that was there before was not found. `resumed_at`: how many frames an interrupted run had done. `notices`:
    what is not as in the source. `marked`: what says that faces were exchanged. `faces`: whose were put in.
    `content_checked`: whether the model for that is installed.
    """

    frames: int
    swapped_frames: int
    provider: str
    precision: Precision | None
    seconds: float
    still: str | None = None
    missing_frames: int = 0
    resumed_at: int = 0
    notices: tuple[str, ...] = ()
    marked: Marked = field(default_factory=Marked)
    faces: tuple[WornFace, ...] = ()
    content_checked: bool = False


def convert(
    target: Path, bundle_path: Path, out: Path, options: ConvertOptions
) -> ProgressGenerator[ConvertSummary]:
    """Write `target` to `out` with the bundle's face; sound, times and size stay as they are.

    Frames without a face pass through. Raises UsageError, MediaUnreadable, ArtifactRefused or ProviderMissing before
    anything is written, NoFaceFound if no frame had a face. No output is left then, nor when it is interrupted: what
    was done until then waits beside it (see `Unfinished`).
    """
    started = time.monotonic()
    opened = open_target(target, out, options)
    # Read once: a large one takes half a second.
    bundle = Bundle.read(bundle_path)
    face = worn_face(bundle)
    opener = partial(open_bundle, bundle, options.provider, options.precision)
    return (yield from convert_with(opener, face.sha256, [face], opened, options, started))


def worn_face(bundle: Bundle) -> WornFace:
    """Return what is said of a bundle in what is made with it."""
    return WornFace(bundle.manifest.identity, bundle.sha256(), bundle.manifest.consent)


def open_network(bundle: Path, provider: str, precision: str) -> SwapNetwork:
    """Read a bundle and open its network; see `SwapNetwork.open`."""
    return open_bundle(Bundle.read(bundle), provider, precision)


def open_bundle(bundle: Bundle, provider: str, precision: str) -> SwapNetwork:
    """Open the network of a bundle that was read; a function, so that a cluster's workers can be sent it."""
    return SwapNetwork.open(bundle, provider, precision)


def open_target(target: Path, out: Path, options: ConvertOptions) -> Target:
    """Return what is converted to where; raise as `Target.open`."""
    return Target.open(target, out, options.encoding, options.stretch, force=options.force)


def convert_with(
    opener: Opener,
    made_by: str,
    faces: Sequence[WornFace],
    target: Target,
    options: ConvertOptions,
    started: float,
) -> ProgressGenerator[ConvertSummary]:
    """Write a target with the faces that `opener` gives; see `convert`.

    made_by: what names the source, so that an interrupted conversion is not gone on with by another. faces: what the
    marks say. `started` is when the work began, by the monotonic clock.
    """
    marker, source = Marker.open(options.marking, target.out), opener()
    mark = Mark(tuple(faces), trained=isinstance(source, Cast) or source.precision is not None)
    said = notices(target.out, target.info, target.encoding)
    for notice in said:
        log.warning("%s", notice)
    begun = batch_begun(target.out) if options.resume and options.batch is None else None
    options = replace(options, batch=begun or batch_of(target.info, source, options))
    _refuse_other_numbers(target, options)
    job = job_of(target, made_by, source, options)
    resume, resumable, force = options.resume, options.resumable, options.force
    with Unfinished.open(target.out, job, resume=resume, resumable=resumable, force=force) as work:
        state = work.state()
        swapper = FrameSwapper(
            source, options, Memory(choosing=Notes.from_arrays(state.choosing) if state else None)
        )
        resumed_at = work.done.frames
        if not work.complete:
            clock = Clock(target.frames, resumed_at, started)
            yield from _swap_segments(swapper, opener, target, options, work, clock)
        if not work.done.swapped:
            raise swapper.nobody(target.info.path)
        with replacing_output(target.out) as part:
            begin, end, tags = (
                target.stretch.begin,
                target.stretch.end,
                marker.tags(mark, target.info),
            )
            join_segments(
                work.segments,
                part,
                target.out,
                target.info,
                target.encoding,
                begin=begin,
                end=end,
                tags=tags,
            )
            marked = marker.run_to_completion(part, mark, target.info.path)
    return ConvertSummary(
        work.done.frames,
        work.done.swapped,
        source.provider,
        source.precision,
        time.monotonic() - started,
        missing_frames=work.done.missing,
        resumed_at=resumed_at,
        notices=tuple(said),
        marked=marked,
        faces=mark.faces,
        content_checked=can_check(),
    )


def _swap_segments(
    swapper: FrameSwapper,
    opener: Opener,
    target: Target,
    options: ConvertOptions,
    work: Unfinished,
    clock: Clock,
) -> ProgressGenerator[None]:
    """Swap what is left of a target, segment by segment.

    Frames are decoded, looked at and encoded in threads of their own, while this one swaps.
    """
    state, batch = work.state(), options.batch or DEFAULT_BATCH
    analysis = Analysis(
        # One thread each: the stages are what runs side by side, and a second one costs this one twice its time.
        FaceFinder(detect_every=DETECT_EVERY, threads=1),
        swapper.choice,
        first=target.stretch.start,
        segment=options.segment,
        batch=batch,
    )
    ahead = ahead_of(batch)
    frames = checked(target.read(state), target.info, target.frames, whole=state is None)
    seen = read_ahead(analysis.run(read_ahead(frames, ahead), state), ahead)
    with closing(seen):
        if options.engine == "ray":
            # Only where it is asked for: the package is an extra.
            from faceloom.swap.pipeline.ray_executor import Order, swap_on_ray  # noqa: PLC0415

            order = Order(opener, target, options, batch, on_gpu=swapper.provider in _GPUS)
            yield from swap_on_ray(seen, state, order, work, clock)
            return
        lead = cut_lead(swapper, state.lead if state else (), target.read(state))
        for groups in segments(seen, batch):
            with work.next_segment() as part:
                done, after = yield from swap_segment(
                    swapper, lead, groups, target, part, batch, clock
                )
            work.commit(done, after)


def _refuse_other_numbers(target: Target, options: ConvertOptions) -> None:
    if options.track is not None and target.stretch.start:
        raise UsageError(
            f"Track {options.track} counts from the video's beginning, where --range does not begin; "
            "say who is meant by --reference IMG."
        )


def batch_of(info: VideoInfo, source: FaceSource | Cast, options: ConvertOptions) -> int:
    """Return how many frames go through together: what is asked for, or was found best; less of large ones."""
    wanted = options.batch or (
        tuned_batch(source) if isinstance(source, SwapNetwork) else DEFAULT_BATCH
    )
    room = _BATCH_BYTES_OF_GPUS if source.provider in _GPUS else _BATCH_BYTES
    return min(wanted, max(1, int(room / (_PIXEL_BYTES * info.width * info.height))))
