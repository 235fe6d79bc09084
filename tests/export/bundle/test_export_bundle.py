"""An exported bundle matches the trained model, or nothing is written."""

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
from tests.helpers.runs import LIAE_NETWORK, simple_run, tiny_run, write_checkpoints

from faceloom.doctor import bundle_check
from faceloom.errors import ArtifactRefused, ProviderMissing, UsageError
from faceloom.hashing import sha256_of_file
from faceloom.progress import Progress, run_to_completion
from faceloom.swap import Bundle, SwapNetwork
from faceloom_export.bundle import export_bundle as export_bundle_module
from faceloom_export.bundle.export_bundle import ExportOptions, ExportSummary, export_bundle
from faceloom_export.graph import swap_graph
from faceloom_train.loop.trainer import train
from faceloom_train.runs.checkpoint import mark_best
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.fixture(
    scope="module",
    params=[
        "float32",
        pytest.param("mixed_bfloat16", marks=pytest.mark.exhaustive),
        pytest.param("mixed_float16", marks=pytest.mark.exhaustive),
    ],
)
def run(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    facesets: dict[str, Path],
) -> Run:
    """A tiny run in each precision policy, with a checkpoint of step 3."""
    directory = tmp_path_factory.mktemp("runs") / request.param
    return write_checkpoints(tiny_run(directory, facesets, precision=request.param, steps=3), 3)


@pytest.fixture(scope="module")
def exported(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[ExportSummary, Bundle]]:
    """The run's export of each identity."""
    folder = tmp_path_factory.mktemp("bundles")
    summaries = {
        name: run_to_completion(export_bundle(run.directory, name, folder / name))
        for name in ("ada", "ben")
    }
    return {name: (summary, Bundle.read(folder / name)) for name, summary in summaries.items()}


@pytest.fixture(scope="module")
def simple(tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]) -> Run:
    """A run of a simple network, with checkpoints at 2 and 3."""
    directory = tmp_path_factory.mktemp("runs") / "simple"
    return write_checkpoints(simple_run(directory, facesets, steps=3), 2, 3)


@pytest.fixture
def run_copy(simple: Run, tmp_path: Path) -> Path:
    """A copy of the simple run that the test may change."""
    return Path(shutil.copytree(simple.directory, tmp_path / "run"))


def test_bundle_matches_the_trained_model(
    exported: dict[str, tuple[ExportSummary, Bundle]],
) -> None:
    summary, bundle = exported["ben"]
    (graph,) = summary.graphs
    assert (summary.step, graph.precision, graph.parity.accepted_violations) == (3, "fp32", ())
    assert graph.parity.max_difference <= 1
    assert bundle.manifest.graphs[0].parity == graph.parity
    network = SwapNetwork.open(bundle, "cpu")
    golden = bundle.read_golden_sample()
    assert len(golden.faces) == bundle.manifest.golden.faces == 8
    assert not list(network.replay(golden).violations(network.tolerance))
    # The batch size does not change a face.
    np.testing.assert_allclose(
        network.swap(golden.faces[:1]).faces, network.swap(golden.faces).faces[:1], atol=1
    )
    manifest = bundle.manifest
    assert manifest.identities == ("ada", "ben")
    assert manifest.mask_background
    assert manifest.crop.size == 32
    names = {path.name for path in bundle.path.iterdir()}
    assert names == {"manifest.json", "swap.onnx", "golden.npz"}


def test_graph_is_standard_onnx_with_its_origin_in_the_metadata(
    exported: dict[str, tuple[ExportSummary, Bundle]],
) -> None:
    folder = exported["ada"][1].path
    model = onnx.load(folder / "swap.onnx")
    assert {o.version for o in model.opset_import if o.domain in ("", "ai.onnx")} == {18}
    assert all(node.domain in ("", "ai.onnx") for node in model.graph.node)
    assert [
        d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim
    ] == ["batch", 32, 32, 3]
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert (metadata["faceloom.identity"], metadata["faceloom.steps"]) == ("ada", "3")
    assert str(folder.parent) not in str(model)
    # No shape that is known in advance is computed at run time.
    operators = [node.op_type for node in model.graph.node]
    assert not set(operators) & {"Shape", "Concat", "Identity", "BatchNormalization"}
    # The Gather nodes that warp the mean face.
    assert operators.count("Gather") == 4


def test_each_identity_has_its_own_decoder(
    exported: dict[str, tuple[ExportSummary, Bundle]],
) -> None:
    swapped = {}
    for name, (_, bundle) in exported.items():
        swapped[name] = (
            SwapNetwork.open(bundle, "cpu")
            .swap(bundle.read_golden_sample().faces)
            .faces.astype(int)
        )
    assert np.abs(swapped["ada"] - swapped["ben"]).mean() > 2


@pytest.mark.parametrize(
    "network",
    [
        pytest.param({}, marks=pytest.mark.exhaustive),
        {"mask_decoder": [4], "inter_stages": 0},
    ],
)
def test_every_kind_of_network_is_exported(
    tmp_path: Path, facesets: dict[str, Path], network: dict[str, object]
) -> None:
    run = tiny_run(tmp_path / "run", facesets, network={**LIAE_NETWORK, **network}, steps=3)
    write_checkpoints(run, 3)
    swapped = []
    for name in ("ada", "ben"):
        (graph,) = run_to_completion(export_bundle(run.directory, name, tmp_path / name)).graphs
        assert graph.parity.max_difference <= 1
        bundle = Bundle.read(tmp_path / name)
        assert bundle.manifest.training
        assert bundle.manifest.training.network == "liae"
        swapped.append(
            SwapNetwork.open(bundle, "cpu")
            .swap(bundle.read_golden_sample().faces)
            .faces.astype(int)
        )
    assert np.abs(swapped[0] - swapped[1]).mean() > 2


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_graph_that_differs_is_refused_and_nothing_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow's graph optimizer, for example, could change the result of the layers."""
    real = export_bundle_module.run_model

    def run_inverted(function, faces):
        reference = real(function, faces)
        return type(reference)(255 - reference.faces, reference.masks)

    monkeypatch.setattr(export_bundle_module, "run_model", run_inverted)
    with pytest.raises(
        ArtifactRefused,
        match=r"fp32 graph differs too much .*within 1 levels.*mean difference.*SSIM",
    ):
        run_to_completion(export_bundle(run.directory, "ben", tmp_path / "b"))
    assert list(tmp_path.iterdir()) == []
    # With accept_loss it is written, the manifest records the violations, and a check passes.
    out = tmp_path / "lossy"
    run_to_completion(export_bundle(run.directory, "ben", out, ExportOptions(accept_loss=True)))
    bundle = Bundle.read(out)
    parity = bundle.manifest.graphs[0].parity
    assert parity
    assert "the mean difference is" in " ".join(parity.accepted_violations)
    (finding,) = bundle_check.check(out, "cpu")
    assert finding.state == "ok"


def test_averaged_weights_are_exported(run: Run) -> None:
    networks, _ = swap_graph.load_networks(run, "last")
    from faceloom_train.model.model_builder import build_compiled_model, dtype_policy
    from faceloom_train.runs.checkpoint import latest_checkpoint, restore_checkpoint

    with dtype_policy("float32"):
        model = build_compiled_model(run.settings, run.identities)
        restore_checkpoint(model, latest_checkpoint(run)[0])
    raw, averaged = (
        ops.convert_to_numpy(n.decoders[0].get_layer("mean_face").image)
        for n in (model.networks, networks)
    )
    assert not np.array_equal(raw, averaged)
    assert np.abs(raw - averaged).max() < 0.1


def test_last_undamaged_checkpoint_is_exported(
    run_copy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (run_copy / "checkpoints" / "step-00000003" / "state.weights.h5").write_bytes(b"half")
    assert run_to_completion(export_bundle(run_copy, "ben", tmp_path / "b")).step == 2
    assert "step-00000003 is damaged" in caplog.text
    assert "The checkpoint of step 2 is used" in caplog.text


def test_requested_checkpoint_is_exported(run_copy: Path, tmp_path: Path) -> None:
    def exported(step: str) -> int:
        return run_to_completion(
            export_bundle(run_copy, "ben", tmp_path / step, ExportOptions(step=step))
        ).step

    with pytest.raises(ArtifactRefused, match="No evaluation has marked the best step"):
        exported("best")
    mark_best(Run.read(run_copy), 2, {"score": 50.0})
    assert (exported("last"), exported("best"), exported("2")) == (3, 2, 2)
    with pytest.raises(
        ArtifactRefused, match=r"no checkpoint of step 7; its checkpoints are: .*2, 3"
    ):
        exported("7")
    with pytest.raises(UsageError, match="'first' is not a step; give a number, last or best"):
        exported("first")
    (run_copy / "checkpoints" / "step-00000003" / "state.weights.h5").write_bytes(b"half")
    with pytest.raises(ArtifactRefused, match=r"step-00000003 is damaged.*Choose another step"):
        exported("3")
    assert not (tmp_path / "3").exists()


def test_export_is_refused_with_the_reason(
    run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def refused(error: type[Exception], words: str, identity: str = "ben") -> None:
        with pytest.raises(error, match=words):
            run_to_completion(export_bundle(run_copy, identity, out))
        assert not out.exists()

    refused(ArtifactRefused, "no identity 'cy'; choose one of ada, ben", "cy")
    monkeypatch.setattr(swap_graph.keras.backend, "backend", lambda: "jax")
    refused(ProviderMissing, "needs Keras on TensorFlow")
    monkeypatch.undo()
    shutil.rmtree(run_copy / "checkpoints" / "step-00000002")
    checkpoint = run_copy / "checkpoints" / "step-00000003"
    settings = json.loads((checkpoint / "checkpoint.json").read_text())
    (checkpoint / "checkpoint.json").write_text(json.dumps({**settings, "schema": 2}))
    refused(ArtifactRefused, "schema 2")
    shutil.rmtree(run_copy / "checkpoints")
    refused(ArtifactRefused, "no checkpoint yet; train it first")
    (run_copy / "config.yaml").unlink()
    refused(ArtifactRefused, "is not a run")
    out.mkdir()
    with pytest.raises(UsageError, match="--force"):
        run_to_completion(export_bundle(run_copy, "ben", out))


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_one_bundle_has_a_graph_for_every_precision(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "b"
    summary = run_to_completion(
        export_bundle(run.directory, "ben", out, ExportOptions(("fp32", "fp16", "int8")))
    )
    names = {"fp32": "swap.onnx", "fp16": "swap.fp16.onnx", "int8": "swap.int8.onnx"}
    assert {path.name for path in out.iterdir()} == {"manifest.json", "golden.npz", *names.values()}
    bundle = Bundle.read(out)
    parities = {row.precision: row.parity for row in bundle.manifest.graphs}
    assert parities["fp32"].share_within_1 >= 0.9999
    assert parities["fp16"].share_within_2 >= 0.9999
    assert 0 < parities["int8"].mean_difference <= 2
    sizes = {graph.precision: graph.bytes for graph in summary.graphs}
    # int8 leaves the nodes that warp the mean face in fp32, most of a network this small.
    assert max(sizes["int8"], sizes["fp16"]) < sizes["fp32"]
    for name in names:
        assert SwapNetwork.open(bundle, "cpu", name).precision == name
    assert SwapNetwork.open(bundle, "cpu").precision == "int8"
    assert [(f.check, f.state) for f in bundle_check.check(out, "cpu")] == [
        (f"bundle b {p}", "ok") for p in names
    ]


@pytest.mark.parametrize("run", ["float32"], indirect=True)
def test_int8_graph_beyond_its_limits_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calibration on black faces gives wrong activation ranges."""
    real = export_bundle_module.read_export_sample

    def read_with_black_calibration(run, identity):
        sample = real(run, identity)
        return replace(sample, calibration=np.zeros_like(sample.calibration))

    monkeypatch.setattr(export_bundle_module, "read_export_sample", read_with_black_calibration)
    with pytest.raises(ArtifactRefused, match=r"int8 graph differs too much .*--accept-loss"):
        run_to_completion(
            export_bundle(run.directory, "ben", tmp_path / "b", ExportOptions(("fp32", "int8")))
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("precisions", "words"),
    [(("fp8",), "no precision 'fp8'"), ((), "at least one"), (("fp32", "fp32"), "each only once")],
)
def test_unknown_and_repeated_precisions_are_refused(
    tmp_path: Path, precisions: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        run_to_completion(export_bundle(tmp_path, "ben", tmp_path / "b", ExportOptions(precisions)))


@pytest.mark.process
@pytest.mark.exhaustive
def test_run_is_exported_while_it_trains(facesets: dict[str, Path], tmp_path: Path) -> None:
    run = simple_run(tmp_path / "run", facesets, steps=4, checkpoint_every=2)
    steps = []

    def export(progress: Progress) -> None:
        if progress.done == 3:
            command = f"export {run.directory} --identity ben --out {tmp_path}/out --json"
            faceloom = [sys.executable, "-m", "faceloom", *command.split()]
            completed = subprocess.run(faceloom, capture_output=True, check=True)
            steps.append(json.loads(completed.stdout)["step"])

    assert train(run, export).step == 4
    assert steps == [2]


def test_export_retries_when_training_deletes_the_checkpoint(
    run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = swap_graph.restore_checkpoint

    def restore_after_deletion(model, checkpoint):
        """Let training save a newer checkpoint and delete this one just before it is read."""
        if checkpoint.name == "step-00000003":
            newer = shutil.copytree(checkpoint, checkpoint.with_name("step-00000004"))
            shutil.rmtree(checkpoint)
            file = json.loads((newer / "checkpoint.json").read_text())
            (newer / "checkpoint.json").write_text(json.dumps({**file, "step": 4}))
        real(model, checkpoint)

    monkeypatch.setattr(swap_graph, "restore_checkpoint", restore_after_deletion)
    assert run_to_completion(export_bundle(run_copy, "ben", tmp_path / "b")).step == 4


def test_damaged_checkpoint_with_a_valid_checksum_is_refused(
    run_copy: Path, tmp_path: Path
) -> None:
    checkpoint = run_copy / "checkpoints" / "step-00000003"
    weights = checkpoint / "state.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-2000])
    file = json.loads((checkpoint / "checkpoint.json").read_text())
    (checkpoint / "checkpoint.json").write_text(
        json.dumps({**file, "sha256": sha256_of_file(weights)})
    )
    with pytest.raises(ArtifactRefused, match="cannot be read as HDF5"):
        run_to_completion(export_bundle(run_copy, "ben", tmp_path / "b"))
    assert not (tmp_path / "b").exists()
