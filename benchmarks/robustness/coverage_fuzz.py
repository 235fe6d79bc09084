"""Read files that a coverage-guided fuzzer mutates, and report crashes.

python -m benchmarks.robustness.coverage_fuzz --corpus DIR [--cases N] [--seconds N] [--reader NAME]

Atheris (`pip install atheris`), libFuzzer for Python, keeps each mutated file that reaches new
branches of Faceloom, PyYAML or the standard library's parsers, and mutates it further. The code of
native libraries (FFmpeg, libheif, onnxruntime, HDF5) runs without being measured. Each reader runs
in a child process with the limits of `benchmarks.robustness.fuzz`; after a crash another process
continues. The corpus is kept in DIR, so that a second run continues the first; the inputs that
crash are in DIR/READER.crashes.
"""

import argparse
import dataclasses
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.helpers.fuzzing.cases import scratch_folder

from benchmarks.robustness.fuzz import MAX_PRINTED_CRASHES, Result
from benchmarks.robustness.fuzz_worker import COUNTS, COUNTS_FILE, ERROR_FILE

# The readers that files from strangers reach most often.
READERS = (
    ".dfm (import)",
    ".dfm (whole import)",
    "faceswap model (.keras)",
    "bundle (.zip)",
    "bundle (folder)",
    "face set",
    "faceswap PNG text",
    "picture (heic)",
    "video (.mp4)",
    "disclosure marks (.mp4)",
    "settings (YAML)",
    "job file",
)
# A reader with this many crashes is not read further.
MAX_CRASHES = 50
# What libFuzzer prints about its progress: branches and inputs of the corpus.
_PROGRESS = re.compile(r"^#\d+\t.*?cov: (\d+) ft: \d+ corp: (\d+)/", re.MULTILINE)


@dataclasses.dataclass
class Coverage:
    """What libFuzzer reports of a reader."""

    branches: int = 0
    """Branches of Python code reached by the corpus."""
    corpus: int = 0
    """Inputs of the corpus."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=180, help="the most for each reader")
    parser.add_argument("--reader", action="append", choices=READERS, default=[])
    parser.add_argument("--corpus", type=Path, required=True)
    options = parser.parse_args()
    print("| reader | cases | refused | accepted | seconds | crashes | branches | corpus |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    any_crash = False
    for name in options.reader or READERS:
        folder = options.corpus / re.sub(r"\W+", "_", name).strip("_")
        result, coverage = fuzz(name, options.cases, options.seconds, folder)
        print(f"{result.row(name)} {coverage.branches:,} | {coverage.corpus:,} |", flush=True)
        for crash in result.crashes[:MAX_PRINTED_CRASHES]:
            print(f"\n{name}, {crash}", file=sys.stderr)
        any_crash = any_crash or bool(result.crashes)
    sys.exit(any_crash)


def fuzz(name: str, cases: int, max_seconds: int, corpus: Path) -> tuple[Result, Coverage]:
    """Run workers for a reader until `cases` are read, or as many as the time allows."""
    result, coverage, started = Result(), Coverage(), time.monotonic()
    crashes = corpus.with_name(f"{corpus.name}.crashes")
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    while result.cases < cases and len(result.crashes) < MAX_CRASHES:
        seconds_left = round(max_seconds - (time.monotonic() - started))
        if seconds_left <= 0:
            break
        crash = _run_worker(
            name, cases - result.cases, seconds_left, (corpus, crashes), result, coverage
        )
        if crash:
            result.crashes.append(crash)
    result.seconds = time.monotonic() - started
    return result, coverage


def _run_worker(
    name: str,
    cases: int,
    seconds: int,
    folders: tuple[Path, Path],
    result: Result,
    coverage: Coverage,
) -> str:
    """Run one worker, add its counts to the result, and return how it crashed, or ""."""
    corpus, crashes = folders
    before = set(crashes.iterdir())
    with scratch_folder() as scratch:
        log = scratch / "log"
        module = "benchmarks.robustness.fuzz_worker"
        command = [sys.executable, "-m", module, name, str(scratch), str(corpus)]
        limits = [f"-runs={cases}", f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/"]
        with log.open("wb") as stream:
            worker = subprocess.run(
                [*command, *limits],
                stdout=stream,
                stderr=stream,
                check=False,
                env={**os.environ, "XDG_DATA_HOME": f"{scratch}/data"},
            )
        text = log.read_text(errors="replace")
        if (scratch / COUNTS_FILE).is_file():
            refused, accepted = COUNTS.unpack((scratch / COUNTS_FILE).read_bytes())
            result.refused += refused
            result.accepted += accepted
        if progress := _PROGRESS.findall(text):
            coverage.branches, coverage.corpus = map(int, progress[-1])
        if worker.returncode == 0:
            return ""
        inputs = sorted(path.name for path in set(crashes.iterdir()) - before)
        error = scratch / ERROR_FILE
        if not inputs:
            raise SystemExit(f"{name}: the worker failed without a case:\n{text[-2000:]}")
        cause = error.read_text() if error.exists() else f"status {worker.returncode}"
        return f"input {', '.join(inputs)}: {cause}"


if __name__ == "__main__":
    main()
