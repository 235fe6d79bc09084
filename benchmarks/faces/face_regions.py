"""Measure the face parsing network on people held out, and what a conversion keeps in front.

python -m benchmarks.faces.face_regions network CROWD_FOLDER
python -m benchmarks.faces.face_regions kept TARGET SWAP TRUTH.npz [--person N]
python -m benchmarks.faces.face_regions steadiness TARGET TRUTH.npz

CROWD_FOLDER holds rendered people with label pictures. TRUTH.npz holds the landmarks and the
run-length coded label pictures of TARGET; SWAP should be encoded without loss.
"""

import json
import time
from pathlib import Path

import cv2
import numpy as np
import typer
from jaxtyping import Bool

from faceloom.array_types import to_uint8
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.regions import FACE_REGIONS, region_mask, steepened
from faceloom.swap.compositing.mask_refinement import smooth_mask
from faceloom.video import read_frames
from faceloom.weights import FACE_PARSER

# Crops that are timed, one at a time on one thread.
TIMED = 200
# Crops that are parsed at once.
BATCH = 32
# Largest change of a channel, of 255 levels, of a pixel that counts as kept.
KEPT_LEVELS = 8
# Factor between the labels of two people, and the names of labels that stand before a face.
LABELS_PER_PERSON = 16
IN_FRONT = ("occluder", "hair")
# The crops of `steadiness`: those of a network of 128 pixels.
GEOMETRY = CropGeometry(size=128, coverage=0.86)

app = typer.Typer(add_completion=False)


@app.command()
def network(crowd: Path) -> None:
    """Print the IoU of each region on people held out, the time of a crop and the file's size."""
    from faceloom_train.crowd import read_crowd
    from faceloom_train.face_parsing.validation import region_iou, validation_arrays

    images, truth = validation_arrays(read_crowd(crowd, validation=True))
    crops, parser = to_uint8(images * 255), FaceParser(threads=1)
    batches = [parser.parse(list(crops[i : i + BATCH])) for i in range(0, len(crops), BATCH)]
    predicted = np.concatenate([regions.argmax(-1) for regions in batches])
    print(f"{len(crops)} crops\n| region | IoU |\n|---|---|")
    for region, iou in region_iou(truth, predicted).items():
        print(f"| {region.name.lower()} | {iou:.3f} |")
    times = []
    for crop in crops[:TIMED]:
        began = time.perf_counter()
        parser.parse([crop])
        times.append(time.perf_counter() - began)
    size = FACE_PARSER.verified_path().stat().st_size
    print(f"median {1e3 * np.median(times):.2f} ms a crop on one thread, {size / 1e6:.2f} MB")


@app.command()
def kept(target: Path, swap: Path, truth: Path, person: int = 0) -> None:
    """Print how many pixels before a person's face the swap left as they were."""
    data = dict(np.load(truth, allow_pickle=False))
    names = json.loads(str(data["meta"]))["labels"]
    counts = dict.fromkeys(IN_FRONT, (0, 0))
    for before, after in zip(read_frames(target), read_frames(swap), strict=True):
        labels = _labels(data, before.index, before.rgb.shape[:2])
        near = _hull(data["lm68"][before.index, person], labels.shape)
        difference = np.abs(before.rgb.astype(np.int16) - after.rgb).max(-1)
        for name in IN_FRONT:
            front = near & (labels % LABELS_PER_PERSON == names[name])
            same = np.count_nonzero(difference[front] <= KEPT_LEVELS)
            counts[name] = (counts[name][0] + same, counts[name][1] + np.count_nonzero(front))
    for name, (same, total) in counts.items():
        share = f"{same / total:.1%}" if total else "none in the target"
        print(f"| {name} | {share} | of {total} pixels inside the face's outline |")


@app.command()
def steadiness(target: Path, truth: Path) -> None:
    """Print how much the visible mask of a target's first face changes from frame to frame.

    Beside it, how well it agrees with the truth: smoothing must not lag behind a hand.
    """
    data = dict(np.load(truth, allow_pickle=False))
    hidden_labels = [json.loads(str(data["meta"]))["labels"][name] for name in IN_FRONT]
    finder, parser, state = FaceFinder(threads=1), FaceParser(threads=1), {}
    series: dict[str, list[np.ndarray]] = {"truth": [], "parsed": [], "smoothed": []}
    for frame in read_frames(target):
        (faces,) = finder.find([frame.rgb])
        if not faces or faces[0].track != 0:
            continue
        crop = FaceCrop.from_image(frame.rgb, faces[0], GEOMETRY)
        labels = _labels(data, frame.index, frame.rgb.shape[:2]) % LABELS_PER_PERSON
        hidden = np.uint8(255) * np.isin(labels, hidden_labels).astype(np.uint8)
        size = (GEOMETRY.size, GEOMETRY.size)
        truly = 255 - cv2.warpAffine(hidden, crop.frame_to_crop, size, flags=cv2.INTER_AREA)
        (regions,) = parser.parse([crop.rgb])
        parsed = steepened(region_mask(regions, FACE_REGIONS, GEOMETRY.size))
        for name, mask in (
            ("truth", truly),
            ("parsed", parsed),
            ("smoothed", smooth_mask(parsed, "visible", state)),
        ):
            series[name].append(np.where(crop.mask > 127, mask, 255).astype(np.float32) / 255)
    hidden_truth = np.stack(series["truth"]) < 0.5
    for name, masks in series.items():
        stacked = np.stack(masks)
        change = np.abs(np.diff(stacked, axis=0)).mean()
        union = (stacked < 0.5) | hidden_truth
        iou = ((stacked < 0.5) & hidden_truth).sum() / max(1, union.sum())
        print(f"| {name} | change a frame {100 * change:.3f} % | IoU of what is hidden {iou:.3f} |")


def _labels(data: dict[str, np.ndarray], index: int, shape: tuple[int, ...]) -> np.ndarray:
    runs = slice(data["label_off"][index], data["label_off"][index + 1])
    return np.repeat(data["label_val"][runs], data["label_len"][runs]).reshape(shape)


def _hull(points_xy: np.ndarray, shape: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
    inside = np.zeros(shape, np.uint8)
    if np.isfinite(points_xy).all():
        cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(points_xy).astype(np.int32)), 1)
    return inside > 0


if __name__ == "__main__":
    app()
