"""A base learns pairs of people in one performance, and runs start from it."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from tests.helpers.runs import NETWORK, metrics_rows, tiny_config

from faceloom.array_types import float32
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.dataset import TrainingFaces
from faceloom_train.loop.initial_state import load_training_faces, restore_or_initialize
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.pretraining.base_model import BaseModel
from faceloom_train.pretraining.crowd_faces import CrowdFaces
from faceloom_train.pretraining.folded_weights import folded_weights
from faceloom_train.pretraining.performance_pairs import PerformancePairs, make_pair_dataset
from faceloom_train.pretraining.train import train
from faceloom_train.runs import base_weights as base_module
from faceloom_train.runs.base_weights import WeightKey, copy_base, save_base_weights
from faceloom_train.runs.open_run import open_run
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training

SIDE = 40
CONTROLS = 3


def _person(index: int, performances: list[int], group: int) -> CrowdFaces:
    """A person of one color whose performance k is the brightness k."""
    count = len(performances)
    crops = np.zeros((count, SIDE, SIDE, 5), np.uint8)
    crops[..., index % 3] = 50 + 40 * np.array(performances)[:, None, None]
    crops[:, 8:-8, 8:-8, 3:] = 255
    weights = np.ones(count, np.float32)
    landmarks = np.zeros((count, len(EXPRESSION_LANDMARKS), 2), np.float32)
    meshes = np.random.default_rng(0).uniform(-0.3, 0.3, (1, 468, 2)).repeat(count, 0)
    faces = TrainingFaces(f"p{index}", crops, landmarks, float32(meshes), weights)
    expression = np.repeat(float32(performances)[:, None] / 4, CONTROLS, 1)
    return CrowdFaces(
        faces, np.array(performances, np.int32), group, expression, np.zeros((count, 2), np.float32)
    )


@pytest.fixture(scope="module")
def people() -> list[CrowdFaces]:
    return [_person(0, [0, 1, 2], 0), _person(1, [0, 2], 0), _person(2, [0, 1], 1)]


def test_both_faces_of_a_pair_show_one_performance_of_one_group(people: list[CrowdFaces]) -> None:
    pairs = PerformancePairs.from_people(people)
    batches = list(make_pair_dataset(pairs, tiny_config(steps=20, batch_size=8)))
    persons = np.concatenate([batch["person"] for batch in batches]).astype(int)
    performance = np.concatenate([batch["performance"] for batch in batches])
    np.testing.assert_array_equal(performance[:, 0], performance[:, 1])
    groups = np.array([own.group for own in people])[persons]
    np.testing.assert_array_equal(groups[:, 0], groups[:, 1])
    # Every pair that is possible occurs, also of a person with itself.
    assert {tuple(pair) for pair in persons} == {(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)}
    styled = np.concatenate([batch["styled"] for batch in batches])
    assert 0.4 < styled.mean() < 0.8


@pytest.fixture(scope="module")
def trained(people: list[CrowdFaces], tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    keras.utils.set_random_seed(1)
    config = tiny_config(steps=6, batch_size=4)
    return train(people, config, tmp_path_factory.mktemp("base") / "base.npz")


def test_a_run_starts_with_what_the_base_draws_for_nobody(trained: BaseModel) -> None:
    model = build_compiled_model(tiny_config(), ["ada", "ben"])
    assert copy_base(model, folded_weights(trained)) > 0.5
    latent = np.random.default_rng(2).normal(size=(3, NETWORK["latent_dim"])).astype(np.float32)
    drawn, _ = trained.decoder([latent, np.zeros(3, np.int32)])
    styled, _ = trained.decoder([latent, np.ones(3, np.int32)])
    assert float(ops.max(ops.abs(drawn - styled))) > 1e-4
    for decoder in model.decoders:
        # The mean face is still 0.
        np.testing.assert_allclose(decoder(latent), drawn, atol=1e-5)
    faces = np.random.default_rng(3).uniform(size=(2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(model.encoder(faces), trained.encoder(faces), atol=1e-6)


@pytest.mark.parametrize(
    ("network", "head"),
    [(NETWORK, True), ({**NETWORK, "size": 48, "decoder": [16, 8]}, False)],
)
def test_the_landmark_head_is_copied_with_the_latent_that_it_reads(
    trained: BaseModel, network: dict[str, object], head: bool
) -> None:
    model = build_compiled_model(tiny_config(network=network), ["ada", "ben"])
    fraction = copy_base(model, folded_weights(trained))
    assert 0 < fraction < 1
    own, base = (m.landmark_head.layers[-1].kernel for m in (model, trained))
    assert bool(np.array_equal(own, base)) == head


@pytest.fixture
def shipped(trained: BaseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that takes the place of the base that ships."""
    path = tmp_path / "base.npz"
    save_base_weights(path, folded_weights(trained))
    monkeypatch.setattr(base_module, "base_path", lambda _: path)
    checksums = {"crowd_128": base_module.sha256_of_file(path)}
    monkeypatch.setattr(base_module, "_SHA256", checksums)
    return path


def test_a_new_run_starts_from_its_base_and_logs_it(
    shipped: Path, trained: BaseModel, tmp_path: Path, facesets: dict[str, Path]
) -> None:
    run = Run.create(tmp_path / "run", facesets, tiny_config(base="crowd_128"))
    model = build_compiled_model(run.settings, run.identities)
    restore_or_initialize(model, run, load_training_faces(run))
    kernel = folded_weights(trained)[WeightKey("encoder", "stem", "kernel")]
    np.testing.assert_allclose(model.encoder.get_layer("stem").kernel, kernel, atol=1e-3)
    (event,) = [row for row in metrics_rows(run) if row.get("event") == "base"]
    assert event["base"] == "crowd_128"
    assert event["copied_fraction"] > 0.5


@pytest.mark.parametrize(("init_from", "base"), [(None, "crowd_128"), ("none", None)])
def test_a_run_keeps_the_start_that_it_was_created_with(
    tmp_path: Path, facesets: dict[str, Path], init_from: str | None, base: str | None
) -> None:
    def settings(_: TrainConfig | None) -> TrainConfig:
        return tiny_config(base="crowd_128")

    def without_base(_: TrainConfig | None) -> TrainConfig:
        return tiny_config()

    run = open_run(tmp_path / "run", facesets, settings, init_from)
    assert run.settings.base == base
    assert open_run(tmp_path / "run", {}, settings).settings.base == base
    assert open_run(tmp_path / "run", {}, without_base).settings.base == base
    if base is None:
        open_run(tmp_path / "run", {}, settings, "none")
    else:
        with pytest.raises(UsageError, match="did not start from random weights"):
            open_run(tmp_path / "run", {}, settings, "none")


def test_a_damaged_base_is_refused(shipped: Path) -> None:
    shipped.write_bytes(shipped.read_bytes()[:-1])
    with pytest.raises(ArtifactRefused, match=r"is damaged; install faceloom again\."):
        base_module.read_base("crowd_128")


@pytest.mark.parametrize(("base", "slow"), [(None, False), ("crowd_128", True)])
def test_shared_layers_learn_more_slowly_from_a_base(base: str | None, slow: bool) -> None:
    config = tiny_config(base=base, optimizer={"shared_rate": 0, "warmup_steps": 0})
    model = build_compiled_model(config, ["ada", "ben"])
    variables = model.trainable_variables
    before = [ops.convert_to_numpy(variable) for variable in variables]
    model.optimizer.apply([ops.ones_like(variable) for variable in variables], variables)
    moved = {
        id(variable): not np.array_equal(variable, value)
        for variable, value in zip(variables, before, strict=True)
    }
    assert moved[id(model.encoder.get_layer("stem").kernel)] != slow
    assert moved[id(model.landmark_head.layers[-1].kernel)] != slow
    assert moved[id(model.decoders[0].get_layer("inter").get_layer("features").kernel)] != slow
    assert all(moved[id(decoder.get_layer("head").kernel)] for decoder in model.decoders)
