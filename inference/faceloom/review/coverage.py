"""Which head poses of a target the source has faces for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from faceloom.review.statistics import FaceTable, SwapDirection

# Degrees of yaw and pitch within which a face of the source covers a pose.
NEAR_DEGREES = 12.0
# Faces that cover a pose: the network sees it in more than one light and expression.
ENOUGH_FACES = 10
# Target faces that are compared at most: coverage is a share, and the work grows with both sides.
_MAX_TARGET_FACES = 600
# Degrees of yaw from which a head is turned to a side.
_TURNED = 15
# Degrees of pitch from which a head looks up or down.
_TILTED = 10
# Percentile of the missing angles that is reported.
_ANGLE_PERCENTILE = 90

# Regions of head poses, and how a finding describes them.
REGIONS = {
    "left": "turns to {angle:.0f} degrees left",
    "right": "turns to {angle:.0f} degrees right",
    "up": "looks up by {angle:.0f} degrees",
    "down": "looks down by {angle:.0f} degrees",
    "ahead": "looks nearly ahead ({center})",
}


@dataclass(frozen=True, slots=True)
class CoverageGap:
    """Head poses in one region that a target has and a source lacks."""

    share: float
    """Of the target's faces, 0 to 1."""
    target_faces: int
    """Number of the (sampled) target faces."""
    angle: float
    """90th percentile of their angle in degrees."""
    source_faces: int
    """Faces of the source between the least and largest missing angle; ahead: near the center."""
    center: str
    """Median yaw and pitch in words."""


def count_nearby_faces(target: FaceTable, source: FaceTable) -> Int64[np.ndarray, "n"]:
    """Count the source's faces near each target face's head pose.

    Args:
        target: The target's faces, which are sampled down.
        source: The source's faces.

    Returns:
        Number of the source's faces within NEAR_DEGREES, per sampled target face.
    """
    poses = _sample_poses(target)
    distance = np.hypot(
        poses[:, 0, None] - source.yaw[None], poses[:, 1, None] - source.pitch[None]
    )
    return np.asarray(np.count_nonzero(distance <= NEAR_DEGREES, axis=1), np.int64)


def covered_share(direction: SwapDirection) -> float:
    """Return the share of the target's head poses that the source has enough faces for.

    Args:
        direction: The swap.

    Returns:
        0 to 1.
    """
    return float((~_is_missing(direction)).mean())


def uncovered_poses(direction: SwapDirection) -> Float32[np.ndarray, "k 2"]:
    """Return yaw and pitch of the (sampled) target faces that the source has too few faces for.

    Args:
        direction: The swap.
    """
    return np.asarray(_sample_poses(direction.target)[_is_missing(direction)])


def find_coverage_gap(direction: SwapDirection, region: str) -> CoverageGap | None:
    """Find the head poses that the source lacks in one region.

    Args:
        direction: The swap.
        region: A key of REGIONS.

    Returns:
        The gap; None if nothing is missing.
    """
    yaw, pitch = _sample_poses(direction.target).T
    missing = _is_missing(direction) & _in_region(yaw, pitch, region)
    if not missing.any():
        return None
    center = float(np.median(yaw[missing])), float(np.median(pitch[missing]))
    own = direction.source.table
    if region == "ahead":
        angle = np.hypot(yaw, pitch)
        covering = np.hypot(own.yaw - center[0], own.pitch - center[1]) <= NEAR_DEGREES
    else:
        angle, values = (yaw, own.yaw) if region in ("left", "right") else (pitch, own.pitch)
        covering = (values >= angle[missing].min()) & (values <= angle[missing].max())
    return CoverageGap(
        share=float(missing.mean()),
        target_faces=int(missing.sum()),
        angle=float(np.percentile(np.abs(angle[missing]), _ANGLE_PERCENTILE)),
        source_faces=int(covering.sum()),
        center=_in_words(*center),
    )


def _is_missing(direction: SwapDirection) -> Bool[np.ndarray, "n"]:
    return count_nearby_faces(direction.target, direction.source.table) < ENOUGH_FACES


def _in_words(yaw: float, pitch: float) -> str:
    side, height = "left" if yaw < 0 else "right", "up" if pitch > 0 else "down"
    return f"{abs(yaw):.0f} degrees {side}, {abs(pitch):.0f} {height}"


def _in_region(
    yaw: Float32[np.ndarray, "n"], pitch: Float32[np.ndarray, "n"], region: str
) -> Bool[np.ndarray, "n"]:
    turned = (np.abs(yaw) >= _TURNED) & (np.abs(yaw) >= np.abs(pitch))
    tilted = ~turned & (np.abs(pitch) >= _TILTED)
    regions: dict[str, Bool[np.ndarray, "n"]] = {
        "left": turned & (yaw < 0),
        "right": turned & (yaw > 0),
        "up": tilted & (pitch > 0),
        "down": tilted & (pitch < 0),
        "ahead": ~turned & ~tilted,
    }
    return regions[region]


def _sample_poses(target: FaceTable) -> Float32[np.ndarray, "n 2"]:
    return target.poses()[:: -(-len(target) // _MAX_TARGET_FACES)]
