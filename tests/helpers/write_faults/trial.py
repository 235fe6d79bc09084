"""Run a command with a fault or a power failure, check the files that are left, and continue it."""

import errno
import random
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path, PurePosixPath

from tests.helpers.folder_contents import read_folder, without_durations
from tests.helpers.write_faults.fault_runner import Ending, Fault, FaultRunner, TimedSignal
from tests.helpers.write_faults.lossy_disk import Loss, LossyDisk
from tests.helpers.write_faults.recording import Call, read_recording
from tests.helpers.write_faults.scenarios import Scenario, prepare

from faceloom.errors import PartlyDone, UsageError

# Exit codes with which a command may end when it cannot write.
_EXPECTED = frozenset({0, UsageError.exit_code, PartlyDone.exit_code})
_KILLED = -9
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# Temporary files that a command may leave if removing them fails: journals, hidden parts.
_WORK = re.compile(r"\.work/|(^|/)\.[^/]*\.part(/|$)")

Digests = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario with its input and its result without a fault."""

    scenario: Scenario
    """The scenario."""
    input: Path
    """A copy of the working folder before the command."""
    before: Digests
    """Its files."""
    after: Digests
    """The files of the working folder after the command without a fault."""
    log: tuple[str, ...]
    """Counted calls of the command without a fault: number, kind and path."""
    seconds: float
    """How long the command runs without a fault."""
    continued: set[frozenset[tuple[str, str]]] = field(default_factory=set)
    """The files, by name and digest, from which the command was continued without a problem."""

    @property
    def calls(self) -> int:
        """How many calls are counted without a fault."""
        return len(self.log)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The consequences of a fault."""

    exit_code: int
    """Exit code of the command with the fault; -9 if it was killed."""
    failed_call: str
    """The call of the fault: number, kind and path."""
    problems: tuple[str, ...]
    """What is wrong, a sentence each; empty if nothing was lost."""


def prepare_scenario(runner: FaultRunner, scenario: Scenario, folder: Path) -> Prepared:
    """Make the input of a scenario and run its command without a fault.

    Args:
        runner: Runs the commands.
        scenario: The scenario.
        folder: A new folder for the copy of the input.

    Returns:
        The scenario, ready for trials.
    """
    _empty(runner)
    prepare(runner, scenario)
    shutil.copytree(runner.work, folder)
    ending = runner.run(scenario.arguments, tree=scenario.tree)
    assert ending.exit_code == 0, ending.text
    return Prepared(
        scenario,
        folder,
        _digests(folder),
        _digests(runner.work, scenario.volatile),
        ending.log,
        ending.seconds,
    )


def try_fault(runner: FaultRunner, prepared: Prepared, fault: Fault) -> Outcome:
    """Run a command with a fault, check the files that it leaves, continue it, check its result.

    A problem of commands that share a process counts only if it recurs when each has its own.

    Args:
        runner: Runs the commands.
        prepared: The scenario.
        fault: What fails.

    Returns:
        The exit code, and everything that is wrong.
    """
    outcome = _try_fault(runner, prepared, fault)
    if outcome.problems and runner.is_shared:
        return _try_fault(runner.unshared, prepared, fault)
    return outcome


def _try_fault(runner: FaultRunner, prepared: Prepared, fault: Fault) -> Outcome:
    _restore_input(runner, prepared)
    scenario = prepared.scenario
    ending = runner.run(scenario.arguments, fault, tree=scenario.tree)
    left = _digests(runner.work, scenario.volatile)
    problems = [*_ending_problems(ending, fault, scenario), *_lost(prepared, left)]
    if ending.exit_code == 0:
        problems += _missing("it succeeded", prepared, left)
        problems += _left_over("it succeeded", prepared, left, allowed=_WORK)
    elif not _is_complete(prepared, left):
        problems += _continue(runner, prepared)
    elif ending.exit_code != _KILLED:
        problems.append(f"its result is complete, but it reports: {ending.text.strip()}")
    return Outcome(ending.exit_code, ending.failed_call, tuple(problems))


def try_signal(runner: FaultRunner, prepared: Prepared, timed: TimedSignal) -> Outcome:
    """End a command by a signal, check the files that it leaves, continue it, check its result.

    Args:
        runner: Runs the commands.
        prepared: The scenario.
        timed: The signal, SIGKILL or SIGTERM, and its time.

    Returns:
        The exit code, and everything that is wrong.
    """
    _restore_input(runner, prepared)
    ending = runner.run(prepared.scenario.arguments, timed=timed)
    left = _digests(runner.work, prepared.scenario.volatile)
    problems = list(_lost(prepared, left))
    if ending.exit_code not in (0, -timed.signal):
        problems.append(f"exit code {ending.exit_code}: {ending.text.strip()}")
    if ending.exit_code == 0:
        problems += _missing("it succeeded", prepared, left)
    elif not _is_complete(prepared, left):
        problems += _continue(runner, prepared)
    return Outcome(ending.exit_code, "", tuple(problems))


def record(runner: FaultRunner, prepared: Prepared, path: Path) -> tuple[Call, ...]:
    """Run a command without a fault and record its calls.

    Args:
        runner: Runs the commands.
        prepared: The scenario.
        path: File that receives the recording.

    Returns:
        The calls.
    """
    _restore_input(runner, prepared)
    scenario = prepared.scenario
    ending = runner.run(scenario.arguments, recording=path, tree=scenario.tree)
    assert ending.exit_code == 0, ending.text
    folders = (runner.work, runner.notes)
    calls = read_recording(path)
    return tuple(c for c in calls if any(c.path.is_relative_to(folder) for folder in folders))


def try_power_failure(
    runner: FaultRunner, prepared: Prepared, calls: Sequence[Call], loss: Loss, rng: random.Random
) -> tuple[str, ...]:
    """Write the files that a power failure leaves, check them, continue the command.

    Args:
        runner: Runs the commands.
        prepared: The scenario.
        calls: The calls before the power failure, of a recording.
        loss: What is lost.
        rng: Chooses what is lost, for `Loss.ANY`.

    Returns:
        What is wrong, a sentence each; empty if nothing was lost.
    """
    left = _lose(runner, prepared, calls, loss, rng)
    problems = list(_lost(prepared, left))
    if not _is_complete(prepared, left):
        problems += _continue(runner, prepared)
    return tuple(problems)


def lost_after_success(
    runner: FaultRunner, prepared: Prepared, calls: Sequence[Call], loss: Loss
) -> tuple[str, ...]:
    """Return which results are lost if the power fails after the command has succeeded.

    Args:
        runner: Runs the commands.
        prepared: The scenario.
        calls: All calls of a recording.
        loss: What is lost.
    """
    left = _lose(runner, prepared, calls, loss, random.Random(0))
    return tuple(_missing("it succeeded", prepared, left))


def _lose(
    runner: FaultRunner, prepared: Prepared, calls: Sequence[Call], loss: Loss, rng: random.Random
) -> Digests:
    """Write the files that a power failure leaves into the working folder; return their digests."""
    disk = LossyDisk(runner.work, prepared.input)
    disk.apply(calls)
    _empty(runner)
    disk.write(runner.work, loss, rng)
    notes = LossyDisk(runner.notes, runner.notes)
    notes.apply(calls)
    notes.write(runner.notes, Loss.NOTHING, rng)
    return _digests(runner.work, prepared.scenario.volatile)


def _continue(runner: FaultRunner, prepared: Prepared) -> tuple[str, ...]:
    """Run the continuing command unless it continued the same files before.

    Returns:
        What is wrong with its end and its result.
    """
    folders = (runner.work.parent, runner.notes)
    files = frozenset(item for folder in folders for item in _digests(folder).items())
    if files in prepared.continued:
        return ()
    problems = tuple(_continuation_problems(runner, prepared))
    if not problems:
        prepared.continued.add(files)
    return problems


def _continuation_problems(runner: FaultRunner, prepared: Prepared) -> Iterator[str]:
    scenario = prepared.scenario
    again = runner.run(scenario.continued, tree=scenario.tree)
    left = _digests(runner.work, prepared.scenario.volatile)
    if again.exit_code:
        yield f"it cannot be continued: {again.text.strip()}"
    yield from _missing("it was continued", prepared, left)
    yield from _left_over("it was continued", prepared, left)


def _ending_problems(ending: Ending, fault: Fault, scenario: Scenario) -> Iterator[str]:
    # In a tree, the command reports another program that was killed.
    is_report = scenario.tree and ending.exit_code != _KILLED
    if fault.error == 0 and not is_report:
        if ending.exit_code not in (0, _KILLED):
            yield f"a killed command ended with {ending.exit_code}"
        return
    if ending.exit_code not in _EXPECTED:
        yield f"exit code {ending.exit_code}"
    if "Traceback" in ending.text:
        yield "a traceback: " + ending.text.strip().splitlines()[-1]
    if ending.exit_code and "faceloom: " not in ending.text:
        yield f"no error message: {ending.text.strip()!r}"
    if fault.error in _DISK_FULL and ending.exit_code == UsageError.exit_code:
        yield f"a full disk is not named: {ending.text.strip().splitlines()[-1]}"


def _lost(prepared: Prepared, left: Digests) -> Iterator[str]:
    """Yield input that changed, and what is neither the old nor the new."""
    for name, digest in prepared.before.items():
        untouched = any(_is_below(name, each) for each in prepared.scenario.untouched)
        if untouched and left.get(name) != digest:
            yield f"the input {name} changed"
    for name, digest in left.items():
        if "/" not in name and not name.startswith("."):
            known = prepared.before.get(name), prepared.after.get(name)
            if digest not in known:
                yield f"{name} is neither the old nor the new file"
    for part in sorted(_whole_parts(prepared.scenario, left)):
        known_parts = (_below(part, digests) for digests in (prepared.before, prepared.after))
        if _below(part, left) not in known_parts:
            yield f"{part} is neither the old nor the new one"


def _whole_parts(scenario: Scenario, left: Digests) -> set[PurePosixPath]:
    """Return the files and folders that must be the old or the new ones."""
    paths = {path for name in left for path in (PurePosixPath(name), *PurePosixPath(name).parents)}
    return {path for path in paths if any(path.match(pattern) for pattern in scenario.whole)}


def _below(part: PurePosixPath, digests: Digests) -> Digests:
    """Return the digests of a file, or of the files of a folder."""
    return {name: digest for name, digest in digests.items() if _is_below(name, part)}


def _is_below(name: str, folder: PurePosixPath | str) -> bool:
    return PurePosixPath(name).is_relative_to(folder)


def _is_complete(prepared: Prepared, left: Digests) -> bool:
    return not any(_missing("", prepared, left)) and not any(
        _left_over("", prepared, left, allowed=_WORK)
    )


def _missing(when: str, prepared: Prepared, left: Digests) -> Iterator[str]:
    for name, digest in prepared.after.items():
        is_needed = name in left or name not in prepared.scenario.optional
        if is_needed and left.get(name) != digest:
            yield f"{when} and {name} {'differs' if name in left else 'is missing'}"


def _left_over(
    when: str, prepared: Prepared, left: Digests, allowed: re.Pattern[str] | None = None
) -> Iterator[str]:
    for name in sorted(left.keys() - prepared.after.keys()):
        if allowed is None or not allowed.search(name):
            yield f"{when} and {name} is left"


def _digests(folder: Path, volatile: tuple[str, ...] = ()) -> Digests:
    """Return the SHA-256, without durations, of each file below a folder.

    That of volatile ones is "present".
    """
    return {
        name: "present"
        if any(fnmatch(name, pattern) for pattern in volatile)
        else sha256(without_durations(name, data)).hexdigest()
        for name, data in read_folder(folder).items()
    }


def _restore_input(runner: FaultRunner, prepared: Prepared) -> None:
    _empty(runner)
    shutil.copytree(prepared.input, runner.work, dirs_exist_ok=True)


def _empty(runner: FaultRunner) -> None:
    """Remove all files of commands: results, caches, temporary files, notes."""
    for path in (*runner.work.parent.iterdir(), runner.notes):
        shutil.rmtree(path)
        path.mkdir()
