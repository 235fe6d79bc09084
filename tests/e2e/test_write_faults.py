"""A failed write or a kill loses no data; `benchmarks.robustness.write_faults` tries more cases."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.write_faults import preload_library
from tests.helpers.write_faults.fault_runner import Fault, FaultRunner, fault_runner
from tests.helpers.write_faults.scenarios import RUNTIME_SCENARIOS, Scenario
from tests.helpers.write_faults.trial import prepare_scenario, try_fault

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.process,
    pytest.mark.skipif(preload_library.compiler() is None, reason="no C compiler"),
]

FULL = (errno.ENOSPC, True)
DAMAGED = (errno.EIO, False)
FORBIDDEN = (errno.EACCES, False)
KILLED = (0, False)

# The share of a command's calls after which the fault occurs, and the fault.
SAMPLE = {
    "extract": ((0.3, FULL), (0.6, DAMAGED)),
    "curate": ((0.3, FORBIDDEN), (0.75, KILLED), (0.9, FULL)),
    "curate --undo": ((0.4, KILLED), (0.7, DAMAGED)),
    "convert": ((0.5, KILLED), (0.8, FULL)),
}


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultRunner]:
    with fault_runner(tmp_path_factory.mktemp("faults")) as runner:
        yield runner


def scenario_of(name: str) -> Scenario:
    return next(scenario for scenario in RUNTIME_SCENARIOS if scenario.name == name)


@pytest.mark.parametrize("name", SAMPLE)
def test_no_data_is_lost(name: str, runner: FaultRunner, tmp_path: Path) -> None:
    scenario = scenario_of(name)
    prepared = prepare_scenario(runner, scenario, tmp_path / "input")
    for share, (error, stays) in SAMPLE[name]:
        fault = Fault(max(1, round(share * prepared.calls)), error, stays)
        outcome = try_fault(runner, prepared, fault)
        assert (outcome.exit_code != 0, outcome.problems) == (True, ()), outcome.failed_call


def test_a_fault_happens(runner: FaultRunner, tmp_path: Path) -> None:
    """The library counts calls, and the command reports a failed one."""
    scenario = scenario_of("curate")
    prepared = prepare_scenario(runner, scenario, tmp_path / "input")
    assert prepared.calls > 10
    ending = runner.run(scenario.arguments, Fault(2, errno.ENOSPC))
    assert (ending.exit_code, ending.failed_call.split()[0]) == (8, "2")
    assert str(runner.work) in ending.failed_call
