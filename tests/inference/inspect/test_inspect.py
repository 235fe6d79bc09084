"""`inspect` identifies each artifact and describes it with the same keys."""

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.dfms import write_dfm
from tests.helpers.runs import tiny_run
from tests.inference.project.conftest import choices

from faceloom.errors import ArtifactRefused, ProviderMissing
from faceloom.inspect import identify_artifact, inspect_path
from faceloom.project import Project
from faceloom.project.project_file import StepRecord
from faceloom.swap.bundle.archive import write_zip

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the entry points of this checkout, not those of the installed version."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]

    def find(group: str, name: str) -> list[EntryPoint]:
        return [EntryPoint(name, points[group][name], group)]

    monkeypatch.setattr(identify_artifact, "entry_points", find)


def test_a_bundle_and_its_zip_have_the_same_details(tmp_path: Path) -> None:
    write_zip(make_bundle(tmp_path / "b"), tmp_path / "b.zip")
    folder, zipped = inspect_path(tmp_path / "b"), inspect_path(tmp_path / "b.zip")
    assert (folder.kind, zipped.kind) == ("bundle", "zipped bundle")
    assert folder.details == zipped.details
    assert (folder.details["identity"], folder.details["training"]["steps"]) == ("ben", 1)
    assert folder.details["graphs"][0]["inputs"] == ["face uint8 [batch, 64, 64, 3]"]
    assert "  identities          ada, ben\n" in folder.to_text()


def test_a_dfm_is_described(tmp_path: Path) -> None:
    inspection = inspect_path(write_dfm(tmp_path / "x.dfm", morph=True))
    assert inspection.kind == "dfm"
    assert inspection.details["inputs"] == [
        "in_face:0 float [n, 48, 48, 3]",
        "morph_value:0 float [1]",
    ]
    assert inspection.details["outputs"][0].startswith("out_face_mask:0 float")
    assert inspection.details["provenance"] == {}


def test_a_face_set_is_described(facesets: dict[str, Path]) -> None:
    details = inspect_path(facesets["ada"]).details
    assert (details["identity"], details["size"]) == ("ada", 512)
    assert details["files"] == [
        {"name": "train_ada.mp4", "kind": "video", "frames": 18, "faces": details["faces"]}
    ]


@pytest.mark.usefixtures("checkout_entry_points")
def test_a_run_is_described(facesets: dict[str, Path], tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run", facesets, consent="both agreed")
    details = inspect_path(run.directory).details
    assert (details["identities"], details["step"], details["total_steps"]) == (
        ["ada", "ben"],
        0,
        4,
    )
    assert (details["consent"], details["config_sha256"], details["base"]) == (
        {"note": "both agreed"},
        run.settings.sha256(),
        None,
    )
    (run.directory / "checkpoints" / "step-00000002").mkdir(parents=True)
    assert inspect_path(run.directory).details["step"] == 2


def test_a_run_needs_the_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").touch()
    monkeypatch.setattr(identify_artifact, "entry_points", lambda group, name: [])
    with pytest.raises(ProviderMissing, match=r"faceloom\[train\]"):
        inspect_path(tmp_path)


def test_a_project_is_described(tmp_path: Path) -> None:
    project = Project.read(tmp_path / "swap.faceloom")
    project.record_choices("key", choices(spent=150.0))
    project.record_step(project.faces("ben"), StepRecord(key="k", before="", done=True))
    project.record_step(project.run("ben-ada-smoke"), StepRecord(key="k", before=""))
    (project.run("ben-ada-smoke") / "checkpoints" / "step-00000300").mkdir(parents=True)
    inspection = inspect_path(project.folder)
    (swap,) = inspection.details["swaps"]
    assert (swap["guest"], swap["target"], swap["minutes"]) == ("ben", "ada", 2.5)
    assert (swap["trained_steps"], swap["planned_steps"]) == (300, 7)
    assert "  complete            faces/ben\n" in inspection.to_text()
    assert "  not complete        runs/ben-ada-smoke" in inspection.to_text()


REFUSED = {
    "nothing there": (lambda path: path, "does not exist"),
    "an empty folder": (
        lambda path: path.mkdir() or path,
        "is not a bundle, face set, run or project",
    ),
    "another file": (lambda path: (path.write_text("text"), path)[1], "not a readable .zip"),
    "a .dfm of another kind": (
        lambda path: write_dfm(path.with_suffix(".dfm"), custom_domain="com.example"),
        "cannot load",
    ),
    "a .dfm with weights elsewhere": (
        lambda path: write_dfm(path.with_suffix(".dfm"), external_file="w.bin"),
        "external data files",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_paths_are_refused(tmp_path: Path, name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises(ArtifactRefused, match=message):
        inspect_path(make(tmp_path / "x"))
