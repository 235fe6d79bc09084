"""Rotate frames upright and back, by the rotation of the display matrix."""

from dataclasses import replace

import numpy as np

from faceloom.array_types import Rgb
from faceloom.video.info import Box, Frame


def to_upright(rgb: Rgb, rotation: int) -> Rgb:
    """Rotate a coded image to how a player shows it.

    Args:
        rgb: The image [height, width, 3].
        rotation: Degrees counter-clockwise: 0, 90, 180 or 270.
    """
    return np.ascontiguousarray(np.rot90(rgb, rotation // 90))


def to_coded(rgb: Rgb, rotation: int) -> Rgb:
    """Undo `to_upright`.

    Args:
        rgb: The upright image [height, width, 3].
        rotation: Degrees counter-clockwise: 0, 90, 180 or 270.
    """
    return np.ascontiguousarray(np.rot90(rgb, -rotation // 90))


def box_to_coded(box: Box, rotation: int, width: int, height: int) -> Box:
    """Map a rectangle of the upright image to the coded image.

    Args:
        box: The rectangle in the upright image.
        rotation: Degrees counter-clockwise: 0, 90, 180 or 270.
        width: Width of the coded image.
        height: Height of the coded image.
    """
    left, top, right, bottom = box
    if rotation == 90:
        return width - bottom, left, width - top, right
    if rotation == 180:
        return width - right, height - bottom, width - left, height - top
    if rotation == 270:
        return top, height - right, bottom, height - left
    return box


def frame_to_coded(frame: Frame, rotation: int) -> Frame:
    """Rotate an upright frame and its changed rectangles back to the coded orientation.

    Args:
        frame: The upright frame.
        rotation: Degrees counter-clockwise: 0, 90, 180 or 270.
    """
    if rotation == 0:
        return frame
    rgb = to_coded(frame.rgb, rotation)
    height, width = rgb.shape[:2]
    boxes = tuple(box_to_coded(box, rotation, width, height) for box in frame.changed_boxes)
    return replace(frame, rgb=rgb, changed_boxes=boxes)
