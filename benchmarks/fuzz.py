"""Spoil valid artifacts and read them: what is neither accepted nor refused in the documented way is a crash.

python benchmarks/fuzz.py --cases 100000 --seconds 180 [--reader TEXT]... [--first CASE]

Each reader works in a process of its own, with at most MORE_MEMORY more than it has at first, and LONGEST for a case;
a crash ends it and another goes on with the next case. A case is its number: --first repeats one, or
goes on where the seconds ended a run, which says so.
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

MORE_MEMORY = 2 * 2**30
LONGEST = 20
# The case that is being read, the refused, the accepted.
_COUNTS = struct.Struct("<3q")


@dataclass
class Result:
    refused: int = 0
    accepted: int = 0
    seconds: float = 0
    crashes: list[str] = field(default_factory=list)

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
    asked = parser.parse_args()
    from tests.helpers.fuzz_readers import scratch_folder

    print("| reader | cases | refused | accepted | seconds | crashes |\n|---|---|---|---|---|---|")
    with scratch_folder() as folder:
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        crashes: list[str] = []
        for reader in readers(folder / "made"):
            if any(text in reader.name for text in asked.reader or [""]):
                result = fuzz(
                    reader, range(asked.first, asked.first + asked.cases), asked.seconds, folder
                )
                print(result.row(reader.name), flush=True)
                if result.cases < asked.cases:
                    print(
                        f"{reader.name}: go on with --first {asked.first + result.cases}",
                        file=sys.stderr,
                    )
                for crash in result.crashes[:20]:
                    print(f"\n{reader.name}, {crash}", file=sys.stderr)
                crashes += result.crashes
    sys.exit(bool(crashes))


def readers(scratch: Path) -> "Iterator[strangers.Reader]":
    import strangers
    import strangers_models

    yield from strangers.runtime_readers(scratch)
    yield from strangers_models.model_readers(scratch)


def fuzz(reader: "strangers.Reader", seeds: range, most_seconds: float, folder: Path) -> Result:
    """Read every case, or as many as the seconds allow."""
    result, started, told = Result(), time.monotonic(), folder / "crash.txt"
    counts = mmap.mmap(-1, _COUNTS.size)
    at = seeds.start
    while at < seeds.stop and time.monotonic() - started < most_seconds:
        counts[:] = _COUNTS.pack(at, result.refused, result.accepted)
        told.write_text("")
        child = os.fork()
        if not child:
            _work(reader, range(at, seeds.stop), started + most_seconds, counts, folder)
        _, status = os.waitpid(child, 0)
        at, result.refused, result.accepted = _COUNTS.unpack(counts[:])
        crash = told.read_text()
        if os.WIFSIGNALED(status):
            dead = signal.Signals(os.WTERMSIG(status)).name
            crash = f"died of {'a hang' if dead == 'SIGALRM' else dead}"
        elif os.WEXITSTATUS(status):
            raise SystemExit(f"{reader.name}: the bench itself failed at case {at}:\n{crash}")
        if crash:
            result.crashes.append(f"case {at}: {crash}")
            at += 1
    result.seconds = time.monotonic() - started
    return result


def _work(
    reader: "strangers.Reader", seeds: range, until: float, counts: mmap.mmap, folder: Path
) -> None:
    """Read cases until the end of them or of the time, or a crash, in a process that ends with this."""
    from tests.helpers.fuzz_readers import try_case

    code, place = 1, folder / "place"
    # Native readers print what they think of damage.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        first = _most_memory()
        for seed in seeds:
            _, refused, accepted = _COUNTS.unpack(counts[:])
            counts[:] = _COUNTS.pack(seed, refused, accepted)
            if time.monotonic() > until:
                break
            # What is asked for and not used fails in every other case; what is used is counted in the others, as
            # native readers catch their own failures.
            most = taken + MORE_MEMORY * (1 if seed % 2 else 4)
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
            files = reader.case(seed)
            signal.alarm(LONGEST)
            try:
                kept = try_case(reader, files, place)
                _refuse_more_than(first + MORE_MEMORY)
            except Exception:
                (folder / "crash.txt").write_text(traceback.format_exc(limit=-3))
                break
            finally:
                signal.alarm(0)
            counts[:] = _COUNTS.pack(seed + 1, refused + (not kept), accepted + kept)
        code = 0
    except BaseException:
        (folder / "crash.txt").write_text(traceback.format_exc())
    finally:
        os._exit(code)


def _refuse_more_than(most: int) -> None:
    if _most_memory() > most:
        raise MemoryError(f"{_most_memory() / 1e9:.1f} GB at most")


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
