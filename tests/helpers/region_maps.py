"""Exact region maps: a drawn face of which every pixel is known."""

import cv2
import numpy as np

from faceloom.faces.parsing.regions import PARSING_SIDE, Region, RegionMap

# Where the drawn face is, in pixels of a map.
CENTER = (64, 64)
AXES = (36, 46)
# Row above which the drawn face is forehead.
BROW_ROW = 46


def labels_of_face() -> np.ndarray:
    """Return the labels of a face with hair around it: [128, 128] of `Region`."""
    labels = np.zeros((PARSING_SIDE, PARSING_SIDE), np.uint8)
    cv2.ellipse(labels, CENTER, (46, 58), 0, 0, 360, int(Region.HAIR), -1)
    cv2.ellipse(labels, CENTER, AXES, 0, 0, 360, int(Region.SKIN), -1)
    for x in (50, 78):
        cv2.rectangle(labels, (x - 8, BROW_ROW), (x + 8, BROW_ROW + 3), int(Region.BROWS), -1)
        cv2.ellipse(labels, (x, 54), (6, 3), 0, 0, 360, int(Region.EYES), -1)
    cv2.ellipse(labels, (64, 90), (12, 5), 0, 0, 360, int(Region.LIPS), -1)
    return labels


def face_area() -> np.ndarray:
    """Return the drawn face's area: [128, 128] of bool."""
    area = np.zeros((PARSING_SIDE, PARSING_SIDE), np.uint8)
    cv2.ellipse(area, CENTER, AXES, 0, 0, 360, 1, -1)
    return area > 0


def region_map(labels: np.ndarray) -> RegionMap:
    """Turn labels into certain probabilities."""
    return np.asarray(np.eye(len(Region), dtype=np.uint8)[labels] * 255, np.uint8)


def picture_of(labels: np.ndarray, scale: int = 2) -> np.ndarray:
    """Paint labels with a color for each region: a crop of `scale` times the map's size."""
    colors = np.random.default_rng(3).integers(60, 190, (len(Region), 3)).astype(np.uint8)
    return np.asarray(np.kron(colors[labels], np.ones((scale, scale, 1), np.uint8)))
