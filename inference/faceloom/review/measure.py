"""From face sets and a target video to statistics."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from faceloom.arrays import Rgb, float32
from faceloom.errors import NoFaceFound
from faceloom.faces.align import CropGeometry, apply_affine, crop_face
from faceloom.faces.find import Face, FaceFinder
from faceloom.faces.identify import MobileFaceNet
from faceloom.faces.mask import mesh_mask
from faceloom.faces.pose import Pose, head_pose
from faceloom.faces.quality import Quality, crop_quality
from faceloom.faceset import FaceSet
from faceloom.faceset.likeness import centre_of, near_duplicates, similarities
from faceloom.faceset.sources import Picture, Source
from faceloom.progress import Progress, Work
from faceloom.review.light import Light, measure_light
from faceloom.review.statistics import FaceTable, Person, SourceShare, Target

# Pictures read of each set: what light and colour need, in a few seconds.
_MOST_PICTURES = 240
# The target's crops: as much of the head as face sets store, at the size the page shows.
_TARGET_CROP = CropGeometry(size=256, coverage=1.5)
THUMB_SIDE = 112
_SHOWN_COVERAGE = 0.85


def measure_person(faces: FaceSet) -> Work[Person]:
    """Gather the statistics of a face set; reads a few hundred of its crops for light and colour."""
    rows = faces.rows
    embeddings = faces.read_embeddings()
    step = -(-len(rows) // _MOST_PICTURES)
    lights = []
    for number, row in enumerate(rows[::step], 1):
        lights.append(measure_light(faces.read_crop(row), faces.mask_of(row)))
        yield Progress(f"look at {faces.identity}", number, len(rows[::step]))
    counts = Counter(row.source for row in rows)
    return Person(
        name=faces.identity,
        faces=faces,
        table=FaceTable.of([r.pose for r in rows], [r.quality for r in rows], [r.size for r in rows], lights),
        sources=tuple(SourceShare(_source_name(faces, source), count) for source, count in counts.most_common()),
        similarity=similarities(embeddings),
        centre=centre_of(embeddings),
        duplicate=near_duplicates(rows),
        background_uniform=float32([row.quality.background_uniform for row in rows]),
        background_rgb=float32([row.quality.background_rgb for row in rows]),
    )


def measure_target(path: Path, every: int) -> Work[Target]:
    """Find and measure the largest face of every `every`-th frame of a video (or of a picture).

    Raises NoFaceFound if there is none, and what reading it raises.
    """
    source = Source.open(path)
    total = source.frames and -(-source.frames // every)
    gauge = _Gauge()
    for picture in source.read(every):
        gauge.look(picture)
        yield Progress(f"look at {path.name}", gauge.frames, total)
    if not gauge.sizes:
        raise NoFaceFound(f"No face was found in {path}; choose a target with a visible face.")
    return Target(
        name=path.name,
        table=FaceTable.of(gauge.poses, gauge.qualities, gauge.sizes, gauge.lights),
        frames=gauge.frames,
        crowded=gauge.crowded,
        every=every,
        centre=centre_of(np.concatenate(gauge.embeddings)),
        thumbs=tuple(gauge.thumbs),
    )


def thumbnail(crop: Rgb, coverage: float) -> Rgb:
    """Return the middle of a crop, where the face is, at THUMB_SIDE pixels."""
    edge = round(len(crop) * (1 - _SHOWN_COVERAGE / coverage) / 2)
    middle = crop[edge : len(crop) - edge, edge : len(crop) - edge]
    return np.asarray(cv2.resize(middle, (THUMB_SIDE, THUMB_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _source_name(faces: FaceSet, number: int) -> str:
    return faces.sources[number].name if number < len(faces.sources) else f"source {number}"


class _Gauge:
    """Collects what is seen of a target."""

    def __init__(self) -> None:
        self._finder = FaceFinder()
        self._identify = MobileFaceNet()
        self.frames = self.crowded = 0
        self.poses: list[Pose] = []
        self.qualities: list[Quality] = []
        self.sizes: list[float] = []
        self.lights: list[Light] = []
        self.embeddings: list[np.ndarray] = []
        self.thumbs: list[Rgb] = []

    def look(self, picture: Picture) -> None:
        """Measure the largest face of one picture, if it has any."""
        faces = self._finder.find([picture.rgb])[0]
        self.frames += 1
        self.crowded += len(faces) > 1
        if faces:
            self._add(picture.rgb, faces[0])

    def _add(self, picture: Rgb, face: Face) -> None:
        to_crop = _TARGET_CROP.frame_to_crop(face.points_xy)
        crop = crop_face(picture, to_crop, _TARGET_CROP.size)
        mesh_xy = apply_affine(to_crop, face.landmarks.points_xy)
        mask = mesh_mask(mesh_xy, _TARGET_CROP.size, _TARGET_CROP.size)
        self.poses.append(head_pose(face.landmarks))
        self.qualities.append(crop_quality(crop, mask, mesh_xy, to_crop))
        self.sizes.append(face.size)
        self.lights.append(measure_light(crop, mask))
        self.embeddings.append(self._identify.embed([picture], [face.points_xy]))
        self.thumbs.append(thumbnail(crop, _TARGET_CROP.coverage))
