"""Compare two sets of swapped faces byte by byte."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from faceloom.array_types import MaskBatch, RgbBatch
from faceloom.swap.bundle.manifest import ToleranceRow


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """A histogram of absolute differences between two sets of outputs."""

    counts: Int64[np.ndarray, "256"]
    """`counts[k]` is how many bytes of the faces and masks differ by k of 255 levels."""

    @property
    def max(self) -> int:
        """The largest difference, in levels of 255."""
        return int(self.counts.nonzero()[0].max(initial=0))

    @property
    def mean(self) -> float:
        """The mean difference, in levels of 255."""
        return float(self.counts @ np.arange(256) / max(1, self.counts.sum()))

    def share_within(self, levels: int) -> float:
        """Return the share of bytes that differ by at most `levels`.

        Args:
            levels: Difference in levels of 255.

        Returns:
            A share, 0..1.
        """
        return float(self.counts[: levels + 1].sum() / max(1, self.counts.sum()))

    def violations(self, tolerance: ToleranceRow) -> Iterator[str]:
        """Describe each limit that the difference exceeds.

        Args:
            tolerance: The limits.

        Yields:
            A clause for a message, such as "the mean difference is 0.2 levels and may be 0.1".
        """
        share = self.share_within(tolerance.levels)
        if share < tolerance.min_share_within:
            yield (
                f"{100 * share:.3f} % of bytes are within {tolerance.levels} levels "
                f"and {100 * tolerance.min_share_within:.6g} % must be"
            )
        if self.mean > tolerance.max_mean_difference:
            yield (
                f"the mean difference is {self.mean:.3f} levels "
                f"and may be {tolerance.max_mean_difference:.6g}"
            )


def compare_outputs(
    faces: RgbBatch, masks: MaskBatch, other_faces: RgbBatch, other_masks: MaskBatch
) -> OutputDifference:
    """Compare the faces and masks of two networks.

    Args:
        faces: Faces of the first, [n, size, size, 3].
        masks: Masks of the first, [n, size, size].
        other_faces: Faces of the second, in the same shape.
        other_masks: Masks of the second, in the same shape.

    Returns:
        The differences of all bytes together.
    """
    counts = np.zeros(256, np.int64)
    for values, other_values in ((faces, other_faces), (masks, other_masks)):
        differences = np.abs(values.astype(np.int16) - other_values)
        counts += np.bincount(differences.ravel(), minlength=256)
    return OutputDifference(counts)
