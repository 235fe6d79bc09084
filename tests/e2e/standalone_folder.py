"""Check the standalone folder: `make standalone` runs this with an installed runtime's Python."""

import os
import subprocess
import sys
import tempfile
from importlib.metadata import PathDistribution
from pathlib import Path

from packaging.utils import canonicalize_name

import faceloom

sys.path.insert(0, str(Path(__file__).parents[2] / "inference/standalone"))
from distribution_licenses import EXTRAS, license_files, required_distributions

# The largest folder, in bytes.
_MAX_BYTES = 500_000_000
# Tags and XMP only, since a signature contains the time.
_OPTIONS = ("--provenance", "tags", "--range", "0:40")
_BUNDLE = Path("project/bundles/ben-ada-laptop_128.bundle")


def main(folder: Path, demo: Path) -> None:
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())
    assert size <= _MAX_BYTES, f"{folder} has {size / 1e6:.0f} MB"
    _check_licenses(folder / "_internal")
    program = [str(folder / "faceloom")]
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        assert _run(work, *program, "--version").stdout.startswith(
            f"faceloom {faceloom.__version__}"
        )
        refused = _run(work, *program, "train", "--config", "smoke", "--run", "r", code=4)
        # Quotes differ between systems.
        assert "uv tool install" in refused.stderr, refused.stderr
        assert "faceloom[cpu,train]" in refused.stderr, refused.stderr
        if not (demo / _BUNDLE).exists():
            print(f"{folder}: {size / 1e6:.0f} MB; nothing was converted, run make demo first.")
            return
        clip = Path(faceloom.__file__).parent / "demo/sample/target_ada.mp4"
        convert = ("convert", str(clip), "--bundle", str(demo / _BUNDLE), *_OPTIONS, "--out")
        _run(work, *program, *convert, "standalone.mp4")
        _run(work, sys.executable, "-m", "faceloom", *convert, "installed.mp4")
        outputs = [(work / f"{name}.mp4").read_bytes() for name in ("standalone", "installed")]
        assert outputs[0] == outputs[1], "the standalone folder writes other bytes"
    print(f"{folder}: {size / 1e6:.0f} MB; it writes the same bytes as the installed runtime.")


def _check_licenses(internal: Path) -> None:
    """Check that the folder contains the metadata and license files of all that Faceloom needs."""
    copied = {canonicalize_name(PathDistribution(f).name) for f in internal.glob("*.dist-info")}
    required = required_distributions("faceloom", EXTRAS)
    assert required.keys() <= copied, f"no metadata of {sorted(required.keys() - copied)}"
    for name, installed in required.items():
        missing = [path for path in license_files(installed) if not (internal / path).is_file()]
        assert not missing, f"{internal} lacks license files of {name}: {missing}"


def _run(work: Path, *command: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run a command with an empty PATH and an empty home."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    environment = {**kept, "PATH": "", "HOME": str(work)}
    done = subprocess.run(
        command, cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
