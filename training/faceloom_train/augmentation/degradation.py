"""Degrade images as poor footage is: blur and JPEG compression, for a whole batch at once."""

import numpy as np
from keras import ops

from faceloom_train.backend import Tensor

# Side of a JPEG block in pixels.
_BLOCK = 8


def _dct_matrix() -> np.ndarray:
    """Return the orthonormal DCT-II matrix of a block's side: [frequency, pixel]."""
    pixel, frequency = np.arange(_BLOCK), np.arange(_BLOCK)[:, None]
    waves = np.cos(np.pi * (2 * pixel + 1) * frequency / (2 * _BLOCK))
    return (waves * np.sqrt(np.where(frequency, 2, 1) / _BLOCK)).astype(np.float32)


_DCT = _dct_matrix()
# Approximates the luminance quantization table of JPEG quality 50 (ITU-T T.81, table K.1).
_QUANTIZATION = ((10 + 8 * (np.arange(_BLOCK)[:, None] + np.arange(_BLOCK))) / 255).astype(
    np.float32
)


def degrade(rgb: Tensor, blur: Tensor, jpeg_strength: Tensor) -> Tensor:
    """Blur and compress images; nothing is computed if all strengths are 0.

    Args:
        rgb: Images [n, 3, s, s], 0 to 1.
        blur: Standard deviation of the blur for each image [n], as a fraction of the side.
        jpeg_strength: Multiple of the quantization of JPEG quality 50 for each image [n].

    Returns:
        Images of the same shape.
    """
    return ops.cond(
        ops.any(blur + jpeg_strength > 0),
        lambda: quantize_jpeg(gaussian_blur(rgb, blur * rgb.shape[-1]), jpeg_strength),
        lambda: rgb,
    )


def gaussian_blur(rgb: Tensor, sigma: Tensor) -> Tensor:
    """Blur images with a Gaussian that is normalized at the edges.

    Args:
        rgb: Images [n, c, s, s].
        sigma: Standard deviation for each image [n], in pixels.
    """
    positions = np.arange(rgb.shape[-1], dtype=np.float32)
    squared_distances = np.square(positions[:, None] - positions)
    # Full matrices instead of a fixed kernel: they hold any sigma, and each row is normalized over
    # the pixels inside the image.
    weights = ops.exp(-squared_distances / (2 * ops.square(sigma[:, None, None, None]) + 1e-3))
    weights = weights / ops.sum(weights, axis=-1, keepdims=True)
    return ops.matmul(ops.matmul(weights, rgb), ops.swapaxes(weights, 2, 3))


def quantize_jpeg(rgb: Tensor, strength: Tensor) -> Tensor:
    """Quantize the DCT coefficients of each 8 x 8 block, as JPEG does.

    Args:
        rgb: Images [n, c, s, s], 0 to 1, with s a multiple of 8.
        strength: Multiple of the quantization of JPEG quality 50 for each image [n].

    Returns:
        Images of the same shape, 0 to 1.
    """
    blocks, shape = rgb.shape[-1] // _BLOCK, (-1, *rgb.shape[1:])
    tiles = ops.reshape(rgb, (-1, shape[1], blocks, _BLOCK, blocks, _BLOCK))
    steps = strength[:, None, None, None, None, None] * _QUANTIZATION[:, None] + 1e-6
    coefficients = ops.einsum("ki,lj,ncaibj->ncakbl", _DCT, _DCT, tiles)
    rounded = ops.round(coefficients / steps) * steps
    return ops.clip(
        ops.reshape(ops.einsum("ki,lj,ncakbl->ncaibj", _DCT, _DCT, rounded), shape), 0, 1
    )
