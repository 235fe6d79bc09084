"""Which source replaces which person of a target."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.choices import Precision
from faceloom.faceset.reference_faces import embed_references
from faceloom.swap.options import Section, SwapOptions
from faceloom.swap.selection.recognition import ReferenceSet
from faceloom.swap.sources.face_source import FaceSource

NO_EMBEDDINGS = np.zeros((0, 192), np.float32)
"""The embeddings of no picture."""


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
        references = _embed(options.reference)
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
        excluded = _embed(options.exclude)
        return ReferenceSet(self.references, self.source_indices, excluded, options.threshold)

    def section_references(
        self, options: SwapOptions, sections: Sequence[Section]
    ) -> list[tuple[Section, ReferenceSet]]:
        """Return the people to recognize in each section of a conversion.

        Args:
            options: the options of the conversion, whose `reference` names this map's people.
            sections: the sections.

        Returns:
            Each section with its people and the excluded ones.

        Raises:
            UsageError: a picture does not exist or shows no face.
            MediaUnreadable: a picture cannot be read.
        """
        embed = cache(_embed)
        rows = []
        for section in sections:
            people, indices = self.references, self.source_indices
            if section.options.reference != options.reference:
                people = embed(section.options.reference)
                indices = (0,) * len(people)
            excluded = embed(section.options.exclude)
            rows.append(
                (section, ReferenceSet(people, indices, excluded, section.options.threshold))
            )
        return rows

    @property
    def provider(self) -> str:
        """What the sources run on, separated by commas."""
        return ", ".join(sorted({source.provider for source in self.sources}))

    @property
    def precision(self) -> Precision | None:
        """The number format of the sources; None if they differ or run no network."""
        precisions = {source.precision for source in self.sources}
        return precisions.pop() if len(precisions) == 1 else None


def _embed(pictures: tuple[Path, ...]) -> Float32[np.ndarray, "n 192"]:
    """Return the embeddings of pictures; no row without any."""
    embeddings = embed_references(pictures)
    return NO_EMBEDDINGS if embeddings is None else embeddings
