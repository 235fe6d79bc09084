"""What is exported equals what was trained, or nothing is written."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from keras import ops
from tests.helpers.runs import NETWORK, tiny_run

from faceloom.doctor import bundle_check
from faceloom.errors import ArtifactRefused, ProviderMissing, UsageError
from faceloom.hashing import sha256_of_file
from faceloom.progress import Progress, run_to_completion
from faceloom.swap import Bundle, SwapNetwork
from faceloom_export.bundle import export_bundle as bundle_module
from faceloom_export.bundle.export_bundle import ExportOptions, export_bundle
from faceloom_export.graph import swap_graph as graph
from faceloom_train.loop.trainer import train
from faceloom_train.runs.checkpoint import mark_best
from faceloom_train.runs.run_directory import Run


@pytest.fixture(scope="module", params=["float32", "mixed_bfloat16", "mixed_float16"])
def run(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    facesets: dict[str, Path],
) -> Run:
    made = tiny_run(
        tmp_path_factory.mktemp("runs") / request.param, facesets, precision=request.param, steps=3
    )
    train(made)
    return made


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run.directory, tmp_path / "run"))


def test_a_bundle_equals_the_trained_model(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "ben.bundle"
    summary = run_to_completion(export_bundle(run.directory, "ben", out))
    (graph,) = summary.graphs
    assert (summary.step, graph.precision, graph.proof.accepted) == (3, "fp32", ())
    assert graph.proof.max_difference <= 1
    bundle = Bundle.read(out)
    assert bundle.manifest.graphs[0].proof == graph.proof
    network = SwapNetwork.open(bundle, "cpu")
    golden = bundle.read_golden()
    assert len(golden.faces) == bundle.manifest.golden.faces == 8
    assert not list(network.replay(golden).beyond(network.tolerance))
    # Any number of faces, and each for itself.
    np.testing.assert_allclose(
        network.swap(golden.faces[:1]).faces, network.swap(golden.faces).faces[:1], atol=1
    )
    manifest = bundle.manifest
    assert manifest.identities == ("ada", "ben")
    assert manifest.hide_background
    assert manifest.crop.size == 32
    assert {path.name for path in out.iterdir()} == {"manifest.json", "swap.onnx", "golden.npz"}


def test_the_graph_is_plain_onnx_that_says_where_it_comes_from(run: Run, tmp_path: Path) -> None:
    run_to_completion(export_bundle(run.directory, "ada", tmp_path / "b"))
    model = onnx.load(tmp_path / "b" / "swap.onnx")
    assert {o.version for o in model.opset_import if o.domain in ("", "ai.onnx")} == {18}
    assert all(node.domain in ("", "ai.onnx") for node in model.graph.node)
    assert [
        d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim
    ] == ["batch", 32, 32, 3]
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert (said["faceloom.identity"], said["faceloom.steps"]) == ("ada", "3")
    assert str(tmp_path) not in str(model)
    # Nothing asks at run time for a shape that is known.
    kinds = [node.op_type for node in model.graph.node]
    assert not set(kinds) & {"Shape", "Concat", "Identity", "BatchNormalization"}
    # Those that move the template.
    assert kinds.count("Gather") == 4


def test_each_identity_has_its_own_face(run: Run, tmp_path: Path) -> None:
    swapped = {}
    for name in ("ada", "ben"):
        run_to_completion(export_bundle(run.directory, name, tmp_path / name))
        bundle = Bundle.read(tmp_path / name)
        swapped[name] = (
            SwapNetwork.open(bundle, "cpu").swap(bundle.read_golden().faces).faces.astype(int)
        )
    assert np.abs(swapped["ada"] - swapped["ben"]).mean() > 2


@pytest.mark.parametrize(
    "network", [{"kind": "liae"}, {"kind": "liae", "mask_trunk": [4], "inter": 0}]
)
def test_every_kind_of_network_exports(
    tmp_path: Path, facesets: dict[str, Path], network: dict[str, object]
) -> None:
    made = tiny_run(tmp_path / "run", facesets, network={**NETWORK, **network}, steps=3)
    train(made)
    swapped = []
    for name in ("ada", "ben"):
        (graph,) = run_to_completion(export_bundle(made.directory, name, tmp_path / name)).graphs
        assert graph.proof.max_difference <= 1
        bundle = Bundle.read(tmp_path / name)
        assert bundle.manifest.training
        assert bundle.manifest.training.network == "liae"
        swapped.append(
            SwapNetwork.open(bundle, "cpu").swap(bundle.read_golden().faces).faces.astype(int)
        )
    assert np.abs(swapped[0] - swapped[1]).mean() > 2


def test_a_graph_that_differs_is_refused_and_nothing_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when TensorFlow's optimizer computes other pictures than the layers do."""
    real = bundle_module.run_model

    def off(function, faces):
        wanted = real(function, faces)
        return type(wanted)(255 - wanted.faces, wanted.masks)

    monkeypatch.setattr(bundle_module, "run_model", off)
    with pytest.raises(
        ArtifactRefused,
        match=r"fp32 graph differs too much .*within 1 levels.*mean difference.*SSIM",
    ):
        run_to_completion(export_bundle(run.directory, "ben", tmp_path / "b"))
    assert list(tmp_path.iterdir()) == []
    # Taken knowingly it is written, says so, and is held to no more than that.
    out = tmp_path / "lossy"
    run_to_completion(export_bundle(run.directory, "ben", out, ExportOptions(accept_loss=True)))
    bundle = Bundle.read(out)
    proof = bundle.manifest.graphs[0].proof
    assert proof
    assert "the mean difference is" in " ".join(proof.accepted)
    (finding,) = bundle_check.check(out, "cpu")
    assert finding.state == "ok"


def test_averaged_weights_are_exported(run: Run) -> None:
    networks, _ = graph.load_networks(run, "last")
    from faceloom_train.loop.trainer import compiled_model, dtype_policy
    from faceloom_train.runs.checkpoint import latest_checkpoint, restore_checkpoint

    with dtype_policy("float32"):
        model = compiled_model(run.settings, run.identities)
        restore_checkpoint(model, latest_checkpoint(run)[0])
    raw, averaged = (
        ops.convert_to_numpy(n.decoders[0].get_layer("template").picture)
        for n in (model.networks, networks)
    )
    assert not np.array_equal(raw, averaged)
    assert np.abs(raw - averaged).max() < 0.1


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_the_last_whole_checkpoint_is_exported(
    copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (copy / "checkpoints" / "step-00000003" / "state.weights.h5").write_bytes(b"half")
    assert run_to_completion(export_bundle(copy, "ben", tmp_path / "b")).step == 2
    assert "step-00000003 is damaged" in caplog.text
    assert "is used, of step 2" in caplog.text


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_the_checkpoint_that_is_asked_for_is_exported(copy: Path, tmp_path: Path) -> None:
    def exported(step: str) -> int:
        return run_to_completion(
            export_bundle(copy, "ben", tmp_path / step, ExportOptions(step=step))
        ).step

    with pytest.raises(ArtifactRefused, match="No evaluation has marked the best step"):
        exported("best")
    mark_best(Run.read(copy), 2, {"score": 50.0})
    assert (exported("last"), exported("best"), exported("2")) == (3, 2, 2)
    with pytest.raises(
        ArtifactRefused, match=r"no checkpoint of step 7; those that it keeps: .*2, 3"
    ):
        exported("7")
    with pytest.raises(UsageError, match="'first' is no step; give a number, last or best"):
        exported("first")
    (copy / "checkpoints" / "step-00000003" / "state.weights.h5").write_bytes(b"half")
    with pytest.raises(ArtifactRefused, match=r"step-00000003 is damaged.*Name another step"):
        exported("3")
    assert not (tmp_path / "3").exists()


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_what_cannot_be_exported(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def refused(error: type[Exception], words: str, identity: str = "ben") -> None:
        with pytest.raises(error, match=words):
            run_to_completion(export_bundle(copy, identity, out))
        assert not out.exists()

    refused(ArtifactRefused, "no identity 'cy'; choose one of ada, ben", "cy")
    monkeypatch.setattr(graph.keras.backend, "backend", lambda: "jax")
    refused(ProviderMissing, "needs Keras on TensorFlow")
    monkeypatch.undo()
    shutil.rmtree(copy / "checkpoints" / "step-00000002")
    checkpoint = copy / "checkpoints" / "step-00000003"
    settings = json.loads((checkpoint / "checkpoint.json").read_text())
    (checkpoint / "checkpoint.json").write_text(json.dumps({**settings, "schema": 2}))
    refused(ArtifactRefused, "schema 2")
    shutil.rmtree(copy / "checkpoints")
    refused(ArtifactRefused, "no checkpoint yet; train it first")
    (copy / "config.yaml").unlink()
    refused(ArtifactRefused, "is no run")
    out.mkdir()
    with pytest.raises(UsageError, match="--force"):
        run_to_completion(export_bundle(copy, "ben", out))


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_one_bundle_holds_every_precision(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "b"
    summary = run_to_completion(
        export_bundle(run.directory, "ben", out, ExportOptions(("fp32", "fp16", "int8")))
    )
    names = {"fp32": "swap.onnx", "fp16": "swap.fp16.onnx", "int8": "swap.int8.onnx"}
    assert {path.name for path in out.iterdir()} == {"manifest.json", "golden.npz", *names.values()}
    bundle = Bundle.read(out)
    proofs = {row.precision: row.proof for row in bundle.manifest.graphs}
    assert proofs["fp32"].within_one >= 0.9999
    assert proofs["fp16"].within_two >= 0.9999
    assert 0 < proofs["int8"].mean_difference <= 2
    sizes = {graph.precision: graph.bytes for graph in summary.graphs}
    # In int8 what moves the template stays in fp32, and is most of a network as small as this.
    assert max(sizes["int8"], sizes["fp16"]) < sizes["fp32"]
    for name in names:
        assert SwapNetwork.open(bundle, "cpu", name).precision == name
    assert SwapNetwork.open(bundle, "cpu").precision == "int8"
    assert [(f.what, f.state) for f in bundle_check.check(out, "cpu")] == [
        (f"bundle b {p}", "ok") for p in names
    ]


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_an_int8_graph_beyond_its_limits_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the faces that calibrate are nothing like those that are drawn."""
    real = bundle_module.sample_faces

    def black(run, identity):
        sample = real(run, identity)
        return replace(sample, calibration=np.zeros_like(sample.calibration))

    monkeypatch.setattr(bundle_module, "sample_faces", black)
    with pytest.raises(ArtifactRefused, match=r"int8 graph differs too much .*--accept-loss"):
        run_to_completion(
            export_bundle(run.directory, "ben", tmp_path / "b", ExportOptions(("fp32", "int8")))
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("precisions", "words"),
    [(("fp8",), "no precision 'fp8'"), ((), "at least one"), (("fp32", "fp32"), "each once")],
)
def test_precisions_that_are_none(tmp_path: Path, precisions: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        run_to_completion(export_bundle(tmp_path, "ben", tmp_path / "b", ExportOptions(precisions)))


def test_a_run_is_exported_while_it_trains(facesets: dict[str, Path], tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run", facesets, steps=6, checkpoint_every=2)
    steps = []

    def export(progress: Progress) -> None:
        if progress.done in (3, 5):
            command = f"export {run.directory} --identity ben --out {tmp_path / str(progress.done)} --json"
            faceloom = [sys.executable, "-m", "faceloom", *command.split()]
            done = subprocess.run(faceloom, capture_output=True, check=True)
            steps.append(json.loads(done.stdout)["step"])

    assert train(run, export).step == 6
    assert steps == [2, 4]


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_a_checkpoint_that_training_removes_meanwhile_is_not_missed(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = graph.restore_checkpoint

    def slow(model, checkpoint):
        """The trainer saves a newer one and drops this one just before it is read."""
        if checkpoint.name == "step-00000003":
            newer = shutil.copytree(checkpoint, checkpoint.with_name("step-00000004"))
            shutil.rmtree(checkpoint)
            file = json.loads((newer / "checkpoint.json").read_text())
            (newer / "checkpoint.json").write_text(json.dumps({**file, "step": 4}))
        real(model, checkpoint)

    monkeypatch.setattr(graph, "restore_checkpoint", slow)
    assert run_to_completion(export_bundle(copy, "ben", tmp_path / "b")).step == 4


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_a_damaged_checkpoint_whose_checksum_fits_is_refused(copy: Path, tmp_path: Path) -> None:
    checkpoint = copy / "checkpoints" / "step-00000003"
    weights = checkpoint / "state.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-2000])
    file = json.loads((checkpoint / "checkpoint.json").read_text())
    (checkpoint / "checkpoint.json").write_text(
        json.dumps({**file, "sha256": sha256_of_file(weights)})
    )
    with pytest.raises(ArtifactRefused, match="cannot be read as HDF5"):
        run_to_completion(export_bundle(copy, "ben", tmp_path / "b"))
    assert not (tmp_path / "b").exists()
