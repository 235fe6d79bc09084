"""Judge a swap: against the untouched target, a paste job, and the exact result where it is known."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.array_types import Rgb
from faceloom.compare.clip_metrics import Clip, References
from faceloom.compare.identity_metric import Likeness
from faceloom.compare.metrics import Series, figure_of
from faceloom.compare.observations import Witness
from faceloom.compare.result import Comparison, Version
from faceloom.compare.score import score_of
from faceloom.errors import NoFaceFound, UsageError
from faceloom.faceset import FaceSet
from faceloom.faceset.similarity import center_of
from faceloom.progress import Progress, ProgressGenerator
from faceloom.video import probe_video, read_frames

UNTOUCHED, PASTE, SWAP, TRUTH = "untouched", "paste", "swap", "truth"


@dataclass(frozen=True, slots=True)
class Videos:
    """Versions of one clip, frame for frame. paste: a paste job's; truth: the exact result."""

    target: Path
    swap: Path
    paste: Path | None = None
    truth: Path | None = None

    def named(self) -> dict[str, Path]:
        """Return those there are, the target first."""
        every = {UNTOUCHED: self.target, PASTE: self.paste, SWAP: self.swap, TRUTH: self.truth}
        return {name: path for name, path in every.items() if path is not None}


@dataclass(frozen=True, slots=True)
class Judged:
    """A comparison, and what its curves are drawn from: each version's series over `frames`."""

    comparison: Comparison
    frames: tuple[int, ...]
    series: dict[str, dict[str, Series]]


def compare(
    videos: Videos, identity: FaceSet | None = None, other: FaceSet | None = None, every: int = 1
) -> ProgressGenerator[Judged]:
    """Judge versions of a clip by every `every`-th frame; steadiness needs all.

    `identity` holds faces of the wanted person, `other` of the person in the target (else the target itself tells).
    Raises UsageError if the videos are not versions of one clip, NoFaceFound if the target shows no face.
    """
    named = videos.named()
    total = probe_video(videos.target).frame_count
    moments = enumerate(pictures_together(list(named.values())))
    chosen = (moment for moment in moments if moment[0] % every == 0)
    subject = f"No frame of {videos.target} shows a face"
    return (
        yield from judge_pictures(
            chosen, tuple(named), references_of(identity, other), subject, total=total
        )
    )


def references_of(identity: FaceSet | None, other: FaceSet | None) -> References:
    """Learn who is wanted and who is not."""
    return References(
        Likeness.of(identity) if identity else None,
        center_of(other.read_embeddings()) if other else None,
    )


def judge_pictures(
    moments: Iterable[tuple[int, Sequence[Rgb]]],
    names: Sequence[str],
    references: References,
    no_face: str,
    *,
    stills: bool = False,
    total: int | None = None,
) -> ProgressGenerator[Judged]:
    """Judge versions whose pictures come side by side in the order of `names`, each moment with its frame's number.

    The untouched target's are first. `stills` have nothing to do with each other. Raises NoFaceFound, beginning
    with the words `no_face`, if no picture of the target shows a face.
    """
    truth = names.index(TRUTH) if TRUTH in names else None
    witness, clip = Witness(len(names), truth, stills=stills), Clip(truth)
    count = 0
    for number, pictures in moments:
        if moment := witness.look(number, pictures):
            clip.add(moment)
        count += 1
        yield Progress("compare", number + 1, total)
    if not clip.frames:
        raise NoFaceFound(f"{no_face}; there is nothing to compare.")
    series = {name: clip.series(number, references) for number, name in enumerate(names)}
    return Judged(_comparison(series, clip.frames, count), tuple(clip.frames), series)


def _comparison(
    series: dict[str, dict[str, Series]], frames: Sequence[int], count: int
) -> Comparison:
    figures = {
        name: [figure for key, values in told.items() if (figure := figure_of(key, values, frames))]
        for name, told in series.items()
    }
    by_name = {name: {figure.name: figure for figure in of} for name, of in figures.items()}
    truth = by_name.get(TRUTH)
    versions = [
        Version(name, tuple(of), score_of(by_name[name], truth)) for name, of in figures.items()
    ]
    return Comparison(count, len(frames), tuple(versions))


def pictures_together(paths: Sequence[Path]) -> Iterator[tuple[Rgb, ...]]:
    """Yield the frames of videos side by side; they must have the same number and size."""
    names = " and ".join(map(str, paths))
    if len({(i.width, i.height, i.rotation) for i in map(probe_video, paths)}) > 1:
        raise UsageError(f"{names} differ in size; compare versions of one clip.")
    try:
        for frames in zip(*map(read_frames, paths), strict=True):
            yield tuple(frame.rgb for frame in frames)
    except ValueError as error:
        raise UsageError(
            f"{names} differ in their number of frames; compare versions of one clip."
        ) from error
