"""Match one predicted face to its target: mask, color, sharpening.

In two steps: `match_face` measures colors and masks, which depend on few settings, and
`finish_face` applies the others. `follow_face` replaces the second step where no face is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from faceloom.array_types import Affine, Mask, Rgb
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.face_finder import Face
from faceloom.faces.mask import FOREHEAD_EXTENSION, mesh_mask
from faceloom.faces.parsing.occlusion import STANDS_BEFORE, occluded_share
from faceloom.faces.parsing.regions import RegionMap
from faceloom.swap.compositing.color_transfer import measure_colors
from faceloom.swap.compositing.face_mask import FacePair, HardMask, PasteMask, hard_mask
from faceloom.swap.compositing.feature_color import FeatureMasks
from faceloom.swap.compositing.remaining_skin import Tint, lead_over
from faceloom.swap.compositing.sharpening import sharpen, sharpen_to_match
from faceloom.swap.compositing.visible_skin import visible_skin
from faceloom.swap.options import BlendSettings
from faceloom.swap.selection.track_state import TrackArrays


@dataclass(frozen=True, slots=True)
class AlignedFace:
    """One face of a frame, aligned for its source."""

    face: Face
    """The face in pixels of the frame's `square_rgb`."""
    source: int
    """The index of its source."""
    crop: FaceCrop
    """Its crop in the source's geometry."""


@dataclass(frozen=True, slots=True)
class SwappedFace:
    """A source's prediction for one face."""

    aligned: AlignedFace
    """The face that was replaced."""
    prediction: Rgb
    """The source's face, in pixels of the crop."""
    learned_mask: Mask
    """The source's mask, in pixels of the crop."""
    target_regions: RegionMap | None = None
    """The target's regions; None if they are not needed, or not plausible."""
    predicted_regions: RegionMap | None = None
    """The prediction's regions; None if they are not needed, or not plausible."""

    @property
    def is_occluded(self) -> bool:
        """Whether something stands before the target's face; False if that is not known."""
        regions = self.target_regions
        return (
            regions is not None and occluded_share(regions, self.aligned.crop.mask) >= STANDS_BEFORE
        )


@dataclass(frozen=True)
class MatchedFace:
    """A swapped face in its target's colors, with its mask before the edge is softened."""

    swapped: SwappedFace
    """The prediction."""
    pair: FacePair
    """The masks and regions of both faces."""
    mask: HardMask
    """Where it is shown."""
    skin: Mask
    """Where both show skin, in pixels of the crop."""
    transfer: Callable[[], Rgb]
    """Returns `picture`; see `measure_colors`."""

    @cached_property
    def picture(self) -> Rgb:
        """The prediction after color transfer, in pixels of the crop; computed at the first use."""
        return self.transfer()


@dataclass(frozen=True, slots=True)
class BlendedFace:
    """A swapped face as it is pasted, in pixels of its crop."""

    swapped: SwappedFace
    """The prediction."""
    matched: Rgb
    """The prediction after color transfer and sharpening."""
    covered: Mask
    """The combined mask, smoothed over time."""
    mask: Mask
    """The combined mask, eroded and feathered."""
    tint: Tint | None = None
    """How the target's own skin beside it changes; None if it stays as it is."""

    @property
    def frame_to_crop(self) -> Affine:
        """Map from pixels of the frame to pixels of the crop."""
        return self.swapped.aligned.crop.frame_to_crop


def match_face(swapped: SwappedFace, settings: BlendSettings, state: TrackArrays) -> MatchedFace:
    """Give a swapped face its target's colors and compute its mask.

    Args:
        swapped: the prediction.
        settings: how the source's faces are blended; only `measured` applies.
        state: the arrays of the face's track, which are updated.

    Returns:
        What `finish_face` completes, or `follow_face`.
    """
    crop, outline = swapped.aligned.crop, swapped.aligned.crop.mask
    if settings.forehead != FOREHEAD_EXTENSION:
        outline = mesh_mask(crop.mesh_xy, len(outline), len(outline), settings.forehead)
    pair = FacePair(
        outline, swapped.learned_mask, swapped.target_regions, swapped.predicted_regions
    )
    mask = hard_mask(pair, settings, state)
    covered = mask.covered
    skin = visible_skin(pair, covered)
    features = FeatureMasks.of_pair(pair, len(covered))
    transfer = measure_colors(
        settings.color, swapped.prediction, crop.rgb, covered, state, skin, features
    )
    return MatchedFace(swapped, pair, mask, skin, transfer)


def finish_face(matched: MatchedFace, settings: BlendSettings, state: TrackArrays) -> BlendedFace:
    """Soften the mask of a matched face, sharpen it, and lead the target's skin over to it.

    Args:
        matched: the face.
        settings: how the source's faces are blended, with the `measured` of `match_face`.
        state: the arrays of the face's track, which are updated. They share no name with those of
            `match_face`, and may be others.

    Returns:
        What is pasted.
    """
    mask = matched.mask.softened(settings.erode, settings.feather)
    tint = _lead_over(matched, mask, settings, state)
    picture = _sharpened(matched, mask.covered, settings)
    return BlendedFace(matched.swapped, picture, mask.covered, mask.blended, tint)


def follow_face(matched: MatchedFace, settings: BlendSettings, state: TrackArrays) -> None:
    """Update the state as `finish_face` does, for a face that is not shown.

    Args:
        matched: the face.
        settings: as for `finish_face`.
        state: as for `finish_face`.
    """
    _lead_over(matched, matched.mask.softened(settings.erode, settings.feather), settings, state)


def _lead_over(
    matched: MatchedFace, mask: PasteMask, settings: BlendSettings, state: TrackArrays
) -> Tint | None:
    if settings.mask != "regions":
        return None
    target = matched.swapped.aligned.crop.rgb
    return lead_over(matched.pair, mask, matched.skin, lambda: matched.picture, target, state)


def _sharpened(matched: MatchedFace, covered: Mask, settings: BlendSettings) -> Rgb:
    if settings.sharpen_exactly:
        return sharpen(matched.picture, settings.sharpen)
    target = matched.swapped.aligned.crop.rgb
    return sharpen_to_match(matched.picture, target, covered, settings.sharpen)
