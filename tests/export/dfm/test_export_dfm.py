"""A .dfm of ours is what each of the programs that run such files asks for, and as good as our own runner."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from tests.helpers.runs import tiny_run

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.alignment import CropGeometry, apply_affine, crop_face, umeyama
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.provenance.metadata import from_metadata
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.sources.face_source import AlignedFaces
from faceloom_export.bundle.export_bundle import export_bundle
from faceloom_export.dfm import export_dfm as dfm_module
from faceloom_export.dfm.export_dfm import export_dfm
from faceloom_export.dfm.host_crops import HOSTS, Window
from faceloom_train.loop.trainer import train
from faceloom_train.runs.run_directory import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]) -> Run:
    made = tiny_run(
        tmp_path_factory.mktemp("runs") / "run",
        facesets,
        steps=60,
        coverage=0.86,
        consent="ben agreed",
    )
    train(made)
    return made


@pytest.fixture(scope="module")
def dfm(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dfm") / "ben.dfm"
    run_to_completion(export_dfm(run.directory, "ben", out))
    return out


def read_by_deepfacelive(session: ort.InferenceSession) -> int:
    """Return the side, as DeepFaceLive takes it: two inputs at most, the first named in_face, outputs by position."""
    inputs = session.get_inputs()
    assert len(inputs) <= 2
    assert "in_face" in inputs[0].name
    height, width = inputs[0].shape[1:3]
    assert height == width
    assert inputs[0].type == "tensor(float)"
    found = session.run(None, {"in_face:0": np.zeros((1, height, width, 3), np.float32)})
    assert [output.shape for output in found] == [
        (1, height, width, channels) for channels in (1, 3, 1)
    ]
    return int(height)


def read_by_facefusion(session: ort.InferenceSession) -> int:
    """Return the side, as FaceFusion takes it: the exact name of the input, a fixed square."""
    (face,) = [node for node in session.get_inputs() if node.name == "in_face:0"]
    height, width = face.shape[1:3]
    assert isinstance(height, int)
    assert height == width
    return height


def read_by_visomaster(session: ort.InferenceSession) -> int:
    """Return the side, as VisoMaster takes it: it would read an open height or width of an output as 1."""
    sides = {
        size if isinstance(size, int) else 1
        for output in session.get_outputs()
        for size in output.shape[1:3]
    }
    (side,) = sides
    assert side > 1
    return int(side)


@pytest.mark.parametrize("reads", [read_by_deepfacelive, read_by_facefusion, read_by_visomaster])
def test_each_host_can_read_it(dfm: Path, reads) -> None:
    session = ort.InferenceSession(dfm.read_bytes(), providers=["CPUExecutionProvider"])
    # 32 px of coverage 0.86.
    assert reads(session) == 37


def test_it_is_the_contract_to_the_letter(dfm: Path) -> None:
    model = onnx.load(dfm)
    onnx.checker.check_model(model, full_check=True)
    (taken,), given = model.graph.input, model.graph.output
    assert taken.name == "in_face:0"
    assert [output.name for output in given] == [
        "out_face_mask:0",
        "out_celeb_face:0",
        "out_celeb_face_mask:0",
    ]
    shapes = [
        [d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim] for v in (taken, *given)
    ]
    assert shapes == [["batch", 37, 37, channels] for channels in (3, 1, 3, 1)]
    assert {opset.version for opset in model.opset_import if not opset.domain} == {12}
    assert all(not node.domain for node in model.graph.node)
    assert model.ir_version == 7
    said = from_metadata({entry.key: entry.value for entry in model.metadata_props})
    assert (said["identity"], said["identities"], said["steps"]) == ("ben", "ada, ben", "60")
    assert said["consent"] == "ben agreed"
    assert len(said["settings_sha256"]) == 64


@pytest.mark.parametrize("host", HOSTS)
def test_it_gives_in_a_host_s_crop_what_our_runner_gives(
    run: Run, tmp_path: Path, host: str
) -> None:
    """Colors swapped, a window misplaced, or the background shown to the network would each cost more."""
    run_to_completion(export_bundle(run.directory, "ben", tmp_path / "b"))
    run_to_completion(export_dfm(run.directory, "ben", tmp_path / "x.dfm", host=host))
    network = SwapNetwork.open(Bundle.read(tmp_path / "b"), "cpu")
    session = ort.InferenceSession(
        (tmp_path / "x.dfm").read_bytes(), providers=["CPUExecutionProvider"]
    )
    window = Window.of(network.crop, host)
    theirs_crop = CropGeometry(size=window.side, coverage=1, template=HOSTS[host])
    differences = []
    for face, mesh_xy, to_ours, to_theirs in _faces(run, network.crop, theirs_crop):
        ours, mask = _ours(network, face, mesh_xy, to_ours)
        seen = crop_face(face, to_theirs, window.side).astype(np.float32)[None, ..., ::-1] / 255
        theirs = np.asarray(
            window.inner(session.run(None, {"in_face:0": seen})[1][..., ::-1] * 255)
        )[0]
        differences.append(np.abs(theirs - ours)[mask > 200].mean())
    # 5 to 7 levels with this network of 60 steps, whose pixels are large; 12 with the background shown.
    assert np.mean(differences) < 9, differences


def _faces(run: Run, ours: CropGeometry, theirs: CropGeometry) -> Iterator[tuple]:
    faceset = FaceSet.read(run.faces["ada"])
    for row in faceset.rows[:: len(faceset) // 4]:
        to_theirs = umeyama(faceset.geometry.template_xy(), theirs.template_xy())
        yield (
            faceset.read_crop(row),
            faceset.mesh_in_crop(row),
            faceset.geometry.to(ours),
            to_theirs,
        )


def _ours(network: SwapNetwork, face: np.ndarray, mesh_xy: np.ndarray, to_crop: np.ndarray):
    from faceloom.faces.mask import mesh_mask

    size = network.crop.size
    mesh = apply_affine(to_crop, mesh_xy)
    mask = mesh_mask(mesh, size, size)
    targets = AlignedFaces(crop_face(face, to_crop, size)[None], mesh[None], mask[None])
    return network.swap_aligned(targets).faces[0].astype(np.float32), mask


WINDOWS = {
    "whole face": (CropGeometry(size=64, coverage=1), "dfl", (64, 0, 0)),
    "less of it": (CropGeometry(size=96, coverage=0.86), "dfl", (112, 8, 8)),
    "more of it": (CropGeometry(size=96, coverage=1.2), "dfl", (80, -8, -8)),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_the_network_s_square_in_the_host_s(name: str) -> None:
    crop, host, place = WINDOWS[name]
    window = Window.of(crop, host)
    assert (window.side, window.left, window.top) == place
    picture = np.random.default_rng(0).random((2, window.side, window.side, 3)).astype(np.float32)
    inner = window.inner(picture)
    assert inner.shape == (2, crop.size, crop.size, 3)
    back = window.outer(inner) + picture * window.beyond()
    np.testing.assert_array_equal(back, picture)


def test_what_is_drawn_where_the_network_sees_nothing(dfm: Path) -> None:
    session = ort.InferenceSession(dfm.read_bytes(), providers=["CPUExecutionProvider"])
    face = np.random.default_rng(0).random((2, 37, 37, 3)).astype(np.float32)
    target_mask, drawn, mask = session.run(None, {"in_face:0": face})
    np.testing.assert_array_equal(drawn[:, 0], face[:, 0])
    assert not target_mask[:, 0].any()
    assert not mask[:, 0].any()
    assert mask[:, 15:20, 15:20].min() > 0.5


def test_a_network_that_is_shown_the_background(facesets: dict[str, Path], tmp_path: Path) -> None:
    made = tiny_run(tmp_path / "run", facesets, steps=2, hide_background=False)
    train(made)
    run_to_completion(export_dfm(made.directory, "ada", tmp_path / "ada.dfm", target="ben"))
    session = ort.InferenceSession(
        (tmp_path / "ada.dfm").read_bytes(), providers=["CPUExecutionProvider"]
    )
    assert read_by_deepfacelive(session) == 32


def test_what_cannot_be_exported(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(error: type[Exception], words: str, out: str = "x.dfm", **options: str) -> None:
        with pytest.raises(error, match=words):
            run_to_completion(
                export_dfm(run.directory, options.pop("identity", "ben"), tmp_path / out, **options)
            )
        assert list(tmp_path.iterdir()) == []

    refused(UsageError, "look for that ending", out="ben.onnx")
    refused(ArtifactRefused, "no identity 'cy'; choose one of ada, ben", identity="cy")
    refused(ArtifactRefused, "no identity 'cy'; choose one of ada, ben", target="cy")
    real = dfm_module.dfm_model

    def off(function):
        model = real(function)
        (picture,) = [t for t in model.graph.initializer if list(t.dims) == [1, 37, 37, 1]]
        picture.raw_data = np.full((1, 37, 37, 1), 0.1, np.float32).tobytes()
        return model

    monkeypatch.setattr(dfm_module, "dfm_model", off)
    refused(ArtifactRefused, "differs from the trained model by up to")
