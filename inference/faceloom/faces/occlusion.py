"""When something stands before a face."""

from collections.abc import Sequence

from faceloom.array_types import Mask
from faceloom.faces.regions import Region, RegionMap, share_of_mask

# What stands before a face, as opposed to what belongs to it: hair and glasses.
OCCLUDERS = (Region.OCCLUDER, Region.CLOTH)
# Share of a face from which something stands before it: two fingers at the chin. A collar at the
# edge of the mesh has less.
STANDS_BEFORE = 0.03


def occluded_share(regions: RegionMap, mesh_mask: Mask) -> float:
    """Return the share of a face that hands, clothes or other things hide.

    Args:
        regions: The regions of a crop.
        mesh_mask: The mesh mask of the same crop.

    Returns:
        0 to 1.
    """
    return share_of_mask(regions, OCCLUDERS, mesh_mask)


def spans(indices: Sequence[int], gap: int) -> list[tuple[int, int]]:
    """Join indices of frames into spans.

    Args:
        indices: In ascending order.
        gap: Largest number of frames between two indices of one span.

    Returns:
        The first and the last index of each span.
    """
    joined: list[tuple[int, int]] = []
    for index in indices:
        if joined and index - joined[-1][1] <= gap + 1:
            joined[-1] = (joined[-1][0], index)
        else:
            joined.append((index, index))
    return joined
