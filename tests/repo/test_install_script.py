"""`install.sh` on simulated machines: what it chooses, installs, asks and refuses."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.process

# System programs that the script may use.
_SYSTEM = ("sh", "sed", "grep", "dirname", "basename")
# A gigabyte in kB, the unit of /proc/meminfo.
_GB = 1_000_000
# Packages for training and export, installed beside onnxruntime-gpu.
_JAX = ("jax[cuda13]", "tf2onnx", "onnx", "h5py")
# Appends its name and arguments to the log. As uv, it names the folder of the stubs as that of its
# programs; as an installer of uv, it creates a stub of uv.
_STUB = """#!/bin/sh
[ "$1 $2 $3" = "tool dir --bin" ] && { echo "$STUBS"; exit; }
echo "${0##*/} $*" >> "$STUBS/../log"
case $* in *"install uv"*) cp "$STUBS/faceloom" "$STUBS/uv" ;; esac
"""


class Machine:
    """A root folder with /proc, a home, and stubs of all programs in PATH."""

    def __init__(self, root: Path, *programs: str, memory: int = 16 * _GB, flags: str = "avx2"):
        self.root, self.stubs, self.script = root, root / "stubs", root / "install.sh"
        shutil.copy(ROOT / "install.sh", self.script)
        for folder in (self.stubs, root / "proc", root / "home"):
            folder.mkdir()
        (root / "proc/meminfo").write_text(f"MemTotal:       {memory} kB\nMemFree: 1 kB\n")
        (root / "proc/cpuinfo").write_text(f"flags\t\t: fpu {flags}\n")
        for name in _SYSTEM:
            (self.stubs / name).symlink_to(shutil.which(name) or name)
        for name in ("faceloom", *programs):
            (self.stubs / name).write_text(_STUB)
            (self.stubs / name).chmod(0o755)

    def install(self, *arguments: str, answer: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self.stubs / "sh"), str(self.script), *arguments],
            env={
                "PATH": str(self.stubs),
                "STUBS": str(self.stubs),
                "HOME": str(self.root / "home"),
                "FACELOOM_INSTALL_ROOT": str(self.root),
            },
            input=answer,
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self) -> list[str]:
        log = self.root / "log"
        return log.read_text().splitlines() if log.is_file() else []


def _uv(requirement: str, *words: str) -> str:
    return " ".join(["uv tool install --upgrade --python >=3.11,<3.14", requirement, *words])


@pytest.mark.parametrize(
    ("programs", "memory", "flags", "command"),
    [
        ((), 16, "avx2", _uv("faceloom[cpu,train,export,studio]")),
        ((), 16, "amx_bf16 amx_tile", _uv("faceloom[cpu,openvino,train,export,studio]")),
        ((), 2, "avx2", _uv("faceloom[cpu]")),
        (("nvidia-smi",), 2, "avx2", _uv("faceloom[gpu]")),
        (
            ("nvidia-smi",), 64, "amx_bf16",
            _uv("faceloom[gpu,train,studio]", *(f"--with {name}" for name in _JAX)),
        ),
    ],
)  # fmt: skip
def test_the_extras_fit_the_machine(
    tmp_path: Path, programs: tuple[str, ...], memory: int, flags: str, command: str
) -> None:
    machine = Machine(tmp_path, "uv", *programs, memory=memory * _GB, flags=flags)
    for _ in range(2):
        done = machine.install()
        assert (done.returncode, done.stderr) == (0, "")
    log = [line for line in machine.log() if not line.startswith("nvidia-smi")]
    assert log == [command, "faceloom doctor"] * 2


@pytest.mark.parametrize(
    ("programs", "command"),
    [
        (("pipx", "python3", "curl"), "pipx install uv"),
        (("python3", "curl"), "python3 -m venv {home}/.local/share/faceloom/uv"),
        (("curl",), "curl -LsSf https://astral.sh/uv/install.sh"),
    ],
)
def test_a_missing_uv_is_installed_by_an_available_program(
    tmp_path: Path, programs: tuple[str, ...], command: str
) -> None:
    machine = Machine(tmp_path, *programs)
    done = machine.install("--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"+ {command.format(home=tmp_path / 'home')}" in done.stdout.replace("sh -c ", "")
    assert [line for line in machine.log() if "ensurepip" not in line] == []


@pytest.mark.parametrize(
    ("arguments", "answer", "is_installed"),
    [(("--yes",), "", True), ((), "y\n", True), ((), "n\n", False), ((), "", False)],
)
def test_uv_is_installed_with_consent_only(
    tmp_path: Path, arguments: tuple[str, ...], answer: str, is_installed: bool
) -> None:
    machine = Machine(tmp_path, "pipx")
    # The stub of pipx creates uv with it.
    (machine.stubs / "cp").symlink_to(shutil.which("cp") or "cp")
    done = machine.install(*arguments, answer=answer)
    assert done.returncode == (0 if is_installed else 2), done.stderr
    expected = ["pipx install uv", _uv("faceloom[cpu,train,export,studio]"), "faceloom doctor"]
    assert machine.log() == (expected if is_installed else [])


@pytest.mark.parametrize(
    ("arguments", "memory", "message"),
    [
        ((), 1, "this machine has 1000 MB of memory; Faceloom needs 1500 MB."),
        (("--fast",), 16, "--fast is not an option; give --dry-run"),
        (("--from", "nowhere.whl"), 16, "nowhere.whl is neither a file nor a folder"),
        (("--from", "/"), 16, "/ has no pyproject.toml"),
        (("--extras",), 16, "--extras needs a list"),
    ],
)
def test_bad_options_and_machines_are_refused_before_anything_is_installed(
    tmp_path: Path, arguments: tuple[str, ...], memory: int, message: str
) -> None:
    machine = Machine(tmp_path, "uv", memory=memory * _GB)
    done = machine.install(*arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert machine.log() == []


def test_a_machine_with_nothing_is_told_what_to_install(tmp_path: Path) -> None:
    done = Machine(tmp_path).install("--yes")
    assert (done.returncode, "no pipx, python3 with venv, or curl" in done.stderr) == (2, True)


def test_a_wheel_and_a_list_of_extras_are_taken(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "uv")
    wheel = tmp_path / "a folder/faceloom-1.whl"
    wheel.parent.mkdir()
    wheel.touch()
    done = machine.install("--extras", "cpu", "--from", os.path.relpath(wheel))
    assert done.returncode == 0, done.stderr
    assert machine.log()[0] == _uv(f"faceloom[cpu] @ file://{tmp_path}/a%20folder/faceloom-1.whl")


@pytest.mark.parametrize("arguments", [(), ("--from", ".")])
def test_a_checkout_is_installed_from_its_folder(
    tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, "uv")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.chdir(tmp_path if arguments else "/")
    done = machine.install("--extras", "cpu", *arguments)
    assert done.returncode == 0, done.stderr
    command = _uv(f"faceloom[cpu] @ file://{tmp_path}")
    assert machine.log()[0] == command.replace(
        " faceloom[", " --reinstall-package faceloom faceloom["
    )


def test_a_failed_doctor_comes_after_the_path_is_set(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "uv")
    programs = tmp_path / "home/.local/bin"
    programs.mkdir(parents=True)
    (machine.stubs / "faceloom").rename(programs / "faceloom")
    with (programs / "faceloom").open("a") as file:
        file.write("exit 3\n")
    stub = (machine.stubs / "uv").read_text()
    (machine.stubs / "uv").write_text(stub.replace('echo "$STUBS"', f'echo "{programs}"'))
    assert machine.install("--extras", "cpu").returncode == 3
    assert machine.log() == [_uv("faceloom[cpu]"), "uv tool update-shell", "faceloom doctor"]


def test_a_failed_download_of_uv_is_named(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "curl")
    with (machine.stubs / "curl").open("a") as file:
        file.write("exit 22\n")
    done = machine.install("--yes")
    assert (done.returncode, "uv could not be installed" in done.stderr) == (2, True), done.stderr
    assert [line.split()[0] for line in machine.log()] == ["curl"]
