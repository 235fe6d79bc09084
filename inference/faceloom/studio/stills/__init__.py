"""Single frames of a clip as a conversion makes them, fast enough to follow a slider.

Knows nothing of pages. Imports `faceloom.swap`, `faceloom.video` and `faceloom.provenance`.
"""

from faceloom.studio.stills.still_engine import StillEngine
from faceloom.studio.stills.still_request import ClipInfo, Still, StillRequest
from faceloom.studio.stills.still_views import StillView, encode_jpeg

__all__ = [
    "ClipInfo",
    "Still",
    "StillEngine",
    "StillRequest",
    "StillView",
    "encode_jpeg",
]
