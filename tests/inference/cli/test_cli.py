"""The command: thin, quick to start, and every refusal is one sentence with the documented exit code."""

import inspect
import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, noise

from faceloom.cli.convert import convert_command
from faceloom.cli.extract import extract_command
from faceloom.cli.optional_dependencies import needs
from faceloom.faceset import ExtractOptions
from faceloom.swap import ConvertOptions

COMMANDS = (
    "extract", "curate", "review", "train", "export", "import", "convert", "compare", "inspect", "demo",
    "doctor", "bench", "verify",
)  # fmt: skip


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A folder with a good and a bad one of everything."""
    folder = tmp_path_factory.mktemp("things")
    make_bundle(folder / "good.bundle")
    shutil.copytree(folder / "good.bundle", folder / "flipped.bundle")
    graph = folder / "flipped.bundle" / "swap.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    shutil.copy(sample / "target_ada.mp4", folder / "face.mp4")
    make_clip(folder / "empty.mp4", noise(4))
    (folder / "text.mp4").write_text("not a video")
    (folder / "text.dfm").write_text("not a model")
    (folder / "cut.mp4").write_bytes((folder / "face.mp4").read_bytes()[:30000])
    (folder / "there.mp4").write_text("mine")
    (folder / "no_faces").mkdir()
    return folder


# What is typed, the exit code, what is said. OUT is a fresh path.
REFUSALS = {
    "no such video": ("convert missing.mp4 --bundle good.bundle --out OUT.mp4", 2, "missing.mp4 does not exist"),
    "a text file": ("convert text.mp4 --bundle good.bundle --out OUT.mp4", 5, "text.mp4 is not a video"),
    "cut short": ("convert cut.mp4 --bundle good.bundle --out OUT.mp4", 5, "cut.mp4"),
    "no face": ("convert empty.mp4 --bundle good.bundle --out OUT.mp4", 6, "No face was found in"),
    "a changed bundle": ("convert face.mp4 --bundle flipped.bundle --out OUT.mp4", 3, "SHA-256 differs"),
    "no bundle": ("convert face.mp4 --bundle nothing --out OUT.mp4", 3, "no such folder"),
    "no provider": ("convert face.mp4 --bundle good.bundle --out OUT.mp4 --provider abacus", 4, "choose auto"),
    "no graph of that precision": (
        "convert face.mp4 --bundle good.bundle --out OUT.mp4 --precision int8", 2, "no int8 graph; choose one of auto"
    ),
    "an output that exists": ("convert face.mp4 --bundle good.bundle --out there.mp4", 2, "--force"),
    "an unknown ending": ("convert face.mp4 --bundle good.bundle --out OUT.avi", 2, "choose one of these endings"),
    "neither a bundle nor a baseline": ("convert face.mp4 --out OUT.mp4", 2, "one of --bundle"),
    "both": (
        "convert face.mp4 --bundle good.bundle --baseline paste --identity no_faces --out OUT.mp4", 2, "one of --bundle"
    ),
    "a bundle and a map": (
        "convert face.mp4 --bundle good.bundle --map a.jpg=good.bundle --out OUT.mp4", 2, "Give one of --bundle"
    ),
    "half a map": ("convert face.mp4 --map good.bundle --out OUT.mp4", 2, "--map REF.jpg=BUNDLE"),
    "a map of nobody": ("convert face.mp4 --map a.jpg=good.bundle --out OUT.mp4", 2, "a.jpg does not exist"),
    "a map and a selection": (
        "convert face.mp4 --map a.jpg=good.bundle --select all --out OUT.mp4", 2, "leave out --select"
    ),
    "a selection that is none": (
        "convert face.mp4 --bundle good.bundle --select left --out OUT.mp4", 2, "choose largest, all or track:N"
    ),
    "a reference that is none": (
        "convert face.mp4 --bundle good.bundle --reference text.mp4 --out OUT.mp4", 5, "is not a picture"
    ),
    "a track that is not there": (
        "convert face.mp4 --bundle good.bundle --select track:9 --out OUT.mp4", 6, "is the one asked for"
    ),
    "no output": ("convert face.mp4 --bundle good.bundle", 2, "Give --out"),
    "a preview and an output": (
        "convert face.mp4 --bundle good.bundle --preview OUT.png --out OUT.mp4", 2, "stands alone"
    ),
    "a preview over what exists": ("convert face.mp4 --bundle good.bundle --preview there.mp4", 2, "--force"),
    "a preview of a paste": (
        "convert face.mp4 --baseline paste --identity no_faces --preview OUT.png", 2, "try bundles"
    ),
    "a frame without a folder": ("convert face.mp4 --bundle good.bundle --frame 3", 2, "goes with --out"),
    "a frame beyond the end": ("convert face.mp4 --bundle good.bundle --frame 999 --out OUT", 2, "no frame 999"),
    "the tracks of nobody": ("convert empty.mp4 --list-tracks", 6, "No face was found"),
    "a paste of nobody": ("convert face.mp4 --baseline paste --out OUT.mp4", 2, "needs --identity"),
    "a bundle and a face set": (
        "convert face.mp4 --bundle good.bundle --identity no_faces --out OUT.mp4", 2, "goes with --baseline"
    ),
    "a paste: no face set": (
        "convert face.mp4 --baseline paste --identity no_faces --out OUT.mp4", 3, "is no face set"
    ),
    "a paste: a provider": (
        "convert face.mp4 --baseline paste --identity no_faces --out OUT.mp4 --provider cuda", 2, "runs no network"
    ),
    "a paste: a precision": (
        "convert face.mp4 --baseline paste --identity no_faces --out OUT.mp4 --precision fp16", 2, "runs no network"
    ),
    "another baseline": ("convert face.mp4 --baseline glue --identity no_faces --out OUT.mp4", 2, "glue"),
    "extract: no face": ("extract empty.mp4 --out OUT", 6, "No face was found"),
    "extract: no video": ("extract text.mp4 --out OUT", 5, "text.mp4 is not a video"),
    "extract: nothing there": ("extract missing --out OUT", 2, "missing does not exist"),
    "a zip that is none": ("convert face.mp4 --bundle text.mp4 --out OUT.mp4", 3, "no .zip that can be read"),
    "export: a target for a bundle": ("export no_faces --identity a --target b --out OUT", 2, "go with --format dfm"),
    "import: another file": ("import text.mp4 --name a --out OUT", 2, "is not imported"),
    "import: nothing there": ("import nothing.dfm --name a --out OUT", 3, "nothing.dfm does not exist"),
    "import: no .dfm": ("import text.dfm --name a --out OUT", 3, "cannot be read as ONNX"),
    "inspect: nothing there": ("inspect nothing", 3, "nothing does not exist"),
    "inspect: an empty folder": ("inspect no_faces", 3, "is no bundle, face set or run"),
    "train: one identity": ("train --config smoke --faces ada=no_faces --run OUT", 2, "two identities or more"),
    "train: one name twice": ("train --config smoke --faces a=x --faces a=y --run OUT", 2, "its own name"),
    "train: no name": ("train --config smoke --faces x --run OUT", 2, "NAME=FACESET"),
    "train: no face set": (
        "train --config smoke --faces a=no_faces --faces b=good.bundle --run OUT", 3, "is no face set"
    ),
    "train: no preset": ("train --config smokey --faces a=x --faces b=y --run OUT", 2, "no preset 'smokey'"),
    "train: a misspelt key": (
        "train --config smoke --set stepps=3 --faces a=x --faces b=y --run OUT", 2, "did you mean steps"
    ),
    "export: no precision": (
        "export no_faces --identity ben --out OUT --precision fp32,fp8", 2, "no precision 'fp8'"
    ),
    "export: an int8 .dfm": (
        "export no_faces --identity ben --out OUT.dfm --format dfm --precision int8", 2, "A .dfm is always fp32"
    ),
    "export: a .dfm with loss": (
        "export no_faces --identity ben --out OUT.dfm --format dfm --accept-loss", 2, "A .dfm is always fp32"
    ),
    "export: no run": ("export no_faces --identity ben --out OUT", 3, "is no run"),
    "a video as one picture": ("convert face.mp4 --bundle good.bundle --out OUT.png", 2, "is one picture"),
    "a misspelt option of an encoder": (
        "convert face.mp4 --bundle good.bundle --out OUT.mp4 --encoder-option cfr=1", 2, "did you mean crf"
    ),
    "an encoder that is not here": ("convert face.mp4 --bundle good.bundle --out OUT.mp4 --encoder nvenc", 4, "nvenc"),
    "no name at all": ("convert face.mp4 --bundle good.bundle --out . --force", 2, "faceloom: "),
    "a file where a folder must be": ("convert face.mp4 --bundle good.bundle --out text.mp4/o.mp4", 2, "text.mp4"),
    "extract: over the footage": ("extract no_faces --out good.bundle --force", 2, "holds other things"),
    "train: a value that is none": ("train --config smoke --set seed=[ --faces a=x --faces b=y --run OUT", 2, "YAML"),
    "train: a folder as preset": ("train --config no_faces.yaml --faces a=x --faces b=y --run OUT", 2, "no_faces.yaml"),
    "an unknown option": ("convert face.mp4 --bundel x --out OUT.mp4", 2, "bundel"),
    "no such command": ("swap face.mp4", 2, "swap"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_one_sentence_and_the_documented_exit_code(
    name: str, things: Path, tmp_path: Path, faceloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed, code, words = REFUSALS[name]
    monkeypatch.chdir(things)
    before = sorted(things.rglob("*"))
    found, out, err = faceloom(*typed.replace("OUT", str(tmp_path / "out")).split())
    assert found == code, err
    assert words in err
    assert out == ""
    sentences = [line for line in err.splitlines() if line.startswith("faceloom: ")]
    assert len(sentences) == (0 if "Usage:" in err else 1)
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
    assert sorted(things.rglob("*")) == before
    assert (things / "there.mp4").read_text() == "mine"


def test_a_result_is_one_json_object(things: Path, tmp_path: Path, faceloom) -> None:
    code, out, err = faceloom(
        "convert",
        things / "face.mp4",
        "--bundle",
        things / "good.bundle",
        "--out",
        tmp_path / "o.mp4",
        "--json",
    )
    result = json.loads(out)
    assert (code, result["frames"], result["swapped_frames"], result["provider"]) == (
        0,
        75,
        75,
        "cpu",
    )
    assert "75 of 75 frames swapped" in err
    assert "convert: 75/75" in err


def test_a_paste_names_its_still(
    things: Path, tmp_path: Path, facesets: dict[str, Path], faceloom
) -> None:
    pasting = "--baseline", "paste", "--identity", facesets["ben"]
    code, out, err = faceloom(
        "convert", things / "face.mp4", *pasting, "--out", tmp_path / "o.mp4", "--json"
    )
    result = json.loads(out)
    assert (code, result["swapped_frames"]) == (0, 75)
    assert (facesets["ben"] / result["still"]).is_file()
    assert f"with {facesets['ben'] / result['still']}." in err


def test_the_mask_s_edge_can_be_set(things: Path, tmp_path: Path, faceloom) -> None:
    from faceloom.video import read_frames

    changed = []
    before = [f.rgb.astype(int) for f in read_frames(things / "face.mp4")]
    for number, edge in enumerate(([], ["--erode", "0.15"])):
        out = tmp_path / f"{number}.mp4"
        assert (
            faceloom(
                "convert",
                things / "face.mp4",
                "--bundle",
                things / "good.bundle",
                "--out",
                out,
                *edge,
            )[0]
            == 0
        )
        after = [f.rgb for f in read_frames(out)]
        changed.append(
            np.mean([np.abs(a - b).max(-1) > 60 for a, b in zip(before, after, strict=True)])
        )
    assert changed[1] < 0.8 * changed[0]


def test_bench_measures_every_stage(things: Path, faceloom) -> None:
    code, out, _ = faceloom("bench", "extract", things / "face.mp4", "--every", "10", "--json")
    result = json.loads(out)
    assert (code, result["frames"]) == (0, 8)
    assert all(result[stage] > 0 for stage in ("decode", "find", "rows", "whole"))


def test_bench_of_a_conversion_measures_every_stage_and_tunes(
    things: Path, tmp_path: Path, faceloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bundle = things / "good.bundle"
    code, out, said = faceloom(
        "bench", "convert", things / "face.mp4", "--bundle", bundle, "--tune", "--json"
    )
    result = json.loads(out)
    assert (code, result["provider"], result["whole_frames"]) == (0, "cpu", 75)
    assert all(
        result[stage] > 0 for stage in ("decode", "look", "draw", "blend", "encode", "whole")
    )
    assert "Crops a second by batch: 1: " in said
    (found,) = json.loads((tmp_path / "faceloom" / "tuning.json").read_text())["found"].values()
    assert found["batch"] in (1, 2, 4, 8, 16, 32, 64)
    assert faceloom("bench", "convert", things / "face.mp4")[0] == 2


def test_extract_and_convert_say_what_they_did(things: Path, tmp_path: Path, faceloom) -> None:
    code, out, _ = faceloom(
        "extract", things / "face.mp4", "--out", tmp_path / "ada", "--every", "15"
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
def test_defaults_of_a_command_are_the_library_s(command, options) -> None:
    """They stand twice, as the command must not load the library to print its help."""
    compared = 0
    for name, parameter in inspect.signature(command).parameters.items():
        if hasattr(options, name) and parameter.default not in (inspect.Parameter.empty, None):
            assert parameter.default == getattr(options, name), name
            compared += 1
    assert compared >= 3


def test_help_lists_every_command_and_version_is_told(faceloom) -> None:
    _, out, _ = faceloom("--help")
    for command in COMMANDS:
        assert f"  {command} " in out
    from faceloom import __version__

    assert faceloom("--version")[1] == f"faceloom {__version__}\n"


def test_doctor_tries_what_it_reports(things: Path, faceloom) -> None:
    code, out, _ = faceloom("doctor", "--bundle", things / "good.bundle", "--json")
    findings = {finding["what"]: finding for finding in json.loads(out)["findings"]}
    assert code == 0
    for what in ("python", "machine", "onnxruntime", "provider cpu", "PyAV", "encoder libx264"):
        assert findings[what]["state"] == "ok", findings[what]
    assert findings["bundle good.bundle fp32"]["state"] == "ok"
    for finding in findings.values():
        assert (
            finding["state"] == "ok" or finding["advice"] or finding["what"].startswith("encoder")
        )
    code, out, _ = faceloom("doctor", "--bundle", things / "flipped.bundle")
    assert code == 3
    assert "! bundle flipped.bundle" in out


def test_a_missing_extra_names_its_install_line(
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


def test_the_runtime_loads_nothing_of_the_training_stack() -> None:
    """Everything the runtime has is imported; then none of the heavy packages may be there."""
    ask = (
        "import pkgutil, sys, importlib, faceloom\n"
        "for m in pkgutil.walk_packages(faceloom.__path__, 'faceloom.'):\n"
        "    if m.name != 'faceloom.__main__': importlib.import_module(m.name)\n"
        "print([m for m in ('tensorflow', 'keras', 'torch', 'jax', 'onnx', 'tf2onnx', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_neither_numpy_nor_onnxruntime() -> None:
    """What keeps `faceloom --help` quick."""
    ask = (
        "import sys\nsys.argv = ['faceloom', '--help']\n"
        "import faceloom.cli.app as app\n"
        "try: app.main()\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'cv2', 'av', 'onnxruntime', 'pydantic', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def interrupted(arguments: list[object], when: str, folder: Path) -> tuple[int, str]:
    """Start a command, press Ctrl-C once it has said `when`, return its exit code and standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "faceloom", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    said = ""
    assert process.stderr is not None
    for line in process.stderr:
        said += line
        if when in line:
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=120)[1]
    return process.returncode, said + rest


def test_a_full_disk_is_said_and_leaves_nothing(things: Path, tmp_path: Path) -> None:
    """A file may not grow beyond 20 kB: what a full disk does, on any machine."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    for typed in ("convert face.mp4 --bundle good.bundle --out", "extract face.mp4 --out"):
        command = [sys.executable, "-m", "faceloom", *typed.split(), str(tmp_path / "out.mp4")]
        done = subprocess.run(
            command, cwd=things, preexec_fn=limit, capture_output=True, text=True, check=False
        )
        assert done.returncode == 8, done.stderr
        assert "the disk is full" in done.stderr.splitlines()[-1]
        assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    "made_of_it", [None, ImportError("no optree"), ModuleNotFoundError("no optree", name="optree")]
)
def test_ctrl_c_while_packages_load_is_not_taken_for_their_absence(
    made_of_it: ImportError | None,
) -> None:
    def load() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if made_of_it:
                raise made_of_it from None

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), needs("train"):
        load()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("typed", "when", "said_at_the_end", "left"),
    [
        (
            "extract long.mp4 --out faces",
            "extract long.mp4: 16",
            "the same command continues",
            {"faces.work"},
        ),
        (
            "convert long.mp4 --bundle good.bundle --out out.mp4 --batch 4",
            "convert: 4",
            "nothing half-written",
            set(),
        ),
        (
            "compare long.mp4 long.mp4 --truth long.mp4 --identity FACES",
            "compare: 1/",
            "nothing half-written",
            set(),
        ),
        (
            "review FACES --target long.mp4 --report r.html",
            "look at long.mp4: 1/",
            "nothing half-written",
            set(),
        ),
    ],
)
def test_ctrl_c_ends_at_once_and_leaves_nothing_that_looks_whole(
    things: Path,
    tmp_path: Path,
    sample: Path,
    facesets: dict[str, Path],
    typed: str,
    when: str,
    said_at_the_end: str,
    left: set[str],
) -> None:
    typed = typed.replace("FACES", str(facesets["ben"]))
    shutil.copytree(things / "good.bundle", tmp_path / "good.bundle")
    from faceloom.video import read_frames

    frames = [f.rgb for f in read_frames(sample / "target_ada.mp4")]
    make_clip(tmp_path / "long.mp4", frames * 5)
    code, said = interrupted(typed.split(), when, tmp_path)
    if code == 0:
        # Once in a while a library swallows what the signal raises inside it. A person presses again.
        for made in ("out.mp4", "r.html"):
            (tmp_path / made).unlink(missing_ok=True)
        code, said = interrupted(typed.split(), when, tmp_path)
    # Ended by Python itself when the signal comes inside of a library's callback: a shell says 130 of both.
    assert code in (130, -signal.SIGINT), said
    assert code == -signal.SIGINT or said_at_the_end in said
    assert "Traceback" not in said
    assert {p.name for p in tmp_path.iterdir()} == {"good.bundle", "long.mp4"} | left
