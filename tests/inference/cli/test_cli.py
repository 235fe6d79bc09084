"""The command starts fast, and every refusal is one sentence with its exit code."""

import inspect
import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images

from faceloom import choices
from faceloom.cli import app as app_module
from faceloom.cli.convert import convert_command
from faceloom.cli.extract import extract_command
from faceloom.cli.optional_dependencies import requires_extra
from faceloom.doctor import detectors, machine, marks, media, providers, report, training
from faceloom.faceset import ExtractOptions
from faceloom.swap import ConvertOptions
from faceloom.swap.inference.graph_selection import PRECISIONS
from faceloom.video import read_frames
from faceloom.video.encoding.encoders import ENCODERS

COMMANDS = (
    "extract", "curate", "review", "train", "export", "import", "convert", "compare", "inspect",
    "demo", "doctor", "bench", "verify",
)  # fmt: skip


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A folder with valid and invalid inputs of each kind."""
    folder = tmp_path_factory.mktemp("inputs")
    make_bundle(folder / "good.bundle")
    shutil.copytree(folder / "good.bundle", folder / "flipped.bundle")
    graph = folder / "flipped.bundle" / "swap.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    shutil.copy(sample / "target_ada.mp4", folder / "face.mp4")
    make_clip(folder / "empty.mp4", wave_images(4))
    (folder / "text.mp4").write_text("not a video")
    (folder / "text.dfm").write_text("not a model")
    (folder / "cut.mp4").write_bytes((folder / "face.mp4").read_bytes()[:30000])
    (folder / "there.mp4").write_text("mine")
    (folder / "no_faces").mkdir()
    return folder


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A clip of 375 frames, so long that a command can be interrupted while it reads it."""
    frames = [frame.rgb for frame in read_frames(sample / "target_ada.mp4")]
    return make_clip(
        tmp_path_factory.mktemp("long") / "long.mp4",
        frames * 5,
        options={"crf": "10", "preset": "ultrafast"},
    )


# Command line, exit code and part of the message.
# CONVERT stands for "convert face.mp4 --bundle good.bundle", OUT for a new path.
REFUSALS = {
    "a missing video": (
        "convert missing.mp4 --bundle good.bundle --out OUT.mp4", 2, "missing.mp4 does not exist"
    ),
    "a comparison over a file": (
        "compare face.mp4 face.mp4 --out there.mp4", 2, "there.mp4 exists already"
    ),
    "a comparison over its input": (
        "compare face.mp4 face.mp4 --out face.mp4 --force", 2, "face.mp4 is the input itself"
    ),
    "a report and a result of one name": (
        "compare face.mp4 face.mp4 --report OUT --out OUT", 2, "name the same file"
    ),
    "a text file": (
        "convert text.mp4 --bundle good.bundle --out OUT.mp4", 5, "text.mp4 is not a video"
    ),
    "a truncated video": ("convert cut.mp4 --bundle good.bundle --out OUT.mp4", 5, "cut.mp4"),
    "no face": ("convert empty.mp4 --bundle good.bundle --out OUT.mp4", 6, "No face was found in"),
    "a changed bundle": (
        "convert face.mp4 --bundle flipped.bundle --out OUT.mp4", 3, "SHA-256 differs"
    ),
    "a missing bundle": ("convert face.mp4 --bundle nothing --out OUT.mp4", 3, "no such folder"),
    "an unknown provider": ("CONVERT --out OUT.mp4 --provider abacus", 4, "choose auto"),
    "no graph of that precision": (
        "CONVERT --out OUT.mp4 --precision int8", 2, "no int8 graph; choose one of auto"
    ),
    "an output that exists": ("CONVERT --out there.mp4", 2, "--force"),
    "an unknown extension": ("CONVERT --out OUT.avi", 2, "a video is written as"),
    "a bundle as a target": (
        "convert face.mp4 good.bundle OUT.mp4", 2,
        "good.bundle is a bundle: faceloom convert face.mp4 --bundle good.bundle --out"
    ),
    "neither a bundle nor a baseline": ("convert face.mp4 --out OUT.mp4", 2, "one of --bundle"),
    "a bundle and a baseline": (
        "CONVERT --baseline paste --identity no_faces --out OUT.mp4", 2, "one of --bundle"
    ),
    "a bundle and a map": (
        "CONVERT --map a.jpg=good.bundle --out OUT.mp4", 2, "Give exactly one of --bundle"
    ),
    "a map without a picture": (
        "convert face.mp4 --map good.bundle --out OUT.mp4", 2, "--map REF.jpg=BUNDLE"
    ),
    "a map with a missing picture": (
        "convert face.mp4 --map a.jpg=good.bundle --out OUT.mp4", 2, "a.jpg does not exist"
    ),
    "a map and a selection": (
        "convert face.mp4 --map a.jpg=good.bundle --select all --out OUT.mp4",
        2, "leave out --select"
    ),
    "an invalid selection": (
        "CONVERT --select left --out OUT.mp4", 2, "choose largest, all or track:N"
    ),
    "a reference that is not a picture": (
        "CONVERT --reference text.mp4 --out OUT.mp4", 5, "is not an image"
    ),
    "a missing track": ("CONVERT --select track:9 --out OUT.mp4", 6, "has no track 9"),
    "a missing output": ("CONVERT", 2, "Give --out"),
    "a preview and an output": ("CONVERT --preview OUT.png --out OUT.mp4", 2, "without --out"),
    "a preview that exists": ("CONVERT --preview there.mp4", 2, "--force"),
    "a preview of a paste": (
        "convert face.mp4 --baseline paste --identity no_faces --preview OUT.png",
        2, "need a bundle"
    ),
    "a frame without a folder": ("CONVERT --frame 3", 2, "with --out FOLDER"),
    "a frame beyond the end": ("CONVERT --frame 999 --out OUT", 2, "no frame 999"),
    "the tracks of a video without faces": (
        "convert empty.mp4 --list-tracks", 6, "No face was found"
    ),
    "a paste without a face set": (
        "convert face.mp4 --baseline paste --out OUT.mp4", 2, "needs --identity"
    ),
    "a bundle and a face set": (
        "CONVERT --identity no_faces --out OUT.mp4", 2, "only used with --baseline"
    ),
    "a paste: an invalid face set": (
        "convert face.mp4 --baseline paste --identity no_faces --out OUT.mp4",
        3, "it has no faceset.json"
    ),
    "a paste: a provider": (
        "convert face.mp4 --baseline paste --identity no_faces --out OUT.mp4 --provider cuda",
        2, "runs no network"
    ),
    "a paste: a precision": (
        "convert face.mp4 --baseline paste --identity no_faces --out OUT.mp4 --precision fp16",
        2, "runs no network"
    ),
    "an unknown baseline": (
        "convert face.mp4 --baseline glue --identity no_faces --out OUT.mp4", 2, "glue"
    ),
    "extract: no face": ("extract empty.mp4 --out OUT", 6, "No face was found"),
    "extract: no video": ("extract text.mp4 --out OUT", 5, "text.mp4 is not a video"),
    "extract: a missing path": ("extract missing --out OUT", 2, "missing does not exist"),
    "an invalid .zip": (
        "convert face.mp4 --bundle text.mp4 --out OUT.mp4", 3, "not a readable .zip"
    ),
    "export: a target for a bundle": (
        "export no_faces --identity a --target b --out OUT", 2, "need --format dfm"
    ),
    "import: a file of another kind": (
        "import text.mp4 --name a --out OUT", 2, "cannot be imported"
    ),
    "import: a missing file": (
        "import nothing.dfm --name a --out OUT", 3, "nothing.dfm does not exist"
    ),
    "import: an invalid .dfm": ("import text.dfm --name a --out OUT", 3, "cannot be read as ONNX"),
    "inspect: a missing path": ("inspect nothing", 3, "nothing does not exist"),
    "inspect: an empty folder": ("inspect no_faces", 3, "not a bundle, face set, run or project"),
    "train: one identity": (
        "train --config smoke --faces ada=no_faces --run OUT", 2, "two identities or more"
    ),
    "train: one name twice": (
        "train --config smoke --faces a=x --faces a=y --run OUT", 2, "its own name"
    ),
    "train: a face set without a name": (
        "train --config smoke --faces x --run OUT", 2, "NAME=FACESET"
    ),
    "train: an invalid face set": (
        "train --config smoke --faces a=no_faces --faces b=good.bundle --run OUT",
        3, "it has no faceset.json"
    ),
    "train: an unknown preset": (
        "train --config smokey --faces a=x --faces b=y --run OUT", 2, "no preset 'smokey'"
    ),
    "train: a misspelt key": (
        "train --config smoke --set stepps=3 --faces a=x --faces b=y --run OUT",
        2, "did you mean steps"
    ),
    "export: an unknown precision": (
        "export no_faces --identity ben --out OUT --precision fp32,fp8", 2, "no precision 'fp8'"
    ),
    "export: an int8 .dfm": (
        "export no_faces --identity ben --out OUT.dfm --format dfm --precision int8",
        2, "A .dfm is always fp32"
    ),
    "export: a .dfm with loss": (
        "export no_faces --identity ben --out OUT.dfm --format dfm --accept-loss",
        2, "A .dfm is always fp32"
    ),
    "export: an invalid run": ("export no_faces --identity ben --out OUT", 3, "is not a run"),
    "a video written to one picture": ("CONVERT --out OUT.png", 2, "is one image"),
    "a misspelt option of an encoder": (
        "CONVERT --out OUT.mp4 --encoder-option cfr=1", 2, "did you mean crf"
    ),
    "a missing encoder": ("CONVERT --out OUT.mp4 --encoder nvenc", 4, "nvenc"),
    "an output without a name": ("CONVERT --out . --force", 2, "faceloom: "),
    "a file used as a folder": ("CONVERT --out text.mp4/o.mp4", 2, "text.mp4"),
    "extract: an output that is not a face set": (
        "extract no_faces --out good.bundle --force", 2, "contains other files"
    ),
    "train: an invalid value": (
        "train --config smoke --set seed=[ --faces a=x --faces b=y --run OUT", 2, "YAML"
    ),
    "train: a folder as preset": (
        "train --config no_faces.yaml --faces a=x --faces b=y --run OUT", 2, "no_faces.yaml"
    ),
    "an unknown option": ("convert face.mp4 --bundel x --out OUT.mp4", 2, "bundel"),
    "no such command": ("swap face.mp4", 2, "swap"),
}  # fmt: skip


def _words(arguments: str, out: Path) -> list[str]:
    convert = "convert face.mp4 --bundle good.bundle"
    return arguments.replace("CONVERT", convert).replace("OUT", str(out)).split()


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_one_sentence_with_its_exit_code(
    name: str, inputs: Path, tmp_path: Path, faceloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, code, message = REFUSALS[name]
    monkeypatch.chdir(inputs)
    before = sorted(inputs.rglob("*"))
    exit_code, out, err = faceloom(*_words(arguments, tmp_path / "out"))
    assert exit_code == code, err
    assert message in err
    assert out == ""
    sentences = [line for line in err.splitlines() if line.startswith("faceloom: ")]
    assert len(sentences) == (0 if "Usage:" in err else 1)
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
    assert sorted(inputs.rglob("*")) == before
    assert (inputs / "there.mp4").read_text() == "mine"


def test_a_result_is_one_json_object(inputs: Path, tmp_path: Path, faceloom) -> None:
    code, out, err = faceloom(
        "convert",
        inputs / "face.mp4",
        "--bundle",
        inputs / "good.bundle",
        "--out",
        tmp_path / "o.mp4",
        "--range",
        "0:12",
        "--json",
    )
    result = json.loads(out)
    assert (code, result["frames"], result["swapped_frames"], result["provider"]) == (
        0,
        12,
        12,
        "cpu",
    )
    assert "12 of 12 frames swapped" in err
    assert "convert: 12/12" in err


@pytest.mark.long
def test_a_paste_reports_its_still(
    inputs: Path, tmp_path: Path, facesets: dict[str, Path], faceloom
) -> None:
    baseline = "--baseline", "paste", "--identity", facesets["ben"]
    options = *baseline, "--range", "0:12", "--out", tmp_path / "o.mp4"
    code, out, err = faceloom("convert", inputs / "face.mp4", *options, "--json")
    result = json.loads(out)
    assert (code, result["swapped_frames"]) == (0, 12)
    assert (facesets["ben"] / result["still"]).is_file()
    assert f"with {facesets['ben'] / result['still']}." in err


@pytest.mark.long
def test_erode_shrinks_the_swapped_region(inputs: Path, tmp_path: Path, faceloom) -> None:
    changed = []
    before = [f.rgb.astype(int) for f in read_frames(inputs / "face.mp4", stop=8)]
    for number, options in enumerate(([], ["--erode", "0.15"])):
        out = tmp_path / f"{number}.mp4"
        assert (
            faceloom(
                "convert",
                inputs / "face.mp4",
                "--bundle",
                inputs / "good.bundle",
                "--range",
                "0:8",
                "--out",
                out,
                *options,
            )[0]
            == 0
        )
        after = [f.rgb for f in read_frames(out)]
        changed.append(
            np.mean([np.abs(a - b).max(-1) > 60 for a, b in zip(before, after, strict=True)])
        )
    assert changed[1] < 0.8 * changed[0]


@pytest.mark.e2e
def test_bench_extract_measures_every_stage(inputs: Path, faceloom) -> None:
    code, out, _ = faceloom("bench", "extract", inputs / "face.mp4", "--every", "10", "--json")
    result = json.loads(out)
    assert (code, result["frames"]) == (0, 8)
    assert all(result[f"{stage}_ms"] > 0 for stage in ("decode", "find", "describe", "total"))


@pytest.mark.e2e
def test_bench_convert_measures_every_stage_and_tunes(
    inputs: Path, tmp_path: Path, faceloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bundle = inputs / "good.bundle"
    code, out, err = faceloom(
        "bench", "convert", inputs / "face.mp4", "--bundle", bundle, "--tune", "--json"
    )
    result = json.loads(out)
    assert (code, result["provider"], result["total_frames"]) == (0, "cpu", 75)
    assert all(
        result[f"{stage}_ms"] > 0
        for stage in ("decode", "analyze", "predict", "blend", "encode", "total")
    )
    assert "Crops per second by batch size: 1: " in err
    (entry,) = json.loads((tmp_path / "faceloom" / "tuning.json").read_text())["entries"].values()
    assert entry["batch"] in (1, 2, 4, 8, 16, 32, 64)
    assert faceloom("bench", "convert", inputs / "face.mp4")[0] == 2


def test_extract_prints_its_result(inputs: Path, tmp_path: Path, faceloom) -> None:
    code, out, _ = faceloom(
        "extract", inputs / "face.mp4", "--out", tmp_path / "ada", "--every", "15"
    )
    assert (code, out) == (0, f"{tmp_path / 'ada'}: 5 faces of ada from 5 frames.\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_ends_with_an_example_of_the_command(command: str, faceloom) -> None:
    code, out, _ = faceloom(command, "--help")
    assert code == 0
    last = " ".join(out[out.rindex("Example:") :].split())
    assert last.startswith(f"Example: faceloom {command}")


@pytest.mark.parametrize(
    ("command", "options"),
    [(extract_command, ExtractOptions("x")), (convert_command, ConvertOptions())],
)
def test_the_defaults_of_a_command_are_those_of_the_library(command, options) -> None:
    """They are defined twice, since --help must not import the library."""
    compared = 0
    for name, parameter in inspect.signature(command).parameters.items():
        if hasattr(options, name) and parameter.default not in (inspect.Parameter.empty, None):
            assert parameter.default == getattr(options, name), name
            compared += 1
    assert compared >= 3


def test_the_choices_of_the_command_line_are_those_of_the_library() -> None:
    assert set(get_args(choices.EncoderName)) == set(ENCODERS)
    assert set(get_args(choices.PrecisionChoice)) == set(PRECISIONS)


def test_help_lists_every_command_and_version_is_printed(faceloom) -> None:
    _, out, _ = faceloom("--help")
    for command in COMMANDS:
        assert f"  {command} " in out
    from faceloom import __version__

    assert faceloom("--version")[1].startswith(f"faceloom {__version__}\nPython 3.")


@pytest.mark.e2e
def test_doctor_reports_every_check(
    inputs: Path, faceloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each part runs once, in the first of the two commands.
    for subject in (machine, providers, media, detectors, marks, training):
        monkeypatch.setattr(subject, "check", cache(lambda check=subject.check: tuple(check())))
    monkeypatch.setattr(report, "look_at_machine", cache(report.look_at_machine))
    code, out, _ = faceloom("doctor", "--bundle", inputs / "good.bundle", "--json")
    results = {result["check"]: result for result in json.loads(out)["checks"]}
    assert code == 0
    for check in ("python", "machine", "onnxruntime", "provider cpu", "PyAV", "encoder libx264"):
        assert results[check]["state"] == "ok", results[check]
    assert results["bundle good.bundle fp32"]["state"] == "ok"
    # Hardware that is not there needs no advice.
    for check, result in results.items():
        is_hardware = check.startswith(("encoder", "provider"))
        assert result["state"] == "ok" or result["advice"] or is_hardware
    overview = json.loads(out)["machine"]
    assert [preset["chosen"] for preset in overview["presets"]].count(True) == 1
    assert "pip install" in overview["install"]
    code, out, _ = faceloom("doctor", "--bundle", inputs / "flipped.bundle")
    assert code == 3
    assert "Wrong\n  bundle flipped.bundle: refused" in out


def test_a_missing_extra_is_named_with_its_install_command(
    faceloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [
        name for name in sys.modules if name.startswith(("faceloom_export", "faceloom_train"))
    ]:
        monkeypatch.delitem(sys.modules, module)
    for missing in ("yaml", "tf2onnx"):
        monkeypatch.setitem(sys.modules, missing, None)
    code, _, err = faceloom("train", "--config", "smoke", "--run", tmp_path / "r")
    assert (code, "pip install 'faceloom[train]'" in err) == (4, True)
    code, _, err = faceloom("export", tmp_path, "--identity", "x", "--out", tmp_path / "o")
    assert (code, "pip install 'faceloom[train,export]'" in err) == (4, True)


@pytest.mark.process
def test_the_runtime_imports_nothing_of_the_training_stack() -> None:
    """Import every module of the runtime, and look for the training packages."""
    script = (
        "import pkgutil, sys, importlib, faceloom\n"
        "for m in pkgutil.walk_packages(faceloom.__path__, 'faceloom.'):\n"
        "    if m.name != 'faceloom.__main__': importlib.import_module(m.name)\n"
        "names = ('tensorflow', 'keras', 'torch', 'jax', 'onnx', 'tf2onnx', 'yaml')\n"
        "print([name for name in names if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"


@pytest.mark.process
def test_help_imports_no_heavy_package() -> None:
    """This keeps `faceloom --help` fast."""
    script = (
        "import sys\nsys.argv = ['faceloom', '--help']\n"
        "import faceloom.cli.app as app\n"
        "try: app.main()\nexcept SystemExit: pass\n"
        "names = ('numpy', 'cv2', 'av', 'onnxruntime', 'pydantic', 'rich')\n"
        "print([name for name in names if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip().splitlines()[-1] == "[]"


def interrupt(arguments: list[object], trigger: str, folder: Path) -> tuple[int, str]:
    """Send SIGINT to a command once it prints `trigger`; return exit code and standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "faceloom", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    err = ""
    assert process.stderr is not None
    for line in process.stderr:
        err += line
        if trigger in line:
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=120)[1]
    return process.returncode, err + rest


@pytest.mark.process
def test_a_full_disk_is_reported_and_leaves_no_output(inputs: Path, tmp_path: Path) -> None:
    """A size limit of 20 kB for each file acts like a full disk."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    for arguments in ("convert face.mp4 --bundle good.bundle --out", "extract face.mp4 --out"):
        command = [sys.executable, "-m", "faceloom", *arguments.split(), str(tmp_path / "out.mp4")]
        process = subprocess.run(
            command, cwd=inputs, preexec_fn=limit, capture_output=True, text=True, check=False
        )
        assert process.returncode == 8, process.stderr
        assert "the disk is full" in process.stderr.splitlines()[-1]
        assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    "raised", [None, ImportError("no optree"), ModuleNotFoundError("no optree", name="optree")]
)
def test_ctrl_c_during_an_import_is_not_reported_as_a_missing_package(
    raised: ImportError | None,
) -> None:
    def load() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if raised:
                raise raised from None

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), requires_extra("train"):
        load()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "trigger", "last_message", "remaining"),
    [
        (
            "extract long.mp4 --out faces",
            "extract long.mp4: 16",
            "run the same command again",
            {"faces.work"},
        ),
        (
            "convert long.mp4 --bundle good.bundle --out out.mp4 --batch-size 4",
            "convert: 4",
            "no incomplete output",
            set(),
        ),
        (
            "compare long.mp4 long.mp4 --truth long.mp4 --identity FACES",
            "compare: 1/",
            "no incomplete output",
            set(),
        ),
        pytest.param(
            "review FACES --target long.mp4 --report r.html",
            "measure long.mp4: 1/",
            "no incomplete output",
            set(),
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_ctrl_c_stops_at_once_and_leaves_no_incomplete_output(
    inputs: Path,
    tmp_path: Path,
    long_clip: Path,
    facesets: dict[str, Path],
    arguments: str,
    trigger: str,
    last_message: str,
    remaining: set[str],
) -> None:
    arguments = arguments.replace("FACES", str(facesets["ben"]))
    shutil.copytree(inputs / "good.bundle", tmp_path / "good.bundle")
    shutil.copy(long_clip, tmp_path)
    code, err = interrupt(arguments.split(), trigger, tmp_path)
    assert code == 130, err
    assert last_message in err
    assert "Traceback" not in err
    assert {p.name for p in tmp_path.iterdir()} == {"good.bundle", "long.mp4"} | remaining


def test_help_lists_the_commands_in_the_order_of_work(faceloom) -> None:
    code, out, _ = faceloom("-h")
    listed = [
        line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line.strip()
    ]
    order = [name for name in app_module._ORDER if name in listed]
    assert (code, listed) == (0, order)
    assert set(COMMANDS) <= set(listed)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_h_for_help(faceloom, command: str) -> None:
    code, out, _ = faceloom(command, "-h")
    assert (code, out) == (0, faceloom(command, "--help")[1])
    assert "-h, --help" in out


def test_an_error_of_ffmpeg_without_a_sentence_gets_one(
    faceloom: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise av.error.InvalidDataError(1094995529, "Invalid data", "clip.mp4")

    monkeypatch.setattr(app_module, "_run", fail)
    code, _, err = faceloom("inspect", tmp_path)
    assert code == 5
    assert err == (
        "faceloom: clip.mp4 cannot be read or written (invalid data); check that it plays in a "
        "video player.\n"
    )
