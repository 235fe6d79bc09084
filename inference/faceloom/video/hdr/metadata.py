"""Static HDR metadata: what the mastering display showed and how bright the content is."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
from av.sidedata.sidedata import SideDataContainer

# Side data of FFmpeg with metadata that changes from frame to frame, which no encoder here writes.
_DYNAMIC = frozenset(["DYNAMIC_HDR_PLUS", "DOVI_RPU_BUFFER", "DOVI_METADATA", "DYNAMIC_HDR_VIVID"])
# Units of chromaticity and of luminance in ITU-T H.265, D.3.28.
_CHROMATICITY_UNIT = Fraction(1, 50_000)
# The same of luminance, in cd/m2.
_LUMINANCE_UNIT = Fraction(1, 10_000)
# FFmpeg's AVMasteringDisplayMetadata: ten rationals and two flags.
_MASTERING_INTEGERS = 22
# The parameter list of each encoder, and its names of the two entries.
_ENCODER_KEYS = {
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libx264": ("x264-params", "mastering-display", "cll"),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light"),
}


@dataclass(frozen=True, slots=True)
class HdrMetadata:
    """Static HDR metadata of a stream (SMPTE ST 2086 and CTA-861.3)."""

    mastering_display: tuple[Fraction, ...] | None = None
    """x and y of red, green, blue and white; least and largest luminance in cd/m2."""

    content_light: tuple[int, int] | None = None
    """Largest luminance of a pixel and of a frame's mean, in cd/m2."""

    dynamic: bool = False
    """Whether there is metadata that changes from frame to frame (Dolby Vision, HDR10+)."""

    @classmethod
    def from_frame(cls, frame: av.VideoFrame) -> "HdrMetadata | None":
        """Read the metadata of a decoded frame; None without any.

        Args:
            frame: The frame.
        """
        # PyAV's annotation of `side_data` names only motion vectors.
        found = {part.type.name: bytes(part) for part in cast(SideDataContainer, frame.side_data)}
        mastering = _read_mastering(found.get("MASTERING_DISPLAY_METADATA", b""))
        light = found.get("CONTENT_LIGHT_LEVEL", b"")
        content_light = struct.unpack_from("=2I", light) if len(light) >= 8 else None
        dynamic = not _DYNAMIC.isdisjoint(found)
        if mastering is None and content_light is None and not dynamic:
            return None
        return cls(mastering, content_light, dynamic)

    def encoder_options(self, codec: str) -> dict[str, str]:
        """Return the FFmpeg options with which an encoder writes the metadata.

        Args:
            codec: FFmpeg's name of the encoder. One that cannot write it gets no options.
        """
        if codec not in _ENCODER_KEYS:
            return {}
        option, display_key, light_key = _ENCODER_KEYS[codec]
        entries = []
        if self.mastering_display is not None:
            entries.append(f"{display_key}={self._display_text(as_units=codec != 'libsvtav1')}")
        if self.content_light is not None:
            entries.append(f"{light_key}={self.content_light[0]},{self.content_light[1]}")
        return {option: ":".join(entries)} if entries else {}

    def _display_text(self, *, as_units: bool) -> str:
        """Return G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min), in the units of H.265 or as decimals."""
        assert self.mastering_display is not None, "the caller checks it"
        *points, least, largest = self.mastering_display

        def text(value: Fraction, unit: Fraction) -> str:
            return str(round(value / unit)) if as_units else f"{float(value):.4f}"

        red, green, blue, white = (
            ",".join(text(value, _CHROMATICITY_UNIT) for value in points[first : first + 2])
            for first in range(0, 8, 2)
        )
        levels = ",".join(text(value, _LUMINANCE_UNIT) for value in (largest, least))
        return f"G({green})B({blue})R({red})WP({white})L({levels})"


def _read_mastering(data: bytes) -> tuple[Fraction, ...] | None:
    if len(data) < 4 * _MASTERING_INTEGERS:
        return None
    *values, has_primaries, has_luminance = struct.unpack_from(f"={_MASTERING_INTEGERS}i", data)
    denominators = values[1::2]
    if not (has_primaries and has_luminance and all(denominators)):
        return None
    return tuple(map(Fraction, values[::2], denominators))
