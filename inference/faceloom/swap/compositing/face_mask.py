"""Where a predicted face is pasted: the masks of both faces and what stands in front of them."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from faceloom.array_types import Mask, float32, to_uint8
from faceloom.choices import GlassesChoice
from faceloom.faces.mask import disk
from faceloom.faces.parsing.regions import (
    FACE_REGIONS,
    Region,
    RegionMap,
    region_mask,
    share_of_mask,
    steepened,
    visible_mask,
)
from faceloom.swap.compositing.mask_refinement import close_gaps, erode_and_feather, smooth_mask
from faceloom.swap.options import BlendSettings
from faceloom.swap.selection.track_state import TrackArrays

# Smallest share of the face at which glasses are believed. Of rendered faces with glasses 95 % show
# 0.02 and more; without, a dark brow or lid may look like a frame in up to 0.0125.
_LEAST_GLASSES = 0.015
# Weight of a new frame in the running mean of that share.
_GLASSES_WEIGHT = 0.2
# Widest gap in a predicted face that is closed, in crop sides: a crease that looks like hair.
_LARGEST_GAP = 0.07
# Width around the target's eyes and brows that is covered as well, in crop sides: lashes, and the
# thin ends of brows that face parsing misses.
_AROUND_FEATURES = 0.025


@dataclass(frozen=True, slots=True)
class FacePair:
    """The masks of a target's face and of the face predicted for it, in pixels of their crop."""

    outline: Mask
    """The target's mesh mask."""
    learned: Mask
    """The mask that the source predicts."""
    target: RegionMap | None = None
    """The target's regions; None if they are not known."""
    predicted: RegionMap | None = None
    """The predicted face's regions; None if they are not known."""


@dataclass(frozen=True)
class HardMask:
    """The mask of a predicted face before its edge is softened, smoothed over time."""

    face: Mask
    """Where the face is."""
    visible: Mask | None
    """Where nothing stands before the target's face; None if the mask ignores it."""
    features: Mask | None = None
    """The target's eyes and brows, which must not show through the soft edge; None if the mask
    ignores them."""

    @cached_property
    def covered(self) -> Mask:
        """Where the face is shown."""
        if self.visible is None:
            return self.face
        return np.asarray(np.minimum(self.face, self.visible), np.uint8)

    def softened(self, erode: float, feather: float) -> "PasteMask":
        """Shrink the mask and fade its edge toward skin.

        Args:
            erode: Width that is removed, in crop sides.
            feather: Standard deviation of the soft edge, in crop sides.
        """
        return PasteMask(self, erode, feather)


@dataclass(frozen=True)
class PasteMask:
    """Where and how much a predicted face is shown."""

    hard: HardMask
    """The mask before its edge is softened."""
    erode: float
    """Width that is removed, in crop sides."""
    feather: float
    """Standard deviation of the soft edge, in crop sides."""

    @property
    def covered(self) -> Mask:
        """Where the face is, before the edge is softened; colors are measured here."""
        return self.hard.covered

    @cached_property
    def blended(self) -> Mask:
        """Its weight: soft toward skin, sharp toward hair and whatever stands before the face.

        The target's eyes and brows are covered as far as the predicted face reaches.

        Computed at the first use: the frames before a single one seldom need it.
        """
        soft = erode_and_feather(self.hard.face, self.erode, self.feather)
        if self.hard.features is not None:
            soft = np.maximum(soft, np.minimum(self.hard.features, self.hard.face))
        if self.hard.visible is not None:
            soft = to_uint8(float32(soft) * self.hard.visible / 255)
        return soft


def paste_mask(pair: FacePair, settings: BlendSettings, state: TrackArrays) -> PasteMask:
    """Compute the mask of a predicted face, smoothed over time.

    - "learned": the source's mask. It leaves out what the source learned to leave out.
    - "mesh": the mask of the target's mesh.
    - "both": the minimum of the two.
    - "regions": besides, the predicted face's hair is left out, and the target's hair, hands,
      clothes and, unless the guest's are shown, glasses stay in front.

    Args:
        pair: The masks of both faces.
        settings: How the source's faces are blended.
        state: The arrays of the face's track, which are updated.

    Returns:
        The mask.
    """
    return hard_mask(pair, settings, state).softened(settings.erode, settings.feather)


def hard_mask(pair: FacePair, settings: BlendSettings, state: TrackArrays) -> HardMask:
    """Compute the mask of a predicted face without its soft edge; see `paste_mask`.

    Args:
        pair: The masks of both faces.
        settings: How the source's faces are blended; `erode` and `feather` change nothing.
        state: The arrays of the face's track, which are updated.

    Returns:
        The mask.
    """
    face = smooth_mask(_predicted_face(pair, settings), "face_mask", state)
    if settings.mask != "regions" or pair.target is None:
        return HardMask(face, None)
    visible = _visible_target(pair, pair.target, settings.glasses, state)
    features = _target_features(pair.target, len(face))
    return HardMask(
        face,
        smooth_mask(visible, "visible", state),
        smooth_mask(features, "target_features", state),
    )


def _predicted_face(pair: FacePair, settings: BlendSettings) -> Mask:
    """Return where the source predicts a face inside the outline."""
    if settings.mask == "mesh":
        return pair.outline
    if settings.mask == "learned":
        return pair.learned
    face = np.minimum(pair.learned, pair.outline)
    if settings.mask == "regions" and pair.predicted is not None:
        predicted = visible_mask(np.full_like(face, 255), pair.predicted)
        face = np.minimum(face, close_gaps(predicted, _LARGEST_GAP))
    return np.asarray(face, np.uint8)


def _visible_target(
    pair: FacePair, target: RegionMap, glasses: GlassesChoice, state: TrackArrays
) -> Mask:
    """Return where nothing stands before the target's face."""
    size, shown = len(pair.outline), [*FACE_REGIONS]
    if glasses == "guest" or not _wears_glasses(target, pair.outline, "glasses", state):
        shown.append(Region.GLASSES)
    visible = steepened(region_mask(target, shown, size))
    if (
        glasses == "target"
        and pair.predicted is not None
        and _wears_glasses(pair.predicted, pair.outline, "predicted_glasses", state)
    ):
        visible = np.minimum(visible, 255 - region_mask(pair.predicted, (Region.GLASSES,), size))
    return np.asarray(visible, np.uint8)


def _target_features(target: RegionMap, size: int) -> Mask:
    """Return the target's eyes and brows with a soft edge around them."""
    features = region_mask(target, (Region.EYES, Region.BROWS), size)
    around = _AROUND_FEATURES * size
    wide = cv2.dilate(features, disk(around))
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), around / 2), np.uint8)


def _wears_glasses(regions: RegionMap, outline: Mask, name: str, state: TrackArrays) -> bool:
    """Tell whether a track's face wears glasses, by the running mean of their share."""
    share = float32([share_of_mask(regions, (Region.GLASSES,), outline)])
    before = state.get(name, share)
    state[name] = float32(before + _GLASSES_WEIGHT * (share - before))
    return bool(state[name][0] >= _LEAST_GLASSES)
