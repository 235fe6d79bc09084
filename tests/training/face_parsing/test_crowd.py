"""The crowd's labels become regions; whole groups are held out."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.crowd import PICTURES, SIDE, write_person

from faceloom.errors import UsageError
from faceloom.faces.parsing.regions import Region
from faceloom_train.crowd import PEOPLE_PER_GROUP, read_crowd


def test_labels_become_regions(tmp_path: Path) -> None:
    write_person(tmp_path, PEOPLE_PER_GROUP)
    first, *_, last = read_crowd(tmp_path, validation=False)
    regions = {
        (48, 10): Region.HAIR,
        (48, 30): Region.SKIN,
        (36, 42): Region.EYES,
        (40, 66): Region.LIPS,
        (48, 66): Region.MOUTH,
        (48, 90): Region.CLOTH,
        (2, 2): Region.BACKGROUND,
    }
    assert {xy: Region(first.regions[xy[1], xy[0]]) for xy in regions} == regions
    assert last.regions[60, 10] == Region.OCCLUDER
    # Stored with the first pixel's center at 0.5.
    np.testing.assert_allclose(first.points_xy[0], [35.5, 41.5])
    assert first.rgb.shape == (SIDE, SIDE, 3)


def test_a_covered_mouth_stays_covered(tmp_path: Path) -> None:
    path = write_person(tmp_path, PEOPLE_PER_GROUP)
    truth = dict(np.load(path))
    truth["lm68"][:, 48:68] -= [36, 6]
    np.savez(path, **truth)
    last = read_crowd(tmp_path, validation=False)[-1]
    assert last.regions[60, 12] == Region.OCCLUDER


@pytest.mark.parametrize(
    ("validation", "people"), [(True, [0, PEOPLE_PER_GROUP - 1]), (False, [PEOPLE_PER_GROUP])]
)
def test_whole_groups_are_held_out(tmp_path: Path, validation: bool, people: list[int]) -> None:
    for number in (0, PEOPLE_PER_GROUP - 1, PEOPLE_PER_GROUP):
        write_person(tmp_path, number)
    pictures = read_crowd(tmp_path, validation=validation)
    assert len(pictures) == len(people) * PICTURES


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no pNNN\.npz"):
        read_crowd(tmp_path, validation=True)
