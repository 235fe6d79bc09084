"""Failed writes, kills and power failures lose no data.

`benchmarks.robustness.write_faults`, `kills` and `power_failures` try more cases.
"""

import errno
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from tests.helpers.write_faults import preload_library
from tests.helpers.write_faults.fault_runner import (
    Fault,
    FaultRunner,
    TimedSignal,
    fault_runner,
)
from tests.helpers.write_faults.lossy_disk import Loss, LossyDisk
from tests.helpers.write_faults.recording import Call
from tests.helpers.write_faults.scenarios import RUNTIME_SCENARIOS, Scenario
from tests.helpers.write_faults.trial import (
    Prepared,
    lost_after_success,
    prepare_scenario,
    record,
    try_fault,
    try_power_failure,
    try_signal,
)

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
    "extract": ((0.3, FULL), (0.47, DAMAGED)),
    "curate": ((0.3, FORBIDDEN), (0.75, KILLED), (0.85, FULL)),
    "curate --undo": ((0.4, KILLED), (0.7, DAMAGED)),
    "convert": ((0.5, KILLED), (0.8, FULL)),
    "queue of the studio": ((0.4, KILLED),),
}


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultRunner]:
    with fault_runner(tmp_path_factory.mktemp("faults")) as runner:
        yield runner


@pytest.fixture(scope="module")
def prepared(
    runner: FaultRunner, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Prepared]:
    """Return a function that prepares a scenario by name, each once."""

    @cache
    def prepare(name: str) -> Prepared:
        folder = tmp_path_factory.mktemp("scenario") / "input"
        return prepare_scenario(runner, scenario_of(name), folder)

    return prepare


def scenario_of(name: str) -> Scenario:
    return next(scenario for scenario in RUNTIME_SCENARIOS if scenario.name == name)


@pytest.mark.parametrize("name", SAMPLE)
def test_no_data_is_lost(
    name: str, runner: FaultRunner, prepared: Callable[[str], Prepared]
) -> None:
    scenario = prepared(name)
    for share, (error, stays) in SAMPLE[name]:
        fault = Fault(max(1, round(share * scenario.calls)), error, stays)
        outcome = try_fault(runner, scenario, fault)
        assert (outcome.exit_code != 0, outcome.problems) == (True, ()), outcome.failed_call


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_at_any_time_loses_no_data(
    number: int, runner: FaultRunner, prepared: Callable[[str], Prepared]
) -> None:
    scenario = prepared("curate")
    outcome = try_signal(runner, scenario, TimedSignal(number, scenario.seconds / 2))
    assert outcome.problems == ()


# The share of a command's calls after which the power fails, and what is lost.
POWER_FAILURES = {
    "extract": ((0.6, Loss.CONTENT), (0.7, Loss.ZEROS)),
    "curate": ((0.85, Loss.NAMES),),
    "convert in segments": ((0.7, Loss.CONTENT),),
    "queue of the studio": ((0.9, Loss.ANY),),
    "swap, its own writes": ((0.5, Loss.NAMES),),
}


@pytest.mark.parametrize("name", POWER_FAILURES)
def test_a_power_failure_loses_no_data(
    name: str, runner: FaultRunner, prepared: Callable[[str], Prepared], tmp_path: Path
) -> None:
    scenario = prepared(name)
    calls = record(runner, scenario, tmp_path / "recording")
    for loss in Loss:
        assert lost_after_success(runner, scenario, calls, loss) == (), loss
    for share, loss in POWER_FAILURES[name]:
        before = calls[: round(share * len(calls))]
        problems = try_power_failure(runner, scenario, before, loss, random.Random(0))
        assert problems == (), before[-1]


@pytest.mark.parametrize(
    ("flushed", "loss", "left"),
    [
        ((), Loss.ALL, {}),
        ((), Loss.NAMES, {}),
        ((), Loss.CONTENT, {"new": b""}),
        ((), Loss.ZEROS, {"new": b"\0\0"}),
        ((), Loss.NOTHING, {"new": b"ab"}),
        (("part",), Loss.ALL, {}),
        (("part",), Loss.CONTENT, {"new": b"ab"}),
        (("part", "."), Loss.ALL, {"new": b"ab"}),
        (("in child",), Loss.ALL, {"new": b"ab"}),
        (("part", ".", "in child"), Loss.ALL, {"new": b"ab"}),
    ],
)
def test_a_disk_loses_what_is_not_flushed(
    flushed: tuple[str, ...], loss: Loss, left: dict[str, bytes], tmp_path: Path
) -> None:
    """A file is written, its content flushed, it is renamed, and its folder flushed.

    What a program in a child process wrote is never lost.
    """
    root, folder = Path("/disk"), tmp_path / "after"
    folder.mkdir()
    (tmp_path / "before").mkdir()
    calls = [Call("create", 7, 0, root / "part"), Call("write", 7, 0, root / "part", data=b"ab")]
    calls += [Call("fsync", 7, 0, root / "part") for name in flushed if name == "part"]
    calls += [Call("rename", 0, 0, root / "part", root / "new")]
    calls += [Call("fsync", 1, 0, root) for name in flushed if name == "."]
    calls = [replace(call, in_child="in child" in flushed) for call in calls]
    disk = LossyDisk(root, tmp_path / "before")
    disk.apply(calls)
    disk.write(folder, loss, random.Random(0))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == left


def test_a_fault_happens(runner: FaultRunner, prepared: Callable[[str], Prepared]) -> None:
    """The library counts calls, and the command reports a failed one."""
    scenario = prepared("curate")
    assert scenario.calls > 10
    outcome = try_fault(runner, scenario, Fault(2, errno.ENOSPC))
    assert (outcome.exit_code, outcome.failed_call.split()[0]) == (8, "2")
    assert str(runner.work) in outcome.failed_call


def test_the_same_files_are_continued_once(
    runner: FaultRunner, prepared: Callable[[str], Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = replace(prepared("curate"), continued=set())
    outcomes, runs = [], []
    run = FaultRunner.run
    monkeypatch.setattr(FaultRunner, "run", lambda *a, **k: runs.append(a) or run(*a, **k))
    for _ in range(2):
        outcomes.append(try_fault(runner, scenario, Fault(2, errno.ENOSPC)))
    assert (len(runs), len(scenario.continued)) == (3, 1)
    assert outcomes[0] == outcomes[1]


@pytest.mark.exhaustive
def test_calls_of_started_programs_fail_in_a_tree(
    runner: FaultRunner, prepared: Callable[[str], Prepared], tmp_path: Path
) -> None:
    """The fake commands of a swap write starts.txt, which only a tree counts."""
    scenario = replace(prepared("swap, its own writes").scenario, tree=True)
    assert not any(line.endswith("/starts.txt") for line in prepared(scenario.name).log)
    tree = prepare_scenario(runner, scenario, tmp_path / "input")
    writes = [number for number, line in enumerate(tree.log, 1) if line.endswith("/starts.txt")]
    assert any(call.path.name == "starts.txt" for call in record(runner, tree, tmp_path / "calls"))
    # The swap and its commands write at the same time, so that the numbers of calls vary.
    numbers = sorted(range(1, 2 * writes[1]), key=lambda number: abs(number - writes[1]))
    outcomes = (try_fault(runner, tree, Fault(number, errno.ENOSPC)) for number in numbers)
    outcome = next(each for each in outcomes if each.failed_call.endswith("/starts.txt"))
    assert "exit code 1" in outcome.problems
    assert try_fault(runner, tree, Fault(1, 0)).problems == ()


def test_commands_share_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of one command does not concern the next one."""
    (tmp_path / "print_process.py").write_text("import os\ndef main():\n    print(os.getpid())\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    modules = ("tests.helpers.write_faults.queue_program",)
    queue, print_process = ("-m", *modules), ("-m", "print_process")
    with fault_runner(tmp_path, modules, shared=True) as runner:
        first = runner.run(print_process)
        assert runner.run(queue, Fault(2, errno.ENOSPC)).exit_code == 8
        assert runner.run(queue).exit_code == 0
        last, own = runner.run(print_process), runner.unshared.run(print_process)
    assert first.text == last.text != own.text
