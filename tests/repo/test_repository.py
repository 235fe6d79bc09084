"""What the repository promises about itself."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from faceloom.weights import FACE_MESH, MOBILEFACENET, RETINAFACE_MOBILENET, YUNET

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for root in ("inference", "training", "export") for path in (ROOT / root).rglob("*.py")
)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = (
    "extract", "curate", "review", "train", "export", "import", "convert", "compare", "inspect", "demo",
    "doctor", "bench",
)  # fmt: skip


FACE_MODELS = (RETINAFACE_MOBILENET, YUNET, FACE_MESH, MOBILEFACENET)


@pytest.mark.parametrize("weights", FACE_MODELS, ids=lambda w: w.file)
def test_every_face_model_is_whole_and_its_license_is_named(weights) -> None:
    assert weights.verified_path().stat().st_size > 2e5
    assert weights.file in (ROOT / "inference/faceloom/weights/LICENSES.md").read_text()


def test_no_face_model_is_there_without_a_checksum() -> None:
    files = {path.name for path in (ROOT / "inference/faceloom/weights").glob("*.onnx")}
    assert files == {w.file for w in FACE_MODELS}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_are_short_and_named_for_what_they_do(path: Path) -> None:
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


def test_nothing_unpickles() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert "pickle.load" not in text, path
        assert "allow_pickle=True" not in text, path


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in COMMANDS:
        assert f"faceloom {command}" in readme


def test_the_readme_s_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)\b(?! a)", (ROOT / "README.md").read_text()))
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_documents_point_to_exists(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_pins_are_exact_and_name_no_place() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    for line in (line for line in lines if not line.startswith("#")):
        assert re.fullmatch(
            r'[A-Za-z0-9._-]+==[0-9A-Za-z.+]+(; python_version [<>=]+ "3\.\d+")?', line
        ), line


def test_git_holds_no_lock_file_and_no_real_face() -> None:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    files = done.stdout.splitlines()
    assert not [f for f in files if Path(f).name in ("uv.lock", "poetry.lock", "Pipfile.lock")]
    media = {
        Path(f).name for f in files if Path(f).suffix in (".mp4", ".mpg", ".mov", ".jpg", ".jpeg")
    }
    assert all(re.fullmatch(r"(train|target|truth)_(ada|ben)\.mp4", name) for name in media)
