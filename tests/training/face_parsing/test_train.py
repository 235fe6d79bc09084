"""The recipe trains, and the exporter accepts what it trained."""

from pathlib import Path

import numpy as np
import pytest
from tests.helpers.crowd import write_person

from faceloom.errors import ArtifactRefused
from faceloom.faces.parsing.regions import CROPS, PARSING_SIDE, REGIONS, Region
from faceloom.onnx_session import open_cpu_session
from faceloom_train.crowd import PEOPLE_PER_GROUP, CrowdPicture, read_crowd

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[CrowdPicture]:
    folder = tmp_path_factory.mktemp("crowd")
    for number in range(PEOPLE_PER_GROUP, PEOPLE_PER_GROUP + 3):
        write_person(folder, number)
    return read_crowd(folder, validation=False)


@pytest.fixture(scope="module")
def weights(pictures: list[CrowdPicture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from faceloom_train.face_parsing import train as module

    out = tmp_path_factory.mktemp("weights") / "parser.weights.h5"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BATCH", 6)
        module.train(pictures, out, steps=16)
    return out


@pytest.mark.exhaustive
def test_training_finds_the_regions_of_a_drawn_face(
    pictures: list[CrowdPicture], weights: Path
) -> None:
    from faceloom_train.face_parsing.network import build_parser
    from faceloom_train.face_parsing.validation import region_iou, validation_arrays

    model = build_parser()
    images, regions = validation_arrays(pictures)
    untrained = region_iou(regions, model.predict(images, verbose=0).argmax(-1))
    model.load_weights(weights)
    trained = region_iou(regions, model.predict(images, verbose=0).argmax(-1))
    assert trained[Region.SKIN] > untrained[Region.SKIN] + 0.1


def test_the_loss_is_least_for_the_truth() -> None:
    from faceloom_train.face_parsing.train import parsing_loss

    truth = np.random.default_rng(0).integers(0, len(Region), (2, 8, 8))
    right = 20 * np.eye(len(Region), dtype=np.float32)[truth]
    wrong = np.roll(right, 1, -1)
    assert float(parsing_loss(truth, right)) < 0.01
    assert float(parsing_loss(truth, wrong)) > 2


@pytest.mark.exhaustive
def test_the_exported_graph_gives_what_the_network_gives(
    pictures: list[CrowdPicture], weights: Path, tmp_path: Path
) -> None:
    from faceloom.array_types import to_uint8
    from faceloom_export.export_face_parser import export_face_parser
    from faceloom_train.face_parsing.validation import validation_arrays

    images, regions = validation_arrays(pictures)
    crops = to_uint8(images * 255)
    table = export_face_parser(weights, crops, regions, tmp_path / "parser.onnx")
    assert all(region.name.lower() in table for region in Region)
    session = open_cpu_session(tmp_path / "parser.onnx")
    (levels,) = session.run([REGIONS], {CROPS: crops[:3]})
    assert levels.shape == (3, PARSING_SIDE, PARSING_SIDE, len(Region))
    # Probabilities add up to one, up to the rounding of each.
    assert np.abs(levels.sum(-1, dtype=int) - 255).max() <= len(Region) // 2


@pytest.mark.exhaustive
def test_a_graph_that_loses_too_much_is_refused(
    pictures: list[CrowdPicture], weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceloom_export import export_face_parser as module
    from faceloom_train.face_parsing.validation import validation_arrays

    monkeypatch.setattr(module, "_MIN_AGREEMENT", 1.01)
    images, regions = validation_arrays(pictures)
    crops = module.to_uint8(images * 255)
    with pytest.raises(ArtifactRefused, match="of the pixels agree"):
        module.export_face_parser(weights, crops, regions, tmp_path / "parser.onnx")
    assert not (tmp_path / "parser.onnx").exists()
