"""Augmented samples keep their regions in step with their pixels."""

import numpy as np
import pytest
from tests.helpers.crowd import write_person

from faceloom.faces.alignment import IDENTITY_AFFINE
from faceloom.faces.parsing.regions import PARSING_SIDE, Region
from faceloom_train.crowd import PEOPLE_PER_GROUP, CrowdPicture, read_crowd
from faceloom_train.face_parsing.augmentation import cut_crop, random_sample, validation_sample
from faceloom_train.face_parsing.overlays import add_overlays
from faceloom_train.face_parsing.textures import random_texture


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[CrowdPicture]:
    folder = tmp_path_factory.mktemp("crowd")
    for number in (PEOPLE_PER_GROUP, PEOPLE_PER_GROUP + 1):
        write_person(folder, number)
    return read_crowd(folder, validation=False)


def test_samples_are_determined_by_the_seed(pictures: list[CrowdPicture]) -> None:
    first, again, other = (
        random_sample(np.random.default_rng(seed), pictures) for seed in (1, 1, 2)
    )
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first[0] != other[0]).any()


def test_samples_have_the_networks_size_and_range(pictures: list[CrowdPicture]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        image, regions = random_sample(rng, pictures)
        assert image.shape == (PARSING_SIDE, PARSING_SIDE, 3)
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image.max() <= 1
        assert regions.shape == (PARSING_SIDE, PARSING_SIDE)
        assert regions.max() < len(Region)


def test_validation_samples_show_the_picture_as_it_is(pictures: list[CrowdPicture]) -> None:
    image, regions = validation_sample(pictures[0])
    skin = image[regions == Region.SKIN]
    # The drawn skin has one color.
    assert np.median(np.abs(skin - np.median(skin, 0))) < 0.02
    # The template puts the middle of the eyes above the middle of the crop.
    rows, columns = np.nonzero(regions == Region.EYES)
    assert columns.mean() == pytest.approx((PARSING_SIDE - 1) / 2, abs=2)
    assert rows.mean() == pytest.approx(0.4 * PARSING_SIDE, abs=3)


def test_mirroring_mirrors_the_picture_and_its_regions(pictures: list[CrowdPicture]) -> None:
    # The last picture has a hand over its left half.
    crop, mirrored = (
        cut_crop(pictures[-1], IDENTITY_AFFINE, mirror=mirror) for mirror in (False, True)
    )
    assert (crop[1] != crop[1][:, ::-1]).any()
    for straight, flipped in zip(crop, mirrored, strict=True):
        assert (straight[:, ::-1] == flipped).all()


def test_overlays_change_pixels_and_regions_together(pictures: list[CrowdPicture]) -> None:
    rng = np.random.default_rng(3)
    added = dict.fromkeys((Region.HAIR, Region.GLASSES, Region.OCCLUDER), 0)
    for _ in range(60):
        image, before = validation_sample(pictures[0])
        changed, after = add_overlays(rng, image, before, pictures[-1:])
        # A soft edge changes pixels that keep their region, never the other way round: what is
        # drawn in the very color of the picture is too rare to matter.
        relabeled = before != after
        assert (changed != image).any(-1)[relabeled].mean() > 0.99 if relabeled.any() else True
        for region in added:
            added[region] += int((relabeled & (after == region)).any())
    assert all(count >= 3 for count in added.values()), added


def test_textures_are_colors(pictures: list[CrowdPicture]) -> None:
    rng = np.random.default_rng(0)
    image, _ = validation_sample(pictures[0])
    for _ in range(40):
        texture = random_texture(rng, 32, [image])
        assert texture.shape == (32, 32, 3)
        assert 0 <= texture.min() <= texture.max() <= 1
