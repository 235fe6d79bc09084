"""Single frames of a clip as a conversion makes them, fast enough to follow a slider.

Knows nothing of pages. Imports `faceloom.swap`, `faceloom.video` and `faceloom.provenance`.
"""

from faceloom.studio.stills.still_engine import ClipInfo, Still, StillEngine, StillRequest
from faceloom.studio.stills.still_views import StillView
from faceloom.studio.stills.swap_settings import SwapSettings

__all__ = ["ClipInfo", "Still", "StillEngine", "StillRequest", "StillView", "SwapSettings"]
