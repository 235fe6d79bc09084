"""Warn if a source is the very person whose face it replaces: that swap changes nothing."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.faces.face_recognition import MAX_YAW, MobileFaceNet, unit_vectors
from faceloom.faces.pose import head_pose
from faceloom.faceset.similarity import SAME_PERSON_CENTERS, center_of
from faceloom.swap.bundle.bundle import Bundle
from faceloom.swap.pipeline.selected_frame import SelectedFrame

log = logging.getLogger(__name__)

# Faces of the target that are compared with each source ...
_SAMPLES = 3
# ... in one of so many frames.
_INTERVAL = 5


@dataclass(frozen=True, slots=True)
class SourceAppearance:
    """What a source's person looks like to the recognition network."""

    name: str
    """Name of the identity."""
    center: Float32[np.ndarray, "192"]
    """Unit vector in the middle of the predictions in the bundle's golden sample."""

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "SourceAppearance | None":
        """Embed the predictions in a bundle's golden sample.

        Args:
            bundle: The bundle.

        Returns:
            The appearance; None if the golden sample has no faces.

        Raises:
            ArtifactRefused: The golden sample is damaged.
        """
        faces, points = bundle.read_golden_sample().swapped, bundle.manifest.crop.template_xy()
        if not len(faces):
            return None
        embeddings = MobileFaceNet().embed(list(faces), [points] * len(faces))
        return cls(bundle.manifest.identity, center_of(embeddings))


class LikenessCheck:
    """Compares a few replaced faces of a target with the sources that replace them."""

    def __init__(self, sources: Sequence[SourceAppearance | None], target: Path):
        """Prepare the comparison.

        Args:
            sources: The appearance of each source; None if it is unknown.
            target: The target that a warning names.
        """
        self._sources = dict(enumerate(sources))
        self._target = target
        self._samples: dict[int, list[Float32[np.ndarray, "192"]]] = {}
        self._network = MobileFaceNet() if any(sources) else None

    def watch(self, frames: Iterable[SelectedFrame]) -> Iterator[SelectedFrame]:
        """Pass frames on, compare the faces of some, and log a warning for each likeness.

        Args:
            frames: The frames with their selections, in order.

        Yields:
            The same frames.
        """
        for number, selected in enumerate(frames):
            if number % _INTERVAL == 0:
                self._sample(selected)
            yield selected
        for source, samples in self._samples.items():
            if len(samples) < _SAMPLES:
                self._warn_if_alike(source)

    def _sample(self, selected: SelectedFrame) -> None:
        for face, source in selected.selection.faces:
            samples = self._samples.setdefault(source, [])
            is_known = self._sources.get(source) is not None
            if self._network is None or not is_known or len(samples) >= _SAMPLES:
                continue
            if abs(head_pose(face.landmarks).yaw) < MAX_YAW:
                samples.append(self._network.embed([selected.frame.rgb], [face.points_xy])[0])
                if len(samples) == _SAMPLES:
                    self._warn_if_alike(source)

    def _warn_if_alike(self, source: int) -> None:
        appearance, samples = self._sources.get(source), self._samples[source]
        if appearance is None or not samples:
            return
        similarity = float(unit_vectors(np.mean(samples, axis=0)) @ appearance.center)
        if similarity >= SAME_PERSON_CENTERS:
            log.warning(
                "The person in %s looks like %s, whose face this bundle gives (similarity %.2f): "
                "the swap changes next to nothing. Convert a video of somebody else, or export "
                "the other identity.",
                self._target,
                appearance.name,
                similarity,
            )
