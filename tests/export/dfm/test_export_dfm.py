"""An exported .dfm meets each host program's requirements and matches the runtime's output."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from tests.helpers.runs import simple_run, write_checkpoints

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.alignment import CropGeometry, apply_affine, crop_face, umeyama
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.provenance.metadata import from_metadata
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.sources.face_source import CropBatch
from faceloom_export.bundle.export_bundle import export_bundle
from faceloom_export.dfm import export_dfm as export_dfm_module
from faceloom_export.dfm.dfm_graph import match_mean, soft_inside
from faceloom_export.dfm.export_dfm import export_dfm
from faceloom_export.dfm.host_crops import HOST_CROPS, CropWindow
from faceloom_export.dfm.host_programs import HostProgram
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def export_for(
    trained_run: Run, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[HostProgram], Path]:
    """Return a function that exports ben's .dfm for a host program, for each once."""

    @cache
    def export(host: HostProgram) -> Path:
        out = tmp_path_factory.mktemp("dfm") / "ben.dfm"
        run_to_completion(export_dfm(trained_run.directory, "ben", out, host=host))
        return out

    return export


@pytest.fixture(scope="module")
def dfm(export_for: Callable[[HostProgram], Path]) -> Path:
    return export_for("dfl")


def side_in_deepfacelive(session: ort.InferenceSession) -> int:
    """Return the side as DeepFaceLive reads it.

    It needs at most two inputs, the first named in_face, and takes the outputs by position.
    """
    inputs = session.get_inputs()
    assert len(inputs) <= 2
    assert "in_face" in inputs[0].name
    height, width = inputs[0].shape[1:3]
    assert height == width
    assert inputs[0].type == "tensor(float)"
    outputs = session.run(None, {"in_face:0": np.zeros((1, height, width, 3), np.float32)})
    assert [output.shape for output in outputs] == [
        (1, height, width, channels) for channels in (1, 3, 1)
    ]
    return int(height)


def side_in_facefusion(session: ort.InferenceSession) -> int:
    """Return the side as FaceFusion reads it: from the input in_face:0, a fixed square."""
    (face,) = [node for node in session.get_inputs() if node.name == "in_face:0"]
    height, width = face.shape[1:3]
    assert isinstance(height, int)
    assert height == width
    return height


def side_in_visomaster(session: ort.InferenceSession) -> int:
    """Return the side as VisoMaster reads it, which takes a dynamic size of an output for 1."""
    sides = {
        size if isinstance(size, int) else 1
        for output in session.get_outputs()
        for size in output.shape[1:3]
    }
    (side,) = sides
    assert side > 1
    return int(side)


@pytest.mark.parametrize(
    "side_in_host", [side_in_deepfacelive, side_in_facefusion, side_in_visomaster]
)
def test_each_host_program_can_read_the_file(dfm: Path, side_in_host) -> None:
    session = ort.InferenceSession(dfm.read_bytes(), providers=["CPUExecutionProvider"])
    # The network's 32 pixels at coverage 0.86.
    assert side_in_host(session) == 37


def test_names_shapes_versions_and_metadata_are_exact(dfm: Path) -> None:
    model = onnx.load(dfm)
    onnx.checker.check_model(model, full_check=True)
    (face,), outputs = model.graph.input, model.graph.output
    assert face.name == "in_face:0"
    assert [output.name for output in outputs] == [
        "out_face_mask:0",
        "out_celeb_face:0",
        "out_celeb_face_mask:0",
    ]
    shapes = [
        [d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim] for v in (face, *outputs)
    ]
    assert shapes == [["batch", 37, 37, channels] for channels in (3, 1, 3, 1)]
    assert {opset.version for opset in model.opset_import if not opset.domain} == {12}
    assert all(not node.domain for node in model.graph.node)
    assert model.ir_version == 7
    metadata = from_metadata({entry.key: entry.value for entry in model.metadata_props})
    assert (metadata["identity"], metadata["identities"], metadata["steps"]) == (
        "ben",
        "ada, ben",
        "60",
    )
    assert metadata["consent"] == "ben agreed"
    assert len(metadata["config_sha256"]) == 64


MASKING_HOSTS = [host for host, crop in HOST_CROPS.items() if not crop.ignores_masks]


@pytest.mark.parametrize(
    "host",
    [
        host if host == "dfl" else pytest.param(host, marks=pytest.mark.exhaustive)
        for host in MASKING_HOSTS
    ],
)
def test_output_in_a_host_program_s_crop_matches_the_runtime(
    trained_run: Run,
    export_for: Callable[[HostProgram], Path],
    tmp_path: Path,
    host: HostProgram,
) -> None:
    """Swapped channels, a misplaced window or an unmasked background would exceed the limit."""
    run_to_completion(export_bundle(trained_run.directory, "ben", tmp_path / "b"))
    network = SwapNetwork.open(Bundle.read(tmp_path / "b"), "cpu")
    session = ort.InferenceSession(
        export_for(host).read_bytes(), providers=["CPUExecutionProvider"]
    )
    window = CropWindow.of(network.crop, host)
    template = HOST_CROPS[host].template()
    host_crop = CropGeometry(size=window.host_side, coverage=1, template=template)
    differences = []
    for face, mesh_xy, to_network_crop, to_host_crop in _faces(
        trained_run, network.crop, host_crop
    ):
        expected, mask = _predict(network, face, mesh_xy, to_network_crop)
        bgr = (
            crop_face(face, to_host_crop, window.host_side).astype(np.float32)[None, ..., ::-1]
            / 255
        )
        swapped = session.run(None, {"in_face:0": bgr})[1][..., ::-1] * 255
        actual = np.asarray(window.cut(swapped))[0]
        differences.append(np.abs(actual - expected)[mask > 200].mean())
    # 5 to 7 levels with this coarse network of 60 steps; 12 without masking the background.
    assert np.mean(differences) < 9, differences


def _faces(run: Run, network_crop: CropGeometry, host_crop: CropGeometry) -> Iterator[tuple]:
    """Yield faces of ada: the crop, its mesh, and its maps to the network's and the host's crop."""
    faceset = FaceSet.read(run.faces["ada"])
    for row in faceset.rows[:: len(faceset) // 4]:
        to_host_crop = umeyama(faceset.geometry.template_xy(), host_crop.template_xy())
        yield (
            faceset.read_crop(row),
            faceset.mesh_in_crop(row),
            faceset.geometry.affine_to(network_crop),
            to_host_crop,
        )


def _predict(network: SwapNetwork, face: np.ndarray, mesh_xy: np.ndarray, to_crop: np.ndarray):
    from faceloom.faces.mask import mesh_mask

    size = network.crop.size
    mesh = apply_affine(to_crop, mesh_xy)
    mask = mesh_mask(mesh, size, size)
    targets = CropBatch(crop_face(face, to_crop, size)[None], mesh[None], mask[None])
    return network.predict(targets).faces[0].astype(np.float32), mask


def test_a_program_that_shows_the_whole_square_gets_a_pasted_face(
    trained_run: Run, tmp_path: Path
) -> None:
    """The target's picture outside the face, the target's mean color inside, no edge between."""
    run_to_completion(
        export_dfm(trained_run.directory, "ben", tmp_path / "x.dfm", host="visomaster")
    )
    session = ort.InferenceSession(
        (tmp_path / "x.dfm").read_bytes(), providers=["CPUExecutionProvider"]
    )
    window = CropWindow.of(network_crop(trained_run.settings), "visomaster")
    assert window.host_side >= 512
    template = HOST_CROPS["visomaster"].template()
    host_crop = CropGeometry(size=window.host_side, coverage=1, template=template)
    for face, _, _, to_host_crop in _faces(
        trained_run, network_crop(trained_run.settings), host_crop
    ):
        target = crop_face(face, to_host_crop, window.host_side).astype(np.float32) / 255
        mask, shown, own_mask = session.run(None, {"in_face:0": target[None, ..., ::-1]})
        swapped = shown[0, ..., ::-1]
        outside = np.minimum(mask, own_mask)[0, ..., 0] < 0.02
        np.testing.assert_allclose(swapped[outside], target[outside], atol=0.02)
        changed = np.abs(swapped - target).max(-1)
        assert changed.max() > 0.05
        inside = np.minimum(mask, own_mask)[0, ..., 0] > 0.9
        np.testing.assert_allclose(swapped[inside].mean(0), target[inside].mean(0), atol=0.05)


def test_a_pasted_face_fades_out_inside_its_mask() -> None:
    mask = np.zeros((1, 64, 64, 1), np.float32)
    mask[:, 16:48, 16:48] = 1
    soft = soft_inside(mask).numpy()
    assert not soft[mask == 0].any()
    assert soft[0, 32, 32, 0] == 1
    assert np.abs(np.diff(soft[0, 32, :, 0])).max() < 0.5
    assert soft[0, 16, 16:48].max() < 0.2
    # The edge of the crop is an edge of the mask.
    assert soft_inside(np.ones((1, 64, 64, 1), np.float32)).numpy()[0, 0].max() < 0.7


def test_a_pasted_face_gets_the_mean_color_inside_its_mask() -> None:
    rng = np.random.default_rng(0)
    face, target = (rng.random((2, 16, 16, 3)).astype(np.float32) for _ in range(2))
    mask = np.zeros((2, 16, 16, 1), np.float32)
    mask[:, 4:12, 4:12] = 1
    matched = match_mean(face, target, mask).numpy()
    inside = np.s_[:, 4:12, 4:12]
    np.testing.assert_allclose(matched[inside].mean((1, 2)), target[inside].mean((1, 2)), atol=1e-5)
    assert np.ptp(matched - face, (1, 2)).max() < 1e-6
    np.testing.assert_array_equal(match_mean(face, target, 0 * mask), face)


WINDOWS = {
    "whole face": (CropGeometry(size=64, coverage=1), "dfl", (64, 0, 0)),
    "smaller coverage": (CropGeometry(size=96, coverage=0.86), "dfl", (112, 8, 8)),
    "larger coverage": (CropGeometry(size=96, coverage=1.2), "dfl", (80, -8, -8)),
    "many pixels": (CropGeometry(size=64, coverage=1), "visomaster", (63, -3, 2)),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_window_of_the_network_s_crop_in_the_host_program_s(name: str) -> None:
    crop, host, expected = WINDOWS[name]
    window = CropWindow.of(crop, host)
    assert (window.side, window.left, window.top) == expected
    shape = (2, window.host_side, window.host_side, 3)
    picture = np.random.default_rng(0).random(shape).astype(np.float32)
    inner = window.cut(picture)
    assert inner.shape == (2, crop.size, crop.size, 3)
    if window.factor == 1:
        restored = window.place(inner) + picture * window.outside()
        np.testing.assert_array_equal(restored, picture)
        return
    # A smooth picture survives being averaged and enlarged.
    rows = np.linspace(0, 1, window.host_side, dtype=np.float32)[None, :, None, None]
    smooth = np.broadcast_to(rows, shape)
    placed = window.place(window.cut(smooth)).numpy()
    middle = np.s_[:, 99:-99, 99:-99]
    np.testing.assert_allclose(placed[middle], smooth[middle], atol=0.005)
    # Nothing dark is mixed in at the edge of the network's square.
    gray = window.place(np.full_like(inner, 0.5)).numpy()
    np.testing.assert_allclose(gray[np.broadcast_to(window.outside(), shape) == 0], 0.5, atol=1e-4)


def test_output_outside_the_network_s_crop_is_the_target(dfm: Path) -> None:
    session = ort.InferenceSession(dfm.read_bytes(), providers=["CPUExecutionProvider"])
    face = np.random.default_rng(0).random((2, 37, 37, 3)).astype(np.float32)
    target_mask, swapped, mask = session.run(None, {"in_face:0": face})
    np.testing.assert_array_equal(swapped[:, 0], face[:, 0])
    assert not target_mask[:, 0].any()
    assert not mask[:, 0].any()
    assert mask[:, 15:20, 15:20].min() > 0.5


def test_network_trained_with_the_background_is_exported(
    facesets: dict[str, Path], tmp_path: Path
) -> None:
    run = simple_run(tmp_path / "run", facesets, steps=2, mask_background=False)
    write_checkpoints(run, 2)
    run_to_completion(export_dfm(run.directory, "ada", tmp_path / "ada.dfm", target="ben"))
    session = ort.InferenceSession(
        (tmp_path / "ada.dfm").read_bytes(), providers=["CPUExecutionProvider"]
    )
    assert side_in_deepfacelive(session) == 32


def test_export_is_refused_with_the_reason(
    trained_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(error: type[Exception], words: str, out: str = "x.dfm", **options: str) -> None:
        with pytest.raises(error, match=words):
            run_to_completion(
                export_dfm(
                    trained_run.directory, options.pop("identity", "ben"), tmp_path / out, **options
                )
            )
        assert list(tmp_path.iterdir()) == []

    refused(UsageError, "must end in .dfm", out="ben.onnx")
    refused(ArtifactRefused, "no identity 'cy'; choose one of ada, ben", identity="cy")
    refused(ArtifactRefused, "no identity 'cy'; choose one of ada, ben", target="cy")
    real = export_dfm_module.to_dfm_model

    def with_wrong_constant(function):
        model = real(function)
        (picture, *_) = [t for t in model.graph.initializer if list(t.dims) == [1, 37, 37, 1]]
        picture.raw_data = np.full((1, 37, 37, 1), 0.1, np.float32).tobytes()
        return model

    monkeypatch.setattr(export_dfm_module, "to_dfm_model", with_wrong_constant)
    refused(ArtifactRefused, "differs from the trained model by up to")
