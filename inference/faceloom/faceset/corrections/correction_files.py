"""The files of a face set's corrections.

corrections/NAME.json   how far landmarks of the crop crops/NAME.jpg were moved
corrections/NAME.png    where its face is visible: 8-bit gray, as large as the crop

Deleting a file removes the correction. Files stay when the crop of their face is dropped.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
from jaxtyping import Float32
from pydantic import Field, model_validator

from faceloom import __version__
from faceloom.array_types import float32
from faceloom.faces.landmarks import MESH_POINTS
from faceloom.json_documents import StrictModel, parse_document
from faceloom.safe_read import read_bounded

CORRECTIONS_FOLDER = "corrections"
SCHEMA: Literal[1] = 1
# Largest file of moved landmarks in bytes; 468 offsets take about 12,000.
_MAX_LANDMARK_BYTES = 100_000
# Smallest offset that is kept, in sides of the crop: a hundredth of a pixel, as in the rows.
_SMALLEST_OFFSET = 2e-5
# Decimals of an offset: more precise than `_SMALLEST_OFFSET`.
_OFFSET_DECIMALS = 6
# What to do with a correction that cannot be used.
DELETE_IT = "delete it to use what the network found"

LandmarkIndex = Annotated[int, Field(ge=0, lt=MESH_POINTS)]
# How far a landmark is moved along an axis, in sides of the crop.
Offset = Annotated[float, Field(ge=-1, le=1)]
# Index of a landmark, and how far it was moved to the right and down.
LandmarkOffset: TypeAlias = tuple[LandmarkIndex, Offset, Offset]
# How a correction was made. Interpolation reads the first two kinds and replaces the third.
CorrectionOrigin: TypeAlias = Literal["edited", "copied", "interpolated"]


class LandmarkCorrection(StrictModel):
    """`corrections/NAME.json`: moved landmarks, relative to those that the network found."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faceloom_version: str = __version__
    """Version of Faceloom that wrote the file."""
    origin: CorrectionOrigin
    """How the correction was made."""
    offsets: Annotated[tuple[LandmarkOffset, ...], Field(max_length=MESH_POINTS)]
    """The moved landmarks, each once; offsets in sides of the stored crop."""

    @model_validator(mode="after")
    def _check_indices(self) -> "LandmarkCorrection":
        if len({index for index, _, _ in self.offsets}) < len(self.offsets):
            raise ValueError("a landmark occurs twice in the offsets")
        return self

    @classmethod
    def of(
        cls, offsets: Float32[np.ndarray, "468 2"], origin: CorrectionOrigin
    ) -> "LandmarkCorrection":
        """Make a correction; landmarks that hardly move are left out.

        Args:
            offsets: How far each landmark is moved, in sides of the stored crop.
            origin: How the correction was made.
        """
        bounded = np.clip(offsets.astype(np.float64), -1, 1).round(_OFFSET_DECIMALS)
        moved = np.flatnonzero(np.abs(bounded).max(1) >= _SMALLEST_OFFSET).tolist()
        return cls(
            origin=origin,
            offsets=tuple((index, *map(float, bounded[index])) for index in moved),
        )

    def to_array(self) -> Float32[np.ndarray, "468 2"]:
        """Return how far each landmark is moved, in sides of the stored crop."""
        array = np.zeros((MESH_POINTS, 2), np.float32)
        for index, x, y in self.offsets:
            array[index] = x, y
        return float32(array)

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        return (self.model_dump_json(by_alias=True) + "\n").encode()


def landmarks_path(directory: Path, image: str) -> Path:
    """Return the file of a face's moved landmarks, which may not exist.

    Args:
        directory: The face set.
        image: Path of the crop in the face set.
    """
    return directory / CORRECTIONS_FOLDER / f"{Path(image).stem}.json"


def mask_path(directory: Path, image: str) -> Path:
    """Return the file of a face's painted mask, which may not exist.

    Args:
        directory: The face set.
        image: Path of the crop in the face set.
    """
    return directory / CORRECTIONS_FOLDER / f"{Path(image).stem}.png"


def read_landmark_correction(path: Path) -> LandmarkCorrection:
    """Read the moved landmarks of a face.

    Args:
        path: The file.

    Raises:
        ArtifactRefused: The file is damaged.
        OSError: The file does not exist or cannot be read.
    """
    content = read_bounded(path, _MAX_LANDMARK_BYTES)
    return parse_document(
        content, path, LandmarkCorrection, SCHEMA, "correction of landmarks", DELETE_IT
    )


def corrected_stems(directory: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return which faces have corrections, by the names of their crops without extension.

    Args:
        directory: The face set.

    Returns:
        The faces with moved landmarks, and those with a painted mask.
    """
    folder = directory / CORRECTIONS_FOLDER
    paths = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    by_suffix = {
        suffix: frozenset(path.stem for path in paths if path.suffix == suffix)
        for suffix in (".json", ".png")
    }
    return by_suffix[".json"], by_suffix[".png"]
