"""Properties of the repository: modules, documents, commands, pins and committed files."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from faceloom.cli.app import build_command
from faceloom.weights import (
    FACE_BLENDSHAPES,
    FACE_LANDMARKS_478,
    FACE_MESH,
    FACE_PARSER,
    MOBILEFACENET,
    RETINAFACE_MOBILENET,
    YUNET,
    Weights,
)

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for root in ("inference", "training", "export") for path in (ROOT / root).rglob("*.py")
)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = sorted(build_command().commands)
FACE_MODELS = (
    FACE_PARSER,
    RETINAFACE_MOBILENET,
    YUNET,
    FACE_MESH,
    FACE_LANDMARKS_478,
    FACE_BLENDSHAPES,
    MOBILEFACENET,
)


@pytest.mark.parametrize("weights", FACE_MODELS, ids=lambda w: w.file)
def test_every_face_model_is_complete_and_its_license_is_named(weights: Weights) -> None:
    assert weights.verified_path().stat().st_size > 2e5
    assert weights.file in (ROOT / "inference/faceloom/weights/LICENSES.md").read_text()


def test_every_face_model_has_a_checksum() -> None:
    files = {path.name for path in (ROOT / "inference/faceloom/weights").glob("*.onnx")}
    assert files == {w.file for w in FACE_MODELS}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_are_short_and_have_specific_names(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    assert path.stem not in {
        "util",
        "utils",
        "common",
        "helper",
        "helpers",
        "manager",
        "base",
        "core",
        "misc",
    }
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_no_module_unpickles() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert "pickle.load" not in text, path
        assert "allow_pickle=True" not in text, path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"faceloom {command}" in (ROOT / "README.md").read_text()


def test_the_readme_s_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)\b(?! a)", (ROOT / "README.md").read_text()))
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_link_targets_in_documents_exist(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_pins_are_exact_and_name_no_index() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    for line in (line for line in lines if not line.startswith("#")):
        assert re.fullmatch(
            r'[A-Za-z0-9._-]+==[0-9A-Za-z.+]+(; python_version [<>=]+ "3\.\d+")?', line
        ), line


def test_repository_has_no_lock_file_and_no_real_face() -> None:
    completed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if completed.returncode:
        pytest.skip("not a git checkout")
    files = completed.stdout.splitlines()
    assert not [f for f in files if Path(f).name in ("uv.lock", "poetry.lock", "Pipfile.lock")]
    media = {
        Path(f).name
        for f in files
        if Path(f).suffix in (".mp4", ".mpg", ".mov", ".jpg", ".jpeg")
        # Renders of the two synthetic people; its README says so.
        and not f.startswith("tests/data/cases/")
    }
    assert all(re.fullmatch(r"(train|target|truth)_(ada|ben)\.mp4", name) for name in media)
