"""What light and cameras do to a picture; the regions stay as they are."""

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32, to_uint8
from faceloom_train.face_parsing.textures import smooth_field

Image = Float32[np.ndarray, "_ _ 3"]

# Weights of red, green and blue in luma (ITU-R BT.601).
_LUMA = float32([0.299, 0.587, 0.114])


def relight(rng: np.random.Generator, image: Image) -> Image:
    """Return the picture under uneven light, with a shadow's hard edge in some.

    Args:
        rng: Source of randomness.
        image: RGB, 0 to 1.

    Returns:
        RGB, 0 to 1.
    """
    side = len(image)
    field = smooth_field(rng, side, int(rng.integers(2, 5)), 1) * rng.uniform(0, 0.35)
    image = image * np.exp(field)
    if rng.random() < 0.2:
        edge = smooth_field(rng, side, 3, 1) > rng.uniform(-0.5, 1.5)
        softness = rng.uniform(0.5, 4)
        shadow = cv2.GaussianBlur(float32(edge), (0, 0), softness)[..., None]
        image = image * (1 - shadow * rng.uniform(0.2, 0.6))
    return np.clip(image, 0, 1)


def regrade(rng: np.random.Generator, image: Image) -> Image:
    """Return the picture with other white balance, saturation, contrast and gamma.

    Args:
        rng: Source of randomness.
        image: RGB, 0 to 1.

    Returns:
        RGB, 0 to 1.
    """
    image = image * float32(np.exp(rng.normal(0, 0.12, 3)))
    luma = (image @ _LUMA)[..., None]
    saturation = 0.0 if rng.random() < 0.12 else rng.uniform(0.3, 1.4)
    image = luma + saturation * (image - luma)
    mean = image.mean()
    image = mean + (image - mean) * rng.uniform(0.6, 1.3) + rng.normal(0, 0.05)
    return np.clip(image, 0, 1) ** float32(np.exp(rng.normal(0, 0.3)))


def film(rng: np.random.Generator, image: Image) -> Image:
    """Return the picture as a camera records it: small, blurred, noisy, interlaced, compressed.

    Args:
        rng: Source of randomness.
        image: RGB, 0 to 1.

    Returns:
        RGB, 0 to 1.
    """
    side = len(image)
    if rng.random() < 0.4:
        small = int(side * rng.uniform(0.25, 0.9))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.8))
    if rng.random() < 0.15:
        image = _motion_blur(rng, image)
    if rng.random() < 0.08:
        image = np.where(np.arange(side)[:, None, None] % 2, np.roll(image, 3, 1), image)
    if rng.random() < 0.5:
        channels = int(rng.choice([1, 3]))
        noise = rng.standard_normal((side, side, channels), np.float32)
        image = image + rng.uniform(0, 0.06) * noise
    image = np.clip(image, 0, 1)
    return _compress(rng, image) if rng.random() < 0.5 else float32(image)


def _motion_blur(rng: np.random.Generator, image: Image) -> Image:
    length = int(rng.integers(3, 10))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    middle, reach = (length - 1) / 2, (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
    first, last = (np.rint(middle + sign * reach).astype(int).tolist() for sign in (-1, 1))
    cv2.line(kernel, first, last, 1, 1)
    return float32(cv2.filter2D(image, -1, kernel / kernel.sum()))


def _compress(rng: np.random.Generator, image: Image) -> Image:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))]
    _, data = cv2.imencode(".jpg", to_uint8(image * 255), quality)
    return float32(cv2.imdecode(data, cv2.IMREAD_COLOR)) / 255
