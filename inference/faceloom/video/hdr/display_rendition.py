"""Map HDR, wide-gamut, log and linear video to SDR of BT.709 and back.

Detectors, landmarks, networks and color transfer expect what an SDR display shows. A rendition is
invertible, so that a swapped face returns to the video's own transfer function and primaries.
It is computed for display light, in four steps:

1. Signal to linear light: PQ and HLG of ITU-R BT.2100-2; the other transfer characteristics of
   ITU-T H.273.
2. HLG only: the OOTF of BT.2100-2 for a display of 1,000 cd/m2 (system gamma 1.2).
3. PQ and HLG only: luminance is proportional up to the reference white of ITU-R BT.2408
   (203 cd/m2) and compressed above it with the logarithm of conversion method C of ITU-R BT.2446-1,
   so that 1,000 cd/m2 become white. The method's own knee of 70 cd/m2 would flatten faces, and its
   inverse would burn them. Chromaticity does not change.
4. Primaries to BT.709, then the inverse EOTF of ITU-R BT.1886 (gamma 2.4).
"""

from collections.abc import Callable
from functools import cache, cached_property
from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Float32, UInt16

from faceloom.array_types import Rgb, float32, to_uint8

# R'G'B' values; 0 to 1 is black to white, other values are outside the gamut.
Signal: TypeAlias = Float32[np.ndarray, "h w 3"]
# One channel of 16 bits.
Channel: TypeAlias = UInt16[np.ndarray, "h w"]
_Curve: TypeAlias = Callable[[np.ndarray], np.ndarray]

# Code points of ITU-T H.273: transfer characteristics.
_LINEAR = 8
_LOG_100 = 9
_LOG_316 = 10
PQ = 16
HLG = 18
# Code points of ITU-T H.273: color primaries. All other values are taken as BT.709.
_BT709 = 1
_BT2020 = 9
# Chromaticities x, y of red, green and blue. The white point is taken as D65 in all of them, so
# that white stays white (P3 of cinemas, 11, has another).
_PRIMARIES_XY = {
    _BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    _BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_WHITE_XY = (0.3127, 0.3290)
# BT.1886: gamma of an SDR display.
_SDR_GAMMA = 2.4
# BT.2100-2, table 4: PQ.
_PQ_M1 = 2610 / 16384
_PQ_M2 = 2523 / 4096 * 128
_PQ_C1 = 3424 / 4096
_PQ_C2 = 2413 / 4096 * 32
_PQ_C3 = 2392 / 4096 * 32
# cd/m2 of the PQ signal 1.
_PQ_PEAK = 10_000.0
# BT.2100-2, table 5: HLG.
_HLG_A = 0.17883277
_HLG_B = 1 - 4 * _HLG_A
_HLG_C = 0.5 - _HLG_A * float(np.log(4 * _HLG_A))
# System gamma of a display of 1,000 cd/m2.
_HLG_GAMMA = 1.2
# cd/m2 that become SDR white; the peak of the reference HLG display.
_HDR_PEAK = 1000.0
# Reference white in cd/m2 (BT.2408, table 1), at which compression begins.
_KNEE = 203.0
# BT.2446-1, conversion method C: k3, the shape of the logarithmic part.
_TONE_K3 = 0.74204
# SDR luminance of the knee relative to white. The logarithm continues its value and its slope.
_KNEE_SDR = 1 / (
    1 + (1 - _TONE_K3) * float(np.log((_HDR_PEAK / _KNEE - _TONE_K3) / (1 - _TONE_K3)))
)
# Index of linear light 1 in a table that is indexed with the square root of linear light.
_ROOT_SCALE = 4095
# Rows that are converted at once: they stay in the CPU's cache.
_BAND_ROWS = 32


class DisplayRendition:
    """The map between a video's signal and SDR of BT.709."""

    def __init__(self, primaries: int, transfer: int):
        """Prepare the map; `DisplayRendition.of` reuses one.

        Args:
            primaries: Color primaries of ITU-T H.273.
            transfer: Transfer characteristics of ITU-T H.273.
        """
        self._transfer = transfer
        self._hdr = transfer in (PQ, HLG)
        own, bt709 = _rgb_to_xyz(primaries), _rgb_to_xyz(_BT709)
        self._to_bt709 = np.linalg.inv(bt709) @ own
        self._luminance = own[1]

    @classmethod
    def of(cls, primaries: int, transfer: int) -> "DisplayRendition | None":
        """Return the map for a video's color tags; None if its signal is SDR of BT.709 already.

        Primaries of BT.601 and SDR transfer characteristics count as BT.709: they look the same
        within a few levels, and files often state them wrongly.

        Args:
            primaries: Color primaries of ITU-T H.273.
            transfer: Transfer characteristics of ITU-T H.273.
        """
        if transfer in (PQ, HLG) and primaries not in _PRIMARIES_XY:
            primaries = _BT2020
        wide = primaries in _PRIMARIES_XY and primaries != _BT709
        if not wide and transfer not in (PQ, HLG, _LINEAR, _LOG_100, _LOG_316):
            return None
        return _shared(primaries if wide else _BT709, transfer)

    def to_sdr(self, signal: Signal) -> Signal:
        """Compute the rendition exactly.

        Args:
            signal: The video's R'G'B'.

        Returns:
            SDR R'G'B'. Colors outside BT.709 are not clipped.
        """
        linear = self._to_linear(signal.astype(np.float64))
        if self._hdr:
            linear *= self._gain(linear @ self._luminance)[..., None]
        return float32(_signed_power(linear @ self._to_bt709.T, 1 / _SDR_GAMMA))

    def to_signal(self, sdr: Signal) -> Signal:
        """Invert `to_sdr`.

        Args:
            sdr: SDR R'G'B'.

        Returns:
            The video's R'G'B', clipped to 0 to 1.
        """
        linear = _signed_power(sdr.astype(np.float64), _SDR_GAMMA)
        linear = linear @ np.linalg.inv(self._to_bt709).T
        if self._hdr:
            shown = np.maximum(linear @ self._luminance, 1e-9)
            linear *= (self._source_luminance(shown) / shown)[..., None]
        return float32(np.clip(self._from_linear(np.maximum(linear, 0)), 0, 1))

    def to_sdr_8_bit(self, red: Channel, green: Channel, blue: Channel, white: int) -> Rgb:
        """Compute the rendition with tables, for whole frames.

        Args:
            red: Red channel of the video's R'G'B'.
            green: Green channel.
            blue: Blue channel.
            white: Value of a channel that stands for the signal 1.

        Returns:
            8-bit SDR, clipped to the gamut of BT.709; at most 1 level from `to_sdr`.
        """
        result = np.empty((*red.shape, 3), np.uint8)
        linear_table = _linear_table(self._transfer, white)
        for top in range(0, len(red), _BAND_ROWS):
            rows = slice(top, top + _BAND_ROWS)
            linear = [_look_up(linear_table, channel[rows]) for channel in (red, green, blue)]
            *channels, luminance = [_mix(linear, weights) for weights in self._fast_matrix]
            if self._hdr:
                gain = _look_up(self._gain_table, _root_index(luminance))
                channels = [cv2.multiply(channel, gain) for channel in channels]
            shown = [_look_up(_sdr_table(), _root_index(channel)) for channel in channels]
            result[rows] = cv2.merge(shown)
        return result

    @cached_property
    def _fast_matrix(self) -> Float32[np.ndarray, "4 3"]:
        """Linear light to that of BT.709 and, as the fourth row, to luminance of 0 to 1.

        Scaled so that square roots are indices of tables.
        """
        matrix = np.vstack([self._to_bt709, self._luminance / self._peak])
        return float32(matrix * _ROOT_SCALE**2)

    @cached_property
    def _gain_table(self) -> Float32[np.ndarray, "n"]:
        return float32(self._gain(_table_root() ** 2 * self._peak))

    @property
    def _peak(self) -> float:
        """Linear light of the signal 1."""
        return _PQ_PEAK / _HDR_PEAK if self._transfer == PQ else 1.0

    def _to_linear(self, signal: np.ndarray) -> np.ndarray:
        """Map the signal to linear light: 1 is white, or 1,000 cd/m2 for HDR."""
        return _to_linear(self._transfer)(signal)

    def _from_linear(self, linear: np.ndarray) -> np.ndarray:
        return _from_linear(self._transfer)(linear)

    def _gain(self, luminance: np.ndarray) -> np.ndarray:
        """Return the factor of OOTF and tone mapping for a luminance in linear light."""
        known = np.maximum(luminance, 1e-9)
        displayed = known**_HLG_GAMMA if self._transfer == HLG else known
        return np.asarray(_tone_map(displayed) / known)

    def _source_luminance(self, shown: np.ndarray) -> np.ndarray:
        """Return the luminance in linear light of what is shown with that SDR luminance."""
        displayed = _inverse_tone_map(shown)
        return np.asarray(displayed ** (1 / _HLG_GAMMA) if self._transfer == HLG else displayed)


@cache
def _shared(primaries: int, transfer: int) -> DisplayRendition:
    return DisplayRendition(primaries, transfer)


def _look_up(table: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return the entries; "clip" is the fastest mode."""
    return np.take(table, indices, mode="clip")


def _mix(channels: list[np.ndarray], weights: Float32[np.ndarray, "3"]) -> np.ndarray:
    """Return the weighted sum of three channels; four times as fast as `cv2.transform`."""
    red, green, blue = (float(weight) for weight in weights)
    mixed = cv2.addWeighted(channels[0], red, channels[1], green, 0)
    return np.asarray(cv2.scaleAdd(channels[2], blue, mixed), np.float32)


def _root_index(linear: np.ndarray) -> UInt16[np.ndarray, "h w"]:
    """Return the index, rounded down, of scaled linear light in a table over its square root."""
    root = cv2.sqrt(np.maximum(linear, 0, out=linear))
    return np.asarray(root, np.uint16)


def _table_root() -> np.ndarray:
    """Return the square root of linear light of each entry of a table; 0.5 since it is rounded."""
    return (np.arange(65536) + 0.5) / _ROOT_SCALE


@cache
def _linear_table(transfer: int, white: int) -> Float32[np.ndarray, "65536"]:
    """Linear light of each value of a channel."""
    return float32(_to_linear(transfer)(np.arange(65536) / white))


@cache
def _sdr_table() -> np.ndarray:
    """SDR level of linear light, indexed with its square root."""
    return to_uint8(255 * _table_root() ** (2 / _SDR_GAMMA))


def _to_linear(transfer: int) -> _Curve:
    """Return the map from signal to linear light: 1 is white, or 1,000 cd/m2 for HDR."""
    curves: dict[int, _Curve] = {
        PQ: _pq_to_linear,
        HLG: _hlg_to_linear,
        _LINEAR: lambda signal: signal,
        _LOG_100: lambda signal: np.where(signal > 0, 10 ** (2 * (signal - 1)), 0),
        _LOG_316: lambda signal: np.where(signal > 0, 10 ** (2.5 * (signal - 1)), 0),
    }
    return curves.get(transfer, lambda signal: _signed_power(signal, _SDR_GAMMA))


def _from_linear(transfer: int) -> _Curve:
    """Return the inverse of `_to_linear`."""
    curves: dict[int, _Curve] = {
        PQ: _linear_to_pq,
        HLG: _linear_to_hlg,
        _LINEAR: lambda linear: linear,
        _LOG_100: lambda linear: 1 + np.log10(np.maximum(linear, 1e-2)) / 2,
        _LOG_316: lambda linear: 1 + np.log10(np.maximum(linear, 10**-2.5)) / 2.5,
    }
    return curves.get(transfer, lambda linear: _signed_power(linear, 1 / _SDR_GAMMA))


def _pq_to_linear(signal: np.ndarray) -> np.ndarray:
    """EOTF of PQ (BT.2100-2, table 4), in units of `_HDR_PEAK`."""
    root = np.clip(signal, 0, 1) ** (1 / _PQ_M2)
    ratio = np.maximum(root - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * root)
    return np.asarray(_PQ_PEAK / _HDR_PEAK * ratio ** (1 / _PQ_M1))


def _linear_to_pq(linear: np.ndarray) -> np.ndarray:
    power = (linear * (_HDR_PEAK / _PQ_PEAK)) ** _PQ_M1
    return np.asarray(((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2)


def _hlg_to_linear(signal: np.ndarray) -> np.ndarray:
    """Inverse OETF of HLG (BT.2100-2, table 5): scene light, 0 to 1."""
    bright = (np.exp((np.maximum(signal, 0.5) - _HLG_C) / _HLG_A) + _HLG_B) / 12
    return np.asarray(np.where(signal <= 0.5, np.maximum(signal, 0) ** 2 / 3, bright))


def _linear_to_hlg(linear: np.ndarray) -> np.ndarray:
    bright = _HLG_A * np.log(np.maximum(12 * linear, 1) - _HLG_B) + _HLG_C
    return np.asarray(np.where(linear <= 1 / 12, np.sqrt(3 * np.maximum(linear, 0)), bright))


def _tone_map(luminance: np.ndarray) -> np.ndarray:
    """Compress HDR luminance.

    Args:
        luminance: Luminance in units of `_HDR_PEAK`.

    Returns:
        SDR luminance; 1 is white.
    """
    ratio = luminance * (_HDR_PEAK / _KNEE)
    logarithm = np.log((np.maximum(ratio, 1) - _TONE_K3) / (1 - _TONE_K3))
    return np.asarray(_KNEE_SDR * (np.minimum(ratio, 1) + (1 - _TONE_K3) * logarithm))


def _inverse_tone_map(shown: np.ndarray) -> np.ndarray:
    """Invert `_tone_map`."""
    ratio = shown / _KNEE_SDR
    logarithm = np.clip(ratio - 1, 0, 1 / _KNEE_SDR) / (1 - _TONE_K3)
    bright = (1 - _TONE_K3) * np.exp(logarithm) + _TONE_K3
    return np.asarray(np.where(ratio < 1, ratio, bright) * (_KNEE / _HDR_PEAK))


def _signed_power(values: np.ndarray, exponent: float) -> np.ndarray:
    """Raise the magnitude to a power and keep the sign, for colors outside the gamut."""
    return np.asarray(np.sign(values) * np.abs(values) ** exponent)


def _rgb_to_xyz(primaries: int) -> np.ndarray:
    """Return the matrix from linear RGB to CIE XYZ (SMPTE RP 177), [3, 3]; white has Y = 1."""
    corners = np.array([_xyz(*xy) for xy in _PRIMARIES_XY[primaries]]).T
    return corners * np.linalg.solve(corners, _xyz(*_WHITE_XY))


def _xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1, (1 - x - y) / y])
