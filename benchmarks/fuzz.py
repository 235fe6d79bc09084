"""Spoil valid artefacts and read them: what is neither accepted nor refused in the documented way is a crash.

python benchmarks/fuzz.py --cases 100000 --seconds 180 [--reader TEXT] [--first SEED]

Each reader works in a process of its own, with at most MORE_MEMORY more than it has at first, and LONGEST for a case;
a process that dies is counted and another goes on with the next case. A case is its number: --first repeats one.
"""

import argparse
import mmap
import os
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "making"))

MORE_MEMORY = 2 * 2**30
LONGEST = 20
_COUNTS = struct.Struct("<4q")


@dataclass
class Result:
    refused: int = 0
    accepted: int = 0
    seconds: float = 0
    crashes: list[str] = field(default_factory=list)

    def row(self, name: str) -> str:
        cases = self.refused + self.accepted + len(self.crashes)
        return f"| {name} | {cases} | {self.refused} | {self.accepted} | {self.seconds:.0f} | {len(self.crashes)} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--reader", default="")
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    print("| reader | cases | refused | accepted | seconds | crashes |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        crashes: list[str] = []
        for reader in readers(Path(folder) / "made"):
            if asked.reader in reader.name:
                result = fuzz(reader, range(asked.first, asked.first + asked.cases), asked.seconds, Path(folder))
                print(result.row(reader.name), flush=True)
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
    result, started, told = Result(), time.monotonic(), folder / "crashes.txt"
    counts = mmap.mmap(-1, _COUNTS.size)
    at = seeds.start
    while at < seeds.stop and time.monotonic() - started < most_seconds:
        counts[:] = _COUNTS.pack(at, 0, 0, 0)
        told.write_text("")
        child = os.fork()
        if not child:
            _work(reader, range(at, seeds.stop), most_seconds - (time.monotonic() - started), counts, folder)
        _, status = os.waitpid(child, 0)
        at, refused, accepted, _ = _COUNTS.unpack(counts[:])
        result.refused += refused
        result.accepted += accepted
        result.crashes += [crash for crash in told.read_text().split("\0") if crash]
        if not os.WIFEXITED(status):
            dead = signal.Signals(os.WTERMSIG(status)).name
            result.crashes.append(f"case {at}: died of {'a hang' if dead == 'SIGALRM' else dead}")
            at += 1
        elif os.WEXITSTATUS(status):
            raise SystemExit(f"{reader.name}: the bench itself failed at case {at}:\n{told.read_text()}")
        else:
            break
    result.seconds = time.monotonic() - started
    return result


def _work(reader: "strangers.Reader", seeds: range, seconds: float, counts: mmap.mmap, folder: Path) -> None:
    """Read cases until the end of them or of the time, in a process that ends with this."""
    from strangers import try_case

    code, place, until = 1, folder / "place", time.monotonic() + seconds
    # Native readers print what they think of damage.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MORE_MEMORY, taken + MORE_MEMORY))
        for seed in seeds:
            _, refused, accepted, crashed = _COUNTS.unpack(counts[:])
            counts[:] = _COUNTS.pack(seed, refused, accepted, crashed)
            if time.monotonic() > until:
                break
            files = reader.case(seed)
            signal.alarm(LONGEST)
            try:
                kept = try_case(reader, files, place)
            except Exception:
                with (folder / "crashes.txt").open("a") as told:
                    told.write(f"case {seed}: {traceback.format_exc(limit=-3).replace(chr(0), '')}\0")
                crashed += 1
            else:
                accepted, refused = accepted + kept, refused + (not kept)
            finally:
                signal.alarm(0)
            counts[:] = _COUNTS.pack(seed, refused, accepted, crashed)
        code = 0
    except BaseException:
        (folder / "crashes.txt").write_text(traceback.format_exc())
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
