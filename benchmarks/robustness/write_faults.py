"""Let each system call that writes fail once, check the files that remain, and run again.

python -m benchmarks.robustness.write_faults [--every N] [--repeats N] [--shared] [--minutes M]
    [--seed S] [SCENARIO...]

Each counted call of each scenario fails with each error of `KINDS`: full disk, quota reached (every
later call fails too), I/O error, no permission, an interrupted call, a read-only file system, and a
kill. With `--every N`, each Nth call fails with one of them in turn. With `--repeats N`, only N of
equal calls in a row are tried, such as those that write the arrays of a checkpoint. With
`--shared`, commands share a process, which halves the time of a training; a problem counts only if
it recurs in a process of its own. With `--minutes M`, faults are tried in random order, which
`--seed` changes, for M minutes of each scenario. A command continues the same files only once.
Prints a row for each scenario and error, and every problem; exits with 1 if there was one.
`tests.helpers.write_faults` defines the scenarios and the problems.
"""

import argparse
import errno
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import cycle, groupby
from pathlib import Path

import numpy as np
from tests.helpers.write_faults.fault_runner import (
    RUNTIME_MODULES,
    TRAINER_MODULES,
    Fault,
    FaultRunner,
    fault_runner,
)
from tests.helpers.write_faults.scenarios import (
    PROCESS_SCENARIOS,
    RUNTIME_SCENARIOS,
    TRAINER_SCENARIOS,
    Scenario,
)
from tests.helpers.write_faults.trial import prepare_scenario, try_fault

# Errors: name, error number (0: the process is killed), whether later calls fail too.
KINDS = (
    ("disk full", errno.ENOSPC, True),
    ("quota reached", errno.EDQUOT, True),
    ("I/O error", errno.EIO, False),
    ("no permission", errno.EACCES, False),
    ("interrupted call", errno.EINTR, False),
    ("read-only file system", errno.EROFS, False),
    ("killed", 0, False),
)
# Scenarios with the modules that they import.
GROUPS = (
    (RUNTIME_MODULES, RUNTIME_SCENARIOS),
    (TRAINER_MODULES, TRAINER_SCENARIOS),
    (RUNTIME_MODULES, PROCESS_SCENARIOS),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="names; all by default")
    parser.add_argument("--every", type=int, default=0, help="try each Nth call with one error")
    parser.add_argument("--repeats", type=int, default=0, help="try N of equal calls in a row")
    parser.add_argument("--shared", action="store_true", help="commands share a process")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="of each scenario")
    parser.add_argument("--seed", type=int, default=0, help="order of faults with --minutes")
    options = parser.parse_args()
    print("| command | calls | error | tried | exit codes | problems |\n|---|---|---|---|---|---|")
    problems = [
        _try_scenarios(modules, scenarios, options)
        for modules, scenarios in choose_scenarios(options.scenarios)
    ]
    return int(any(problems))


def choose_scenarios(names: Sequence[str]) -> list[tuple[tuple[str, ...], list[Scenario]]]:
    """Return scenarios by name (all if there are no names), with the modules that they import."""
    chosen = [
        (modules, [s for s in group if s.name in names or not names]) for modules, group in GROUPS
    ]
    return [(modules, scenarios) for modules, scenarios in chosen if scenarios]


def _try_scenarios(
    modules: Sequence[str], scenarios: Sequence[Scenario], options: argparse.Namespace
) -> int:
    """Return the number of problems."""
    with (
        tempfile.TemporaryDirectory() as name,
        fault_runner(Path(name), modules, shared=options.shared) as runner,
    ):
        return sum(
            _try_scenario(runner, scenario, Path(name) / f"input{number}", options)
            for number, scenario in enumerate(scenarios)
        )


def _try_scenario(
    runner: FaultRunner, scenario: Scenario, folder: Path, options: argparse.Namespace
) -> int:
    prepared = prepare_scenario(runner, scenario, folder)
    faults = _faults(_chosen_calls(prepared.log, options.repeats), options.every)
    until = time.monotonic() + 60 * options.minutes
    if options.minutes < float("inf"):
        random.Random(options.seed).shuffle(faults)
    codes: defaultdict[str, Counter[int]] = defaultdict(Counter)
    problems: Counter[str] = Counter()
    for name, fault in faults:
        if time.monotonic() > until:
            break
        outcome = try_fault(runner, prepared, fault)
        codes[name][outcome.exit_code] += 1
        problems[name] += len(outcome.problems)
        for problem in outcome.problems:
            print(f"{scenario.name}, {name}, {outcome.failed_call}: {problem}", file=sys.stderr)
    for name, counts in codes.items():
        ends = ", ".join(f"{code}: {count}" for code, count in sorted(counts.items()))
        print(f"| `{scenario.name}` | {prepared.calls} | {name} | {counts.total()} | {ends} | "
              f"{problems[name]} |", flush=True)  # fmt: skip
    return problems.total()


def _chosen_calls(log: Sequence[str], repeats: int) -> list[int]:
    """Return the numbers of the calls to try, from 1; of equal calls in a row at most `repeats`."""
    numbered = list(enumerate((line.split(" ", 1)[1] for line in log), 1))
    chosen: list[int] = []
    for _, group in groupby(numbered, key=lambda call: call[1]):
        numbers = [number for number, _ in group]
        count = min(len(numbers), repeats or len(numbers))
        places = np.linspace(0, len(numbers) - 1, count).round().astype(int)
        chosen += [numbers[place] for place in places]
    return chosen


def _faults(calls: Sequence[int], every: int) -> list[tuple[str, Fault]]:
    """Return the faults with the names of their errors."""
    if not every:
        return [(name, Fault(call, error, stays)) for name, error, stays in KINDS for call in calls]
    return [
        (name, Fault(call, error, stays))
        for call, (name, error, stays) in zip(calls[::every], cycle(KINDS), strict=False)
    ]


if __name__ == "__main__":
    sys.exit(main())
