"""How far two sets of swapped faces are apart, byte by byte."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from faceloom.array_types import MaskBatch, RgbBatch
from faceloom.swap.bundle.manifest import ToleranceRow


@dataclass(frozen=True, slots=True)
class Difference:
    """counts[k]: how many bytes of faces and masks are k levels of 255 apart."""

    counts: Int64[np.ndarray, "256"]

    @property
    def greatest(self) -> int:
        """The greatest difference in levels."""
        return int(self.counts.nonzero()[0].max(initial=0))

    @property
    def mean(self) -> float:
        """The mean difference in levels."""
        return float(self.counts @ np.arange(256) / max(1, self.counts.sum()))

    def share_within(self, levels: int) -> float:
        """Return the share of bytes that are at most `levels` apart, 0..1."""
        return float(self.counts[: levels + 1].sum() / max(1, self.counts.sum()))

    def beyond(self, tolerance: ToleranceRow) -> Iterator[str]:
        """Say each part of a tolerance that is missed."""
        share = self.share_within(tolerance.levels)
        if share < tolerance.share_within:
            yield (
                f"{100 * share:.3f} % of bytes are within {tolerance.levels} levels "
                f"and {100 * tolerance.share_within:.6g} % must be"
            )
        if self.mean > tolerance.mean_difference:
            yield f"the mean difference is {self.mean:.3f} levels and may be {tolerance.mean_difference:.6g}"


def difference_of(
    faces: RgbBatch, masks: MaskBatch, other_faces: RgbBatch, other_masks: MaskBatch
) -> Difference:
    """Compare faces and masks of the same shapes."""
    counts = np.zeros(256, np.int64)
    for mine, other in ((faces, other_faces), (masks, other_masks)):
        counts += np.bincount(np.abs(mine.astype(np.int16) - other).ravel(), minlength=256)
    return Difference(counts)
