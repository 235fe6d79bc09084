"""What is done with a frame in which a face that was there before is not found."""

from collections.abc import Sequence

import numpy as np

from faceloom.array_types import Affine, Mask, Rgb
from faceloom.errors import NoFaceFound
from faceloom.faces.shot_detection import CutDetector
from faceloom.faces.tracker import PATIENCE
from faceloom.swap.options import OnMissing
from faceloom.swap.selection.track_state import Memory
from faceloom.video import Frame

# A face, its mask, and the map from the frame to both.
Pasted = tuple[Rgb, Mask, Affine]
_PARTS = ("face", "mask", "map")

# The last face is shown again in so many frames: afterwards the head is elsewhere, and a face that comes back counts as
# another one's.
_HELD = PATIENCE


class MissingFaces:
    """Tells which sources lost their face, counts such frames, and bridges a few of them.

    A source's face is lost in a frame that shows none for it after an earlier one did. Gaps of up to seven frames
    within a shot were filled before (see `steady`) and are none.
    """

    def __init__(self, policy: OnMissing, memory: Memory):
        self._policy = policy
        self._choosing, self._blending = memory.choosing, memory.blending
        self._cuts = CutDetector()

    def begins_shot(self, picture: Rgb) -> bool:
        """Whether a cut lies before this picture; False where it does not matter. Call it for every frame, in order."""
        if self._policy != "last":
            return False
        self._cuts.recall(self._choosing.whole)
        begins = self._cuts.begins_shot(picture)
        self._choosing.whole |= self._cuts.remembered()
        return begins

    def lost(self, frame: Frame, here: set[int]) -> tuple[int, ...]:
        """Return the sources that lost their face; raise NoFaceFound if that is to be a failure."""
        numbers = self._choosing.numbers
        gone = sorted(int(name.removeprefix("had/")) for name in numbers if name.startswith("had/"))
        lost = tuple(source for source in gone if source not in here)
        numbers |= {f"had/{source}": 1 for source in here}
        self._choosing.count("missing", bool(lost))
        if lost and self._policy == "fail":
            raise NoFaceFound(
                f"The face was lost in frame {frame.index} ({frame.seconds:.2f} s) and --on-missing fail asks to stop "
                "there; keep leaves such frames as they are, last shows the last face again."
            )
        return lost

    def keep(self, source: int, pasted: Pasted) -> None:
        """Remember what was pasted for a source last."""
        if self._policy == "last":
            self._blending.whole |= {
                f"{part}/{source}": array for part, array in zip(_PARTS, pasted, strict=True)
            }
            self._blending.numbers[f"held/{source}"] = 0

    def held(self, lost: Sequence[int], *, begins_shot: bool) -> list[Pasted]:
        """Return what is pasted for sources that lost their face: the last one, in the shot that it was in."""
        whole = self._blending.whole
        if begins_shot:
            for name in [name for name in whole if int(name.partition("/")[2]) in lost]:
                del whole[name]
        held = [
            source
            for source in lost
            if f"face/{source}" in whole and self._blending.count(f"held/{source}") <= _HELD
        ]
        return [tuple(np.array(whole[f"{part}/{source}"]) for part in _PARTS) for source in held]  # type: ignore[misc]
