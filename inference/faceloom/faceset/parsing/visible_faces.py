"""Where nothing hides the faces of a face set, as the face parsing network sees it.

The result is kept in the face set's folder, in visible.npz:

parser    uint8 [32]          SHA-256 of the face parsing network
crop      float64 [11]        coverage and template of the crops that were parsed
faces     uint64 [n]          checksum of each face's row and moved landmarks
visible   uint8 [n, 128, 128] probability of the visible face, 0 to 255

The file can be deleted at any time. Faces that it lacks are parsed and added to it; a file of
another network or another crop is replaced.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from faceloom.array_types import Mask, Rgb
from faceloom.atomic import atomic_file
from faceloom.batches import batched
from faceloom.errors import FaceloomError
from faceloom.faces.alignment import CropGeometry, crop_face
from faceloom.faces.face_crop import align_mesh
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.regions import PARSING_SIDE, VISIBLE_REGIONS, region_mask, steepened
from faceloom.faceset.parsing.corrected_masks import corrected_mask
from faceloom.faceset.schema import FaceRow
from faceloom.faceset.store import FACESET_FILE, FaceSet
from faceloom.output_lock import lock_output
from faceloom.progress import Progress, ProgressGenerator
from faceloom.safe_read import ZIP_ERRORS, read_npz
from faceloom.weights import FACE_PARSER

# The file in a face set's folder.
VISIBLE_FILE = "visible.npz"
# Stage of the progress reports.
PARSING_STAGE = "face regions"
# Faces that are parsed at once.
_BATCH = 32
# Seconds to wait for another process that writes the face set; after that, nothing is kept.
_LOCK_SECONDS = 5.0
# The arrays of the file with their NumPy kinds.
_ARRAYS = {"parser": "u", "crop": "f", "faces": "u", "visible": "u"}
# Largest expanded size of the file in bytes whose compression ratio is not checked, and the largest
# ratio above it; maps of faces shrink to a tenth.
_UNCHECKED_BYTES = 50_000_000
_MAX_RATIO = 200

# Probability of the visible face by the checksum of the face.
_Maps: TypeAlias = Mapping[int, Mask]


@dataclass(frozen=True, slots=True)
class VisibleFaces:
    """The visible parts of faces of a face set."""

    faces: FaceSet
    """The face set."""
    crop: CropGeometry
    """Geometry of the maps."""
    maps: Mapping[str, Mask]
    """Probability of the visible face, 0 to 255, by the path of the face's crop; 255 everywhere for
    a face whose regions are not plausible."""

    def mask(self, row: FaceRow, mesh_mask: Mask, geometry: CropGeometry) -> Mask:
        """Return the visible face in a crop, as `faceloom.faces.parsing.regions.visible_mask` does.

        A painted mask replaces what the network sees.

        Args:
            row: The face.
            mesh_mask: Its mesh mask in the crop.
            geometry: Geometry of the crop.

        Raises:
            ArtifactRefused: The painted mask is damaged.
        """
        probability = cv2.warpAffine(
            self.maps[row.image],
            self.crop.affine_to(geometry),
            (geometry.size, geometry.size),
            borderMode=cv2.BORDER_REPLICATE,
        )
        seen = np.minimum(mesh_mask, steepened(np.asarray(probability, np.uint8)))
        return corrected_mask(self.faces, row, np.asarray(seen), mesh_mask, geometry)


def find_visible_faces(
    faces: FaceSet, rows: Sequence[FaceRow], crop: CropGeometry
) -> ProgressGenerator[VisibleFaces]:
    """Find where nothing hides faces: read what the face set keeps, and parse the rest.

    What is parsed is kept in the face set, if it is writable. Stopping early keeps what is done.

    Args:
        faces: The face set.
        rows: The faces.
        crop: Geometry of a network's crop; the faces are parsed in its coverage and template.

    Yields:
        Progress in faces, if some must be parsed.

    Returns:
        The visible parts of the faces.

    Raises:
        ArtifactRefused: A crop has another size, or the face parsing network is damaged.
        MediaUnreadable: A crop is damaged.
    """
    geometry = CropGeometry(size=PARSING_SIDE, coverage=crop.coverage, template=crop.template)
    known = dict(_read(faces.directory / VISIBLE_FILE, geometry))
    missing = [row for row in rows if _checksum(faces, row) not in known]
    if missing:
        parsed: dict[int, Mask] = {}
        try:
            yield Progress(PARSING_STAGE, 0, len(missing), faces.identity)
            for batch in _parse(faces, missing, geometry):
                parsed |= batch
                yield Progress(PARSING_STAGE, len(parsed), len(missing), faces.identity)
        finally:
            _keep(faces.directory, geometry, parsed)
        known |= parsed
    maps = {row.image: known[_checksum(faces, row)] for row in rows}
    return VisibleFaces(faces, geometry, maps)


def _parse(faces: FaceSet, rows: Sequence[FaceRow], geometry: CropGeometry) -> Iterator[_Maps]:
    """Parse faces; yield the maps of each batch."""
    parser = FaceParser()
    to_crop = faces.geometry.affine_to(geometry)

    def read(row: FaceRow) -> tuple[Rgb, Mask]:
        _, mask = align_mesh(faces.mesh_in_crop(row), to_crop, geometry.size)
        return crop_face(faces.read_crop(row), to_crop, geometry.size), mask

    with ThreadPoolExecutor() as pool:
        for batch in batched(rows, _BATCH):
            crops, masks = zip(*pool.map(read, batch), strict=True)
            regions = parser.parse_faces(crops, masks)
            yield {
                _checksum(faces, row): np.full_like(mask, 255)
                if parsed is None
                else region_mask(parsed, VISIBLE_REGIONS, geometry.size)
                for row, mask, parsed in zip(batch, masks, regions, strict=True)
            }


def _checksum(faces: FaceSet, row: FaceRow) -> int:
    """Return 64 bits that tell a face from all others, also from one of the same file name.

    It includes moved landmarks, which change the crop or the check of its regions.
    """
    moved = tuple(row.mesh_xy) if row.image in faces.corrections.moved else ""
    text = f"{row.image} {row.frame} {row.points_xy}{moved}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _parser_key() -> np.ndarray:
    return np.frombuffer(bytes.fromhex(FACE_PARSER.sha256), np.uint8)


def _crop_key(geometry: CropGeometry) -> np.ndarray:
    return np.array([geometry.coverage, *np.ravel(geometry.template)], np.float64)


def _read(path: Path, geometry: CropGeometry) -> _Maps:
    """Read the maps that a face set keeps; none if the file is missing, damaged or another's."""
    if not path.is_file():
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > max(_UNCHECKED_BYTES, _MAX_RATIO * path.stat().st_size):
                return {}
            arrays = read_npz(archive, _ARRAYS)
    except (KeyError, *ZIP_ERRORS):
        return {}
    checksums, maps = arrays["faces"], arrays["visible"]
    if (
        np.array_equal(arrays["parser"], _parser_key())
        and np.array_equal(arrays["crop"], _crop_key(geometry))
        and checksums.ndim == 1
        and maps.dtype == np.uint8
        and maps.shape == (len(checksums), PARSING_SIDE, PARSING_SIDE)
    ):
        return dict(zip(checksums.tolist(), maps, strict=True))
    return {}


def _keep(directory: Path, geometry: CropGeometry, parsed: _Maps) -> None:
    """Add maps to the file of a face set, if it can be written."""
    if not (parsed and (directory / FACESET_FILE).is_file() and os.access(directory, os.W_OK)):
        return
    path = directory / VISIBLE_FILE
    # A face set that is being written, or a full disk: the maps are found again by the next run.
    with (
        suppress(FaceloomError),
        lock_output(directory, _LOCK_SECONDS),
        atomic_file(path) as part,
        part.open("wb") as file,
    ):
        # Read again: another process may have added faces.
        maps = {**_read(path, geometry), **parsed}
        np.savez_compressed(
            file,
            parser=_parser_key(),
            crop=_crop_key(geometry),
            faces=np.fromiter(maps, np.uint64),
            visible=np.stack(list(maps.values())),
        )
