"""Frames of a clip by their index, read from the key frame before them."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.studio.lru_cache import LruCache
from faceloom.video import Frame, probe_source, read_frame_pts, read_source, with_repeated_times
from faceloom.video.display import frame_to_upright

# Most bytes of decoded frames of a clip: 48 frames of 1080p, the windows of a few steps.
_CACHE_BYTES = 300_000_000


class ClipFrames:
    """The upright frames of one clip. Methods are thread-safe."""

    def __init__(self, path: Path, cache_bytes: int = _CACHE_BYTES):
        """Probe a clip and read the times of its frames.

        Args:
            path: The clip.
            cache_bytes: Most bytes of decoded frames that are kept; the newest one is always kept.

        Raises:
            UsageError: There is no such file.
            MediaUnreadable: It cannot be read.
        """
        self.info = with_repeated_times(probe_source(path))
        """The clip's properties."""
        self._pts = read_frame_pts(self.info)
        self._frames: LruCache[Frame] = LruCache(cache_bytes, lambda frame: frame.rgb.nbytes)
        self._lock = threading.Lock()
        self._reader: Iterator[Frame] = iter(())
        self._next_index = -1

    def __len__(self) -> int:
        return len(self._pts)

    def check(self, index: int) -> None:
        """Check that the clip has a frame.

        Args:
            index: The frame's index.

        Raises:
            UsageError: It has no such frame.
        """
        if not 0 <= index < len(self):
            raise UsageError(
                f"{self.info.path} has no frame {index}; its frames are 0 to {len(self) - 1}."
            )

    def frame(self, index: int) -> Frame:
        """Return one frame without moving the decoder of `frames`.

        Args:
            index: Its index.

        Raises:
            UsageError: The clip has no such frame.
            MediaUnreadable: It cannot be decoded.
        """
        self.check(index)
        cached = self._frames.get(index)
        if cached is None:
            reader = self._read_from(index)
            cached = self._keep(self._required(next(reader, None), index))
        return cached

    def frames(self, first: int, last: int) -> Iterator[Frame]:
        """Yield successive frames; fewer at the end of the clip.

        The decoder stays where it stops, so that the next frames cost no seek.

        Args:
            first: Index of the first frame.
            last: Index of the last one.

        Raises:
            MediaUnreadable: A frame cannot be decoded.
        """
        for index in range(first, min(last + 1, len(self))):
            yield self._frames.get(index) or self._decode(index)

    def _decode(self, index: int) -> Frame:
        with self._lock:
            if index != self._next_index:
                self._reader = self._read_from(index)
            # An error leaves no reader in the middle of a frame.
            self._next_index = -1
            frame = self._required(next(self._reader, None), index)
            self._next_index = index + 1
            return self._keep(frame)

    def _read_from(self, index: int) -> Iterator[Frame]:
        return read_source(self.info, start=index, start_pts=self._pts[index])

    def _required(self, frame: Frame | None, index: int) -> Frame:
        if frame is None:
            raise UsageError(f"{self.info.path} ends before frame {index}; choose an earlier one.")
        return frame

    def _keep(self, frame: Frame) -> Frame:
        # Stills are never encoded as video, which is what the decoder's own picture is for.
        kept = frame_to_upright(replace(frame, decoded=None), self.info)
        self._frames.put(frame.index, kept)
        return kept
