"""All files of a bundle are checked before any graph runs."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import SIZE, make_bundle

from faceloom.errors import ArtifactRefused, ProviderMissing
from faceloom.hashing import sha256_of_file
from faceloom.swap import Bundle, SwapNetwork


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "ben.bundle")


def test_the_network_runs_on_any_number_of_faces(bundle: Path) -> None:
    network = SwapNetwork.open(Bundle.read(bundle), "cpu")
    faces = np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)
    swapped = network.swap(faces)
    np.testing.assert_array_equal(swapped.faces, 255 - faces)
    assert (swapped.masks == 255).all()
    assert swapped.masks.shape == (3, SIZE, SIZE)
    assert network.swap(faces[:0]).masks.shape == (0, SIZE, SIZE)
    assert network.provider == "cpu"


def test_the_golden_sample_replays_exactly(bundle: Path) -> None:
    checked = Bundle.read(bundle)
    difference = SwapNetwork.open(checked).replay(checked.read_golden_sample())
    assert (difference.max, difference.mean, difference.share_within(0)) == (0, 0.0, 1.0)


def test_a_checked_bundle_needs_its_files_no_more(bundle: Path) -> None:
    checked = Bundle.read(bundle)
    sha256 = sha256_of_file(bundle / "manifest.json")
    shutil.rmtree(bundle)
    assert SwapNetwork.open(checked, "cpu").replay(checked.read_golden_sample()).max == 0
    assert checked.sha256() == sha256


def test_a_pickled_bundle_reads_and_checks_its_files_again(bundle: Path) -> None:
    checked = Bundle.read(bundle)
    received = pickle.loads(pickle.dumps(checked))
    assert (received.manifest, dict(received.contents)) == (checked.manifest, {})
    assert SwapNetwork.open(received, "cpu").precision == "fp32"
    _flip_a_byte(bundle)
    with pytest.raises(ArtifactRefused, match="SHA-256 differs"):
        SwapNetwork.open(received, "cpu")


def _edit(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _edit_graph(folder: Path, **changes: object) -> None:
    (row,) = json.loads((folder / "manifest.json").read_text())["graphs"]
    _edit(folder, graphs=[{**row, **changes}])


def _two_of_one_precision(folder: Path) -> None:
    (row,) = json.loads((folder / "manifest.json").read_text())["graphs"]
    _edit(folder, graphs=[row, row])


def _flip_a_byte(folder: Path) -> None:
    data = bytearray((folder / "swap.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "swap.onnx").write_bytes(bytes(data))


def _other_crop(folder: Path) -> None:
    crop = json.loads((folder / "manifest.json").read_text())["crop"]
    _edit(folder, crop={**crop, "size": 128})


def _no_onnx(folder: Path) -> None:
    (folder / "swap.onnx").write_bytes(b"not a graph")
    _edit_graph(folder, sha256=sha256_of_file(folder / "swap.onnx"))


DAMAGE = {
    "one byte flipped": (_flip_a_byte, "SHA-256 differs"),
    "a file is missing": (lambda b: (b / "golden.npz").unlink(), "has no golden.npz"),
    "a newer schema": (lambda b: _edit(b, schema=4), "schema 4, .* update faceloom"),
    "an older schema": (lambda b: _edit(b, schema=2), "schema 2, .* make it again"),
    "no manifest": (lambda b: (b / "manifest.json").unlink(), "is not a bundle"),
    "an unknown key": (lambda b: _edit(b, surprise=1), "surprise"),
    "no graph": (lambda b: _edit(b, graphs=[]), "graphs"),
    "two graphs of one precision": (_two_of_one_precision, "two graphs have the same precision"),
    "a path outside": (lambda b: _edit_graph(b, file="../swap.onnx"), "file"),
    "an absolute path": (lambda b: _edit_graph(b, file="/swap.onnx"), "file"),
    "another size": (_other_crop, "does not match its crop"),
    "another name": (
        lambda b: _edit_graph(
            b, mask={"name": "alpha", "dtype": "uint8", "shape": ["batch", SIZE, SIZE, 1]}
        ),
        "does not match its manifest",
    ),
    "a file without a checksum": (
        lambda b: (b / "weights.bin").touch(),
        "not named in the bundle's manifest",
    ),
    "a file that is not ONNX": (_no_onnx, "cannot load"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_bundle_is_refused(bundle: Path, name: str) -> None:
    damage, words = DAMAGE[name]
    damage(bundle)
    with pytest.raises(ArtifactRefused, match=words):
        SwapNetwork.open(Bundle.read(bundle), "cpu")


def test_a_graph_that_its_manifest_does_not_describe_is_refused(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", channels_out=2)
    with pytest.raises(ArtifactRefused, match="does not match its manifest"):
        SwapNetwork.open(Bundle.read(bundle), "cpu")


def test_a_missing_path_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b.zip").touch()
    with pytest.raises(ArtifactRefused, match=r"not a readable .zip"):
        Bundle.read(tmp_path / "b.zip")
    with pytest.raises(ArtifactRefused, match=r"no such folder or \.zip"):
        Bundle.read(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("provider", "words"), [("cuda", "faceloom\\[gpu\\]"), ("abacus", "choose auto")]
)
def test_a_missing_provider_is_refused_without_fallback(
    bundle: Path, provider: str, words: str
) -> None:
    import onnxruntime

    if provider == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has the provider")
    with pytest.raises(ProviderMissing, match=words):
        SwapNetwork.open(Bundle.read(bundle), provider)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_session_that_silently_runs_on_the_cpu_is_refused(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """onnxruntime lists CUDA and then runs on the CPU without an error."""
    from faceloom.swap.inference import providers

    monkeypatch.setattr(
        providers.ort, "get_available_providers", lambda: list(providers.PROVIDERS.values())
    )
    with pytest.raises(ProviderMissing, match="does not start here"):
        SwapNetwork.open(Bundle.read(bundle), "cuda")
    assert SwapNetwork.open(Bundle.read(bundle), "auto").provider == "cpu"


def test_a_provider_that_fails_to_start_gives_the_reason_and_prints_nothing(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """TensorRT without its libraries fails so; a broken graph is refused on any provider."""
    from faceloom.swap.inference import providers

    class Session(providers.ort.InferenceSession):
        def __init__(self, content: bytes, options: object, **keywords: object):
            assert keywords["enable_fallback"] == 0
            if keywords["providers"] != ["CPUExecutionProvider"]:
                raise RuntimeError("libnvinfer.so.10 is missing\nsecond line")
            super().__init__(content, options, **keywords)

    monkeypatch.setattr(providers.ort, "InferenceSession", Session)
    monkeypatch.setattr(
        providers.ort, "get_available_providers", lambda: list(providers.PROVIDERS.values())
    )
    with pytest.raises(
        ProviderMissing, match=r"tensorrt .* does not start here \(libnvinfer.so.10 is missing\)"
    ):
        SwapNetwork.open(Bundle.read(bundle), "tensorrt")
    with pytest.raises(ArtifactRefused, match="cannot load"):
        providers.open_session(bundle / "manifest.json", "tensorrt")
    assert capfd.readouterr().out == ""
