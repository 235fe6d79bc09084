"""The included sample, and what the demo makes of it."""

from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

SOURCE = "ben"
"""The sample's source identity, whose face is put in."""
TARGET = "ada"
"""The sample's target identity, whose face is replaced."""
PRESET = "laptop_128"
"""The preset that the demo trains."""
# A base makes few steps enough.
STEPS = 300
"""Steps that the demo trains."""

ClipKind: TypeAlias = Literal["train", "target", "truth"]


def sample_clip(kind: ClipKind, person: str) -> Path:
    """Return the path of a clip of the sample.

    Args:
        kind: Footage to learn from, a video whose face is replaced, or the result that a perfect
            swap has.
        person: `SOURCE` or `TARGET`.
    """
    return Path(str(files("faceloom.demo") / "sample" / f"{kind}_{person}.mp4"))
