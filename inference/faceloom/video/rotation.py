"""Turn a coded picture upright and back, by the rotation of the display matrix."""

from dataclasses import replace

import numpy as np

from faceloom.array_types import Rgb
from faceloom.video.info import Box, Frame


def upright(rgb: Rgb, rotation: int) -> Rgb:
    """Return the picture as a player shows it; `rotation` in degrees counter-clockwise."""
    return np.ascontiguousarray(np.rot90(rgb, rotation // 90))


def as_coded(rgb: Rgb, rotation: int) -> Rgb:
    """Undo `upright`."""
    return np.ascontiguousarray(np.rot90(rgb, -rotation // 90))


def box_as_coded(box: Box, rotation: int, width: int, height: int) -> Box:
    """Turn a rectangle of an upright picture into one of the coded picture, which is `width` by `height`."""
    left, top, right, bottom = box
    if rotation == 90:
        return width - bottom, left, width - top, right
    if rotation == 180:
        return width - right, height - bottom, width - left, height - top
    if rotation == 270:
        return top, height - right, bottom, height - left
    return box


def frame_as_coded(frame: Frame, rotation: int) -> Frame:
    """Turn an upright frame, and the rectangles that were changed in it, back to how it was coded."""
    if rotation == 0:
        return frame
    rgb = as_coded(frame.rgb, rotation)
    height, width = rgb.shape[:2]
    boxes = tuple(box_as_coded(box, rotation, width, height) for box in frame.changed)
    return replace(frame, rgb=rgb, changed=boxes)
