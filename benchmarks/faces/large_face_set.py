"""Measure commands on large face sets: processor time and peak memory by the number of faces.

    python -m benchmarks.faces.large_face_set FACESET [COUNT...] [--folder FOLDER]

A large face set repeats the rows of FACESET under new names, with noise in pose, sharpness and
hash; its crops are hard links. A face takes 10 kB on the disk.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.studio.face_grid import enlarge

# The studio's table of a face set.
_GRID = """
import sys
from pathlib import Path
from faceloom.studio.faces.face_grid import FaceGrids
FaceGrids().get_json(Path(sys.argv[1]))
"""
# Commands by name, and the studio's table; FACES and REPORT are replaced.
_COMMANDS = {
    "inspect": ("-m", "faceloom", "inspect", "FACES"),
    "curate": (
        *("-m", "faceloom", "curate", "FACES", "--drop", "sharpness<0.1", "--dedupe"),
        "--keep-identity",
    ),
    "review": ("-m", "faceloom", "review", "FACES", "--report", "REPORT"),
    "table": ("-c", _GRID, "FACES"),
}


def measure(arguments: tuple[str, ...], faces: Path) -> tuple[float, float]:
    """Return the processor seconds and the peak memory in GB of a Python process."""
    report = faces.with_name("report.html")
    report.unlink(missing_ok=True)
    places = {"FACES": str(faces), "REPORT": str(report)}
    command = [sys.executable, *(places.get(word, word) for word in arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None, "it is a pipe"
        messages = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {messages[-500:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faceset", type=Path)
    parser.add_argument("counts", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="a folder on a disk with enough space")
    parser.add_argument("--only", nargs="*", default=list(_COMMANDS), choices=list(_COMMANDS))
    options = parser.parse_args()
    print("| faces | command | processor time | a face | peak memory |\n|---|---|---|---|---|")
    for count in options.counts:
        folder = Path(tempfile.mkdtemp(dir=options.folder))
        try:
            enlarge(options.faceset, folder / "faces", count)
            for name in options.only:
                seconds, gigabytes = measure(_COMMANDS[name], folder / "faces")
                print(
                    f"| {count:,} | {name} | {seconds:.1f} s | {1e3 * seconds / count:.3f} ms | "
                    f"{gigabytes:.2f} GB |",
                    flush=True,
                )
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
