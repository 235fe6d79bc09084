"""Which of a host's poses the guest has faces for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from faceloom.array_types import float32
from faceloom.review.statistics import Direction, FaceTable

# A guest's face within this many degrees of yaw and pitch teaches a pose ...
NEAR = 12.0
# ... and with this many the network has seen it in more than one light and expression.
ENOUGH = 10
# Hosts are thinned to this many faces: coverage is a share, and the work is hosts times guests.
_MOST_HOSTS = 600

# Where a head can be turned to, and how that is said.
REGIONS = {
    "left": "turns to {angle:.0f} degrees left",
    "right": "turns to {angle:.0f} degrees right",
    "up": "looks up by {angle:.0f} degrees",
    "down": "looks down by {angle:.0f} degrees",
    "ahead": "looks nearly ahead ({where})",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """Poses that a host has and a guest lacks, in one region.

    share: of the host's faces; needed: how many of them (thinned). angle: how far the host turns there (its
    90th percentile). faces: how many the guest has between the least and the most turned of them, ahead: within
    NEAR of their middle. where: their middle, in words.
    """

    share: float
    needed: int
    angle: float
    faces: int
    where: str


def faces_near(host: FaceTable, guest: FaceTable) -> Int64[np.ndarray, "n"]:
    """Return for each of the host's (thinned) faces how many of the guest's look nearly the same way."""
    yaw, pitch = _thinned(host)
    apart = np.hypot(yaw[:, None] - guest.yaw[None], pitch[:, None] - guest.pitch[None])
    return np.asarray(np.count_nonzero(apart <= NEAR, axis=1), np.int64)


def covered_share(direction: Direction) -> float:
    """Return the share of the host's faces whose pose the guest has ENOUGH faces for, 0..1."""
    return float((faces_near(direction.host, direction.guest.table) >= ENOUGH).mean())


def uncovered_poses(direction: Direction) -> Float32[np.ndarray, "k 2"]:
    """Return yaw and pitch of the host's (thinned) faces that the guest has not ENOUGH faces for."""
    missing = faces_near(direction.host, direction.guest.table) < ENOUGH
    return float32(np.stack(_thinned(direction.host), 1)[missing])


def find_gap(direction: Direction, region: str) -> Gap | None:
    """Return what the guest lacks in a region (a key of REGIONS), None if nothing."""
    yaw, pitch = _thinned(direction.host)
    missing = (faces_near(direction.host, direction.guest.table) < ENOUGH) & _in_region(
        yaw, pitch, region
    )
    if not missing.any():
        return None
    middle = float(np.median(yaw[missing])), float(np.median(pitch[missing]))
    own = direction.guest.table
    if region == "ahead":
        axis, have = (
            np.hypot(yaw, pitch),
            np.hypot(own.yaw - middle[0], own.pitch - middle[1]) <= NEAR,
        )
    else:
        axis, turned = (yaw, own.yaw) if region in ("left", "right") else (pitch, own.pitch)
        have = (turned >= axis[missing].min()) & (turned <= axis[missing].max())
    return Gap(
        share=float(missing.mean()),
        needed=int(missing.sum()),
        angle=float(np.percentile(np.abs(axis[missing]), 90)),
        faces=int(have.sum()),
        where=_said(*middle),
    )


def _said(yaw: float, pitch: float) -> str:
    aside, tilted = "left" if yaw < 0 else "right", "up" if pitch > 0 else "down"
    return f"{abs(yaw):.0f} degrees {aside}, {abs(pitch):.0f} {tilted}"


def _in_region(
    yaw: Float32[np.ndarray, "n"], pitch: Float32[np.ndarray, "n"], region: str
) -> Bool[np.ndarray, "n"]:
    aside = (np.abs(yaw) >= 15) & (np.abs(yaw) >= np.abs(pitch))
    tilted = ~aside & (np.abs(pitch) >= 10)
    regions: dict[str, Bool[np.ndarray, "n"]] = {
        "left": aside & (yaw < 0),
        "right": aside & (yaw > 0),
        "up": tilted & (pitch > 0),
        "down": tilted & (pitch < 0),
        "ahead": ~aside & ~tilted,
    }
    return regions[region]


def _thinned(host: FaceTable) -> tuple[Float32[np.ndarray, "n"], Float32[np.ndarray, "n"]]:
    step = -(-len(host) // _MOST_HOSTS)
    return host.yaw[::step], host.pitch[::step]
