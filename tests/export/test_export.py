"""What is exported equals what was trained, or nothing is written."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from keras import ops
from runs import tiny_run

from faceloom.errors import ArtefactRefused, ProviderMissing, UsageError
from faceloom.progress import finish
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.network import golden_difference
from faceloom_export import bundle as bundle_module
from faceloom_export import graph
from faceloom_export.bundle import export_bundle
from faceloom_train.run import Run
from faceloom_train.trainer import train


@pytest.fixture(scope="module", params=["float32", "mixed_bfloat16", "mixed_float16"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]) -> Run:
    made = tiny_run(tmp_path_factory.mktemp("runs") / request.param, facesets, precision=request.param, steps=3)
    train(made)
    return made


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run.directory, tmp_path / "run"))


def test_a_bundle_equals_the_trained_model(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "ben.bundle"
    summary = finish(export_bundle(run.directory, "ben", out))
    assert (summary.step, summary.faces) == (3, 8)
    assert summary.max_difference <= 1
    bundle = Bundle.read(out)
    network = SwapNetwork.open(bundle, "cpu")
    assert golden_difference(network, bundle) == (summary.max_difference, summary.mean_difference)
    golden = bundle.read_golden()
    # Any number of faces, and each for itself.
    np.testing.assert_allclose(network.swap(golden.faces[:1]).faces, network.swap(golden.faces).faces[:1], atol=1)
    manifest = bundle.manifest
    assert manifest.identities == ("ada", "ben")
    assert manifest.hide_background
    assert manifest.crop.size == 32
    assert {path.name for path in out.iterdir()} == {"manifest.json", "swap.onnx", "golden.npz"}


def test_the_graph_is_plain_onnx_that_says_where_it_comes_from(run: Run, tmp_path: Path) -> None:
    finish(export_bundle(run.directory, "ada", tmp_path / "b"))
    model = onnx.load(tmp_path / "b" / "swap.onnx")
    assert {o.version for o in model.opset_import if o.domain in ("", "ai.onnx")} == {18}
    assert all(node.domain in ("", "ai.onnx") for node in model.graph.node)
    assert [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == ["batch", 32, 32, 3]
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert (said["faceloom.identity"], said["faceloom.steps"]) == ("ada", "3")
    assert str(tmp_path) not in str(model)


def test_each_identity_has_its_own_face(run: Run, tmp_path: Path) -> None:
    swapped = {}
    for name in ("ada", "ben"):
        finish(export_bundle(run.directory, name, tmp_path / name))
        bundle = Bundle.read(tmp_path / name)
        swapped[name] = SwapNetwork.open(bundle, "cpu").swap(bundle.read_golden().faces).faces.astype(int)
    assert np.abs(swapped["ada"] - swapped["ben"]).mean() > 2


def test_a_graph_that_differs_is_refused_and_nothing_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when TensorFlow's optimizer computes other pictures than the layers do."""
    real = bundle_module.make_golden

    def off(function, faces):
        golden = real(function, faces)
        return type(golden)(golden.faces, 255 - golden.swapped, golden.masks)

    monkeypatch.setattr(bundle_module, "make_golden", off)
    with pytest.raises(ArtefactRefused, match="differs from the trained model by up to"):
        finish(export_bundle(run.directory, "ben", tmp_path / "b"))
    assert list(tmp_path.iterdir()) == []


def test_averaged_weights_are_exported(run: Run) -> None:
    networks, _ = graph.load_networks(run)
    from faceloom_train.checkpoint import latest_checkpoint, restore_checkpoint
    from faceloom_train.trainer import compiled_model, dtype_policy

    with dtype_policy("float32"):
        model = compiled_model(run.settings, run.identities)
        restore_checkpoint(model, latest_checkpoint(run)[0])
    raw, averaged = (
        ops.convert_to_numpy(n.decoders[0].get_layer("template").picture) for n in (model.networks, networks)
    )
    assert not np.array_equal(raw, averaged)
    assert np.abs(raw - averaged).max() < 0.1


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_what_cannot_be_exported(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"

    def refused(error: type[Exception], words: str, identity: str = "ben") -> None:
        with pytest.raises(error, match=words):
            finish(export_bundle(copy, identity, out))
        assert not out.exists()

    refused(UsageError, "no identity 'cy'; choose one of ada, ben", "cy")
    monkeypatch.setattr(graph.keras.backend, "backend", lambda: "jax")
    refused(ProviderMissing, "needs Keras on TensorFlow")
    monkeypatch.undo()
    checkpoint = copy / "checkpoints" / "step-00000003"
    settings = json.loads((checkpoint / "checkpoint.json").read_text())
    (checkpoint / "checkpoint.json").write_text(json.dumps({**settings, "schema": 2}))
    refused(ArtefactRefused, "schema 2")
    shutil.rmtree(copy / "checkpoints")
    refused(ArtefactRefused, "no checkpoint yet; train it first")
    (copy / "config.yaml").unlink()
    refused(ArtefactRefused, "is no run")
    out.mkdir()
    with pytest.raises(UsageError, match="--force"):
        finish(export_bundle(copy, "ben", out))
