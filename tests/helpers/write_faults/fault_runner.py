"""Run commands with faults through a fork server."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
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
# File of the fault that all programs of a command share.
_TREE = "tree"
# Programs that a command starts one after the other, at most; each may take as long as a command.
_TREE_PROGRAMS = 10
# Commands that share a process: memory that they do not return is limited by it.
_MAX_SHARED = 100
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


class Server:
    """A fork server, which is started for the first command."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        self._modules, self._environment = modules, environment
        self._process: subprocess.Popen[str] | None = None
        self._runs = 0

    def run(self, request: Request) -> Reply:
        """Run a command; if it ends the server, the next command starts another one."""
        if self._process is None or (not request.forks and self._runs >= _MAX_SHARED):
            self.close()
            self._process, self._runs = self._start(), 0
        self._runs += 1
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        began = time.monotonic()
        self._process.stdin.write(json.dumps(asdict(request)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if line:
            return Reply(**json.loads(line))
        code = self._process.wait()
        self.close()
        return Reply(code, time.monotonic() - began)

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.write_faults.fork_server", *self._modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            cwd=Path(__file__).parents[3],
        )

    def close(self) -> None:
        """End the server's process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class FaultRunner:
    """Runs commands in a folder whose writing calls are counted and can fail."""

    def __init__(self, server: Server, folder: Path, shared: Server | None = None) -> None:
        """Use a running server.

        Args:
            server: Runs each command in a process of its own.
            folder: Calls below it are counted.
            shared: Runs commands in one process, those with a fault that does not kill it; None:
                each has a process of its own.
        """
        self._server, self._folder, self._shared = server, folder, shared

    @property
    def is_shared(self) -> bool:
        """Whether commands share a process, so that one may disturb the next."""
        return self._shared is not None

    @property
    def unshared(self) -> "FaultRunner":
        """The same runner with a process for each command."""
        return FaultRunner(self._server, self._folder)

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
        tree: bool = False,
    ) -> Ending:
        """Run a command.

        Args:
            arguments: Words after `faceloom`; or -m and a module, whose `main` is called instead.
            fault: What fails.
            recording: File that receives a recording of all writes; None: none is made.
            timed: A signal that it receives.
            tree: Whether calls of the programs that it starts are counted, fail and are recorded.

        Returns:
            How it ended.
        """
        needs_own = bool(tree or recording or timed.signal or (fault.call and not fault.error))
        server = self._server if self._shared is None or needs_own else self._shared
        output = self._folder.parent / "output.txt"
        log = self._folder.parent / _LOG
        request = Request(
            tuple(arguments),
            str(self.work),
            str(output),
            **asdict(fault),
            seconds=_PATIENCE * (_TREE_PROGRAMS if tree else 1),
            recording=str(recording or ""),
            signal=timed.signal,
            signal_seconds=timed.seconds,
            forks=server is self._server,
            tree=str(self._folder.parent / _TREE) if tree else "",
        )
        reply = server.run(request)
        calls = tuple(log.read_text(errors="replace").splitlines())
        failed_call = next((line for line in calls if line.startswith(f"{fault.call} ")), "")
        text = output.read_text(errors="replace")
        return Ending(reply.exit_code, calls, failed_call, text, reply.seconds)


@contextmanager
def fault_runner(
    folder: Path, modules: Sequence[str] = RUNTIME_MODULES, *, shared: bool = False
) -> Iterator[FaultRunner]:
    """Prepare a folder and fork servers for it.

    Args:
        folder: A new folder. Commands run in `disk/work`. Calls below `disk` are counted, which
            also contains the user's data, caches and temporary files.
        modules: What the commands import.
        shared: Whether commands share a process where they can.

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
    server, shared_server = Server(modules, environment), Server(modules, environment)
    try:
        yield FaultRunner(server, disk, shared_server if shared else None)
    finally:
        server.close()
        shared_server.close()
