"""End every command by SIGKILL or SIGTERM at random times, and run it again.

python -m benchmarks.robustness.kills [--kills N] [--minutes M] [--seed S] [SCENARIO...]

Each scenario is ended N times (default 50), by the two signals in turn, at uniformly random times
between its start and its undisturbed end; or until M minutes have passed, divided evenly among the
scenarios. The files that are left are checked, and the same command has to finish with the same
bytes. Prints a row for each scenario, and every problem; exits with 1 if there was one.

`kill_training` measures how many steps of a training a kill loses, and `interrupts` whether Ctrl-C
is heard.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from tests.helpers.write_faults.fault_runner import (
    FaultRunner,
    TimedSignal,
    fault_runner,
)
from tests.helpers.write_faults.scenarios import Scenario
from tests.helpers.write_faults.trial import Prepared, prepare_scenario, try_signal

from benchmarks.robustness.write_faults import choose_scenarios

_SIGNALS = (signal.SIGKILL, signal.SIGTERM)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="names; all by default")
    parser.add_argument("--kills", type=int, default=50, help="kills of each scenario")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="time for all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| command | undisturbed s | kills | finished before | problems |\n|---|---|---|---|---|")
    groups = choose_scenarios(options.scenarios)
    minutes = options.minutes / max(1, sum(len(scenarios) for _, scenarios in groups))
    rng = random.Random(options.seed)
    problems = 0
    for modules, scenarios in groups:
        for scenario in scenarios:
            with _prepared(modules, scenario) as (runner, prepared):
                problems += _kill_often(runner, prepared, options.kills, minutes, rng)
    return int(problems > 0)


@contextmanager
def _prepared(
    modules: tuple[str, ...], scenario: Scenario
) -> Iterator[tuple[FaultRunner, Prepared]]:
    with tempfile.TemporaryDirectory() as name, fault_runner(Path(name), modules) as runner:
        yield runner, prepare_scenario(runner, scenario, Path(name) / "input")


def _kill_often(
    runner: FaultRunner, prepared: Prepared, kills: int, minutes: float, rng: random.Random
) -> int:
    """Return the number of problems."""
    # Runs by whether the signal ended them.
    ends: Counter[bool] = Counter()
    problems = []
    until = time.monotonic() + 60 * minutes
    for number in cycle(_SIGNALS):
        if ends[True] >= kills or time.monotonic() > until:
            break
        timed = TimedSignal(number, rng.uniform(0, prepared.seconds))
        outcome = try_signal(runner, prepared, timed)
        ends[outcome.exit_code < 0] += 1
        problems += [f"{number.name} after {timed.seconds:.3f} s: {p}" for p in outcome.problems]
    name = prepared.scenario.name
    print(f"| `{name}` | {prepared.seconds:.2f} | {ends[True]} | {ends[False]} | {len(problems)} |")
    print(*(f"{name}, {problem}" for problem in problems), sep="\n", file=sys.stderr)
    sys.stdout.flush()
    return len(problems)


if __name__ == "__main__":
    sys.exit(main())
