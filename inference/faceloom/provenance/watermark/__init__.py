"""A watermark in the pixels of swapped faces, which `verify` finds in copies without tags.

A spread-spectrum mark: a pattern of cosines that is constant over the whole output is added to the
luma of every swapped face, in coordinates of the face. The signs of the cosines carry a pilot
and a fingerprint with error correction. `carriers` has the cosines, `payload` the code,
`embedding` adds the pattern, `detection` reads it from an average of faces, and `search` from a
file. The pattern is public, so whoever wants to remove it can.
"""

from faceloom.provenance.watermark.embedding import WatermarkEmbedder
from faceloom.provenance.watermark.payload import FINGERPRINT_BITS
from faceloom.provenance.watermark.search import FoundWatermark, find_watermark

__all__ = ["FINGERPRINT_BITS", "FoundWatermark", "WatermarkEmbedder", "find_watermark"]
