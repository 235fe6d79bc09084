"""The judge's figures while training: faces that the network never saw, exchanged and judged as a video's would be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import cv2
import numpy as np
from jaxtyping import Float32
from keras import ops

from faceloom.arrays import Points, Rgb, float32, to_levels
from faceloom.compare.compare import UNTOUCHED, judge_pictures, references_of
from faceloom.compare.result import Version
from faceloom.faces.align import CropGeometry, apply_affine
from faceloom.faces.mask import mesh_mask
from faceloom.faceset import FaceRow, FaceSet
from faceloom.progress import finish
from faceloom.swap.blend import paste, soften
from faceloom.swap.manifest import BlendRow
from faceloom_train.data import held_out_rows, network_crop
from faceloom_train.model import SwapModel, hide_background
from faceloom_train.optimizer import averaged_weights
from faceloom_train.run import Run

# What is told of each direction.
FIGURES = ("score", "identity", "expression", "sharpness")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """host drawn as guest. score: the judge's, without steadiness; identity, expression, sharpness: see `MEASURES`."""

    host: str
    guest: str
    score: float
    identity: float
    expression: float
    sharpness: float

    def to_row(self) -> Mapping[str, str | float]:
        """Return what the run's metrics keep."""
        return {"judged": f"{self.host} as {self.guest}"} | {name: round(getattr(self, name), 4) for name in FIGURES}

    def to_text(self) -> str:
        """Say the figures."""
        said = ", ".join(f"{name} {getattr(self, name):.2f}" for name in FIGURES[1:])
        return f"{self.host} as {self.guest}: score {self.score:.1f} ({said})"


class Evaluator:
    """Judges a model by the held-out faces of a run, in both directions of every pair."""

    def __init__(self, run: Run):
        """Read the held-out faces. Raises ArtefactRefused for a face set that cannot be read."""
        self._crop = network_crop(run.settings)
        sets = {name: FaceSet.read(path) for name, path in run.faces.items()}
        self._hosts = {name: [_Held.of(faces, row, self._crop) for row in held_out_rows(faces, run.settings)]
                       for name, faces in sets.items()}  # fmt: skip
        self._references = {name: references_of(faces, None) for name, faces in sets.items()}

    @property
    def directions(self) -> int:
        """How many evaluations there are at a time."""
        return sum(1 for host, _ in permutations(self._hosts, 2) if self._hosts[host])

    def evaluate(self, model: SwapModel) -> Iterator[Evaluation]:
        """Yield the figures of each direction, drawn with the averaged weights, which is what is exported."""
        names = list(self._hosts)
        with averaged_weights(model):
            for host, guest in permutations(names, 2):
                if self._hosts[host]:
                    yield self._judge(model, host, guest, names.index(guest))

    def _judge(self, model: SwapModel, host: str, guest: str, decoder: int) -> Evaluation:
        held = self._hosts[host]
        seen = np.stack([face.seen for face in held])
        inputs = hide_background(seen[..., :3], seen[..., 3:]) if model.config.hide_background else seen[..., :3]
        drawn = float32(ops.convert_to_numpy(model.networks.decode(inputs, decoder)))
        # Numbers that do not follow each other: stills.
        moments = [
            (2 * number, (face.picture, _swapped(face, picture, self._crop)))
            for number, (face, picture) in enumerate(zip(held, drawn, strict=True))
        ]
        no_face = f"No held-out face of {host} is found again"
        work = judge_pictures(moments, (UNTOUCHED, "swap"), self._references[guest], no_face, stills=True)
        swap = finish(work).comparison.versions[1]
        return Evaluation(host, guest, swap.score.value if swap.score else 0.0, *_values(swap))


@dataclass(frozen=True, slots=True)
class _Held:
    """A face that is not trained on: its stored picture, and what the network sees of it."""

    picture: Rgb
    mesh_xy: Points
    seen: Float32[np.ndarray, "s s 4"]
    stored: CropGeometry

    @classmethod
    def of(cls, faces: FaceSet, row: FaceRow, crop: CropGeometry) -> "_Held":
        picture = faces.read_crop(row)
        to_crop = faces.geometry.to(crop)
        small = cv2.warpAffine(picture, to_crop, (crop.size, crop.size), borderMode=cv2.BORDER_REPLICATE)
        mesh = apply_affine(to_crop, faces.mesh_in_crop(row))
        mask = mesh_mask(mesh, crop.size, crop.size)
        return cls(picture, mesh, float32(np.dstack([small, mask])) / 255, faces.geometry)


def _swapped(face: _Held, drawn: Float32[np.ndarray, "s s 4"], crop: CropGeometry) -> Rgb:
    """Put a drawn face back as conversion does."""
    picture = face.picture.copy()
    outline = mesh_mask(face.mesh_xy, crop.size, crop.size)
    blend = BlendRow()
    mask = soften(np.minimum(to_levels(drawn[..., 3] * 255), outline), blend.erode, blend.feather)
    paste(picture, to_levels(drawn[..., :3] * 255), mask, face.stored.to(crop))
    return picture


def _values(swap: Version) -> Sequence[float]:
    figures = [swap.figure(name) for name in FIGURES[1:]]
    return [figure.value if figure else 0.0 for figure in figures]
