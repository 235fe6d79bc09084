"""Decode packets, also damaged ones: which frames came, and which were lost."""

import heapq
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from faceloom.choices import OnDamaged
from faceloom.errors import FrameDamaged
from faceloom.video.ffmpeg_errors import check_memory, reason

log = logging.getLogger(__name__)


@dataclass(slots=True)
class FrameDecoder:
    """Decodes the packets of a video; a lost frame stands in the output by its time alone."""

    path: Path
    """The video, for messages."""

    decode_packet: "Callable[[Packet[VideoStream]], list[av.VideoFrame]]"
    """Decodes one packet."""

    on_damaged: OnDamaged
    """"stop" raises an error at the first damaged frame; "repeat" yields its time."""

    states_pts: bool = True
    """Whether packets state presentation times; if not, lost frames are not noticed."""

    _expected: list[int] = field(default_factory=list)
    """PTS of decoded packets whose frames did not come yet; a heap."""

    _started: bool = False
    """Whether a whole frame came; earlier ones cannot be replaced."""

    _lost: int = 0
    """Frames that were damaged."""

    def decode(
        self, packets: "Iterable[Packet[VideoStream]]"
    ) -> Iterator[tuple[int | None, av.VideoFrame | None]]:
        """Yield the PTS and the picture of each frame in presentation order.

        Args:
            packets: The packets of one stream, and the demuxer's empty packet at the end.

        Yields:
            PTS (None: unknown) and picture (None: lost).

        Raises:
            FrameDamaged: If a frame is damaged and `on_damaged` is "stop".
        """
        count = 0
        for packet in packets:
            if self.states_pts and packet.pts is not None and packet.size and not packet.is_discard:
                heapq.heappush(self._expected, packet.pts)
            for picture in self._pictures(packet, count):
                yield from self._lost_before(picture.pts)
                count += 1
                if picture.is_corrupt and self._is_damaged(count - 1):
                    if self._started:
                        yield picture.pts, None
                    continue
                self._started = True
                yield picture.pts, picture
        yield from self._lost_before(None)
        if self._lost:
            log.warning(
                "%s: %d frames are damaged; each shows the frame before.", self.path, self._lost
            )

    def _pictures(self, packet: "Packet[VideoStream]", count: int) -> "Iterable[av.VideoFrame]":
        try:
            return self.decode_packet(packet)
        except av.FFmpegError as error:
            check_memory(error, self.path)
            if self.on_damaged == "stop":
                raise FrameDamaged(
                    f"{self.path} cannot be decoded after frame {max(0, count - 1)} "
                    f"({reason(error)}); {_advice(count)}"
                ) from error
            return ()

    def _is_damaged(self, index: int) -> bool:
        if self.on_damaged == "stop":
            raise FrameDamaged(
                f"{self.path}: frame {index} is damaged and cannot be decoded completely; "
                f"{_advice(index)}"
            )
        self._lost += 1
        return True

    def _lost_before(self, pts: int | None) -> Iterator[tuple[int, None]]:
        """Yield the times of frames that should have come before `pts`; all if it is None."""
        while self._expected and (pts is None or self._expected[0] <= pts):
            earlier = heapq.heappop(self._expected)
            if earlier == pts:
                return
            if self.on_damaged == "repeat" and self._started:
                self._lost += 1
                yield earlier, None


def _advice(index: int) -> str:
    last = max(1, index - 1)
    return f"copy it again, or convert only what precedes the damage: --range :{last}."
