"""Read mutated artifacts and report crashes: any outcome but acceptance or a documented refusal.

python -m benchmarks.robustness.fuzz --cases 100000 --seconds 180 [--reader TEXT]... [--first CASE]

Each reader runs in a child process with a limit on the memory that it may add and on the time of a
case. After a crash another process continues with the next case. A case is identified by its index:
--first repeats one, or continues a run that --seconds ended (its output says where).
"""

import argparse
import mmap
import os
import resource
import shutil
import signal
import struct
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.fuzzing.cases import Reader, scratch_folder, try_case
from tests.helpers.fuzzing.model_readers import model_readers
from tests.helpers.fuzzing.readers import runtime_readers

# Bytes that a reader may allocate beyond what the process has at its start.
MAX_ADDED_MEMORY = 2 * 2**30
# Seconds that a case may take.
MAX_CASE_SECONDS = 20
# Most crashes of a reader that are printed.
_MAX_PRINTED_CRASHES = 20
# Memory shared with the child process: index of the current case, refused, accepted.
_COUNTS = struct.Struct("<3q")


@dataclass
class Result:
    """The outcomes of a reader's cases."""

    refused: int = 0
    """Cases that ended with a FaceloomError."""
    accepted: int = 0
    """Cases that were read."""
    seconds: float = 0
    """Time of all cases."""
    crashes: list[str] = field(default_factory=list)
    """Descriptions of all other cases."""

    @property
    def cases(self) -> int:
        return self.refused + self.accepted + len(self.crashes)

    def row(self, name: str) -> str:
        counts = f"{self.cases:,} | {self.refused:,} | {self.accepted:,}"
        return f"| {name} | {counts} | {self.seconds:.0f} | {len(self.crashes)} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--reader", action="append", default=[])
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    print("| reader | cases | refused | accepted | seconds | crashes |\n|---|---|---|---|---|---|")
    any_crash = False
    with scratch_folder() as folder:
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        (folder / "valid").mkdir()
        for reader in all_readers(folder / "valid"):
            if any(text in reader.name for text in options.reader or [""]):
                cases = range(options.first, options.first + options.cases)
                result = fuzz(reader, cases, options.seconds, folder)
                print_result(reader.name, result)
                if result.cases < len(cases):
                    next_case = cases.start + result.cases
                    print(f"{reader.name}: continue with --first {next_case}", file=sys.stderr)
                any_crash = any_crash or bool(result.crashes)
    sys.exit(any_crash)


def print_result(name: str, result: Result) -> None:
    """Print a reader's row and its crashes."""
    print(result.row(name), flush=True)
    for crash in result.crashes[:_MAX_PRINTED_CRASHES]:
        print(f"\n{name}, {crash}", file=sys.stderr)


def all_readers(scratch: Path) -> Iterator[Reader]:
    yield from runtime_readers(scratch)
    yield from model_readers(scratch)


def fuzz(reader: Reader, cases: range, max_seconds: float, folder: Path) -> Result:
    """Read every case, or as many as the time allows."""
    result, started, crash_file = Result(), time.monotonic(), folder / "crash.txt"
    counts = mmap.mmap(-1, _COUNTS.size)
    case = cases.start
    while case < cases.stop and time.monotonic() - started < max_seconds:
        counts[:] = _COUNTS.pack(case, result.refused, result.accepted)
        crash_file.write_text("")
        child = os.fork()
        if not child:
            _read_cases(reader, range(case, cases.stop), started + max_seconds, counts, folder)
        _, status = os.waitpid(child, 0)
        case, result.refused, result.accepted = _COUNTS.unpack(counts[:])
        crash = crash_file.read_text()
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            crash = f"died of {'a timeout' if name == 'SIGALRM' else name}"
        elif os.WEXITSTATUS(status):
            raise SystemExit(f"{reader.name}: the benchmark failed at case {case}:\n{crash}")
        if crash:
            result.crashes.append(f"case {case}: {crash}")
            case += 1
    result.seconds = time.monotonic() - started
    return result


def _read_cases(
    reader: Reader, cases: range, deadline: float, counts: mmap.mmap, folder: Path
) -> None:
    """Read cases until their end, the deadline or a crash, and exit the (child) process."""
    exit_code, case_folder = 1, folder / "case"
    # Native readers print warnings about damaged files.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        shutil.rmtree(case_folder, ignore_errors=True)
        case_folder.mkdir()
        address_space = _address_space()
        peak_at_start = _peak_memory()
        for case in cases:
            _, refused, accepted = _COUNTS.unpack(counts[:])
            counts[:] = _COUNTS.pack(case, refused, accepted)
            if time.monotonic() > deadline:
                break
            # Odd cases limit the memory that is reserved. Even cases limit the memory that is
            # used, as native readers handle a failed allocation themselves.
            _limit_address_space(address_space + MAX_ADDED_MEMORY * (1 if case % 2 else 4))
            files = reader.case(case)
            signal.alarm(MAX_CASE_SECONDS)
            try:
                is_accepted = try_case(reader, files, case_folder)
                _check_peak_memory(peak_at_start + MAX_ADDED_MEMORY)
            except Exception:
                (folder / "crash.txt").write_text(traceback.format_exc(limit=-3))
                break
            finally:
                signal.alarm(0)
            counts[:] = _COUNTS.pack(case + 1, refused + (not is_accepted), accepted + is_accepted)
        exit_code = 0
    except BaseException:
        (folder / "crash.txt").write_text(traceback.format_exc())
    finally:
        os._exit(exit_code)


def limit_added_address_space(size: int) -> None:
    """Limit what this process may reserve beyond what it has, in bytes."""
    _limit_address_space(_address_space() + size)


def _limit_address_space(limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def _address_space() -> int:
    """Return the bytes that this process has reserved."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _check_peak_memory(limit: int) -> None:
    if _peak_memory() > limit:
        raise MemoryError(f"the peak memory is {_peak_memory() / 1e9:.1f} GB")


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
