"""Which source replaces which person of a target."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.choices import Precision
from faceloom.faceset.reference_faces import embed_references
from faceloom.swap.options import SwapOptions
from faceloom.swap.selection.recognition import ReferenceSet
from faceloom.swap.sources.face_source import FaceSource

_NO_EMBEDDINGS = np.zeros((0, 192), np.float32)


@dataclass(frozen=True, slots=True)
class IdentityMap:
    """People of a target, and the source that replaces each of them."""

    references: Float32[np.ndarray, "n 192"]
    """Unit vectors of the people, one row for each picture; no row means everybody."""
    source_indices: tuple[int, ...]
    """The index in `sources` for each row of `references`."""
    sources: tuple[FaceSource, ...]
    """The sources."""

    @classmethod
    def of_one(cls, source: FaceSource, options: SwapOptions) -> "IdentityMap":
        """Map everybody whom the options select to one source.

        Args:
            source: the source.
            options: `reference` names pictures of the people; without it everybody is meant.

        Returns:
            The map.

        Raises:
            UsageError: a picture does not exist or shows no face.
            MediaUnreadable: a picture cannot be read.
        """
        references = embed_references(options.reference)
        references = _NO_EMBEDDINGS if references is None else references
        return cls(references, (0,) * len(references), (source,))

    def reference_set(self, options: SwapOptions) -> ReferenceSet:
        """Return the people to recognize in a target.

        Args:
            options: `exclude` names pictures of people who are not swapped; `threshold` applies.

        Returns:
            The map's people and the excluded ones.

        Raises:
            UsageError: a picture does not exist or shows no face.
            MediaUnreadable: a picture cannot be read.
        """
        excluded = embed_references(options.exclude)
        return ReferenceSet(
            self.references,
            self.source_indices,
            _NO_EMBEDDINGS if excluded is None else excluded,
            options.threshold,
        )

    @property
    def provider(self) -> str:
        """What the sources run on, separated by commas."""
        return ", ".join(sorted({source.provider for source in self.sources}))

    @property
    def precision(self) -> Precision | None:
        """The number format of the sources; None if they differ or run no network."""
        precisions = {source.precision for source in self.sources}
        return precisions.pop() if len(precisions) == 1 else None
