"""A process that imports Faceloom once and runs each command in a fork of itself, with one fault.

`fault_runner` starts it. Its arguments are the modules that commands import. For each line of
standard input, a `Request` as JSON, it writes a `Reply`. Forking is safe as it starts no thread.

A server that is asked to run commands in itself never forks. Training there takes half the time,
as TensorFlow is initialized and its functions are converted once.
"""

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
import traceback
from dataclasses import asdict, dataclass

# Exit code of a fork if the command raised an exception other than SystemExit.
_RAISED = 99


@dataclass(frozen=True, slots=True)
class Request:
    """A command and its fault."""

    arguments: tuple[str, ...]
    """Words after `faceloom`; or -m and a module, whose `main` is called instead."""
    folder: str
    """Working folder."""
    output: str
    """File that receives standard output and standard error."""
    call: int
    """The counted call that fails, from 1; 0: none."""
    error: int
    """The error's number, such as ENOSPC; 0 kills the process instead."""
    stays: bool
    """Whether every later call fails as well."""
    seconds: int
    """The command is killed after this time."""
    recording: str = ""
    """File that receives a recording of all writes; empty: none is made."""
    signal: int = 0
    """A signal that the command receives; 0: none."""
    signal_seconds: float = 0.0
    """When it receives it, in seconds from its start."""
    forks: bool = True
    """Whether it runs in a fork of the server, or in the server itself."""
    tree: str = ""
    """File of the fault that the programs share that the command starts; empty: in these no call
    fails, and what they write counts as flushed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a command ended."""

    exit_code: int
    """Exit code; -N after signal N."""
    seconds: float
    """How long the command ran."""


def main() -> None:
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        words = json.loads(line)
        request = Request(**{**words, "arguments": tuple(words["arguments"])})
        reply = _run(request) if request.forks else _run_here(request)
        sys.stdout.write(json.dumps(asdict(reply)) + "\n")
        sys.stdout.flush()


def _run(request: Request) -> Reply:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run_command(request)
    os.close(writer)
    began = time.monotonic()
    with os.fdopen(reader, "rb") as pipe:
        # The pipe ends when the command ends.
        if request.signal and not select.select([pipe], [], [], request.signal_seconds)[0]:
            os.kill(child, request.signal)
        pipe.read()
    _, status = os.waitpid(child, 0)
    return Reply(os.waitstatus_to_exitcode(status), time.monotonic() - began)


def _run_here(request: Request) -> Reply:
    """Run the command in this process."""
    kept = [os.dup(descriptor) for descriptor in (0, 1, 2)]
    began = time.monotonic()
    try:
        code = _call_command(request)
    finally:
        signal.alarm(0)
        for descriptor, copy in enumerate(kept):
            os.dup2(copy, descriptor)
            os.close(copy)
    seconds = time.monotonic() - began
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.backend.clear_session()
    # What the command left open is closed while no call is counted.
    gc.collect()
    return Reply(code, seconds)


def _run_command(request: Request) -> None:
    """Run the command and end the process."""
    code = _RAISED
    try:
        code = _call_command(request)
    finally:
        os._exit(code)


def _call_command(request: Request) -> int:
    """Run the command with its fault; return its exit code."""
    code = _RAISED
    faults = ctypes.CDLL(None)
    try:
        signal.alarm(request.seconds)
        os.chdir(request.folder)
        output = os.open(request.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        os.close(output)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        words = request.arguments
        module = words[1] if words[0] == "-m" else "faceloom.__main__"
        sys.argv = ["faceloom", *words]
        if request.recording:
            faults.faceloom_record(os.fsencode(request.recording))
            os.environ["FACELOOM_RECORDING"] = request.recording
        if request.tree:
            os.environ["FACELOOM_FAULT_TREE"] = request.tree
        faults.faceloom_arm_fault(request.call, request.error, int(request.stays))
        try:
            importlib.import_module(module).main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        faults.faceloom_disarm_fault()
    return code


if __name__ == "__main__":
    main()
