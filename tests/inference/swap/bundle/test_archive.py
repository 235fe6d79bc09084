"""A zipped bundle works wherever a folder does, and a hostile .zip is refused before it is expanded."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.helpers.bundles import SIZE, make_bundle

from faceloom.errors import ArtifactRefused
from faceloom.hashing import sha256_of_file
from faceloom.swap import Bundle, SwapNetwork
from faceloom.swap.bundle import archive as contents_module
from faceloom.swap.bundle.archive import list_files, write_zip


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    write_zip(make_bundle(tmp_path / "ben.bundle"), tmp_path / "ben.zip")
    return tmp_path / "ben.zip"


def test_a_zipped_bundle_is_the_folder(zipped: Path, tmp_path: Path) -> None:
    bundle, folder = Bundle.read(zipped), Bundle.read(tmp_path / "ben.bundle")
    assert bundle.manifest == folder.manifest
    assert (
        list_files(zipped)
        == list_files(tmp_path / "ben.bundle")
        == ["golden.npz", "manifest.json", "swap.onnx"]
    )
    assert SwapNetwork.open(bundle, "cpu").replay(bundle.read_golden()).greatest == 0
    write_zip(tmp_path / "ben.bundle", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == zipped.read_bytes()


def added(name: str, content: bytes = b"x", mode: int = 0o644) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        member.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(member, content)

    return change


def in_a_folder(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"ben.bundle/{name}", content)


def lies_about_its_size(path: Path) -> None:
    """The directory at the .zip's end says 10 bytes; the compressed bytes go on to 100 million."""
    added("bomb.onnx", bytes(100_000_000))(path)
    data = path.read_bytes()
    path.write_bytes(data.replace((100_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"swap.onnx") + 100] ^= 1
    path.write_bytes(bytes(data))


HOSTILE = {
    "an absolute path": (
        added("/etc/passwd"),
        "holds '/etc/passwd', and a bundle's files lie at the top",
    ),
    "a parent's path": (added("../outside.onnx"), "under plain names"),
    "a Windows path": (added("C:\\outside.onnx"), "under plain names"),
    "a hidden file": (added(".profile"), "under plain names"),
    "a folder": (in_a_folder, "pack the files and not their folder"),
    "a link": (
        added("link.onnx", b"/etc/passwd", stat.S_IFLNK | 0o777),
        "link.onnx is a link or encrypted",
    ),
    "a bomb": (added("bomb.onnx", bytes(100_000_000)), r"would grow from 0\.2 to 100 MB"),
    "a bomb that lies": (lies_about_its_size, "bomb.onnx is not named in the bundle's manifest"),
    "a file without a checksum": (added("weights.bin"), "not named in the bundle's manifest"),
    "a damaged file": (flipped, r"no \.zip that can be read \(Bad CRC"),
    "half a file": (lambda path: path.write_bytes(path.read_bytes()[:-200]), "no manifest.json"),
    "one file twice": (added("swap.onnx"), "or one twice"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_zip_is_refused(zipped: Path, name: str) -> None:
    change, words = HOSTILE[name]
    change(zipped)
    with pytest.raises(ArtifactRefused, match=words):
        Bundle.read(zipped)


def test_a_zip_larger_than_any_bundle(zipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents_module, "_MOST_BYTES", 1000)
    with pytest.raises(ArtifactRefused, match="it is not opened"):
        Bundle.read(zipped)


def test_a_bomb_in_the_golden_sample(tmp_path: Path) -> None:
    """Its sum in the manifest is right: whoever made the bundle made both."""
    bundle = make_bundle(tmp_path / "b")
    old = sha256_of_file(bundle / "golden.npz")
    np.savez_compressed(bundle / "golden.npz", faces=np.zeros((20000, SIZE, SIZE, 3), np.uint8))
    manifest = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(
        manifest.replace(old, sha256_of_file(bundle / "golden.npz"))
    )
    with pytest.raises(ArtifactRefused, match="would grow"):
        Bundle.read(bundle).read_golden()


@pytest.mark.parametrize(
    "place", ["weights.bin", "../secret.bin", "/etc/hostname", "*/_ORT_MEM_ADDR_/*"]
)
def test_a_graph_that_draws_its_weights_from_outside(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path / "b")
    for file in (tmp_path / "weights.bin", tmp_path / "b" / "secret.bin"):
        file.write_bytes(bytes(4))
    monkeypatch.chdir(tmp_path)
    model = onnx.load(bundle / "swap.onnx")
    (white,) = [tensor for tensor in model.graph.initializer if tensor.name == "white"]
    onnx.external_data_helper.set_external_data(white, place, offset=0, length=4)
    white.ClearField("raw_data")
    old = sha256_of_file(bundle / "swap.onnx")
    (bundle / "swap.onnx").write_bytes(model.SerializeToString())
    (bundle / "secret.bin").unlink()
    manifest = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(
        manifest.replace(old, sha256_of_file(bundle / "swap.onnx"))
    )
    with pytest.raises(ArtifactRefused, match="draws its weights from outside itself"):
        SwapNetwork.open(Bundle.read(bundle), "cpu")
