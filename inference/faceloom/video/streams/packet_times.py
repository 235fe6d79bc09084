"""Make the decode timestamps of a stream's packets rise, as muxers demand."""

from dataclasses import dataclass
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

# Longest time in seconds by which a packet is moved; one that is farther off is left out. Web
# remuxes repeat a time or are off by one packet, 20 to 46 ms.
MAX_MOVE_SECONDS = Fraction(1, 10)


@dataclass(slots=True)
class PacketTimes:
    """Mends the timestamps of one stream, packet by packet."""

    tick: Fraction
    """Smallest step in seconds between two packets that the output can store; 0: they may be
    equal."""

    last: int | None = None
    """DTS of the previous packet, in the source's time base."""

    moved: int = 0
    """Packets whose time was moved."""

    dropped: int = 0
    """Packets that were left out."""

    def mend(self, packet: "Packet[Stream]") -> bool:
        """Give the packet a DTS after the previous one's, and a PTS not before its DTS.

        Args:
            packet: The next packet, in file order; changed in place.

        Returns:
            Whether the packet can be written.
        """
        if packet.dts is None and packet.pts is None:
            self.dropped += 1
            return False
        dts = packet.pts if packet.dts is None else packet.dts
        assert dts is not None, "one of the two is known"
        # Subtitles may start together, and muxers allow it.
        tick = Fraction(0) if packet.stream.type == "subtitle" else self.tick
        earliest = dts if self.last is None else self.last + int(-(-tick // packet.time_base))
        if dts < earliest:
            if (earliest - dts) * packet.time_base > MAX_MOVE_SECONDS:
                self.dropped += 1
                return False
            self.moved += 1
            dts = earliest
        self.last = dts
        packet.dts = dts
        packet.pts = dts if packet.pts is None else max(packet.pts, dts)
        return True
