"""Run a .dfm as FaceFusion and VisoMaster do, at their default settings.

python -m benchmarks.conversion.dfm_hosts facefusion|visomaster CLIP FILE.dfm OUT.mkv

`faceloom compare` judges the output: the table of docs/dfm.md.

It computes what these programs compute: where a face is cut out, how it is prepared, which masks
count, how it is pasted. Faceloom's detector finds the faces.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from faceloom.array_types import Points, Rgb, float32
from faceloom.faces.alignment import umeyama
from faceloom.faces.retinaface import RetinaFace
from faceloom.video import Encoding, SegmentWriter, probe_video, read_frames

# Five points, (x, y) in sides of the square that each program cuts out.
FACEFUSION_POINTS = float32(
    [[0.3534, 0.3929], [0.6280, 0.3929], [0.4866, 0.5402], [0.3884, 0.6875], [0.5982, 0.6875]]
)
VISOMASTER_POINTS = float32(
    [[0.3617, 0.4664], [0.5745, 0.4024], [0.4377, 0.5604], [0.3246, 0.7216], [0.5526, 0.7203]]
)
# Side of VisoMaster's square in pixels, and of the picture of its border.
VISOMASTER_SIDE, VISOMASTER_BORDER_SIDE = 512, 128
# Width of the border, in pixels of that picture, that is not shown; side and standard deviation of
# the blur over it.
VISOMASTER_BORDER, VISOMASTER_BLUR, VISOMASTER_SIGMA = 10, 21, 2.2
# Side, in pixels, of the pictures whose difference FaceFusion takes for that of the colors.
FACEFUSION_COLORS = 16
# Share of FaceFusion's square that its own border hides and blurs.
FACEFUSION_BLUR = 0.3

# (frame, five points, network) -> frame.
Host = Callable[[Rgb, Points, ort.InferenceSession], Rgb]


def facefusion(frame: Rgb, points: Points, network: ort.InferenceSession) -> Rgb:
    """Swap one face as FaceFusion 3.8 does."""
    side = network.get_inputs()[0].shape[1]
    to_crop = umeyama(points, FACEFUSION_POINTS * side)
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
    """Add the difference of the colors, in as far as the histograms of hue and saturation agree."""
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


def visomaster(frame: Rgb, points: Points, network: ort.InferenceSession) -> Rgb:
    """Swap one face as VisoMaster does: its border alone limits what is shown."""
    side = network.get_inputs()[0].shape[1]
    to_crop = umeyama(points, VISOMASTER_POINTS * VISOMASTER_SIDE)
    square = (VISOMASTER_SIDE, VISOMASTER_SIDE)
    crop = cv2.warpAffine(frame, to_crop, square)
    _, swapped, _ = run(network, cv2.resize(crop, (side, side)))
    border = np.zeros((VISOMASTER_BORDER_SIDE, VISOMASTER_BORDER_SIDE), np.float32)
    edge = VISOMASTER_BORDER
    border[edge:-edge, edge:-edge] = 1
    border = cv2.GaussianBlur(border, (VISOMASTER_BLUR, VISOMASTER_BLUR), VISOMASTER_SIGMA)
    picture = np.clip(255 * cv2.resize(swapped, square), 0, 255)
    return paste(frame, picture, cv2.resize(border, square), to_crop)


HOSTS: dict[str, Host] = {"facefusion": facefusion, "visomaster": visomaster}


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


def main(host: Host, clip: Path, dfm: Path, out: Path) -> None:
    network = ort.InferenceSession(str(dfm), providers=["CPUExecutionProvider"])
    detector = RetinaFace()
    info = probe_video(clip)
    with SegmentWriter.open(out, info, Encoding("lossless")) as writer:
        for frame in read_frames(clip):
            detections = detector.detect([frame.rgb])[0]
            swapped = frame
            if len(detections):
                rgb = host(frame.rgb, detections.points_xy[0], network)
                swapped = replace(frame, rgb=rgb, decoded=None)
            writer.write(swapped)


if __name__ == "__main__":
    main(HOSTS[sys.argv[1]], *map(Path, sys.argv[2:]))
