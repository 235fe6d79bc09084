"""What hides the faces of a face set, from exact regions and from the shipped parser."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.facesets import good_faces, write_faceset
from tests.helpers.region_maps import BROW_ROW, face_area, labels_of_face, region_map

from faceloom.faces.landmarks import BROWS
from faceloom.faces.parsing.regions import Region
from faceloom.faceset import FaceSet
from faceloom.faceset.parsing.region_shares import RegionShares, measure_regions
from faceloom.progress import run_to_completion

FACE = face_area()
MASK = FACE.astype(np.uint8) * 255
ROWS, COLUMNS = np.mgrid[:128, :128]
# All landmarks lie in the middle but those of the brows.
MESH = np.full((468, 2), 64, np.float32)
MESH[list(BROWS), 1] = BROW_ROW


def shares_with(region: Region, where: np.ndarray) -> RegionShares:
    labels = labels_of_face()
    labels[where & FACE] = region
    return RegionShares.of(region_map(labels), MASK, MESH)


def test_each_share_counts_its_own_region() -> None:
    forehead = FACE & (ROWS < BROW_ROW)
    half = COLUMNS < 64
    cheek = (ROWS > 70) & half
    glasses = (abs(ROWS - 54) < 4) & FACE
    shares = shares_with(Region.HAIR, forehead & half)
    assert shares.fringe == pytest.approx((forehead & half).sum() / forehead.sum())
    assert (shares.occluded, shares.glasses) == (0, 0)
    shares = shares_with(Region.OCCLUDER, cheek)
    assert shares.occluded == pytest.approx((cheek & FACE).sum() / FACE.sum())
    assert (shares.fringe, shares.glasses) == (0, 0)
    shares = shares_with(Region.GLASSES, glasses)
    assert shares.glasses == pytest.approx(glasses.sum() / FACE.sum())
    assert (shares.fringe, shares.occluded) == (0, 0)
    # Hair beside the face is no fringe.
    assert shares_with(Region.HAIR, cheek).fringe == 0
    assert RegionShares.of(None, MASK, MESH) == RegionShares()


def test_bare_faces_are_not_hidden(facesets: dict[str, Path]) -> None:
    faces = FaceSet.read(facesets["ada"])
    rows = faces.rows[:: len(faces) // 4]
    measured = run_to_completion(measure_regions(faces, rows))
    assert len(measured) == len(rows)
    assert all(
        shares.occluded < 0.02 and shares.fringe < 0.1 and shares.glasses < 0.015
        for shares in measured
    )


def test_a_crop_without_a_face_has_no_shares(tmp_path: Path) -> None:
    faces = write_faceset(tmp_path / "ada", good_faces(20))
    work = measure_regions(faces, faces.rows)
    progress = [next(work)]
    measured = run_to_completion(work)
    assert (progress[0].done, progress[0].total, len(measured)) == (16, 20, 20)
    assert all(0 <= shares.fringe <= 1 for shares in measured)
