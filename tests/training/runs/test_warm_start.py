"""A new run can begin with what another has learned, as far as their networks are alike."""

import re
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.runs import NETWORK, metrics_rows, tiny_config, tiny_run

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.progress import Progress
from faceloom_train.config.schema import TrainConfig
from faceloom_train.loop import trainer
from faceloom_train.loop.trainer import train
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.model.networks import iterate_layers
from faceloom_train.model.optimizer import use_averaged_weights
from faceloom_train.runs.open_run import open_run
from faceloom_train.runs.run_directory import Run


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]) -> Path:
    run = tiny_run(tmp_path_factory.mktemp("source") / "run", facesets, steps=2)
    train(run)
    return run.directory


LARGER = {
    **NETWORK,
    "size": 64,
    "encoder": [4, 8, 16],
    "decoder": [16, 8, 4],
    "residual_blocks": [0, 1, 0],
}
LIAE = {**NETWORK, "kind": "liae"}
# Identities of the new run, its network, the least share of the encoder and of the whole that is taken.
STARTS = {
    "the same": (("ada", "ben"), NETWORK, 1.0, 1.0),
    "one identity more": (("ada", "ben", "cy"), NETWORK, 1.0, 0.7),
    "other identities": (("cy", "dee"), NETWORK, 1.0, 0.5),
    "twice the size": (("ada", "ben"), LARGER, 0.7, 0.2),
    "less is shared": (("ada", "ben"), {**NETWORK, "shared_stages": 0}, 1.0, 0.99),
    "a mask by itself": (
        ("ada", "ben"),
        {**NETWORK, "mask_decoder": [4], "shared_stages": 0},
        1.0,
        0.6,
    ),
    "another kind": (("ada", "ben"), LIAE, 1.0, 0.3),
}


def begun(run: Run, faces: dict[str, Path]) -> tuple[object, list[Progress]]:
    said: list[Progress] = []
    model = build_compiled_model(run.settings, run.identities)
    loaded = trainer._load_identities(run)
    trainer._begin(model, run, loaded, said.append)
    return model, said


@pytest.mark.parametrize("name", STARTS)
def test_what_is_alike_is_taken(
    tmp_path: Path, facesets: dict[str, Path], source: Path, name: str
) -> None:
    identities, network, of_encoder, of_all = STARTS[name]
    config = tiny_config(network=network)
    # "cy" and "dee" need no faces of their own here.
    paths = dict(zip(identities, [*facesets.values(), facesets["ada"]], strict=False))
    run = Run.create(tmp_path / "run", paths, config, source)
    assert Run.read(run.directory).init_from == source.resolve()
    model, said = begun(run, paths)
    known = Run.read(source)
    old = build_compiled_model(known.settings, known.identities)
    trainer.restore_checkpoint(old, trainer.latest_checkpoint(known)[0])
    trained = old.optimizer._model_variables_moving_average
    averages = {
        v.path: np.asarray(a) for v, a in zip(old.trainable_variables, trained, strict=True)
    }
    encoder = {layer.name: layer for layer in old.encoder.layers}
    taken = total = 0
    for layer in model.encoder.layers:
        for variable in layer.variables:
            like = encoder.get(layer.name)
            match = (
                [v for v in like.variables if v.name == variable.name and v.shape == variable.shape]
                if like
                else []
            )
            total += np.prod(variable.shape)
            if match and np.array_equal(np.asarray(variable), averages[match[0].path]):
                taken += np.prod(variable.shape)
    assert taken / total >= of_encoder
    share = int(re.match(r"(\d+) % of the weights come from .* \(step 2\)", said[0].note)[1]) / 100
    assert share >= of_all
    assert metrics_rows(run)[0]["of_step"] == 2


def test_a_liae_run_hands_on_what_is_shared_and_each_its_own(
    tmp_path: Path, facesets: dict[str, Path]
) -> None:
    """Also with the identities in another order, and with one more."""
    run = tiny_run(tmp_path / "source", facesets, network=LIAE, steps=2)
    train(run)
    paths = {"ben": facesets["ben"], "cy": facesets["ada"], "ada": facesets["ada"]}
    model, said = begun(
        Run.create(tmp_path / "run", paths, tiny_config(network=LIAE), run.directory), paths
    )
    # All but the template of the one who is new.
    assert 60 <= int(said[0].note.split()[0]) < 100
    known = build_compiled_model(run.settings, run.identities)
    trainer.restore_checkpoint(known, trainer.latest_checkpoint(run)[0])
    use_averaged_weights(known)
    before, after = ([weights(d) for d in m.decoders] for m in (known, model))
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


@pytest.mark.parametrize(("encoder", "taken"), [([8, 16], True), ([8, 12], False)])
def test_what_reads_the_code_comes_with_what_writes_it(
    tmp_path: Path, facesets: dict[str, Path], source: Path, encoder: list[int], taken: bool
) -> None:
    config = tiny_config(network={**NETWORK, "encoder": encoder})
    model, _ = begun(Run.create(tmp_path / "run", facesets, config, source), facesets)
    # A bias begins at nothing.
    assert np.any(np.asarray(model.landmark_head.get_layer("landmarks").bias)) == taken


def test_a_warm_start_trains_and_is_recorded(
    tmp_path: Path, facesets: dict[str, Path], source: Path
) -> None:
    def wanted(current: TrainConfig | None) -> TrainConfig:
        return tiny_config(steps=1)

    run = open_run(tmp_path / "run", facesets, wanted, source)
    assert train(run).step == 1
    assert open_run(tmp_path / "run", {}, wanted, source).init_from == source.resolve()
    with pytest.raises(UsageError, match="has begun already"):
        open_run(tmp_path / "run", {}, wanted, tmp_path / "other")


@pytest.mark.parametrize(
    ("network", "words"),
    [({"kind": "original"}, "no layer of the name and shape"),
     ({**NETWORK, "encoder": [6, 12], "latent_dim": 12, "decoder": [12, 6]}, "no layer of the name and shape"),
     ({**NETWORK, "encoder": [6, 12], "decoder": [12, 6]}, "no layer of the name and shape")],
)  # fmt: skip
def test_a_stranger_is_refused(
    tmp_path: Path, facesets: dict[str, Path], source: Path, network: dict[str, object], words: str
) -> None:
    with pytest.raises(ArtifactRefused, match=words):
        open_run(tmp_path / "run", facesets, lambda current: tiny_config(network=network), source)
    with pytest.raises(ArtifactRefused, match="is not a run"):
        open_run(tmp_path / "run", facesets, lambda current: tiny_config(), tmp_path)
    assert not (tmp_path / "run").exists()
