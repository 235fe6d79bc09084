"""A base learns pairs of people in one performance, and runs start from it."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from tests.helpers.crowd_faces import one_color_person
from tests.helpers.runs import NETWORK, metrics_rows, tiny_config

from faceloom.errors import ArtifactRefused, UsageError
from faceloom_train.config.loader import read_config
from faceloom_train.config.presets import preset_path
from faceloom_train.loop.initial_state import load_training_faces, restore_or_initialize
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.pretraining.base_model import BaseModel
from faceloom_train.pretraining.crowd_faces import CrowdFaces
from faceloom_train.pretraining.folded_weights import folded_weights
from faceloom_train.pretraining.performance_pairs import PerformancePairs, make_pair_dataset
from faceloom_train.pretraining.train import train
from faceloom_train.runs import base_weights as base_module
from faceloom_train.runs.base_weights import (
    WeightKey,
    copy_base,
    read_base,
    resolve_start,
    save_base_weights,
)
from faceloom_train.runs.open_run import open_run
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def people() -> list[CrowdFaces]:
    return [
        one_color_person(0, [0, 1, 2], 0),
        one_color_person(1, [0, 2], 0),
        one_color_person(2, [0, 1], 1),
    ]


def test_both_faces_of_a_pair_show_one_performance_of_one_group(people: list[CrowdFaces]) -> None:
    pairs = PerformancePairs.from_people(people)
    batches = list(
        make_pair_dataset(pairs, tiny_config(steps=20, batch_size=8, loss={"displacement": 1}))
    )
    persons = np.concatenate([batch["person"] for batch in batches]).astype(int)
    performance = np.concatenate([batch["performance"] for batch in batches])
    np.testing.assert_array_equal(performance[:, 0], performance[:, 1])
    groups = np.array([own.group for own in people])[persons]
    np.testing.assert_array_equal(groups[:, 0], groups[:, 1])
    # Every pair that is possible occurs, also of a person with itself.
    assert {tuple(pair) for pair in persons} == {(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)}
    styled = np.concatenate([batch["styled"] for batch in batches])
    assert 0.4 < styled.mean() < 0.8


def test_a_mirrored_performance_exchanges_the_sides(people: list[CrowdFaces]) -> None:
    """`one_color_person` has a left lid four times as far shut as the right one."""
    pairs = PerformancePairs.from_people(people)
    # Lids are measured in one unit, so that their ratio stays.
    assert pairs.performance[-1, 1] == pytest.approx(4 * pairs.performance[-1, 2])
    batches = make_pair_dataset(
        pairs, tiny_config(steps=8, batch_size=4, augmentation={"flip_probability": 0.5})
    )
    performance = np.concatenate([batch["performance"] for batch in batches]).reshape(-1, 5)
    mirrored = np.concatenate([batch["mirrored"] for batch in batches]).reshape(-1) > 0
    assert 0 < mirrored.sum() < len(mirrored)
    jaw, left, right, sideways, up = performance.T
    np.testing.assert_allclose(*np.where(mirrored, (right, 4 * left), (left, 4 * right)), rtol=1e-5)
    assert (np.where(mirrored, -sideways, sideways) >= 0).all()
    assert sideways.min() < 0
    assert min(jaw.min(), up.min()) == 0


@pytest.fixture(scope="module")
def trained(people: list[CrowdFaces], tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    keras.utils.set_random_seed(1)
    config = tiny_config(steps=6, batch_size=4, loss={"displacement": 0.5})
    return train(BaseModel, people, config, tmp_path_factory.mktemp("base") / "base.npz")


def test_a_run_starts_with_what_the_base_predicts_for_nobody(trained: BaseModel) -> None:
    model = build_compiled_model(tiny_config(), ["ada", "ben"])
    assert copy_base(model, folded_weights(trained)) > 0.5
    latent = np.random.default_rng(2).normal(size=(3, NETWORK["latent_dim"])).astype(np.float32)
    predicted, *_ = trained.decoder([latent, np.zeros(3, np.int32)])
    styled, *_ = trained.decoder([latent, np.ones(3, np.int32)])
    assert float(ops.max(ops.abs(predicted - styled))) > 1e-4
    for decoder in model.decoders:
        # The mean face is still 0.
        np.testing.assert_allclose(decoder(latent), predicted, atol=1e-5)
    faces = np.random.default_rng(3).uniform(size=(2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(model.encoder(faces), trained.encoder(faces), atol=1e-6)


@pytest.mark.exhaustive
def test_a_pretraining_continues_from_a_base(
    people: list[CrowdFaces], trained: BaseModel, base: Path, tmp_path: Path
) -> None:
    """A rate that float32 loses next to the weights leaves them as they are."""
    config = tiny_config(
        steps=1,
        loss={"displacement": 0.5},
        optimizer={"learning_rate": 1e-30, "ema_momentum": 0.5},
    )
    continued = folded_weights(train(BaseModel, people, config, tmp_path / "more.npz", base))
    for key, value in folded_weights(trained).items():
        np.testing.assert_allclose(continued[key], value, atol=1e-3, err_msg=str(key))


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
def base(trained: BaseModel, tmp_path: Path) -> Path:
    path = tmp_path / "base.npz"
    save_base_weights(path, folded_weights(trained))
    return path


def test_a_new_run_starts_from_a_base_and_logs_it(
    base: Path, trained: BaseModel, tmp_path: Path, facesets: dict[str, Path]
) -> None:
    run = open_run(tmp_path / "run", facesets, lambda _: tiny_config(), base)
    assert Run.read(run.directory).init_from == base.resolve()
    assert run.base == "base"
    model = build_compiled_model(run.settings, run.identities)
    restore_or_initialize(model, run, load_training_faces(run))
    kernel = folded_weights(trained)[WeightKey("encoder", "stem", "kernel")]
    np.testing.assert_allclose(model.encoder.get_layer("stem").kernel, kernel, atol=1e-3)
    (event,) = [row for row in metrics_rows(run) if row.get("event") == "base"]
    assert event["base"] == "base.npz"
    assert event["copied_fraction"] > 0.5


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("damage", "network", "sentence"),
    [
        (Path.unlink, NETWORK, "There is no base"),
        (_cut_short, NETWORK, "is not a base or is damaged"),
        (lambda path: np.savez(path, a=np.zeros(2)), NETWORK, "not named NETWORK/LAYER/VARIABLE"),
        (lambda _: None, {"kind": "original"}, "no layer with the name and shape"),
    ],
)
def test_what_is_no_base_is_refused_before_a_run_is_created(
    base: Path,
    tmp_path: Path,
    facesets: dict[str, Path],
    damage: Callable[[Path], None],
    network: dict[str, object],
    sentence: str,
) -> None:
    damage(base)
    with pytest.raises(ArtifactRefused, match=sentence):
        open_run(tmp_path / "run", facesets, lambda _: tiny_config(network=network), base)
    assert not (tmp_path / "run").exists()


def test_the_base_that_ships_fits_its_preset(
    tmp_path: Path, facesets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read_config(preset_path("laptop_128"), ["steps=1"])
    run = open_run(tmp_path / "run", facesets, lambda _: config, "crowd_128")
    assert run.init_from == resolve_start("crowd_128").resolve()
    model = build_compiled_model(config, run.identities)
    # All but the mean faces.
    assert copy_base(model, read_base(run.init_from)) > 0.95
    # A file of that name goes first.
    monkeypatch.chdir(tmp_path)
    Path("crowd_128").mkdir()
    with pytest.raises(ArtifactRefused, match="crowd_128 is not a run"):
        open_run(tmp_path / "other", facesets, lambda _: config, "crowd_128")


@pytest.mark.parametrize(
    ("base", "asked", "started"),
    [
        ("crowd_128", None, "crowd_128"),
        ("crowd_128", "none", None),
        (None, "crowd_128", "crowd_128"),
        (None, None, None),
    ],
)
def test_a_run_starts_from_the_base_that_its_preset_names_unless_told_otherwise(
    base: str | None,
    asked: str | None,
    started: str | None,
    tmp_path: Path,
    facesets: dict[str, Path],
) -> None:
    config = read_config(preset_path("laptop_128"), []).model_copy(update={"base": base})
    run = open_run(tmp_path / "run", facesets, lambda _: config, asked)
    assert run.base == started
    other = "none" if started else "crowd_128"
    with pytest.raises(UsageError, match=f"started from .*, not from {other}"):
        open_run(tmp_path / "run", {}, lambda _: None, other)
    assert open_run(tmp_path / "run", {}, lambda _: None, started or "none").base == started


def test_a_damaged_base_that_ships_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_module, "_FOLDER", tmp_path)
    path = resolve_start("crowd_128")
    path.write_bytes(b"damaged")
    with pytest.raises(ArtifactRefused, match=r"missing or damaged; install faceloom again\."):
        read_base(path)


@pytest.mark.parametrize(("rate", "slow"), [(1, False), (0, True)])
def test_shared_layers_learn_more_slowly(rate: float, slow: bool) -> None:
    config = tiny_config(optimizer={"shared_rate": rate, "warmup_steps": 0})
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


def test_the_loss_of_a_base_has_the_performance_of_the_input(
    people: list[CrowdFaces], trained: BaseModel
) -> None:
    config = trained.config
    pairs = PerformancePairs.from_people(people)
    (batch, *_) = make_pair_dataset(pairs, config)
    outputs = trained(batch)
    true = batch["performance"][:, 0]
    without, wrong = (
        float(trained.compute_terms(batch, {**outputs, "performance": true + error})[1])
        for error in (0.0, 1.0)
    )
    assert wrong - without == pytest.approx(1, rel=1e-3)
