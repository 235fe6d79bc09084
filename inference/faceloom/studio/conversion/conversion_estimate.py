"""The estimate of a conversion before it starts: `faceloom convert --estimate` as a process."""

import tempfile
import threading
from collections.abc import Hashable, Sequence
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.project.step_process import StepProcess
from faceloom.studio.lru_cache import LruCache

# Most estimates that are kept.
_MAX_ESTIMATES = 64


class ConversionEstimator:
    """Runs one estimate at a time and keeps the results. Methods are thread-safe."""

    def __init__(self) -> None:
        """Start without an estimate."""
        self._running = threading.Lock()
        self._sentences: LruCache[str] = LruCache(_MAX_ESTIMATES)
        # Guards the two values below, so that no estimate starts after `close`.
        self._lock = threading.Lock()
        self._is_closed = False
        self._child: StepProcess | None = None

    def estimate(self, arguments: Sequence[str], key: Hashable) -> str:
        """Return the sentence that the command prints.

        Args:
            arguments: The arguments of the conversion, without `--estimate`.
            key: What the estimate depends on.

        Raises:
            UsageError: Another estimate runs, or the studio ends.
            FaceloomError: The command failed.
        """
        known = self._sentences.get(key)
        if known is not None:
            return known
        if not self._running.acquire(blocking=False):
            raise UsageError("Another estimate runs; wait until it ends.")
        try:
            sentence = self._run(arguments)
        finally:
            self._running.release()
        self._sentences.put(key, sentence)
        return sentence

    def close(self) -> None:
        """End the estimate that runs; later ones are refused."""
        with self._lock:
            self._is_closed = True
            if self._child is not None:
                self._child.interrupt()

    def _run(self, arguments: Sequence[str]) -> str:
        with (
            tempfile.TemporaryDirectory() as folder,
            StepProcess.start(
                (*arguments, "--estimate"), Path(folder) / "log.txt", lambda: None
            ) as child,
        ):
            # A block that is left with an error ends the child.
            self._keep(child)
            for _ in child.progress():
                pass
            self._keep(None)
            child.result()
            return child.lines[-1]

    def _keep(self, child: StepProcess | None) -> None:
        """Let `close` end a child."""
        with self._lock:
            if self._is_closed and child is not None:
                raise UsageError("The studio ends; start it again for an estimate.")
            self._child = child
