"""Read files that a coverage-guided fuzzer mutates, and report crashes.

python -m benchmarks.robustness.coverage_fuzz --corpus DIR [--cases N] [--seconds N] [--reader NAME]

Atheris (`pip install atheris`), libFuzzer for Python, keeps each mutated file that reaches new
branches of Faceloom, PyYAML or the standard library's parsers, and mutates it further. The coverage
of native libraries (FFmpeg, libheif, onnxruntime, HDF5) is not measured. Each reader runs in a
child process with the limits of `benchmarks.robustness.fuzz`; after a crash another process
continues. DIR keeps the corpus, so that a second run continues the first, and in READER.crashes the
inputs that crash.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.fuzzing.cases import scratch_folder

from benchmarks.robustness.fuzz import Result, print_result
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
# A line of libFuzzer's progress, with the numbers of branches and of inputs in the corpus.
_PROGRESS = re.compile(r"^#\d+\t.*?cov: (\d+) ft: \d+ corp: (\d+)/", re.MULTILINE)
# What libFuzzer prints about an input that crashes.
_CRASH = re.compile(r"Test unit written to (.+)")


@dataclass
class GuidedResult(Result):
    """The outcomes of a reader's cases, and the coverage that libFuzzer reports."""

    branches: int = 0
    """Branches of Python code that the corpus reaches."""
    corpus: int = 0
    """Inputs in the corpus."""

    def row(self, name: str) -> str:
        return f"{super().row(name)} {self.branches:,} | {self.corpus:,} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=180, help="time limit of each reader")
    parser.add_argument("--reader", action="append", choices=READERS, default=[])
    parser.add_argument("--corpus", type=Path, required=True)
    options = parser.parse_args()
    print("| reader | cases | refused | accepted | seconds | crashes | branches | corpus |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    any_crash = False
    for name in options.reader or READERS:
        folder = options.corpus / re.sub(r"\W+", "_", name).strip("_")
        result = fuzz(name, options.cases, options.seconds, folder)
        print_result(name, result)
        any_crash = any_crash or bool(result.crashes)
    sys.exit(any_crash)


def fuzz(name: str, cases: int, max_seconds: int, corpus: Path) -> GuidedResult:
    """Run workers for a reader until `cases` are read, or as many as the time allows."""
    result, started = GuidedResult(), time.monotonic()
    crashes = corpus.with_name(f"{corpus.name}.crashes")
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    while result.cases < cases and len(result.crashes) < MAX_CRASHES:
        seconds_left = round(max_seconds - (time.monotonic() - started))
        if seconds_left <= 0:
            break
        limits = (f"-runs={cases - result.cases}", f"-max_total_time={seconds_left}")
        _run_worker(name, corpus, crashes, limits, result)
    result.seconds = time.monotonic() - started
    return result


def _run_worker(
    name: str, corpus: Path, crashes: Path, limits: tuple[str, ...], result: GuidedResult
) -> None:
    """Run one worker and add its counts and its crash, if any, to the result."""
    with scratch_folder() as scratch:
        log = scratch / "log"
        module = "benchmarks.robustness.fuzz_worker"
        command = [sys.executable, "-m", module, name, str(scratch), str(corpus)]
        with log.open("wb") as stream:
            worker = subprocess.run(
                [*command, *limits, f"-artifact_prefix={crashes}/"],
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
            result.branches, result.corpus = map(int, progress[-1])
        if worker.returncode == 0:
            return
        inputs = _CRASH.findall(text)
        error = scratch / ERROR_FILE
        if not inputs:
            raise SystemExit(f"{name}: the worker failed outside a case:\n{text[-2000:]}")
        cause = error.read_text() if error.exists() else f"status {worker.returncode}"
        result.crashes.append(f"input {', '.join(inputs)}: {cause}")


if __name__ == "__main__":
    main()
