"""Faceloom's runtime: read video, find faces, run a bundle, write video.

Nothing in this package imports the training stack. The contracts that training
and export keep to (face sets, bundles, crop geometry, video) live here.
"""

__version__ = "0.1.0"
