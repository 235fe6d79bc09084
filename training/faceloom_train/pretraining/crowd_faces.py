"""The crowd's pictures as aligned faces, cut as those of a face set are cut for training."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Int32, UInt8

from faceloom.array_types import Mask, Points, float32
from faceloom.faces.alignment import CropGeometry, apply_affine
from faceloom.faces.face_crop import align_mesh
from faceloom.faces.landmarks import EXPRESSION_LANDMARKS, FaceMesh, Landmarks
from faceloom.faces.parsing.regions import VISIBLE_REGIONS
from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.config.schema import TrainConfig
from faceloom_train.crowd import CrowdPerson, CrowdPicture
from faceloom_train.data.dataset import LANDMARK_UNIT, TrainingFaces, network_crop
from faceloom_train.pretraining.exact_landmarks import with_exact_features

# Height of the forehead above the brows, in heights of the 68 landmarks: face detectors' boxes
# include it.
_FOREHEAD = 0.3
# Confidence of the mesh below which a picture is left out: hands hide those faces.
_MIN_SCORE = 0.5


@dataclass(frozen=True, slots=True)
class CrowdFaces:
    """One person's faces."""

    faces: TrainingFaces
    """The faces, as training on a face set has them."""
    performances: Int32[np.ndarray, " n"]
    """Which performance of the person's group each face shows."""
    group: int
    """The person's group."""
    expression: Float32[np.ndarray, "n c"]
    """Weights of the expression controls, 0 to 1."""
    controls: tuple[str, ...]
    """Names of the expression controls; those of one side of the face end with L or R."""
    gaze: Float32[np.ndarray, "n 2"]
    """Direction of the eyes, sideways and up, in degrees."""


def align_people(people: Iterable[CrowdPerson], config: TrainConfig) -> list[CrowdFaces]:
    """Measure and cut the faces of people.

    Args:
        people: The people.
        config: Configuration of the network that learns from them.

    Returns:
        The faces of each person, without those that are hidden too far.
    """
    mesh = FaceMesh()
    return [_align_person(person, mesh, config) for person in people]


def _align_person(person: CrowdPerson, mesh: FaceMesh, config: TrainConfig) -> CrowdFaces:
    found = [_find_mesh(mesh, picture) for picture in person.pictures]
    kept = np.array([i for i, face in enumerate(found) if face.score >= _MIN_SCORE], np.int32)
    crop = network_crop(config)
    size = round(crop.size * MARGIN)
    stored = CropGeometry(
        size=size, coverage=crop.coverage * size / crop.size, template=crop.template
    )
    crops = [_cut(person.pictures[i], found[i], stored) for i in kept]
    meshes = np.stack([_mesh_in_sides(found[i], person.pictures[i], crop) for i in kept])
    points = meshes[:, list(EXPRESSION_LANDMARKS)] / LANDMARK_UNIT
    faces = TrainingFaces(
        person.name,
        np.stack(crops),
        float32(points - np.median(points, axis=0)),
        float32(meshes - 0.5),
        np.ones(len(kept), np.float32),
    )
    return CrowdFaces(
        faces,
        kept,
        person.group,
        person.expression[kept],
        person.controls,
        person.gaze[kept],
    )


def _find_mesh(mesh: FaceMesh, picture: CrowdPicture) -> Landmarks:
    low, high = picture.landmarks_xy.min(0), picture.landmarks_xy.max(0)
    low = low - float32([0, _FOREHEAD * (high - low)[1]])
    return mesh.find(picture.rgb, float32(np.concatenate([low, high])), picture.points_xy)


def _mesh_in_sides(face: Landmarks, picture: CrowdPicture, crop: CropGeometry) -> Points:
    to_crop = crop.frame_to_crop(face.five_points_xy())
    mesh = with_exact_features(face.points_xy, picture.landmarks_xy)
    return apply_affine(to_crop, mesh) / crop.size


def _cut(
    picture: CrowdPicture, face: Landmarks, geometry: CropGeometry
) -> UInt8[np.ndarray, "m m 5"]:
    """Cut RGB, visible face and mesh mask."""
    to_crop = geometry.frame_to_crop(face.five_points_xy())
    size = (geometry.size, geometry.size)
    rgb = cv2.warpAffine(picture.rgb, to_crop, size, borderMode=cv2.BORDER_REPLICATE)
    visible = np.isin(picture.regions, VISIBLE_REGIONS).astype(np.uint8) * 255
    shown: Mask = np.asarray(cv2.warpAffine(visible, to_crop, size), np.uint8)
    _, outline = align_mesh(face.points_xy, to_crop, geometry.size)
    return np.dstack([rgb, np.minimum(outline, shown), outline])
