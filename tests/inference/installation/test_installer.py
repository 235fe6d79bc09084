"""The command that adds an extra is that of the program that installed Faceloom."""

import json
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from faceloom.doctor.overview import install_command
from faceloom.installation import (
    extras_advice,
    extras_command,
    installer,
    replacement_command,
    runtime_builds,
)
from faceloom.operating_system import shell_commands

# Writes a record of an installation: its name, its text.
Write = Callable[[str, str], None]

_UV = 'tool = {{ requirements = [{{ name = "faceloom"{main} }}{others}]{options} }}\n'


def _uv(main: str = ', extras = ["cpu"]', others: str = "", options: str = "") -> tuple[str, str]:
    return "uv-receipt.toml", _UV.format(main=main, others=others, options=options)


def _pipx(main: str, *injected: str) -> tuple[str, str]:
    record = {
        "main_package": {"package": "faceloom", "package_or_url": main},
        "injected_packages": {name: {"package_or_url": name} for name in injected},
    }
    return "pipx_metadata.json", json.dumps(record)


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """An environment without a GPU build and without a record."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(runtime_builds, "_has_package", lambda name: False)

    def write(name: str, text: str) -> None:
        (tmp_path / name).write_text(text)

    return write


@pytest.fixture
def gpu_build(prefix: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_builds, "_has_package", lambda name: name == "onnxruntime-gpu")


@pytest.fixture
def python_3_14(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "_PYTHON", (3, 14))


@pytest.mark.parametrize(
    ("record", "command"),
    [
        (("pyvenv.cfg", "home = /usr/bin\nversion = 3.11\n"), "pip install 'faceloom[train]'"),
        (("pyvenv.cfg", "uv = 0.13.9\n"), "uv pip install 'faceloom[train]'"),
        (_uv(), "uv tool install 'faceloom[cpu,train]'"),
        (_uv(main=""), "uv tool install 'faceloom[train]'"),
        (_uv(options=', python = "3.12"'), "uv tool install --python 3.12 'faceloom[cpu,train]'"),
        (
            _uv(others=', { name = "jax", extras = ["cuda13"], specifier = ">=0.10" }'),
            "uv tool install 'faceloom[cpu,train]' --with 'jax[cuda13]>=0.10'",
        ),
        (
            _uv(main=', extras = ["cpu"], path = "/a b/f.whl"'),
            "uv tool install 'faceloom[cpu,train] @ file:///a%20b/f.whl'",
        ),
        (
            _uv(main=', url = "https://x.test/f.whl"'),
            "uv tool install 'faceloom[train] @ https://x.test/f.whl'",
        ),
        (_uv(main=', specifier = "==0.1"'), "uv tool install 'faceloom[train]==0.1'"),
        (
            _uv(main=', git = "https://x.test/f.git?subdirectory=a&rev=v1#0dacfd66"'),
            "uv tool install 'faceloom[train] @ git+https://x.test/f.git@v1#subdirectory=a'",
        ),
        (
            _uv(others=', { name = "jax", path = "/j.whl" }, { name = "h5py", url = "https://h" }'),
            "uv tool install 'faceloom[cpu,train]' --with 'jax @ file:///j.whl' "
            "--with 'h5py @ https://h'",
        ),
        (_uv(main=', path = "f.whl"'), "uv tool install 'faceloom[train]'"),
        (_pipx("faceloom[cpu]"), "pipx install --force 'faceloom[cpu,train]'"),
        (_pipx("faceloom==0.1"), "pipx install --force 'faceloom[train]==0.1'"),
        (_pipx("Faceloom[CPU] >=0.1"), "pipx install --force 'faceloom[cpu,train]>=0.1'"),
        (_pipx("https://x/f.whl"), "pipx install --force 'faceloom[train] @ https://x/f.whl'"),
        (
            _pipx("git+https://x.test/f.git@v1"),
            "pipx install --force 'faceloom[train] @ git+https://x.test/f.git@v1'",
        ),
        (_pipx("/a b/f[cpu]"), "pipx install --force 'faceloom[cpu,train] @ file:///a%20b/f'"),
        (_pipx("faceloom"), "pipx install --force 'faceloom[train]'"),
        (
            _pipx("faceloom[cpu, heif] @ file:///f.whl", "jax[cuda13]"),
            "pipx install --force 'faceloom[cpu,heif,train] @ file:///f.whl' "
            "&& pipx inject faceloom 'jax[cuda13]'",
        ),
        (_pipx("/f.whl[cpu]"), "pipx install --force 'faceloom[cpu,train] @ file:///f.whl'"),
        (("uv-receipt.toml", "tool = {"), "uv tool install 'faceloom[train]'"),
        (("uv-receipt.toml", "tool = 3"), "uv tool install 'faceloom[train]'"),
        (("pipx_metadata.json", "[]"), "pipx install --force 'faceloom[train]'"),
        (("pipx_metadata.json", "{"), "pipx install --force 'faceloom[train]'"),
    ],
)
def test_the_command_is_that_of_the_installer(
    prefix: Write, record: tuple[str, str], command: str
) -> None:
    prefix(*record)
    assert extras_command("train") == command
    assert extras_advice("train") == f"run: {command}"


@pytest.mark.parametrize(
    ("record", "command"),
    [
        (("pyvenv.cfg", ""), "pip uninstall -y onnxruntime && pip install 'faceloom[gpu]'"),
        (
            ("pyvenv.cfg", "uv = 0.13.9"),
            "uv pip uninstall onnxruntime && uv pip install 'faceloom[gpu]'",
        ),
        (_uv(), "uv tool install 'faceloom[gpu]'"),
        (
            _pipx("faceloom[cpu,heif]"),
            "pipx uninstall faceloom && pipx install 'faceloom[heif,gpu]'",
        ),
        (
            _pipx("faceloom[cpu,train,export,studio]"),
            "pipx uninstall faceloom && pipx install 'faceloom[train,studio,gpu]' "
            "&& pipx inject faceloom tf2onnx onnx h5py",
        ),
        (
            _uv(main=', extras = ["cpu", "train", "export", "studio"]'),
            "uv tool install 'faceloom[train,studio,gpu]' --with tf2onnx --with onnx --with h5py",
        ),
        (
            _uv(main=', extras = ["full", "openvino"]'),
            "uv tool install 'faceloom[heif,provenance,gpu]' --with onnxruntime-ep-openvino"
            "  # without full, which needs the CPU build",
        ),
    ],
)
def test_the_gpu_replaces_the_cpu(prefix: Write, record: tuple[str, str], command: str) -> None:
    prefix(*record)
    assert replacement_command("onnxruntime", "gpu") == command


# Beside the GPU build, no extra installs the CPU build.
_BESIDE_THE_GPU_BUILD = [
    (("pyvenv.cfg", ""), "export", "pip install tf2onnx onnx h5py"),
    (("pyvenv.cfg", ""), "train,export", "pip install 'faceloom[train]' tf2onnx onnx h5py"),
    (("pyvenv.cfg", "uv = 1"), "webgpu", "uv pip install onnxruntime-ep-webgpu"),
    (
        ("pyvenv.cfg", ""),
        "content-check",
        "pip install 'faceloom[content-check]'  # in an environment without onnxruntime-gpu",
    ),
    (
        _uv(main=', extras = ["gpu", "train"]'),
        "export",
        "uv tool install 'faceloom[gpu,train]' --with tf2onnx --with onnx --with h5py",
    ),
    (
        _uv(main=', extras = ["gpu", "studio"]'),
        "content-check",
        "uv tool install 'faceloom[studio,content-check]'  # converts on the CPU",
    ),
    (
        _pipx("faceloom[gpu]"),
        "cpu",
        "pipx uninstall faceloom && pipx install 'faceloom[cpu]'  # converts on the CPU",
    ),
]
# Where TensorFlow has no package for this Python, the command names a Python for which it has one.
_WITHOUT_TENSORFLOW = [
    (("pyvenv.cfg", ""), "train", "pip install 'faceloom[train]'  # with Python 3.13 or older"),
    (("pyvenv.cfg", ""), "heif", "pip install 'faceloom[heif]'"),
    (_uv(), "train", "uv tool install --python 3.13 'faceloom[cpu,train]'"),
    (
        _pipx("faceloom[cpu]"),
        "export",
        "pipx uninstall faceloom && pipx install --python 3.13 'faceloom[cpu,export]'",
    ),
]


@pytest.mark.parametrize(
    ("state", "record", "extra", "command"),
    [
        *(("gpu_build", *row) for row in _BESIDE_THE_GPU_BUILD),
        *(("python_3_14", *row) for row in _WITHOUT_TENSORFLOW),
    ],
)
def test_the_command_fits_the_environment(
    request: pytest.FixtureRequest,
    prefix: Write,
    state: str,
    record: tuple[str, str],
    extra: str,
    command: str,
) -> None:
    request.getfixturevalue(state)
    prefix(*record)
    assert extras_command(extra) == command


def _optional_dependencies() -> dict[str, list[str]]:
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    return dict(tomllib.loads(text)["project"]["optional-dependencies"])


def test_the_newest_python_for_tensorflow_is_that_of_the_metadata() -> None:
    major, minor = installer._NEWEST_TENSORFLOW_PYTHON
    needs = [
        each
        for extra in ("train", "train-gpu")
        for each in _optional_dependencies()[extra]
        if each.startswith("tensorflow")
    ]
    assert needs
    for each in needs:
        assert f"python_version < '{major}.{minor + 1}'" in each


def test_every_extra_that_installs_the_cpu_build_has_a_substitute() -> None:
    dependencies = _optional_dependencies()
    # Packages that install onnxruntime.
    start = re.compile(r"(onnxruntime|nudenet|retina-face)(?![\w-])|faceloom\[cpu\b")
    extras = {
        name: [re.split(r"[<>=~! ]", each)[0] for each in needs if not each.startswith("faceloom[")]
        for name, needs in dependencies.items()
        if any(map(start.match, needs))
    }
    assert extras.keys() == runtime_builds._SUBSTITUTES.keys()
    for name in ("export", "openvino", "webgpu", "tensorrt-rtx"):
        assert sorted(extras[name]) == sorted(runtime_builds._SUBSTITUTES[name].packages)
    substitutes = runtime_builds._SUBSTITUTES["full"].extras
    assert dependencies["full"] == [f"faceloom[cpu,{','.join(substitutes)},content-check]"]


@pytest.mark.parametrize(
    ("record", "command"),
    [
        (("pyvenv.cfg", ""), "pip install --force-reinstall 'faceloom[cpu]'"),
        (("pyvenv.cfg", "uv = 1"), "uv pip install --reinstall 'faceloom[cpu]'"),
        (_uv(), "uv tool install --reinstall 'faceloom[cpu]'"),
        (_pipx("faceloom[cpu]"), "pipx install --force 'faceloom[cpu]'"),
    ],
)
def test_a_broken_package_is_installed_again(
    prefix: Write, record: tuple[str, str], command: str
) -> None:
    prefix(*record)
    assert extras_command("cpu", reinstall=True) == command


def test_packages_beside_the_extras_are_named(prefix: Write) -> None:
    prefix(*_uv())
    assert extras_command("gpu,train", "jax[cuda13]", "onnx") == (
        "uv tool install 'faceloom[gpu,train]' --with 'jax[cuda13]' --with onnx"
    )


@pytest.mark.usefixtures("prefix")
def test_no_package_can_be_added_to_the_standalone_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert extras_advice("studio") == (
        "no package can be added to the standalone folder; install Faceloom with uv: "
        "uv tool install 'faceloom[cpu,studio]'"
    )


@pytest.mark.usefixtures("prefix", "python_3_14")
def test_windows_gets_a_line_for_powershell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_commands, "_IS_WINDOWS", True)
    assert install_command(gpu=True) == (
        'pip install "faceloom[gpu,train]" "jax[cuda13]" tf2onnx onnx h5py; '
        'if ($?) { $env:KERAS_BACKEND = "jax" }  # with Python 3.13 or older'
    )


@pytest.mark.usefixtures("python_3_14")
def test_on_windows_each_command_needs_the_one_before(
    prefix: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_commands, "_IS_WINDOWS", True)
    prefix(*_pipx("faceloom[cpu]", "jax"))
    assert extras_command("train", then="next") == (
        'pipx uninstall faceloom; if ($?) { pipx install --python 3.13 "faceloom[cpu,train]"; '
        "if ($?) { pipx inject faceloom jax; if ($?) { next } } }"
    )


@pytest.mark.usefixtures("prefix", "python_3_14")
def test_no_command_is_inside_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_commands, "_IS_WINDOWS", True)
    assert replacement_command("onnxruntime", "train") == (
        'pip uninstall -y onnxruntime; if ($?) { pip install "faceloom[train]" }'
        "  # with Python 3.13 or older"
    )


@pytest.mark.usefixtures("prefix", "python_3_14")
def test_what_follows_a_command_comes_before_its_comment() -> None:
    assert install_command(gpu=True) == (
        "pip install 'faceloom[gpu,train]' 'jax[cuda13]' tf2onnx onnx h5py "
        "&& export KERAS_BACKEND=jax  # with Python 3.13 or older"
    )


def test_no_other_module_composes_an_install_command() -> None:
    package = Path(installer.__file__).parents[1]
    composed = re.compile(r"install ['\"]faceloom\[")
    for path in package.rglob("*.py"):
        assert not composed.search(path.read_text()), path
