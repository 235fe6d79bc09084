"""Run commands with faults through a fork server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.helpers.write_faults import preload_library
from tests.helpers.write_faults.fork_server import Reply, Request

# What commands import when they run; the server imports it once.
RUNTIME_MODULES = (
    "av", "cv2", "onnxruntime", "faceloom.cli.app", "faceloom.faceset", "faceloom.swap",
    "faceloom.review", "faceloom.compare",
)  # fmt: skip
TRAINER_MODULES = (
    *RUNTIME_MODULES, "tensorflow", "keras", "tf2onnx", "faceloom_train.cli", "faceloom_export.cli",
)  # fmt: skip
# File of the counted calls of the last command, beside the folder in which they are counted.
_LOG = "calls.txt"
# Seconds after which a command counts as hanging.
_PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """A system call that fails."""

    call: int = 0
    """Which counted call fails, from 1; 0: none."""
    error: int = 0
    """The error's number, such as ENOSPC; 0 kills the process instead."""
    stays: bool = False
    """Whether every later call fails as well."""


NO_FAULT = Fault()


@dataclass(frozen=True, slots=True)
class TimedSignal:
    """A signal that a command receives at a certain time."""

    signal: int = 0
    """Its number; 0: none."""
    seconds: float = 0.0
    """When it receives it, in seconds from its start."""


NO_SIGNAL = TimedSignal()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended."""

    exit_code: int
    """Exit code; -N after signal N."""
    log: tuple[str, ...]
    """The counted calls: number, kind and path."""
    failed_call: str
    """That of the fault; empty without a fault."""
    text: str
    """Standard output and standard error."""
    seconds: float
    """How long it ran."""


class FaultRunner:
    """Runs commands in a folder whose writing calls are counted and can fail."""

    def __init__(self, server: "subprocess.Popen[str]", folder: Path) -> None:
        self._server, self._folder = server, folder

    @property
    def work(self) -> Path:
        """The working folder of commands."""
        return self._folder / "work"

    @property
    def notes(self) -> Path:
        """A folder whose files no fault concerns: `../../notes` for commands."""
        return self._folder.parent / "notes"

    def run(
        self,
        arguments: Sequence[str],
        fault: Fault = NO_FAULT,
        recording: Path | None = None,
        timed: TimedSignal = NO_SIGNAL,
    ) -> Ending:
        """Run a command.

        Args:
            arguments: Words after `faceloom`; or -m and a module, whose `main` is called instead.
            fault: What fails.
            recording: File that receives a recording of all writes; None: none is made.
            timed: A signal that it receives.

        Returns:
            How it ended.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        output = self._folder.parent / "output.txt"
        log = self._folder.parent / _LOG
        request = Request(
            tuple(arguments),
            str(self.work),
            str(output),
            **asdict(fault),
            seconds=_PATIENCE,
            recording=str(recording or ""),
            signal=timed.signal,
            signal_seconds=timed.seconds,
        )
        self._server.stdin.write(json.dumps(asdict(request)) + "\n")
        self._server.stdin.flush()
        reply = Reply(**json.loads(self._server.stdout.readline()))
        calls = tuple(log.read_text(errors="replace").splitlines())
        failed_call = next((line for line in calls if line.startswith(f"{fault.call} ")), "")
        text = output.read_text(errors="replace")
        return Ending(reply.exit_code, calls, failed_call, text, reply.seconds)


@contextmanager
def fault_runner(folder: Path, modules: Sequence[str] = RUNTIME_MODULES) -> Iterator[FaultRunner]:
    """Start a fork server.

    Args:
        folder: A new folder. Commands run in `disk/work`. Calls below `disk` are counted, which
            also contains the user's data, caches and temporary files.
        modules: What the commands import.

    Yields:
        The runner of commands.
    """
    disk = folder / "disk"
    for path in (disk / "work", disk / "home", disk / "temporary", folder / "notes"):
        path.mkdir(parents=True)
    environment = {
        **os.environ,
        "LD_PRELOAD": str(preload_library.build(folder)),
        "FACELOOM_FAULT_FOLDER": str(disk),
        "FACELOOM_FAULT_LOG": str(folder / _LOG),
        "FACELOOM_RECORDED_FOLDER": str(folder),
        "XDG_DATA_HOME": str(disk / "home"),
        "XDG_CACHE_HOME": str(disk / "home"),
        "TMPDIR": str(disk / "temporary"),
        "PYTHONDONTWRITEBYTECODE": "1",
        # As `faceloom train` sets it before it imports Keras.
        "KERAS_BACKEND": "tensorflow",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.write_faults.fork_server", *modules],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
    )
    try:
        yield FaultRunner(server, disk)
    finally:
        server.kill()
        server.communicate()
