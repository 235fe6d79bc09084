"""Several people of a clip at once, each wearing a face of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from faceloom.faceset.reference_faces import embed_references
from faceloom.swap.bundle.manifest import Precision
from faceloom.swap.options import SwapOptions
from faceloom.swap.selection.recognition import People
from faceloom.swap.sources.face_source import FaceSource

_NOBODY = np.zeros((0, 192), np.float32)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who wears whose face. references: identities of people in the target. wears: the source that each wears."""

    references: Float32[np.ndarray, "n 192"]
    wears: tuple[int, ...]
    sources: tuple[FaceSource, ...]

    @classmethod
    def of_one(cls, source: FaceSource, options: SwapOptions) -> "Cast":
        """Return the cast in which everybody whom the options mean wears the same face; raise as `embed_references`."""
        references = embed_references(options.reference)
        references = _NOBODY if references is None else references
        return cls(references, (0,) * len(references), (source,))

    def people(self, options: SwapOptions) -> People:
        """Return whom to recognze."""
        exclude = embed_references(options.exclude)
        return People(
            self.references, self.wears, _NOBODY if exclude is None else exclude, options.threshold
        )

    @property
    def provider(self) -> str:
        """What the sources run on."""
        return ", ".join(sorted({source.provider for source in self.sources}))

    @property
    def precision(self) -> Precision | None:
        """In which numbers they run; None if not all in the same."""
        precisions = {source.precision for source in self.sources}
        return precisions.pop() if len(precisions) == 1 else None


# Opens what gives the faces, here or in another process: it can be pickled.
Opener: TypeAlias = Callable[[], FaceSource | Cast]
