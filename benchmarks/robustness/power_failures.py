"""Take away what a command has not flushed, at many moments, and run it again.

python -m benchmarks.robustness.power_failures [--samples N] [--seed N] [SCENARIO...]

Each scenario runs once while its writes are recorded. N times (default 50 for each kind of loss),
its files are those after a random number of the recorded calls, without some of what was not
flushed with fsync (`tests.helpers.write_faults.lossy_disk` lists the kinds of loss). The same
command then has to finish with the same bytes. After the last call nothing may be lost. Prints a
row for each scenario and loss, and every problem; exits with 1 if there was one.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.helpers.write_faults.fault_runner import FaultRunner, fault_runner
from tests.helpers.write_faults.lossy_disk import Loss
from tests.helpers.write_faults.recording import Call
from tests.helpers.write_faults.scenarios import Scenario
from tests.helpers.write_faults.trial import (
    lost_after_success,
    prepare_scenario,
    record,
    try_power_failure,
)

from benchmarks.robustness.write_faults import choose_scenarios


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="names; all by default")
    parser.add_argument("--samples", type=int, default=50, help="moments for each kind of loss")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| command | calls | lost | moments | problems |\n|---|---|---|---|---|")
    problems = [
        _try_scenarios(modules, scenarios, options.samples, options.seed)
        for modules, scenarios in choose_scenarios(options.scenarios)
    ]
    return int(any(problems))


def _try_scenarios(
    modules: Sequence[str], scenarios: Sequence[Scenario], samples: int, seed: int
) -> int:
    """Return the number of problems."""
    with tempfile.TemporaryDirectory() as name, fault_runner(Path(name), modules) as runner:
        return sum(
            _try_scenario(runner, scenario, Path(name) / f"input{number}", samples, seed)
            for number, scenario in enumerate(scenarios)
        )


def _try_scenario(
    runner: FaultRunner, scenario: Scenario, folder: Path, samples: int, seed: int
) -> int:
    prepared = prepare_scenario(runner, scenario, folder)
    calls = record(runner, prepared, folder.with_suffix(".recording"))
    difference = lost_after_success(runner, prepared, calls, Loss.NOTHING)
    assert not difference, f"the recording lacks calls: {difference}"
    rng = random.Random(seed)
    total = 0
    for loss in Loss:
        problems = [f"at the end, {p}" for p in lost_after_success(runner, prepared, calls, loss)]
        ends = [rng.randint(1, len(calls)) for _ in range(samples)]
        # The same moment again differs only if chance decides what is lost.
        ends = ends if loss is Loss.ANY else sorted(set(ends))
        for end in ends:
            found = try_power_failure(runner, prepared, calls[:end], loss, rng)
            problems += [f"after {end} ({_describe(calls[end - 1])}), {p}" for p in found]
        print(f"| `{scenario.name}` | {len(calls)} | {loss} | {len(ends)} | {len(problems)} |")
        sys.stdout.flush()
        for problem in problems:
            print(f"{scenario.name}, {loss}: {problem}", file=sys.stderr)
        total += len(problems)
    return total


def _describe(call: Call) -> str:
    return f"{call.name} {call.path.name}"


if __name__ == "__main__":
    sys.exit(main())
