"""A swap held against the exact result, and the untouched target held against it too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.arrays import Points, Rgb
from faceloom.compare.pictures import colour_difference, fine_detail, structural_similarity
from faceloom.errors import NoFaceFound, UsageError
from faceloom.faces.find import Face, FaceFinder
from faceloom.faces.identify import MobileFaceNet
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, INNER_LIPS, LIPS
from faceloom.faces.mask import mesh_mask
from faceloom.faceset import FaceSet
from faceloom.progress import Progress, Work
from faceloom.video import Frame, probe_video, read_frames

# Pixels of the rim that are left out, where every swap blends.
_EROSION = 9

# Field of Figures, what it is called in tables, and what the truth itself has.
_TITLES = (
    ("mouth", "mouth error (eye distances)", 0.0),
    ("eyes", "eye error (eye distances)", 0.0),
    ("colour", "colour difference (Delta E)", 0.0),
    ("sharpness", "sharpness", 1.0),
    ("ssim", "SSIM (prefers blur)", 1.0),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over frames of one video held against the truth, inside the truth's face.

    identity: cosine to the wanted person's faces. mouth, eyes: distance of their landmarks, in
    distances between the eyes. colour: Delta E. ssim: of the luma. sharpness: fine detail
    against the truth's (1 = as sharp).
    """

    identity: float
    mouth: float
    eyes: float
    colour: float
    ssim: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`identity_share`: how much of the way from the untouched target to the truth, 1 = as near as the truth."""

    frames: int
    identity_share: float
    swapped: Figures
    untouched: Figures
    truth_identity: float

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Comparison":
        """Read what `faceloom compare --json` printed."""
        parts = {name: Figures(**data[name]) for name in ("swapped", "untouched")}
        return cls(**{**data, **parts})

    def to_text(self) -> str:
        """Return the figures as a table."""
        lines = [f"{'':<28}{'untouched':>10}{'swapped':>10}{'truth':>8}"]
        shares = ("identity (share of the way)", 0.0, self.identity_share, 1.0)
        rows = [shares, *((f"{title}", *self._pair(name), best) for name, title, best in _TITLES)]
        lines += [f"{title:<28}{a:>10.3f}{b:>10.3f}{best:>8.3g}" for title, a, b, best in rows]
        return "\n".join(lines)

    def _pair(self, name: str) -> tuple[float, float]:
        return getattr(self.untouched, name), getattr(self.swapped, name)


def compare_to_truth(target: Path, swap: Path, truth: Path, identity: FaceSet, every: int = 1) -> Work[Comparison]:
    """Compare `swap` and the untouched `target` with `truth`, frame by frame (every `every`-th).

    `identity` holds faces of the wanted person. Raises UsageError if the videos do not have the
    same frames, NoFaceFound if no frame shows a face in all three.
    """
    judge = _Judge(identity)
    rows: list[tuple[Figures, Figures, float]] = []
    total = probe_video(truth).frame_count
    for number, frames in enumerate(_together(target, swap, truth)):
        if number % every == 0 and (row := judge.look(*(frame.rgb for frame in frames))):
            rows.append(row)
        yield Progress("compare", number + 1, total)
    if not rows:
        raise NoFaceFound(f"No frame of {swap} shows a face where {truth} does; there is nothing to compare.")
    swapped, untouched, truth_identity = zip(*rows, strict=True)
    return _comparison(_mean(swapped), _mean(untouched), float(np.mean(truth_identity)), len(rows))


def _comparison(swapped: Figures, untouched: Figures, truth_identity: float, frames: int) -> Comparison:
    share = (swapped.identity - untouched.identity) / (truth_identity - untouched.identity)
    return Comparison(frames, share, swapped, untouched, truth_identity)


class _Judge:
    def __init__(self, identity: FaceSet):
        self._finders = [FaceFinder() for _ in range(3)]
        self._identify = MobileFaceNet()
        centre = identity.read_embeddings().mean(0)
        self._centre = centre / np.linalg.norm(centre)

    def look(self, target: Rgb, swap: Rgb, truth: Rgb) -> tuple[Figures, Figures, float] | None:
        """Return the figures of swap and target, and the truth's likeness; None if a face is not found."""
        pictures = (target, swap, truth)
        found = [finder.find([p])[0] for finder, p in zip(self._finders, pictures, strict=True)]
        if not all(found):
            return None
        faces = [f[0] for f in found]
        vectors = self._identify.embed(pictures, [f.points_xy for f in faces])
        likeness = [float(vector @ self._centre) for vector in vectors]
        inside = _inner_face(faces[2], truth)
        figures = [
            Figures(
                identity=likeness[n],
                mouth=_landmark_error(faces[n], faces[2], (*LIPS, *INNER_LIPS)),
                eyes=_landmark_error(faces[n], faces[2], (*EYE_LEFT, *EYE_RIGHT)),
                colour=colour_difference(pictures[n], truth, inside),
                ssim=structural_similarity(pictures[n], truth, inside),
                sharpness=fine_detail(pictures[n], inside) / max(fine_detail(truth, inside), 1e-6),
            )
            for n in (1, 0)
        ]
        return figures[0], figures[1], likeness[2]


def _together(target: Path, swap: Path, truth: Path) -> Iterator[tuple[Frame, ...]]:
    """Yield the frames of three videos side by side; they must have the same number and size."""
    videos = (target, swap, truth)
    if len({(i.width, i.height, i.rotation) for i in map(probe_video, videos)}) > 1:
        raise UsageError(f"{target}, {swap} and {truth} differ in size; compare versions of one clip.")
    try:
        yield from zip(*map(read_frames, videos), strict=True)
    except ValueError as error:
        raise UsageError(
            f"{target}, {swap} and {truth} differ in their number of frames; compare versions of one clip."
        ) from error


def _inner_face(face: Face, picture: Rgb) -> np.ndarray:
    """The face without its rim, where every swap blends."""
    mask = mesh_mask(face.landmarks.points_xy, *picture.shape[:2])
    return cv2.erode(mask, np.ones((_EROSION, _EROSION), np.uint8)) > 127


def _landmark_error(face: Face, truth: Face, which: tuple[int, ...]) -> float:
    """Mean distance of some landmarks to the truth's, in distances between the truth's eyes."""
    eyes: Points = truth.points_xy[:2]
    apart = float(np.linalg.norm(eyes[1] - eyes[0]))
    moved: Float32[np.ndarray, "k 2"] = (face.landmarks.points_xy - truth.landmarks.points_xy)[list(which)]
    return float(np.linalg.norm(moved, axis=1).mean()) / apart


def _mean(figures: tuple[Figures, ...]) -> Figures:
    names = Figures.__slots__
    return Figures(**{name: float(np.mean([getattr(f, name) for f in figures])) for name in names})
