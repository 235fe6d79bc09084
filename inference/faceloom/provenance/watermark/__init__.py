"""A watermark in the pixels of swapped faces, which `verify` finds in copies without tags.

A spread-spectrum watermark: a pattern of cosines is added to the luma of every swapped face of an
output, in coordinates of the face. The signs of the cosines, the same in every frame, encode a
pilot and a fingerprint with error correction. `carriers` defines the cosines, `payload` the code;
`suppression` removes the face's own detail, `embedding` adds the pattern, `detection` reads it from
an average of faces, and `search` finds it in a file. The pattern is public, so anybody can remove
it.
"""

from faceloom.provenance.watermark.embedding import WatermarkEmbedder
from faceloom.provenance.watermark.payload import FINGERPRINT_BITS, fingerprint_text
from faceloom.provenance.watermark.search import FoundWatermark, find_watermark

__all__ = [
    "FINGERPRINT_BITS",
    "FoundWatermark",
    "WatermarkEmbedder",
    "find_watermark",
    "fingerprint_text",
]
