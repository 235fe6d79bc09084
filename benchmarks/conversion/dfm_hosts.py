"""Run a .dfm as DeepFaceLive, FaceFusion and VisoMaster do, at their default settings.

python -m benchmarks.conversion.dfm_hosts PROGRAM CLIP FILE.dfm OUT.mkv

`faceloom compare` judges the output: the table of docs/dfm.md. The tests judge files with known
output through the same arithmetic (tests/export/dfm/test_host_conformance.py).

It computes what these programs compute: where a face is cut out, how it is prepared, which masks
count, how it is pasted. Faceloom's networks find the faces.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from faceloom.array_types import Points, Rgb, float32
from faceloom.faces.alignment import apply_affine, umeyama
from faceloom.faces.landmarks import FaceMesh, five_points
from faceloom.faces.retinaface import RetinaFace
from faceloom.video import Encoding, SegmentWriter, probe_video, read_frames

PROGRAMS = ("deepfacelive", "facefusion", "visomaster")
"""The programs that a .dfm can be run as."""
# Five points, (x, y) in sides of the square that each program cuts out.
FACEFUSION_POINTS = float32(
    [[0.3534, 0.3929], [0.6280, 0.3929], [0.4866, 0.5402], [0.3884, 0.6875], [0.5982, 0.6875]]
)
VISOMASTER_POINTS = float32(
    [[0.3617, 0.4664], [0.5745, 0.4024], [0.4377, 0.5604], [0.3246, 0.7216], [0.5526, 0.7203]]
)
# As measured in DeepFaceLive, which aligns by 468 points.
DEEPFACELIVE_POINTS = float32(
    [[0.3682, 0.4015], [0.6246, 0.4006], [0.4892, 0.5393], [0.4033, 0.6846], [0.5991, 0.6829]]
)
# Side of DeepFaceLive's square in pixels.
DEEPFACELIVE_SIDE = 224
# Width that DeepFaceLive removes from the mask's edge, in pixels of its square.
DEEPFACELIVE_EROSION = 5
# Side of the kernel with which DeepFaceLive blurs the mask, in pixels of its square.
DEEPFACELIVE_BLUR = 25
# Side of VisoMaster's square in pixels.
VISOMASTER_SIDE = 512
# Side of VisoMaster's border mask in pixels.
VISOMASTER_BORDER_SIDE = 128
# Width of the hidden border, in pixels of that mask.
VISOMASTER_BORDER = 10
# Side of the kernel that blurs the border, in pixels of that mask.
VISOMASTER_BLUR = 21
# Standard deviation of that kernel in pixels.
VISOMASTER_SIGMA = 2.2
# Side in pixels to which FaceFusion shrinks two pictures to compare their colors.
FACEFUSION_COLORS = 16
# Share of FaceFusion's square that its border mask hides and blurs.
FACEFUSION_BLUR = 0.3


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A detected face of a frame."""

    points_xy: Points
    """The detector's five points, in pixels of the frame."""
    mesh_xy: Points
    """The 468 landmarks, in pixels of the frame."""


# (frame, face, network) -> frame.
Host = Callable[[Rgb, FoundFace, ort.InferenceSession], Rgb]


class FirstFaces:
    """Finds the face with the highest detection score."""

    def __init__(self) -> None:
        """Open the networks."""
        self._detector, self._mesh = RetinaFace(), FaceMesh()

    def find(self, frame: Rgb) -> FoundFace | None:
        """Return the face of a frame, None if there is none."""
        found = self._detector.detect([frame])[0]
        if not len(found):
            return None
        box, points = found.boxes_xyxy[0], found.points_xy[0]
        return FoundFace(points, self._mesh.find(frame, box, points).points_xy)


def mean_mesh(faces: Sequence[FoundFace]) -> Points:
    """Return the mean mesh of a clip's faces in DeepFaceLive's square, in sides of it.

    It replaces the program's own 468 points; its five points are where they were measured in the
    program.
    """
    meshes = [face.mesh_xy for face in faces]
    mean = meshes[0]
    for _ in range(3):
        mean = float32(np.mean([apply_affine(umeyama(mesh, mean), mesh) for mesh in meshes], 0))
    return apply_affine(umeyama(five_points(mean), DEEPFACELIVE_POINTS), mean)


def deepfacelive(
    frame: Rgb, face: FoundFace, network: ort.InferenceSession, *, mesh: Points
) -> Rgb:
    """Swap one face as DeepFaceLive does; `mesh` is its template, in sides of the square."""
    side, square = network.get_inputs()[0].shape[1], (DEEPFACELIVE_SIDE, DEEPFACELIVE_SIDE)
    to_crop = umeyama(face.mesh_xy, mesh * DEEPFACELIVE_SIDE)
    crop = cv2.warpAffine(frame, to_crop, square)
    target_mask, swapped, own_mask = run(network, cv2.resize(crop, (side, side)))
    mask = cv2.resize(target_mask * own_mask, square)
    picture = reinhard(cv2.resize(swapped, square), float32(crop) / 255, mask)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    mask = cv2.erode(mask, ellipse, iterations=DEEPFACELIVE_EROSION)
    # The blur ends at the square's border.
    edge = DEEPFACELIVE_EROSION + DEEPFACELIVE_BLUR // 2
    mask[:edge] = mask[-edge:] = mask[:, :edge] = mask[:, -edge:] = 0
    mask = cv2.GaussianBlur(mask, (DEEPFACELIVE_BLUR, DEEPFACELIVE_BLUR), 0)
    return paste(frame, np.clip(255 * picture, 0, 255), mask, to_crop)


def reinhard(picture: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give a picture the target's mean and spread of each Lab channel inside a mask, RGB 0..1."""
    inside = mask > 0.5
    labs = [cv2.cvtColor(each, cv2.COLOR_RGB2LAB) for each in (picture, target)]
    if not inside.any():
        return picture
    (mean, std), (target_mean, target_std) = (
        (lab[inside].mean(0), lab[inside].std(0)) for lab in labs
    )
    matched = (labs[0] - mean) * (target_std / np.maximum(std, 1e-6)) + target_mean
    return cv2.cvtColor(float32(matched), cv2.COLOR_LAB2RGB)


def facefusion(frame: Rgb, face: FoundFace, network: ort.InferenceSession) -> Rgb:
    """Swap one face as FaceFusion 3.8 does."""
    side = network.get_inputs()[0].shape[1]
    to_crop = umeyama(face.points_xy, FACEFUSION_POINTS * side)
    crop = cv2.warpAffine(frame, to_crop, (side, side), borderMode=cv2.BORDER_REPLICATE)
    sharp = cv2.addWeighted(crop, 1.75, cv2.GaussianBlur(crop, (0, 0), 2), -0.75, 0)
    target_mask, swapped, mask = run(network, sharp)
    mask = np.minimum(target_mask, mask)[..., 0]
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    mask = cv2.GaussianBlur(cv2.erode(mask, ellipse, iterations=2), (0, 0), 6.25)
    blur = int(side * 0.5 * FACEFUSION_BLUR)
    box = np.zeros((side, side), np.float32)
    edge = max(blur // 2, 1)
    box[edge:-edge, edge:-edge] = 1
    mask = np.minimum(mask, cv2.GaussianBlur(box, (0, 0), blur * 0.25))
    matched = facefusion_colors(np.uint8(np.clip(255 * swapped, 0, 255)), crop)
    return paste(frame, matched, mask, to_crop)


def facefusion_colors(swapped: Rgb, target: Rgb) -> Rgb:
    """Add the difference of the colors, weighted by the agreement of hue and saturation."""
    small = (FACEFUSION_COLORS, FACEFUSION_COLORS)
    low = [
        cv2.resize(float32(picture), small, interpolation=cv2.INTER_AREA)
        for picture in (target, swapped)
    ]
    difference = cv2.resize(low[0] - low[1], swapped.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    histograms = [
        cv2.calcHist(
            [cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)], [0, 1], None, [50, 60], [0, 180, 0, 256]
        )
        for picture in (target, swapped)
    ]
    agreement = (1 + cv2.compareHist(*histograms, cv2.HISTCMP_CORREL)) / 2
    return np.uint8(np.clip(swapped + agreement * difference, 0, 255))


def visomaster(frame: Rgb, face: FoundFace, network: ort.InferenceSession) -> Rgb:
    """Swap one face as VisoMaster does: only its border mask applies."""
    side = network.get_inputs()[0].shape[1]
    to_crop = umeyama(face.points_xy, VISOMASTER_POINTS * VISOMASTER_SIDE)
    square = (VISOMASTER_SIDE, VISOMASTER_SIDE)
    crop = cv2.warpAffine(frame, to_crop, square)
    _, swapped, _ = run(network, cv2.resize(crop, (side, side)))
    border = np.zeros((VISOMASTER_BORDER_SIDE, VISOMASTER_BORDER_SIDE), np.float32)
    edge = VISOMASTER_BORDER
    border[edge:-edge, edge:-edge] = 1
    border = cv2.GaussianBlur(border, (VISOMASTER_BLUR, VISOMASTER_BLUR), VISOMASTER_SIGMA)
    picture = np.clip(255 * cv2.resize(swapped, square), 0, 255)
    return paste(frame, picture, cv2.resize(border, square), to_crop)


def open_host(name: str, faces: Sequence[FoundFace]) -> Host:
    """Return what a program does with a face.

    Args:
        name: One of `PROGRAMS`.
        faces: The faces of the clip, at least one.

    Raises:
        ValueError: There is no such program, or no face.
    """
    if name not in PROGRAMS:
        raise ValueError(f"There is no program {name!r}; choose {', '.join(PROGRAMS)}.")
    if not faces:
        raise ValueError("The clip has no face; choose another one.")
    hosts: dict[str, Host] = {"facefusion": facefusion, "visomaster": visomaster}
    return hosts.get(name) or partial(deepfacelive, mesh=mean_mesh(faces))


def run(network: ort.InferenceSession, crop: Rgb) -> list[np.ndarray]:
    """Return the target's mask, the new face as RGB, and its mask, all in 0..1."""
    target_mask, swapped, mask = network.run(
        None, {"in_face:0": float32(crop[None, ..., ::-1]) / 255}
    )
    return [target_mask[0], np.ascontiguousarray(swapped[0, ..., ::-1]), mask[0]]


def paste(frame: Rgb, crop: np.ndarray, mask: np.ndarray, to_crop: np.ndarray) -> Rgb:
    """Blend a crop into its frame."""
    size = frame.shape[1::-1]
    back = cv2.invertAffineTransform(to_crop)
    weight = cv2.warpAffine(mask, back, size)[..., None]
    placed = cv2.warpAffine(float32(crop), back, size, borderMode=cv2.BORDER_REPLICATE)
    return np.uint8(np.rint(frame * (1 - weight) + placed * weight))


def main(name: str, clip: Path, dfm: Path, out: Path) -> None:
    network = ort.InferenceSession(str(dfm), providers=["CPUExecutionProvider"])
    finder = FirstFaces()
    faces = [finder.find(frame.rgb) for frame in read_frames(clip)]
    host = open_host(name, [face for face in faces if face])
    with SegmentWriter.open(out, probe_video(clip), Encoding("lossless")) as writer:
        for frame, face in zip(read_frames(clip), faces, strict=True):
            swapped = frame
            if face:
                swapped = replace(frame, rgb=host(frame.rgb, face, network), decoded=None)
            writer.write(swapped)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", choices=PROGRAMS)
    for name in ("clip", "dfm", "out"):
        parser.add_argument(name, type=Path)
    chosen = parser.parse_args()
    main(chosen.program, chosen.clip, chosen.dfm, chosen.out)
