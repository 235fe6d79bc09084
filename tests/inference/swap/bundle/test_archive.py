"""A zipped bundle works like a folder; a hostile .zip is refused before it is expanded."""

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
from faceloom.swap.bundle import archive
from faceloom.swap.bundle.archive import open_archive, write_zip


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    write_zip(make_bundle(tmp_path / "ben.bundle"), tmp_path / "ben.zip")
    return tmp_path / "ben.zip"


def test_a_zipped_bundle_equals_the_folder(zipped: Path, tmp_path: Path) -> None:
    bundle, folder = Bundle.read(zipped), Bundle.read(tmp_path / "ben.bundle")
    assert bundle.manifest == folder.manifest
    for path in (zipped, tmp_path / "ben.bundle"):
        with open_archive(path) as files:
            assert files.names == ("golden.npz", "manifest.json", "swap.onnx")
    assert SwapNetwork.open(bundle, "cpu").replay(bundle.read_golden_sample()).max == 0
    write_zip(tmp_path / "ben.bundle", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == zipped.read_bytes()


def add_member(name: str, content: bytes = b"x", mode: int = 0o644) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        member.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "a") as zip_file:
            zip_file.writestr(member, content)

    return change


def move_into_a_folder(path: Path) -> None:
    with zipfile.ZipFile(path) as zip_file:
        members = {name: zip_file.read(name) for name in zip_file.namelist()}
    with zipfile.ZipFile(path, "w") as zip_file:
        for name, content in members.items():
            zip_file.writestr(f"ben.bundle/{name}", content)


def understate_its_size(path: Path) -> None:
    """Write 10 bytes into the directory; the compressed data expands to 100 million."""
    add_member("bomb.onnx", bytes(100_000_000))(path)
    data = path.read_bytes()
    path.write_bytes(data.replace((100_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"swap.onnx") + 100] ^= 1
    path.write_bytes(bytes(data))


HOSTILE = {
    "an absolute path": (
        add_member("/etc/passwd"),
        "contains '/etc/passwd', but a bundle's files are at the top level",
    ),
    "a parent's path": (add_member("../outside.onnx"), "have plain names"),
    "a Windows path": (add_member("C:\\outside.onnx"), "have plain names"),
    "a hidden file": (add_member(".profile"), "have plain names"),
    "a folder": (move_into_a_folder, "pack the files and not their folder"),
    "a link": (
        add_member("link.onnx", b"/etc/passwd", stat.S_IFLNK | 0o777),
        "link.onnx is a link or encrypted",
    ),
    "a bomb": (add_member("bomb.onnx", bytes(100_000_000)), r"would expand from 0\.2 to 100 MB"),
    "a bomb that understates its size": (
        understate_its_size,
        "bomb.onnx is not named in the bundle's manifest",
    ),
    "a file without a checksum": (add_member("weights.bin"), "not named in the bundle's manifest"),
    "a damaged file": (flip_a_bit, r"not a readable \.zip \(Bad CRC"),
    "half a file": (
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        "has no manifest.json",
    ),
    "one file twice": (add_member("swap.onnx"), "or one file twice"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_zip_is_refused(zipped: Path, name: str) -> None:
    change, message = HOSTILE[name]
    change(zipped)
    with pytest.raises(ArtifactRefused, match=message):
        Bundle.read(zipped)


def test_a_zip_larger_than_any_bundle_is_refused(
    zipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_MAX_BYTES", 1000)
    with pytest.raises(ArtifactRefused, match="it is not opened"):
        Bundle.read(zipped)


def test_a_zip_bomb_in_the_golden_sample_is_refused(tmp_path: Path) -> None:
    """Its SHA-256 in the manifest is right, as an attacker writes both."""
    bundle = make_bundle(tmp_path / "b")
    old = sha256_of_file(bundle / "golden.npz")
    np.savez_compressed(bundle / "golden.npz", faces=np.zeros((20000, SIZE, SIZE, 3), np.uint8))
    manifest = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(
        manifest.replace(old, sha256_of_file(bundle / "golden.npz"))
    )
    with pytest.raises(ArtifactRefused, match="would expand"):
        Bundle.read(bundle).read_golden_sample()


@pytest.mark.parametrize(
    "place", ["weights.bin", "../secret.bin", "/etc/hostname", "*/_ORT_MEM_ADDR_/*"]
)
def test_a_graph_with_external_weights_is_refused(
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
    with pytest.raises(ArtifactRefused, match="uses external data files"):
        SwapNetwork.open(Bundle.read(bundle), "cpu")
