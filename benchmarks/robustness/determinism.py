"""Run each command several times with the same input and compare the bytes that it writes.

python -m benchmarks.robustness.determinism [--runs 20] [--one-core 5] [COMMAND...]

Every run is a new process in the same folder with the same input. The runs of --one-core use one
core, the others all. Prints a row for each command: how many distinct results the runs on all cores
have, and those on one core; whether all results are the same; and the files that differ (of JSON,
with the keys), each with the number of runs that differ from the first. A result is not distinct if
only measured times differ. Exits with 1 if the results of a command are not the same.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.helpers.folder_contents import read_folder, without_durations
from tests.helpers.write_faults.scenarios import write_input

_TRAIN = ("train", "--config", "tiny.yaml", "--faces", "ada=ada", "--faces", "ben=ben", "--run")
_CONVERT = (
    "convert", "clip.mp4", "--bundle", "b.bundle", "--provider", "cpu", "--provenance", "tags",
    "--out",
)  # fmt: skip
_EXPORT = ("export", "trained", "--identity", "ben", "--out")
# Commands whose results are the input of the others.
INPUT = (
    ("extract", "clip.mp4", "--out", "ada", "--name", "ada", "--every", "1"),
    ("extract", "clip.mp4", "--out", "ben", "--name", "ben", "--every", "1"),
    (*_CONVERT, "swap.mp4"),
    (*_TRAIN, "trained"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command whose results are compared."""

    name: str
    """Name in the table."""
    arguments: tuple[str, ...]
    """Words after `faceloom`."""
    backend: str = "tensorflow"
    """Value of KERAS_BACKEND."""


COMMANDS = (
    Command("extract", ("extract", "clip.mp4", "--out", "out", "--name", "ada", "--every", "1")),
    Command("curate", ("curate", "ada", "--drop", "mouth_open>0.15", "--apply")),
    Command("review", ("review", "ada", "--report", "out.html")),
    Command("convert, one process", (*_CONVERT, "out.mp4", "--workers", "1")),
    Command("convert, two processes", (*_CONVERT, "out.mp4", "--workers", "2")),
    Command("convert to .webm", (*_CONVERT, "out.webm")),
    Command("compare", ("compare", "clip.mp4", "swap.mp4", "--report", "out.html")),
    Command("import", ("import", "m.dfm", "--name", "ben", "--out", "out.bundle")),
    Command("train", (*_TRAIN, "out")),
    Command("train, JAX", (*_TRAIN, "out"), backend="jax"),
    Command("export, folder", (*_EXPORT, "out.bundle")),
    Command("export, .zip", (*_EXPORT, "out.zip", "--precision", "fp32,fp16")),
    Command("export, .dfm", (*_EXPORT, "out.dfm", "--format", "dfm")),
)  # fmt: skip

Contents = Mapping[str, bytes]


class Runner:
    """Runs commands, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        """The working folder of the commands."""
        self._home = folder / "home"

    def run(
        self, words: Sequence[str], backend: str = "tensorflow", cores: set[int] | None = None
    ) -> None:
        """Run a command.

        Args:
            words: Words after `faceloom`.
            backend: Value of KERAS_BACKEND.
            cores: Numbers of the cores that it may use; None: all.

        Raises:
            SystemExit: If it fails.
        """
        process = subprocess.run(
            [sys.executable, "-m", "faceloom", *words],
            cwd=self.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, "XDG_DATA_HOME": str(self._home), "KERAS_BACKEND": backend},
            preexec_fn=lambda: os.sched_setaffinity(0, cores) if cores else None,
        )
        if process.returncode:
            raise SystemExit(f"{words[0]}: exit code {process.returncode}\n{process.stdout}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("commands", nargs="*", help="names of the table; all by default")
    parser.add_argument("--runs", type=int, default=20, help="runs on all cores")
    parser.add_argument("--one-core", type=int, default=5, help="runs on one core")
    options = parser.parse_args()
    chosen = [c for c in COMMANDS if c.name in options.commands or not options.commands]
    print("| command | runs | distinct | on one core | distinct | the same | differs |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runner = Runner(folder)
        runner.work.mkdir()
        write_input(runner.work)
        for words in INPUT:
            runner.run(words)
        runner.work.rename(folder / "input")
        different = [_compare(runner, folder / "input", command, options) for command in chosen]
        return int(any(different))


def _compare(runner: Runner, source: Path, command: Command, options: argparse.Namespace) -> bool:
    """Run a command, print its row, and return whether more than measured times differs."""
    core = {min(os.sched_getaffinity(0))}
    all_cores = [_result(runner, source, command, None) for _ in range(options.runs)]
    one_core = [_result(runner, source, command, core) for _ in range(options.one_core)]
    results = [*all_cores, *one_core]
    differences = Counter(name for each in results[1:] for name in _differences(results[0], each))
    digests = [_digest(each) for each in results]
    runs = len(all_cores)
    same = len(set(digests)) == 1
    listed = ", ".join(f"{name} ({count})" for name, count in sorted(differences.items()))
    print(
        f"| `{command.name}` | {runs} | {len(set(digests[:runs]))} | {len(one_core)} "
        f"| {len(set(digests[runs:]))} | {'yes' if same else 'no'} | {listed or '-'} |",
        flush=True,
    )
    return not same


def _result(runner: Runner, source: Path, command: Command, cores: set[int] | None) -> Contents:
    """Return the files that one run of a command adds or changes."""
    shutil.rmtree(runner.work, ignore_errors=True)
    shutil.copytree(source, runner.work)
    before = read_folder(runner.work)
    runner.run(command.arguments, command.backend, cores)
    after = read_folder(runner.work)
    return {name: data for name, data in after.items() if before.get(name) != data}


def _digest(contents: Contents) -> str:
    """Return the SHA-256 of all files, without the measured times in them."""
    digest = sha256()
    for name, data in sorted(contents.items()):
        timeless = without_durations(name, data)
        digest.update(f"{name} {len(timeless)} ".encode() + timeless)
    return digest.hexdigest()


def _differences(first: Contents, second: Contents) -> set[str]:
    """Return the files that differ; of JSON files, with the keys that differ."""
    names = set()
    for name in first.keys() | second.keys():
        one, other = first.get(name), second.get(name)
        if one == other:
            continue
        if one is None or other is None or not name.endswith((".json", ".jsonl")):
            names.add(name)
        else:
            parse = _parse_lines if name.endswith(".jsonl") else json.loads
            keys = set(_different_keys(parse(one), parse(other)))
            names |= {f"{name}: {key}" for key in keys} or {name}
    return names


def _parse_lines(data: bytes) -> list[object]:
    return [json.loads(line) for line in data.splitlines()]


def _different_keys(one: object, other: object, key: str = "?") -> Iterator[str]:
    """Yield the innermost keys at which two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in one.keys() | other.keys():
            yield from _different_keys(one.get(name), other.get(name), name)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            yield from _different_keys(left, right, key)
    elif one != other:
        yield key


if __name__ == "__main__":
    sys.exit(main())
