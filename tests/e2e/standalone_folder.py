"""Check the standalone folder: `make standalone` runs this with an installed runtime's Python."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import faceloom

# The largest folder, in bytes.
_MAX_BYTES = 500_000_000
# Tags and XMP only: a signature has a time in it.
_OPTIONS = ("--provenance", "tags", "--range", "0:40")
_BUNDLE = Path("project/bundles/ben-ada-laptop_128.bundle")


def main(folder: Path, demo: Path) -> None:
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())
    assert size <= _MAX_BYTES, f"{folder} has {size / 1e6:.0f} MB"
    program = [str(folder / "faceloom")]
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        assert _run(work, *program, "--version").stdout.startswith(
            f"faceloom {faceloom.__version__}"
        )
        refused = _run(work, *program, "train", "--config", "smoke", "--run", "r", code=4)
        assert "uv tool install 'faceloom[cpu,train]'" in refused.stderr
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
