"""The figures of a run while it trains: faces that the network never saw, drawn, exchanged and judged.

Two kinds of figures. Of each identity: how well its own decoder gives its faces back. Of each direction: what the
judge says of the swap, as it would of a video's, and what of a face is left when its swap is swapped back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, to_levels
from faceloom.compare.compare import UNTOUCHED, judge_pictures, references_of
from faceloom.compare.image_similarity import structural_similarity
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom_train.data.dataset import network_crop
from faceloom_train.data.holdout import HeldFace, read_held_out, stack_seen
from faceloom_train.model.inference import draw_as
from faceloom_train.model.optimizer import averaged_weights
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.run_directory import Run

# What is told of each direction, and how a row of the metrics is known as being of a direction or of an identity.
FIGURES = ("score", "identity", "expression", "sharpness", "cycle")
DIRECTION, OWN = "judged", "redrawn"

_SWAP = "swap"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """host drawn as guest.

    score: the judge's, without steadiness, times `found`. identity, expression, sharpness: see `MEASURES`;
    None if no face is found. found: the share of the faces that are found again once swapped. cycle: SSIM, inside the
    face, of the host drawn as guest and then as host again.
    """

    host: str
    guest: str
    score: float
    identity: float | None
    expression: float | None
    sharpness: float | None
    cycle: float
    found: float

    @property
    def subject(self) -> str:
        """Say what is judged."""
        return f"{self.host} as {self.guest}"

    def values(self) -> Mapping[str, float | None]:
        """Return the figures by name."""
        return {name: _rounded(getattr(self, name)) for name in (*FIGURES, "found")}

    def to_row(self) -> Mapping[str, str | float | None]:
        """Return what the run's metrics keep."""
        return {DIRECTION: self.subject, **self.values()}

    def to_text(self) -> str:
        """Say the figures."""
        known = ((name, getattr(self, name)) for name in FIGURES[1:])
        said = ", ".join(f"{name} {value:.2f}" for name, value in known if value is not None)
        lost = f", {100 * (1 - self.found):.0f} % of the faces not found" if self.found < 1 else ""
        return f"{self.subject}: score {self.score:.1f} ({said}{lost})"


@dataclass(frozen=True, slots=True)
class Redrawn:
    """An identity drawn by its own decoder. ssim: against the faces themselves, inside them."""

    subject: str
    ssim: float

    def values(self) -> Mapping[str, float | None]:
        """Return the figures by name."""
        return {"ssim": _rounded(self.ssim)}

    def to_row(self) -> Mapping[str, str | float | None]:
        """Return what the run's metrics keep."""
        return {OWN: self.subject, **self.values()}

    def to_text(self) -> str:
        """Say the figure."""
        return f"{self.subject} redrawn: SSIM {self.ssim:.2f}"


Judgement: TypeAlias = Evaluation | Redrawn


class Evaluator:
    """Judges a model by the held-out faces of a run, in both directions of every pair."""

    def __init__(self, run: Run):
        """Read the held-out faces. Raises ArtifactRefused for a face set that cannot be read."""
        self._crop = network_crop(run.settings)
        sets = {name: FaceSet.read(path) for name, path in run.faces.items()}
        self._held = {name: read_held_out(faces, run.settings) for name, faces in sets.items()}
        self._references = {name: references_of(faces, None) for name, faces in sets.items()}

    @property
    def count(self) -> int:
        """How many judgments there are at a time: one of each identity, and one of each that it is drawn as."""
        return sum(len(self._held) for held in self._held.values() if held)

    def evaluate(self, model: SwapModel) -> Iterator[Judgement]:
        """Yield all figures, drawn with the averaged weights, which is what is exported."""
        names = list(self._held)
        with averaged_weights(model):
            for number, name in enumerate(names):
                if self._held[name]:
                    yield Redrawn(
                        name,
                        self._ssim(name, draw_as(model, *stack_seen(self._held[name]), number)),
                    )
            for host, guest in permutations(names, 2):
                if self._held[host]:
                    yield self._judge(model, (host, names.index(host)), (guest, names.index(guest)))

    def _judge(self, model: SwapModel, host: tuple[str, int], guest: tuple[str, int]) -> Evaluation:
        held = self._held[host[0]]
        rgb, mask = stack_seen(held)
        drawn = draw_as(model, rgb, mask, guest[1])
        back = draw_as(model, np.clip(drawn[..., :3], 0, 1), mask, host[1])
        # Numbers that do not follow each other: stills.
        moments = [
            (2 * number, (face.picture, face.swapped(picture, self._crop)))
            for number, (face, picture) in enumerate(zip(held, drawn, strict=True))
        ]
        no_face = f"No held-out face of {host[0]} is found again"
        references = self._references[guest[0]]
        judged = run_to_completion(
            judge_pictures(moments, (UNTOUCHED, _SWAP), references, no_face, stills=True)
        )
        swap = judged.comparison.versions[1]
        found = float(np.isfinite(judged.series[_SWAP]["place"]).mean())
        figures = {
            name: figure.value if (figure := swap.figure(name)) else None for name in FIGURES[1:4]
        }
        # Of a face that is not found nothing is judged: the others must not stand for it.
        score = found * swap.score.value if swap.score else 0.0
        return Evaluation(
            host[0], guest[0], score, cycle=self._ssim(host[0], back), found=found, **figures
        )

    def _ssim(self, name: str, drawn: Float32[np.ndarray, "n s s 4"]) -> float:
        pairs = zip(self._held[name], to_levels(drawn[..., :3] * 255), strict=True)
        return float(np.mean([_likeness(face, picture) for face, picture in pairs]))


def mean_score(judgments: Sequence[Judgement]) -> float | None:
    """Return the mean score of all directions, None if none was judged."""
    scores = [one.score for one in judgments if isinstance(one, Evaluation)]
    return float(np.mean(scores)) if scores else None


def _likeness(face: HeldFace, drawn: Rgb) -> float:
    real = to_levels(face.seen[..., :3] * 255)
    # A window at the face's rim reaches beyond it, where nothing is to be drawn.
    return structural_similarity(np.where(face.inside[..., None], drawn, real), real, face.inside)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
