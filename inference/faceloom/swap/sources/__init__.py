"""Sources of faces: their interface, the map from people to sources, and the pasted still.

The source that runs a bundle's network is `faceloom.swap.inference.SwapNetwork`. May import
`faceloom.swap.selection`, the layers below it, and the packages below `faceloom.swap`.
"""

from faceloom.swap.sources.face_source import CropBatch, FaceSource, Predictions
from faceloom.swap.sources.identity_map import IdentityMap
from faceloom.swap.sources.pasted_still import PastedStill

__all__ = ["CropBatch", "FaceSource", "IdentityMap", "PastedStill", "Predictions"]
