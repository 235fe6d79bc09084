"""Run one command as a child process: its progress, its result, and how it is stopped."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceloom.errors import FaceloomError, escape_unprintable
from faceloom.operating_system import (
    KILLED,
    flush_names,
    flush_to_disk,
    interrupt,
    wait_for_processor_time,
)
from faceloom.progress import PROGRESS_FORMAT_VARIABLE, Progress

# How a command of this installation is started.
PROGRAM = (sys.executable, "-m", "faceloom")
# Seconds between two looks at a child that reports nothing.
_POLL_SECONDS = 0.5
# How a command begins its error message.
_ERROR_PREFIX = "faceloom: "
# Characters of an error message that are shown.
_MAX_MESSAGE = 2000


@dataclass
class StepProcess:
    """A running command."""

    process: "subprocess.Popen[str]"
    """The process."""
    log: Path
    """File to which the text that it prints is added."""
    lines: list[str] = field(default_factory=list)
    """The text lines that it has printed, without progress."""
    output: list[str] = field(default_factory=list)
    """What it has printed on standard output."""
    log_error: str = ""
    """Why the log cannot be written; empty if it can."""
    processor_seconds: float | None = None
    """Its processor time; None before its end, and where the system does not tell it."""
    # Held while a signal is sent, and while the exit code is read.
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # What it reports, and None from each reader at its end.
    _events: "queue.Queue[Progress | None]" = field(default_factory=queue.Queue)
    _readers: list[threading.Thread] = field(default_factory=list)

    @classmethod
    @contextmanager
    def start(
        cls, arguments: Sequence[str], log: Path, on_stop: Callable[[], None]
    ) -> Iterator["StepProcess"]:
        """Start a command of Faceloom; when the block is left early, it is stopped gracefully.

        The command has a session of its own, so that Ctrl-C in a terminal reaches only this
        process, which forwards it: once to let the command save its work, again to stop at once.

        Args:
            arguments: The command line without the program's name.
            log: File to which the text that it prints is added.
            on_stop: Called when the user stops it, which can take some seconds.

        Yields:
            The running command.
        """
        process = subprocess.Popen(
            [*PROGRAM, *arguments, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, PROGRESS_FORMAT_VARIABLE: "json"},
            start_new_session=True,
        )
        running = cls(process, log)
        running._start_readers()
        try:
            yield running
        except (KeyboardInterrupt, GeneratorExit):
            if process.poll() is None:
                on_stop()
            raise
        finally:
            running._stop()

    def progress(self) -> Iterator[Progress | None]:
        """Yield each progress until the command ends, and None from time to time.

        Yields:
            The progress, or None if there is none yet.
        """
        reading = len(self._readers)
        while reading:
            try:
                event = self._events.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                yield None
                continue
            if event is None:
                reading -= 1
            yield event
        self.processor_seconds = wait_for_processor_time(self.process, self._lock)

    def interrupt(self) -> None:
        """Stop the command as by one Ctrl-C; from any thread."""
        with self._lock:
            interrupt(self.process)

    def result(self) -> dict[str, Any]:
        """Return the JSON object that the command printed.

        Raises:
            FaceloomError: The command failed; with its message and its exit code.
        """
        if self.process.returncode:
            raise self._error()
        for line in reversed("".join(self.output).splitlines()):
            with suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict):
                    return found
        return {}

    def _error(self) -> FaceloomError:
        code = self.process.returncode
        messages = [line for line in self.lines if line.startswith(_ERROR_PREFIX)]
        if messages:
            text = messages[-1].removeprefix(_ERROR_PREFIX)
        elif code < 0:
            # A full memory: the system kills the process, which then writes no message.
            cause = ", perhaps because the memory is full" if code == KILLED else ""
            text = f"The command was ended by signal {-code}{cause}; run the same command again."
        else:
            last = self.lines[-1] if self.lines else "no message"
            text = f"The command failed ({last}); {self.log} has what it printed."
        error = FaceloomError(escape_unprintable(text[:_MAX_MESSAGE]))
        error.exit_code = code if code > 0 else 8
        return error

    def _start_readers(self) -> None:
        assert self.process.stdout is not None, "it is a pipe"
        assert self.process.stderr is not None, "it is a pipe"
        self._readers = [
            threading.Thread(target=self._read_output, args=[self.process.stdout], daemon=True),
            threading.Thread(target=self._read_messages, args=[self.process.stderr], daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_output(self, stream: Iterable[str]) -> None:
        try:
            self.output.extend(stream)
        finally:
            self._events.put(None)

    def _read_messages(self, stream: Iterable[str]) -> None:
        try:
            for line in stream:
                progress = parse_progress(line)
                if progress is not None:
                    self._events.put(progress)
                elif line.strip():
                    self.lines.append(line.rstrip("\n"))
                    self._add_to_log(line)
        finally:
            self._flush_log()
            self._events.put(None)

    def _add_to_log(self, line: str) -> None:
        if self.log_error:
            return
        with self._recorded_log_error(), self.log.open("a", encoding="utf-8") as log:
            log.write(line)

    def _flush_log(self) -> None:
        """Write the log to the disk, before the command is recorded as ended."""
        if self.lines and not self.log_error:
            with self._recorded_log_error():
                flush_to_disk(self.log)
                flush_names(self.log.parent)

    @contextmanager
    def _recorded_log_error(self) -> Iterator[None]:
        """Record an error of the block: a log that cannot be written does not stop the command."""
        try:
            yield
        except OSError as error:
            self.log_error = (
                f"{self.log} cannot be written ({error.strerror}) and lacks what the commands "
                "printed; check the path and the free space."
            )

    def _stop(self) -> None:
        """Stop a command that still runs: Ctrl-C once, and again for each further Ctrl-C."""
        while self.process.poll() is None:
            try:
                interrupt(self.process)
                self.process.wait()
            except KeyboardInterrupt:
                continue
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def parse_progress(line: str) -> Progress | None:
    """Return the progress that a line of a command states as JSON; None if it is text.

    Args:
        line: The line.
    """
    if not line.startswith('{"stage"'):
        return None
    try:
        fields = json.loads(line)
        total = fields["total"]
        return Progress(
            str(fields["stage"]),
            int(fields["done"]),
            None if total is None else int(total),
            str(fields["note"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
