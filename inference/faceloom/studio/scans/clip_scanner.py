"""Scans clips in a thread of its own, which waits while a picture of a clip is asked for."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import FaceloomError
from faceloom.faces.face_finder import FaceFinder
from faceloom.project.step import file_signature
from faceloom.studio.private_files import scan_path
from faceloom.studio.scans.clip_scan import ClipScan, read_scan, write_scan
from faceloom.studio.scans.frame_scan import FrameScan
from faceloom.studio.studio_project import Item
from faceloom.swap.pipeline.analysis import DETECT_EVERY

log = logging.getLogger(__name__)

# Seconds without a picture after which a scan continues: a moved slider asks more often.
_QUIET_SECONDS = 0.5
# Seconds after which a scan that no page asks for stops. Pages ask every second.
_IDLE_SECONDS = 10.0
# Seconds between two results that pages see.
_SHOW_SECONDS = 0.5
# Seconds between two writes of a scan.
_SAVE_SECONDS = 10.0


@dataclass(slots=True)
class _ShownClip:
    """A clip that a page shows."""

    path: Path
    """The clip."""
    file: Path
    """The file of its scan."""
    asked: float
    """When a page asked for it last, `time.monotonic`."""
    scan: ClipScan | None
    """What is known of it."""
    error: str = ""
    """Why the scan stopped; empty if it can continue."""

    @property
    def is_unfinished(self) -> bool:
        """Whether there is something to scan for a page."""
        is_asked = time.monotonic() - self.asked < _IDLE_SECONDS
        return is_asked and not self.error and not (self.scan and self.scan.is_complete)


class ClipScanner:
    """Scans the clips that pages show, one at a time. Methods are thread-safe.

    Scans are kept in the project's folder `.studio/scans`, a file for each clip.
    """

    def __init__(self, project: Path):
        """Start without a scan.

        Args:
            project: The project's folder.
        """
        self._project = project
        self._changed = threading.Condition()
        self._clips: dict[tuple[str, str], _ShownClip] = {}
        self._pictures = 0
        self._quiet_at = 0.0
        self._is_closed = False
        self._is_scanning = False
        self._thread: threading.Thread | None = None

    def scan_of(self, clip: Item) -> tuple[ClipScan | None, str]:
        """Return what is known of a clip, and scan it further as long as this is called.

        Args:
            clip: The clip.

        Returns:
            The scan, None before its start; and why it stopped, empty if it did not. After such a
            sentence, the next call starts it again.
        """
        key = (clip.id, file_signature(clip.path))
        with self._changed:
            shown = self._clips.get(key)
            if shown is None:
                file = scan_path(self._project, clip.id)
                shown = _ShownClip(clip.path, file, 0, read_scan(file, key[1]))
                self._clips[key] = shown
            shown.asked = time.monotonic()
            error, shown.error = shown.error, ""
            if not error and shown.is_unfinished and not self._is_closed:
                self._start()
                self._changed.notify_all()
            return shown.scan, error

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Scan nothing inside the block, nor shortly after it."""
        with self._changed:
            self._pictures += 1
        try:
            yield
        finally:
            with self._changed:
                self._pictures -= 1
                self._quiet_at = time.monotonic() + _QUIET_SECONDS

    def close(self) -> None:
        """Write the scan that runs, and end the thread once it has opened what it opens."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._is_scanning)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="scan", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        finder: FaceFinder | None = None
        while (clip := self._next_clip()) is not None:
            try:
                # One thread of the processor, since a job may need all others.
                finder = finder or FaceFinder(detect_every=DETECT_EVERY, threads=1)
                self._scan(clip, finder)
            except FaceloomError as error:
                clip.error = str(error)
            except Exception as error:
                log.exception("The scan of %s failed.", clip.path)
                clip.error = f"The scan failed ({error})."

    def _next_clip(self) -> _ShownClip | None:
        """Wait for a clip that a page shows; return None if the scanner is closed."""
        with self._changed:
            while not self._is_closed:
                unfinished = [clip for clip in self._clips.values() if clip.is_unfinished]
                if unfinished:
                    return max(unfinished, key=lambda clip: clip.asked)
                self._changed.wait()
            return None

    def _scan(self, clip: _ShownClip, finder: FaceFinder) -> None:
        if not self._may_continue(clip):
            return
        # Opening a video of hours takes seconds.
        scan = FrameScan(clip.path, finder, clip.scan)
        with self._changed:
            if self._is_closed:
                return
            self._is_scanning = True
        shown = saved = time.monotonic()
        try:
            for _ in scan.steps():
                now = time.monotonic()
                if now - shown > _SHOW_SECONDS:
                    clip.scan, shown = scan.result(), now
                if now - saved > _SAVE_SECONDS:
                    _save(clip.file, scan.result())
                    saved = now
                if not self._may_continue(clip):
                    break
        finally:
            clip.scan = scan.result()
            _save(clip.file, clip.scan)
            with self._changed:
                self._is_scanning = False
                self._changed.notify_all()

    def _may_continue(self, clip: _ShownClip) -> bool:
        """Wait until no picture is asked for; return whether a page shows the clip."""
        with self._changed:
            while not self._is_closed:
                left = self._quiet_at - time.monotonic()
                if not self._pictures and left <= 0:
                    return clip.is_unfinished
                self._changed.wait(max(left, 0.05))
            return False


def _save(file: Path, scan: ClipScan) -> None:
    """Write a scan; if the disk is full, it is kept in memory only."""
    try:
        write_scan(file, scan)
    except FaceloomError as error:
        log.warning("%s", error)
