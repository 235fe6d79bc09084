"""A new run can start from another's weights, as far as their networks match."""

import re
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.runs import (
    LIAE_NETWORK,
    NETWORK,
    metrics_rows,
    simple_config,
    tiny_config,
    tiny_run,
    write_checkpoints,
)

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.progress import Progress
from faceloom_train.config.schema import TrainConfig
from faceloom_train.loop.initial_state import load_training_faces, restore_or_initialize
from faceloom_train.loop.trainer import train
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.model.networks import iterate_layers
from faceloom_train.model.optimizer import use_averaged_weights
from faceloom_train.runs.checkpoint import latest_checkpoint, restore_checkpoint
from faceloom_train.runs.open_run import open_run
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]) -> Path:
    run = tiny_run(tmp_path_factory.mktemp("source") / "run", facesets, steps=2)
    return write_checkpoints(run, 2).directory


@pytest.fixture(scope="module")
def averages(source: Path) -> dict[tuple[str, str], list[np.ndarray]]:
    """The averaged weights of the source's encoder, by the names of layer and variable."""
    run = Run.read(source)
    model = build_compiled_model(run.settings, run.identities)
    restore_checkpoint(model, latest_checkpoint(run)[0])
    values = model.optimizer._model_variables_moving_average
    by_path = {
        v.path: np.asarray(a) for v, a in zip(model.trainable_variables, values, strict=True)
    }
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for layer in model.encoder.layers:
        for variable in layer.variables:
            found.setdefault((layer.name, variable.name), []).append(by_path[variable.path])
    return found


LARGER = {
    **NETWORK,
    "size": 64,
    "encoder": [4, 8, 16],
    "decoder": [16, 8, 4],
    "residual_blocks": [0, 1, 0],
}
# Identities and network of the new run; least fractions of the encoder and of all weights copied.
STARTS = {
    "the same": (("ada", "ben"), NETWORK, 1.0, 1.0),
    "one identity more": (("ada", "ben", "cy"), NETWORK, 1.0, 0.7),
    "other identities": (("cy", "dee"), NETWORK, 1.0, 0.5),
    "twice the size": (("ada", "ben"), LARGER, 0.7, 0.2),
    "fewer shared stages": (("ada", "ben"), {**NETWORK, "shared_stages": 0}, 1.0, 0.99),
    "a mask decoder": (
        ("ada", "ben"),
        {**NETWORK, "mask_decoder": [4], "shared_stages": 0},
        1.0,
        0.6,
    ),
    "another kind": (("ada", "ben"), LIAE_NETWORK, 1.0, 0.3),
}


def initialize(run: Run) -> tuple[object, list[Progress]]:
    reports: list[Progress] = []
    model = build_compiled_model(run.settings, run.identities)
    restore_or_initialize(model, run, load_training_faces(run), reports.append)
    return model, reports


# What the other starts copy includes what these copy.
EXHAUSTIVE = {"the same", "other identities", "fewer shared stages"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.exhaustive] if name in EXHAUSTIVE else [])
        for name in STARTS
    ],
)
def test_matching_weights_are_copied(
    tmp_path: Path,
    facesets: dict[str, Path],
    source: Path,
    averages: dict[tuple[str, str], list[np.ndarray]],
    name: str,
) -> None:
    identities, network, encoder_fraction, total_fraction = STARTS[name]
    config = tiny_config(network=network)
    # "cy" and "dee" need no faces of their own here.
    paths = dict(zip(identities, [*facesets.values(), facesets["ada"]], strict=False))
    run = Run.create(tmp_path / "run", paths, config, source)
    assert Run.read(run.directory).init_from == source.resolve()
    model, reports = initialize(run)
    copied = total = 0
    for layer in model.encoder.layers:
        for variable in layer.variables:
            total += np.prod(variable.shape)
            earlier = averages.get((layer.name, variable.name), [])
            if any(np.array_equal(np.asarray(variable), average) for average in earlier):
                copied += np.prod(variable.shape)
    assert copied / total >= encoder_fraction
    text = re.match(r"(\d+) % of the weights are copied from .* \(step 2\)", reports[0].note)
    assert int(text[1]) / 100 >= total_fraction
    assert metrics_rows(run)[0]["init_step"] == 2


def test_a_liae_run_copies_shared_and_identity_layers(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    """Also with the identities in another order, and with one more."""
    run = tiny_run(tmp_path / "source", facesets, network=LIAE_NETWORK, steps=2)
    write_checkpoints(run, 2)
    paths = {"ben": facesets["ben"], "cy": facesets["ada"], "ada": facesets["ada"]}
    model, reports = initialize(
        Run.create(tmp_path / "run", paths, tiny_config(network=LIAE_NETWORK), run.directory)
    )
    # All but the mean face of the new identity.
    assert 60 <= int(reports[0].note.split()[0]) < 100
    source_model = build_compiled_model(run.settings, run.identities)
    restore_checkpoint(source_model, latest_checkpoint(run)[0])
    use_averaged_weights(source_model)
    before, after = ([weights(d) for d in m.decoders] for m in (source_model, model))
    for name in ("identity_features", "shared_features", "head"):
        for new, old in ((2, 0), (0, 1), (1, 0)):
            np.testing.assert_array_equal(after[new][name], before[old][name])
    assert not np.array_equal(before[0]["identity_features"], before[1]["identity_features"])


def weights(decoder) -> dict[str, np.ndarray]:
    return {
        layer.name: np.asarray(layer.kernel)
        for layer in iterate_layers(decoder)
        if hasattr(layer, "kernel")
    }


@pytest.mark.parametrize(("encoder", "copied"), [([8, 16], True), ([8, 12], False)])
def test_the_landmark_head_is_copied_with_the_latent_layer(
    tmp_path: Path, facesets: dict[str, Path], source: Path, encoder: list[int], copied: bool
) -> None:
    config = tiny_config(network={**NETWORK, "encoder": encoder})
    model, _ = initialize(Run.create(tmp_path / "run", facesets, config, source))
    # A new bias is 0.
    assert np.any(np.asarray(model.landmark_head.get_layer("landmarks").bias)) == copied


def test_a_warm_start_is_recorded_and_trains(
    tmp_path: Path, facesets: dict[str, Path], source: Path
) -> None:
    def settings(current: TrainConfig | None) -> TrainConfig:
        return simple_config(network=NETWORK, steps=1)

    run = open_run(tmp_path / "run", facesets, settings, source)
    assert train(run).step == 1
    assert open_run(tmp_path / "run", {}, settings, source).init_from == source.resolve()
    with pytest.raises(UsageError, match="exists already"):
        open_run(tmp_path / "run", {}, settings, tmp_path / "other")


@pytest.mark.parametrize(
    "network",
    [
        {"kind": "original"},
        {**NETWORK, "encoder": [6, 12], "latent_dim": 12, "decoder": [12, 6]},
        {**NETWORK, "encoder": [6, 12], "decoder": [12, 6], "mean_face_linear": False},
    ],
)
def test_a_run_with_another_network_is_refused(
    tmp_path: Path, facesets: dict[str, Path], source: Path, network: dict[str, object]
) -> None:
    with pytest.raises(ArtifactRefused, match="no layer with the name and shape"):
        open_run(tmp_path / "run", facesets, lambda current: tiny_config(network=network), source)
    with pytest.raises(ArtifactRefused, match="is not a run"):
        open_run(tmp_path / "run", facesets, lambda current: tiny_config(), tmp_path)
    assert not (tmp_path / "run").exists()
