"""Convert random videos of every container and report what came out.

python -m benchmarks.robustness.mux_fuzz COUNT [--seed N]

A combination that FFmpeg itself refuses to write is replaced by another. Each case is identified by
"SEED-INDEX-DRAW"; a failure prints it with what the source is.
"""

import argparse
import logging
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.helpers.mux.cases import make_case
from tests.helpers.mux.check import OUTCOMES, convert_case

# Most draws until FFmpeg takes a combination.
MAX_DRAWS = 200


def main() -> None:
    """Run the cases and print a table of outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="cases")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case")
    parser.add_argument("--first", type=int, default=0, help="index of the first case")
    options = parser.parse_args()
    logging.getLogger("libav").setLevel(logging.CRITICAL)
    logging.getLogger("faceloom").setLevel(logging.ERROR)
    started, outcomes, containers = time.monotonic(), Counter[str](), Counter[str]()
    for index in range(options.first, options.first + options.count):
        with tempfile.TemporaryDirectory() as folder:
            for draw in range(MAX_DRAWS):
                made = make_case(Path(folder), f"{options.seed}-{index}-{draw}")
                if made is not None:
                    break
            else:
                continue
            case, source = made
            result = convert_case(case, source)
        outcomes[result.outcome] += 1
        containers[f"{case.container} to {case.out}"] += 1
        if result.outcome == "failure":
            print(f"{case}\n    {result.detail}", flush=True)
    seconds = time.monotonic() - started
    print("\n| outcome | cases |\n|---|---|")
    for outcome in OUTCOMES:
        print(f"| {outcome} | {outcomes[outcome]:,} |")
    print(f"\n{len(containers)} pairs of containers, {seconds:.0f} s")


if __name__ == "__main__":
    main()
