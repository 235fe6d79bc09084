"""Faces in pictures: detection, landmarks, tracking, alignment, masks, quality and recognition.

May import `onnx_session`, `weights` and the plain modules of `faceloom` below them. It knows
nothing of face sets, bundles or files of footage.
"""

from faceloom.faces.alignment import CropGeometry, apply_affine, crop_face
from faceloom.faces.detect import DEFAULT_DETECTOR, DETECTORS, Detections, Detector, open_detector
from faceloom.faces.face_crop import FaceCrop, align_mesh
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY, MobileFaceNet, unit_vectors
from faceloom.faces.landmarks import FaceMesh, Landmarks
from faceloom.faces.mask import mask_background, mesh_mask
from faceloom.faces.pose import Pose, head_pose
from faceloom.faces.quality import Quality, crop_quality
from faceloom.faces.temporal_smoothing import smooth_alignment

__all__ = [
    "DEFAULT_DETECTOR",
    "DETECTORS",
    "SAME_PERSON_SIMILARITY",
    "CropGeometry",
    "Detections",
    "Detector",
    "Face",
    "FaceCrop",
    "FaceFinder",
    "FaceMesh",
    "Landmarks",
    "MobileFaceNet",
    "Pose",
    "Quality",
    "align_mesh",
    "apply_affine",
    "crop_face",
    "crop_quality",
    "head_pose",
    "mask_background",
    "mesh_mask",
    "open_detector",
    "smooth_alignment",
    "unit_vectors",
]
