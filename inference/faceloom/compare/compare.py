"""Compare a swap with its target, a paste baseline and the ground truth."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.array_types import Rgb
from faceloom.artifact_kind import Purpose, check_kind
from faceloom.compare.clip_metrics import ClipMetrics, IdentityReferences
from faceloom.compare.eye_moments import EyeMoments
from faceloom.compare.identity_metric import SourceIdentity
from faceloom.compare.metrics import Series, summarize_metric
from faceloom.compare.observations import Observer
from faceloom.compare.result import PASTE, SWAP, TARGET, TRUTH, Comparison, Version
from faceloom.compare.score import compute_score
from faceloom.errors import NoFaceFound, UsageError
from faceloom.faceset import FaceSet
from faceloom.faceset.similarity import center_of
from faceloom.progress import Progress, ProgressGenerator
from faceloom.video import probe_video, read_frames
from faceloom.video.display import frame_to_upright


@dataclass(frozen=True, slots=True)
class ClipVersions:
    """Versions of one clip, equal in size and number of frames."""

    target: Path
    """The target video."""
    swap: Path
    """The swap to measure."""
    paste: Path | None = None
    """The paste baseline, as `convert --baseline paste` makes it."""
    truth: Path | None = None
    """The ground truth."""

    def by_name(self) -> dict[str, Path]:
        """Return the versions that are given, the target first."""
        paths = {TARGET: self.target, PASTE: self.paste, SWAP: self.swap, TRUTH: self.truth}
        return {name: path for name, path in paths.items() if path is not None}


@dataclass(frozen=True, slots=True)
class DetailedComparison:
    """A comparison with the value of every metric in every frame."""

    comparison: Comparison
    """Scores and summaries."""
    frames: tuple[int, ...]
    """Indices of the frames where the target shows a face."""
    series: dict[str, dict[str, Series]]
    """Per version and metric the values of `frames`."""


def compare(
    videos: ClipVersions,
    identity: FaceSet | None = None,
    other: FaceSet | None = None,
    every: int = 1,
) -> ProgressGenerator[DetailedComparison]:
    """Compare the versions of a clip.

    Args:
        videos: The versions.
        identity: Face set of the source identity; without it there is no score, unless there is
            a ground truth.
        other: Face set of the person in the target; None to learn them from the target video.
        every: Interval of the compared frames, see `is_compared`.

    Yields:
        Progress.

    Returns:
        The comparison.

    Raises:
        UsageError: The videos are not versions of one clip.
        NoFaceFound: The target shows no face.
    """
    versions = videos.by_name()
    for path in versions.values():
        check_kind(path, Purpose.TARGET)
    info = probe_video(videos.target)
    frames = enumerate(read_synchronized_frames(list(versions.values())))
    chosen = (frame for frame in frames if is_compared(frame[0], every))
    subject = f"No frame of {videos.target} shows a face"
    references = load_identity_references(identity, other)
    return (
        yield from compare_frames(
            chosen,
            tuple(versions),
            references,
            subject,
            total=info.frame_count,
            frame_rate=float(info.average_rate),
        )
    )


def is_compared(frame: int, every: int) -> bool:
    """Return whether a frame is compared.

    Every `every`-th frame is, with its two neighbors, because the temporal metrics are defined by
    three consecutive frames. The result estimates that of all frames.

    Args:
        frame: Index of the frame.
        every: The interval; up to 3, all frames are compared.
    """
    return (frame + 1) % every <= 2


def load_identity_references(identity: FaceSet | None, other: FaceSet | None) -> IdentityReferences:
    """Load the identities to compare with.

    Args:
        identity: Face set of the source identity, if known.
        other: Face set of the person in the target, if known.
    """
    return IdentityReferences(
        SourceIdentity.from_faceset(identity) if identity else None,
        center_of(other.read_embeddings()) if other else None,
    )


def compare_frames(
    frames: Iterable[tuple[int, Sequence[Rgb]]],
    names: Sequence[str],
    references: IdentityReferences,
    no_face: str,
    *,
    total: int | None = None,
    frame_rate: float | None = None,
    detailed: bool = True,
) -> ProgressGenerator[DetailedComparison]:
    """Compare versions whose pictures are in memory.

    Args:
        frames: Pairs of a frame index and the frame in each version, the target first. Pictures
            that are independent of each other have indices that are not consecutive.
        names: Names of the versions, in the order of the pictures.
        references: The identities to compare with.
        no_face: First words of the message if no picture of the target shows a face.
        total: Number of frames for the progress, if known.
        frame_rate: Frames per second, if known, to name moments by their time.
        detailed: Measure hair, occluders and skin by face parsing, and lids, gaze and mouth by
            networks that training does not use.

    Yields:
        Progress.

    Returns:
        The comparison.

    Raises:
        NoFaceFound: No picture of the target shows a face.
    """
    truth = names.index(TRUTH) if TRUTH in names else None
    observer = Observer(len(names), truth, detailed=detailed)
    metrics = ClipMetrics(truth)
    count = 0
    for frame, pictures in frames:
        if observation := observer.observe(frame, pictures):
            metrics.add(observation)
        count += 1
        yield Progress("compare", frame + 1, total)
    if not metrics.frames:
        raise NoFaceFound(f"{no_face}; there is nothing to compare.")
    series = {name: metrics.series(index, references) for index, name in enumerate(names)}
    comparison = Comparison(
        count,
        len(metrics.frames),
        metrics.occluded_frames(),
        _summarize(series, metrics.frames),
        metrics.eye_moments(names.index(SWAP), frame_rate) if SWAP in names else EyeMoments(),
    )
    return DetailedComparison(comparison, tuple(metrics.frames), series)


def _summarize(series: dict[str, dict[str, Series]], frames: Sequence[int]) -> tuple[Version, ...]:
    summaries = {
        name: {
            metric: summary
            for metric, values in computed.items()
            if (summary := summarize_metric(metric, values, frames))
        }
        for name, computed in series.items()
    }
    truth = summaries.get(TRUTH)
    return tuple(
        Version(name, tuple(metrics.values()), compute_score(metrics, truth))
        for name, metrics in summaries.items()
    )


def read_synchronized_frames(paths: Sequence[Path]) -> Iterator[tuple[Rgb, ...]]:
    """Read the frames of several videos side by side.

    Args:
        paths: The videos.

    Yields:
        Per frame its picture in each video, upright and with square pixels.

    Raises:
        UsageError: The videos differ in size or number of frames.
    """
    names = " and ".join(map(str, paths))
    infos = [probe_video(path) for path in paths]
    if len({info.display_size for info in infos}) > 1:
        raise UsageError(f"{names} differ in size; compare versions of one clip.")
    try:
        for frames in zip(*map(read_frames, paths), strict=True):
            yield tuple(
                frame_to_upright(frame, info).square_rgb
                for frame, info in zip(frames, infos, strict=True)
            )
    except ValueError as error:
        raise UsageError(
            f"{names} differ in their number of frames; compare versions of one clip."
        ) from error
