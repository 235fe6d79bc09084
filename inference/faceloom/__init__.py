"""Faceloom's runtime: read video, find faces, run a bundle, write video.

Nothing in this package imports the training stack. The contracts that training
and export keep to (face sets, bundles, crop geometry, video) live here.
"""

import os

# Pixels of a picture, 16,384 a side. OpenCV takes a thousand million, 3 GB, which a file of 3 MB can hold. It asks
# once, when it is loaded, so this comes before everything.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))

__version__ = "0.1.0"
