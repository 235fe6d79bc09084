"""The wheel and the sdist: the same bytes twice, complete, and installable without the checkout."""

import email
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from inference.standalone.distribution_licenses import required_distributions
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGES = {"faceloom", "faceloom_train", "faceloom_export"}

pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
pytestmark = pytest.mark.e2e


def _build(source: Path, out: Path) -> list[Path]:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return sorted(out.iterdir())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return _build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built: list[Path]) -> Path:
    return next(path for path in built if path.suffix == ".whl")


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_a_copy_of_the_sources_builds_the_same_bytes(built: list[Path], tmp_path: Path) -> None:
    command = ["git", "ls-files", "-zco", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
            # Without the times of the files.
            shutil.copy(ROOT / name, tmp_path / "copy" / name)
    again = _build(tmp_path / "copy", tmp_path / "dist")
    assert [path.name for path in again] == [path.name for path in built]
    for first, second in zip(built, again, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_the_wheel_contains_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in names} == PACKAGES
    assert not [name for name in names if {"__pycache__", "tests"} & {*Path(name).parts}]
    expected = {
        path.relative_to(folder.parent).as_posix()
        for folder in (*ROOT.glob("*/faceloom"), *ROOT.glob("*/faceloom_*"))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    presets = {f"faceloom_train/presets/{path.name}" for path in ROOT.glob("configs/*.yaml")}
    assert names == expected | presets


def test_every_license_in_the_packages_is_named_in_the_metadata(
    wheel: Path, metadata: email.message.Message
) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    named = set(metadata.get_all("License-File") or ())
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("inference", "training", "export")
        for path in (ROOT / folder).rglob("LICENSE*")
        if path.is_file()
    }
    assert named == found | {"LICENSE"}
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if "/licenses/" in name]
    stored = {name.split("/licenses/", 1)[1] for name in names}
    assert stored == named
    for folder in (ROOT / "inference/faceloom/studio/static/vendor").iterdir():
        assert folder.is_file() or (folder / "LICENSE").is_file(), folder


@pytest.mark.parametrize(
    ("python", "extra", "package", "is_needed"),
    [
        ("3.11", "cpu", "onnxruntime", True),
        ("3.14", "cpu", "onnxruntime", True),
        ("3.13", "train", "tensorflow-cpu", True),
        ("3.14", "train", "tensorflow-cpu", False),
        ("3.14", "train", "tensorflow", False),
        ("3.14", "train-gpu", "tensorflow", False),
        ("3.14", "train", "keras", True),
        ("3.14", "", "av", True),
    ],
)
def test_the_requirements_of_each_python(
    metadata: email.message.Message, python: str, extra: str, package: str, is_needed: bool
) -> None:
    assert metadata["Requires-Python"] == "<3.15,>=3.11"
    environment = {
        "python_version": python,
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "extra": extra,
    }
    needed = {
        requirement.name
        for requirement in map(Requirement, metadata.get_all("Requires-Dist") or ())
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }
    assert (package in needed) == is_needed


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and links to the packages that `faceloom[cpu]` requires."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", symlinks=True)
    command = [sys.executable, "-m", "pip", "--python", str(folder / "venv/bin/python"), "install"]
    flags = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*command, *flags, str(wheel)], check=True)
    packages = next((folder / "venv/lib").glob("python*/site-packages"))
    needed = required_distributions("faceloom", {"cpu"})
    del needed["faceloom"]
    for each in needed.values():
        for top in {file.parts[0] for file in each.files or ()} - {"..", "__pycache__"}:
            link = packages / top
            if not link.exists():
                link.symlink_to(Path(str(each.locate_file(top))).resolve())
    return folder / "venv"


def _run(installed: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    kept = {"HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "LANG", "TMPDIR"}
    return subprocess.run(
        [str(installed / "bin/faceloom"), *arguments],
        cwd=installed.parent,
        env={name: value for name, value in os.environ.items() if name in kept},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_installed_wheel_runs(installed: Path) -> None:
    version = _run(installed, "--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert "(pip)\nonnxruntime " in version.stdout
    doctor = _run(installed, "doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "To install     pip install 'faceloom[cpu,train,export]'" in doctor.stdout
    assert "to sign outputs: pip install 'faceloom[provenance]'" in doctor.stdout


@pytest.mark.parametrize(
    ("record", "text", "command"),
    [
        ("none", "", "pip install 'faceloom[{}]'"),
        (
            "uv-receipt.toml",
            'tool = { requirements = [{ name = "faceloom", extras = ["cpu"] }] }',
            "uv tool install 'faceloom[cpu,{}]'",
        ),
        (
            "pipx_metadata.json",
            '{"main_package": {"package_or_url": "faceloom[cpu]"}}',
            "pipx install --force 'faceloom[cpu,{}]'",
        ),
    ],
)
def test_a_missing_extra_is_named_with_the_installer_s_command(
    installed: Path, record: str, text: str, command: str
) -> None:
    (installed / record).write_text(text)
    train = _run(installed, "train", "--config", "smoke", "--faces", "a=b", "--run", "r")
    studio = _run(installed, "studio", "s")
    (installed / record).unlink()
    for result, extra in ((train, "train"), (studio, "studio")):
        assert result.returncode == 4, result.stderr
        assert command.format(extra) in result.stderr
