"""`inspect` says what each artifact is; the same words and the same keys whoever made it."""

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.dfms import make_dfm
from tests.helpers.runs import tiny_run

from faceloom.errors import ArtifactRefused, ProviderMissing
from faceloom.inspect import identify_artifact as look
from faceloom.inspect import inspect_path
from faceloom.swap.bundle.archive import write_zip

ROOT = Path(__file__).parents[3]


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry points of this checkout, whatever was installed before."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]

    def found(group: str, name: str) -> list[EntryPoint]:
        return [EntryPoint(name, points[group][name], group)]

    monkeypatch.setattr(look, "entry_points", found)


def test_a_bundle_folder_and_zip(tmp_path: Path) -> None:
    write_zip(make_bundle(tmp_path / "b"), tmp_path / "b.zip")
    folder, packed = inspect_path(tmp_path / "b"), inspect_path(tmp_path / "b.zip")
    assert (folder.kind, packed.kind) == ("bundle", "zipped bundle")
    assert folder.about == packed.about
    assert (folder.about["identity"], folder.about["training"]["steps"]) == ("ben", 1)
    assert folder.about["graphs"][0]["inputs"] == ["face uint8 [batch, 64, 64, 3]"]
    assert "  identities          ada, ben\n" in folder.to_text()


def test_a_dfm(tmp_path: Path) -> None:
    found = inspect_path(make_dfm(tmp_path / "x.dfm", morph=True))
    assert found.kind == "dfm"
    assert found.about["inputs"] == ["in_face:0 float [n, 48, 48, 3]", "morph_value:0 float [1]"]
    assert found.about["outputs"][0].startswith("out_face_mask:0 float")
    assert found.about["provenance"] == {}


def test_a_face_set(facesets: dict[str, Path]) -> None:
    about = inspect_path(facesets["ada"]).about
    assert (about["identity"], about["size"]) == ("ada", 512)
    assert about["sources"] == [
        {"name": "train_ada.mp4", "kind": "video", "frames": 18, "faces": about["faces"]}
    ]


@pytest.mark.usefixtures("joined")
def test_a_run(facesets: dict[str, Path], tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run", facesets, consent="both agreed")
    about = inspect_path(run.directory).about
    assert (about["identities"], about["steps"], about["of_steps"]) == (["ada", "ben"], 0, 4)
    assert (about["consent"], about["settings_sha256"]) == (
        {"note": "both agreed"},
        run.settings.sha256(),
    )
    (run.directory / "checkpoints" / "step-00000002").mkdir(parents=True)
    assert inspect_path(run.directory).about["steps"] == 2


def test_a_run_without_the_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").touch()
    monkeypatch.setattr(look, "entry_points", lambda group, name: [])
    with pytest.raises(ProviderMissing, match=r"faceloom\[train\]"):
        inspect_path(tmp_path)


REFUSED = {
    "nothing there": (lambda path: path, "does not exist"),
    "an empty folder": (lambda path: path.mkdir() or path, "is no bundle, face set or run"),
    "another file": (lambda path: (path.write_text("text"), path)[1], r"no \.zip"),
    "a .dfm of another kind": (lambda path: make_dfm(path.with_suffix(".dfm"), domain="com.example"), "cannot load"),
    "a .dfm with weights elsewhere": (
        lambda path: make_dfm(path.with_suffix(".dfm"), external="w.bin"), "from outside itself"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_none_of_them(tmp_path: Path, name: str) -> None:
    make, words = REFUSED[name]
    with pytest.raises(ArtifactRefused, match=words):
        inspect_path(make(tmp_path / "x"))
