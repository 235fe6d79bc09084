"""Convert a target: the same frames, sound and times, with swapped faces."""

import logging
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from faceloom.choices import Precision
from faceloom.errors import ProviderMissing, UsageError
from faceloom.faces.parsing.occlusion import Occlusion
from faceloom.hardware import available_cores
from faceloom.prefetch import prefetch
from faceloom.progress import ProgressGenerator
from faceloom.provenance import (
    DisclosureMark,
    MarkWriter,
    SwappedIdentity,
    WrittenMarks,
    check_frames,
    content_check_available,
)
from faceloom.swap.inference.batch_tuning import DEFAULT_BATCH, tuned_batch_size
from faceloom.swap.inference.face_models import face_model_opener, resolve_face_provider
from faceloom.swap.option_timeline import resolve_sections
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.analysis import (
    Analysis,
    AnalysisState,
    SegmentGrid,
    conversion_finder,
    detects_ahead,
)
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.parsed_faces import parses_faces
from faceloom.swap.pipeline.resume_key import ResumeKey, read_batch_size, read_provider
from faceloom.swap.pipeline.resume_store import ResumeStore
from faceloom.swap.pipeline.segments import (
    ProgressMeter,
    align_lead_in,
    queue_depth,
    split_segments,
    swap_segment,
)
from faceloom.swap.pipeline.selected_frame import SelectedFrame
from faceloom.swap.pipeline.source_likeness import LikenessCheck
from faceloom.swap.pipeline.swap_request import SwapRequest
from faceloom.swap.pipeline.swap_source import SwapSource
from faceloom.swap.pipeline.target import BYTES_PER_PIXEL, Target
from faceloom.swap.pipeline.workers.local_executor import local_pool
from faceloom.swap.pipeline.workers.segment_tasks import (
    SegmentCommitter,
    WorkerPool,
    WorkerSpec,
    swap_in_workers,
)
from faceloom.swap.pipeline.workers.worker_count import choose_worker_count
from faceloom.swap.selection.face_selector import FaceSelector
from faceloom.swap.selection.track_state import TrackState
from faceloom.swap.sources.identity_map import IdentityMap
from faceloom.video import (
    Frame,
    JoinPlan,
    VideoInfo,
    atomic_output,
    join_segments,
)

log = logging.getLogger(__name__)

_GPU_PROVIDERS = frozenset(["cuda", "tensorrt", "tensorrt-rtx"])
# Bytes of frames in one batch: one frame of 4K or 1080p, eleven of 480p. About six batches are in
# memory at any time.
_MAX_BATCH_BYTES = 16_000_000
# The same for a GPU, which only large batches keep busy.
_MAX_GPU_BATCH_BYTES = 80_000_000


@dataclass(frozen=True, slots=True)
class ConvertSummary:
    """What a conversion did."""

    frames: int
    """Frames of the output."""
    swapped_frames: int
    """Frames in which a face was swapped."""
    provider: str
    """The provider that ran."""
    precision: Precision | None
    """The precision that ran; None for a pasted still."""
    seconds: float
    """Duration of this run."""
    still: str | None = None
    """The crop of the face set that was pasted; None for bundles."""
    other_faces: int = 0
    """Most faces in a frame that were left as they are, beside those that were swapped."""
    missing_frames: int = 0
    """Frames in which a face was lost."""
    occlusion: Occlusion | None = None
    """When something stands before a swapped face; None if faces were not parsed."""
    resumed_at: int = 0
    """Frames that an interrupted run had finished."""
    notices: tuple[str, ...] = ()
    """Sentences about what differs from the target besides the faces."""
    marks: WrittenMarks = field(default_factory=WrittenMarks)
    """How the output is marked."""
    identities: tuple[SwappedIdentity, ...] = ()
    """Whose faces were put in."""
    content_checked: bool = False
    """Whether the content check is installed."""


def convert(
    target: Path, bundle: Path, out: Path, options: ConvertOptions
) -> ProgressGenerator[ConvertSummary]:
    """Swap the faces of a target for the face of one bundle; see `convert_request`.

    Args:
        target: a video, a picture or a folder of pictures.
        bundle: the bundle.
        out: the output's name.
        options: how to convert.

    Returns:
        The summary.
    """
    return convert_request(target, SwapRequest(bundle=bundle), out, options)


def convert_request(
    target: Path, request: SwapRequest, out: Path, options: ConvertOptions
) -> ProgressGenerator[ConvertSummary]:
    """Swap the faces of a target; sound, times and size stay as they are.

    Frames without a face pass through. If the work fails or is stopped there is no output;
    finished segments wait beside it (see `ResumeStore`).

    Args:
        target: a video, a picture or a folder of pictures.
        request: whose face is put in.
        out: the output's name.
        options: how to convert.

    Returns:
        The summary.

    Raises:
        UsageError: an option, the target or the output does not fit; raised before the work.
        MediaUnreadable: the target or a reference picture cannot be read.
        ArtifactRefused: the bundle or face set cannot be used.
        ProviderMissing: the provider or encoder does not run here.
        NoFaceFound: no frame has a face to swap.
    """
    started = time.monotonic()
    opened = Target.open(target, out, options, request.inputs)
    options = replace(
        options,
        sections=resolve_sections(options.sections, opened.info),
        face_provider=resolve_face_provider(options.face_provider),
    )
    source = yield from _open_source(opened, request, options)
    return (yield from _convert(opened, source, options, started))


def _open_source(
    target: Target, request: SwapRequest, options: ConvertOptions
) -> ProgressGenerator[SwapSource]:
    """Open the source: on the interrupted run's provider when resuming, whatever "auto" finds."""
    resumed = options.resume and options.provider == "auto"
    provider = read_provider(target.out) if resumed else None
    if provider is None:
        return (yield from request.open(target.info, options))
    try:
        return (yield from request.open(target.info, replace(options, provider=provider)))
    except ProviderMissing as error:
        raise ProviderMissing(
            f"Cannot resume {target.out}: the interrupted run used the provider {provider}. "
            f"{error} Or start again with --force."
        ) from error


def _convert(
    target: Target, source: SwapSource, options: ConvertOptions, started: float
) -> ProgressGenerator[ConvertSummary]:
    marks, identity_map = MarkWriter.open(options.marking, target.out), source.identity_map
    notices = target.output.notices
    for notice in notices:
        log.warning("%s", notice)
    _check_track_number(target, options)
    options = _with_batch_size(target, identity_map, options)
    mark = options.marking.choose_mark(source.mark, target.info.path)
    options = replace(options, watermark_fingerprint=mark.watermark)
    key = ResumeKey.of(target, source, options)
    resume, force, keep = options.resume, options.force, options.keep_partial
    with ResumeStore.open(target.out, key, resume=resume, force=force, keep_partial=keep) as store:
        state = store.read_state()
        selector = FaceSelector(
            options,
            identity_map.reference_set(options),
            TrackState.from_arrays(state.selector) if state else None,
            identity_map.section_references(options, options.sections),
        )
        resumed_at = store.counts.frames
        if not store.is_complete:
            meter = ProgressMeter(target.frame_count, resumed_at, started)
            yield from _swap_segments(source, selector, state, target, options, store, meter)
        if not store.counts.swapped:
            raise selector.no_face_error(target.info.path)
        written = _write_output(target, mark, marks, store)
        counts = store.counts
    return ConvertSummary(
        counts.frames,
        counts.swapped,
        identity_map.provider,
        identity_map.precision,
        time.monotonic() - started,
        still=source.still,
        other_faces=selector.other_faces,
        missing_frames=counts.missing,
        occlusion=counts.occlusion if _parses_faces(identity_map, options) else None,
        resumed_at=resumed_at,
        notices=notices,
        marks=written,
        identities=source.identities,
        content_checked=content_check_available(),
    )


def _write_output(
    target: Target, mark: DisclosureMark, marks: MarkWriter, store: ResumeStore
) -> WrittenMarks:
    """Join the segments, mark the result and move it to the output's name."""
    info = target.info
    with atomic_output(target.out) as part:
        tags, time_range = marks.tags(mark, info), target.frame_range.time_range
        streams = target.output.streams
        plan = JoinPlan(target.out, info, target.encoding, time_range, tags, streams)
        join_segments(store.segment_paths, part, plan)
        return marks.write(part, mark, info.path)


def _swap_segments(
    source: SwapSource,
    selector: FaceSelector,
    state: AnalysisState | None,
    target: Target,
    options: ConvertOptions,
    store: ResumeStore,
    meter: ProgressMeter,
) -> ProgressGenerator[None]:
    """Swap the rest of a target. Decoding, analysis and encoding run in threads of their own."""
    batch_size = options.batch_size or DEFAULT_BATCH
    depth = queue_depth(batch_size)
    grid = SegmentGrid(target.frame_range.start, options.segment_length)
    faces_on = options.face_provider
    finder, ahead = conversion_finder(faces_on), detects_ahead(faces_on)
    analysis = Analysis(finder, selector, grid, batch_size, ahead=ahead)
    frames = check_frames(
        target.read(state), target.info, target.frame_count, from_start=state is None
    )
    selections = state.lead_in if state else ()
    likeness = LikenessCheck(source.appearances, target.info.path)
    workers = choose_worker_count(target, options, source.identity_map.provider)
    if options.engine == "ray" or workers > 1:
        providers = source.identity_map.provider, faces_on
        on_gpu = not _GPU_PROVIDERS.isdisjoint(providers)
        spec = WorkerSpec(source.load, target, options, grid, batch_size, on_gpu)
        # The workers read the lead-in frames themselves.
        for _ in zip(selections, frames, strict=False):
            pass
        with (
            closing(_select(analysis, likeness, frames, state, depth)) as selected,
            _open_pool(spec, options, workers) as pool,
        ):
            committer = SegmentCommitter(pool, analysis, store, meter)
            yield from swap_in_workers(selected, selections, spec, pool, committer)
        return
    open_model = face_model_opener(faces_on)
    swapper = FrameSwapper(source.identity_map.sources, options, options.sections, open_model)
    lead_in = align_lead_in(swapper, selections, frames)
    next_frame = state.next_frame if state else target.frame_range.start
    with closing(_select(analysis, likeness, frames, state, depth)) as selected:
        for batches in split_segments(selected, grid, batch_size):
            with store.next_segment() as part:
                counts = yield from swap_segment(
                    swapper, lead_in, batches, target, part, depth, meter
                )
            next_frame += counts.frames
            store.commit(counts, analysis.pop_state(next_frame))


def _open_pool(
    spec: WorkerSpec, options: ConvertOptions, workers: int
) -> AbstractContextManager[WorkerPool]:
    if options.engine == "ray":
        # The package is an extra.
        from faceloom.swap.pipeline.workers.ray_executor import ray_pool  # noqa: PLC0415

        return ray_pool(spec)
    return local_pool(replace(spec, threads=max(1, available_cores() // workers)), workers)


def _select(
    analysis: Analysis,
    likeness: LikenessCheck,
    frames: Iterator[Frame],
    state: AnalysisState | None,
    depth: int,
) -> Generator[SelectedFrame, None, None]:
    """Decode in one thread and analyze in another."""
    return prefetch(likeness.watch(analysis.run(prefetch(frames, depth), state)), depth)


def _parses_faces(identity_map: IdentityMap, options: ConvertOptions) -> bool:
    return any(parses_faces(identity_map.sources, each) for each in options.variants)


def _check_track_number(target: Target, options: ConvertOptions) -> None:
    track = next((each.track for each in options.variants if each.track is not None), None)
    if track is not None and target.frame_range.start:
        raise UsageError(
            f"Track {track} is counted from the video's start and --range starts later; "
            "name the person with --reference IMG instead."
        )


def _with_batch_size(
    target: Target, identity_map: IdentityMap, options: ConvertOptions
) -> ConvertOptions:
    """Set the batch size: the interrupted run's when resuming, since it decides the last bits."""
    resumed = options.resume and options.batch_size is None
    stored = read_batch_size(target.out) if resumed else None
    return replace(
        options, batch_size=stored or choose_batch_size(target.info, identity_map, options)
    )


def choose_batch_size(info: VideoInfo, identity_map: IdentityMap, options: ConvertOptions) -> int:
    """Return how many frames make a batch.

    Args:
        info: the target; large frames make small batches.
        identity_map: the opened sources, one of which may be tuned on this machine.
        options: a `batch_size` that is not None replaces the tuned value.

    Returns:
        Frames per batch.
    """
    sources = identity_map.sources
    tuned = tuned_batch_size(sources[0]) if len(sources) == 1 else DEFAULT_BATCH
    on_gpu = identity_map.provider in _GPU_PROVIDERS
    room = _MAX_GPU_BATCH_BYTES if on_gpu else _MAX_BATCH_BYTES
    frame_bytes = BYTES_PER_PIXEL * info.width * info.height
    return min(options.batch_size or tuned, max(1, int(room / frame_bytes)))
