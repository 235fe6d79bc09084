"""Make pictures as soft and as compressed as poor footage is, a whole batch at once."""

import numpy as np
from keras import ops

from faceloom_train.backend import Tensor

_BLOCK = 8


def _cosines() -> np.ndarray:
    """Return the orthonormal discrete cosine transform of a block's side: [frequency, pixel]."""
    pixel, frequency = np.arange(_BLOCK), np.arange(_BLOCK)[:, None]
    waves = np.cos(np.pi * (2 * pixel + 1) * frequency / (2 * _BLOCK))
    return (waves * np.sqrt(np.where(frequency, 2, 1) / _BLOCK)).astype(np.float32)


_DCT = _cosines()
# Nearly the steps of a JPEG of quality 50 for brightness (ITU-T T.81, table K.1): coarser for higher frequencies.
_STEPS = ((10 + 8 * (np.arange(_BLOCK)[:, None] + np.arange(_BLOCK))) / 255).astype(np.float32)


def spoil(rgb: Tensor, blur: Tensor, compression: Tensor) -> Tensor:
    """Blur and compress pictures [n, 3, s, s], 0..1; nothing is computed if no `blur` and `compression` [n] is above 0.

    blur: spread in shares of the side. compression: how coarse, 1 being a JPEG of quality 50.
    """
    return ops.cond(
        ops.any(blur + compression > 0),
        lambda: compressed(blurred(rgb, blur * rgb.shape[-1]), compression),
        lambda: rgb,
    )


def blurred(rgb: Tensor, spread: Tensor) -> Tensor:
    """Blur pictures [n, c, s, s] by a Gaussian of `spread` [n] pixels; the edges are not darkened."""
    along = np.arange(rgb.shape[-1], dtype=np.float32)
    apart = np.square(along[:, None] - along)
    # Matrices and not a few taps: any spread will do, and the sum at an edge is that of the taps inside.
    weights = ops.exp(-apart / (2 * ops.square(spread[:, None, None, None]) + 1e-3))
    weights = weights / ops.sum(weights, axis=-1, keepdims=True)
    return ops.matmul(ops.matmul(weights, rgb), ops.swapaxes(weights, 2, 3))


def compressed(rgb: Tensor, coarseness: Tensor) -> Tensor:
    """Round the cosines of each block of pictures [n, c, s, s] to multiples of `coarseness` [n] times a JPEG's."""
    blocks, shape = rgb.shape[-1] // _BLOCK, (-1, *rgb.shape[1:])
    parted = ops.reshape(rgb, (-1, shape[1], blocks, _BLOCK, blocks, _BLOCK))
    steps = coarseness[:, None, None, None, None, None] * _STEPS[:, None] + 1e-6
    cosines = ops.einsum("ki,lj,ncaibj->ncakbl", _DCT, _DCT, parted)
    rounded = ops.round(cosines / steps) * steps
    return ops.clip(
        ops.reshape(ops.einsum("ki,lj,ncakbl->ncaibj", _DCT, _DCT, rounded), shape), 0, 1
    )
