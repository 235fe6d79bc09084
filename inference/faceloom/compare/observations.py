"""What is measured in one frame: every version's face, in the same crop."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Affine, Mask, Rgb, float32
from faceloom.color import Lab, to_lab
from faceloom.compare.image_similarity import low_pass
from faceloom.compare.region_metrics import FaceLayers, at_parsing_size
from faceloom.compare.seam import FaceBoundary
from faceloom.faces.alignment import CropGeometry, crop_face
from faceloom.faces.expression import ExpressionReader, FaceExpression
from faceloom.faces.face_crop import align_mesh
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.regions import RegionMap
from faceloom.faces.pose import head_pose

# A third more than the whole face, so that the boundary of every mask lies inside.
CROP = CropGeometry(size=256, coverage=1.3)
# Share of the crop's side that is left out at the face's outline, where every swap is blended.
_EROSION = 1 / 32
# A version's face is the target's if their centers are within this share of the face's size.
_SAME_POSITION = 0.3
# Frames between two runs of the detector; landmarks are tracked in between.
_DETECT_EVERY = 5
# Frames between two runs of the face parsing network: hair and hands are there for longer.
_PARSE_EVERY = 2
_NO_MESH = np.full((468, 3), np.nan, np.float32)


@dataclass(frozen=True, slots=True)
class FaceMeasurements:
    """What is measured of one face; NaN throughout where there is none."""

    mesh: Float32[np.ndarray, "468 3"]
    """Landmarks of the face mesh network in pixels of the frame."""
    expression_mesh: Float32[np.ndarray, "468 3"]
    """The same landmarks from the network that reads expressions; NaN if they were not read."""
    angles: Float32[np.ndarray, "3"]
    """Yaw, pitch and roll in degrees."""
    embedding: Float32[np.ndarray, "192"]
    """Unit vector of the recognition network."""
    gaze: Float32[np.ndarray, "2"]
    """Position of the irises in eye widths, right and down; see FaceExpression."""
    weights: Float32[np.ndarray, "52"]
    """Expression weights in the order of BLENDSHAPE_NAMES."""
    lid_opening: float = math.nan
    """Mean lid opening of both eyes; see FaceExpression."""
    mouth_opening: float = math.nan
    """Mouth opening in eye widths."""

    @classmethod
    def none(cls) -> "FaceMeasurements":
        """Return the measurements of a missing face."""
        angles, embedding, gaze, weights = (
            np.full(size, np.nan, np.float32) for size in (3, 192, 2, 52)
        )
        return cls(_NO_MESH, _NO_MESH, angles, embedding, gaze, weights)


@dataclass(frozen=True)
class FaceObservation:
    """One version of a frame."""

    crop: Rgb
    """Crop of CROP.size pixels, aligned with the target's face."""
    measurements: FaceMeasurements
    """Of the version's own face."""
    regions: RegionMap | None = None
    """The regions of the crop; None if they are not measured, or not plausible."""

    @cached_property
    def layers(self) -> FaceLayers | None:
        """The regions that are compared."""
        return None if self.regions is None else FaceLayers.from_regions(self.regions)

    @cached_property
    def lab(self) -> Lab:
        """The crop in CIE L*a*b*."""
        return to_lab(self.crop)

    @cached_property
    def shading(self) -> Lab:
        """Color and shading of the crop, without features."""
        return low_pass(self.lab)


@dataclass(frozen=True)
class FaceRegion:
    """The region of a face in a crop."""

    face: Bool[np.ndarray, "s s"]
    """Mesh mask."""

    @cached_property
    def inside(self) -> Bool[np.ndarray, "s s"]:
        """The face without its outline."""
        side = round(2 * _EROSION * len(self.face)) + 1
        return cv2.erode(self.face.astype(np.uint8), np.ones((side, side), np.uint8)) > 0

    @cached_property
    def small(self) -> Bool[np.ndarray, "_ _"]:
        """The face at the size of the face parsing network."""
        return at_parsing_size(self.face)

    @cached_property
    def boundary(self) -> FaceBoundary:
        """The face's outline, to measure seams."""
        return FaceBoundary(self.face)


@dataclass(frozen=True, slots=True)
class FrameObservation:
    """A frame in which the target shows a face."""

    frame: int
    """Frame index."""
    versions: tuple[FaceObservation, ...]
    """The target first, then the other versions in order."""
    region: FaceRegion
    """Of the target's face, or of the ground truth's where there is one."""


class Observer:
    """Measures all versions of a clip, frame by frame, at the target's largest face."""

    def __init__(self, versions: int, truth: int | None, *, detailed: bool = True):
        """Load the face networks.

        Args:
            versions: Number of versions, the target included.
            truth: Index of the ground truth among the versions; None without one.
            detailed: Parse the faces into regions, and read lids, gaze and mouth.
        """
        first = FaceFinder(detect_every=_DETECT_EVERY)
        self._finders = [first, *(first.for_new_video() for _ in range(versions - 1))]
        self._next_frame = 0
        self._recognition = MobileFaceNet()
        self._parser = FaceParser(threads=1) if detailed else None
        self._reader = ExpressionReader() if detailed else None
        self._truth = truth

    def observe(self, frame: int, pictures: Sequence[Rgb]) -> FrameObservation | None:
        """Measure one frame.

        Args:
            frame: Frame index; frames are tracked where it is one more than the last.
            pictures: The frame in every version, the target first.

        Returns:
            The observation; None if the target shows no face.
        """
        if frame != self._next_frame:
            # Faces are not tracked across a gap.
            self._finders = [finder.for_new_video() for finder in self._finders]
        self._next_frame = frame + 1
        found = [
            finder.find([picture])[0]
            for finder, picture in zip(self._finders, pictures, strict=True)
        ]
        if not found[0]:
            return None
        target = found[0][0]
        matched = [_face_at(target, faces) for faces in found]
        to_crop = CROP.frame_to_crop(target.points_xy)
        measured = self._measure(pictures, matched)
        reference = matched[self._truth] if self._truth is not None else target
        mask = _mesh_mask(reference or target, to_crop)
        crops = [crop_face(picture, to_crop, CROP.size) for picture in pictures]
        versions = [
            FaceObservation(*version)
            for version in zip(crops, measured, self._parse(frame, crops, mask), strict=True)
        ]
        return FrameObservation(frame, tuple(versions), FaceRegion(mask > 127))

    def _parse(self, frame: int, crops: Sequence[Rgb], mask: Mask) -> list[RegionMap | None]:
        """Return the regions of each crop; None if they are not measured, or implausible."""
        if self._parser is None or frame % _PARSE_EVERY:
            return [None] * len(crops)
        return self._parser.parse_faces(crops, [mask] * len(crops))

    def _measure(
        self, pictures: Sequence[Rgb], faces: Sequence[Face | None]
    ) -> list[FaceMeasurements]:
        """Measure the face of each version."""
        known = [(picture, face) for picture, face in zip(pictures, faces, strict=True) if face]
        shown = [picture for picture, _ in known]
        embeddings = self._recognition.embed(shown, [face.points_xy for _, face in known])
        expressions: Sequence[FaceExpression | None] = [None] * len(known)
        if self._reader is not None:
            meshes = [face.landmarks.points_xy for _, face in known]
            expressions = self._reader.read(shown, meshes)
        measured = iter(
            _measure_face(face, *rest)
            for (_, face), *rest in zip(known, embeddings, expressions, strict=True)
        )
        return [next(measured) if face else FaceMeasurements.none() for face in faces]


def _measure_face(
    face: Face, embedding: Float32[np.ndarray, "192"], expression: FaceExpression | None
) -> FaceMeasurements:
    pose = head_pose(face.landmarks)
    angles = float32([pose.yaw, pose.pitch, pose.roll])
    unknown = FaceMeasurements.none()
    if expression is None or not expression.is_readable:
        return replace(unknown, mesh=face.landmarks.points_xyz, angles=angles, embedding=embedding)
    return FaceMeasurements(
        face.landmarks.points_xyz,
        expression.points_xyz[: len(_NO_MESH)],
        angles,
        embedding,
        expression.gaze.mean(0),
        expression.weights,
        expression.lid_opening,
        expression.mouth,
    )


def _face_at(target: Face, faces: Sequence[Face]) -> Face | None:
    """Return the face that lies where the target's does."""
    center = target.points_xy.mean(0)
    distances = [float(np.linalg.norm(face.points_xy.mean(0) - center)) for face in faces]
    nearest = int(np.argmin(distances)) if faces else 0
    return faces[nearest] if faces and distances[nearest] < _SAME_POSITION * target.size else None


def _mesh_mask(face: Face, to_crop: Affine) -> Mask:
    _, mask = align_mesh(face.landmarks.points_xy, to_crop, CROP.size)
    return mask
