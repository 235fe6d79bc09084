"""Corrections between two corrected frames."""

import numpy as np
import pytest

from faceloom.faceset.corrections.correction_files import LandmarkCorrection
from faceloom.faceset.corrections.interpolation import (
    TrackedFace,
    faces_around,
    interpolate_corrections,
)


def track(*frames: int, file: int = 0, number: int = 0) -> list[TrackedFace]:
    return [TrackedFace(f"{file}-{number}-{frame}", file, number, frame) for frame in frames]


def moved(x: float, origin: str = "edited") -> LandmarkCorrection:
    offsets = np.zeros((468, 2), np.float32)
    offsets[4] = x, -x
    return LandmarkCorrection.of(offsets, origin)


CASES = {
    "linear over frames, not over faces": (
        track(0, 10, 15, 40),
        {"0-0-0": moved(0.0), "0-0-40": moved(0.4)},
        {"0-0-10": 0.1, "0-0-15": 0.15},
    ),
    "three corrected frames": (
        track(0, 1, 2, 3, 4),
        {"0-0-0": moved(0.2), "0-0-2": moved(0.0, "copied"), "0-0-4": moved(0.4)},
        {"0-0-1": 0.1, "0-0-3": 0.2},
    ),
    "outside of them nothing": (track(0, 1, 2), {"0-0-1": moved(0.2)}, {}),
    "interpolated ones are made again": (
        track(0, 5, 10),
        {"0-0-0": moved(0.2), "0-0-5": moved(0.9, "interpolated"), "0-0-10": moved(0.4)},
        {"0-0-5": 0.3},
    ),
    "not across tracks or files": (
        track(0, 1) + track(2, 3, number=1) + track(4, 5, file=1),
        {"0-0-0": moved(0.2), "0-1-3": moved(0.4), "1-0-5": moved(0.1)},
        {},
    ),
    "in any order": (
        track(10, 0, 5),
        {"0-0-0": moved(0.0), "0-0-10": moved(0.2)},
        {"0-0-5": 0.1},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_offsets_are_interpolated(name: str) -> None:
    faces, corrections, expected = CASES[name]
    found = interpolate_corrections(faces, corrections)
    assert set(found) == set(expected)
    for image, x in expected.items():
        np.testing.assert_allclose(found[image].to_array()[4], [x, -x], atol=1e-5)
        assert found[image].origin == "interpolated"


AROUND = {
    "between corrected frames": ("0-0-2", {"0-0-0": "edited", "0-0-4": "copied"}, [0, 1, 2, 3, 4]),
    "interpolated ones do not count": ("0-0-2", {"0-0-1": "interpolated", "0-0-0": "edited"},
                                       [0, 1, 2]),
    "on both sides of a corrected one": ("0-0-2", {f"0-0-{n}": "edited" for n in (1, 2, 4)},
                                         [1, 2, 3, 4]),
    "no corrected frame": ("0-0-2", {}, [2]),
    "another track": ("0-0-2", {"0-1-0": "edited", "0-1-4": "edited"}, [2]),
    "an unknown face": ("9-9-9", {"0-0-0": "edited"}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", AROUND)
def test_faces_around_a_face_end_at_corrected_ones(name: str) -> None:
    image, origins, frames = AROUND[name]
    corrections = {key: moved(0.1, origin) for key, origin in origins.items()}
    faces = [*track(4, 2, 0, 3, 1), *track(0, 2, 4, number=1)]
    assert [face.frame for face in faces_around(faces, corrections, image)] == frames
