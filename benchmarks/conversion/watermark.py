"""Measure the watermark: visibility, cost, robustness against common attacks, false alarms.

python -m benchmarks.conversion.watermark CLIP[@FRAME] ...
python -m benchmarks.conversion.watermark --unmarked 10000 CLIP[@FRAME] ...

Three seconds of each clip are used, from FRAME. Each clip is scaled so that its first face has 240
pixels, its faces are marked as those of a swap, and copies of it are attacked. The landmarks are
found again in every copy. With --unmarked, averages of 5 to 75 frames of unmarked faces, with
random size, brightness and noise, are read with random keys, and the distribution of the largest
similarity is fitted to some of the readings.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import av
import cv2
import numpy as np

from faceloom.array_types import Points, Rgb
from faceloom.faces.alignment import CropGeometry, apply_affine
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.mask import mesh_mask
from faceloom.provenance.watermark import WatermarkEmbedder, carriers, detection
from faceloom.provenance.watermark.detection import FaceAverage, Reading
from faceloom.provenance.watermark.search import FOUND_SIMILARITY
from faceloom.video import read_frames

FINGERPRINT = 0xDEADBEEF
# Frames of each clip: three seconds.
FRAMES = 75
FPS = 25
# Size of the faces in pixels, as `Face.size`; 120 in the copies of half size.
FACE_SIZE = 240
GEOMETRY = CropGeometry(size=256, coverage=0.9)
# Standard deviation of the soft edge of the mask, in pixels of the crop.
MASK_BLUR = 4
# Quality of the copies without strong compression: x264's default.
CRF = 23
# Averages of unmarked faces; each key reads some of them.
AVERAGES = 140
# Averages that each key reads.
AVERAGES_PER_KEY = 20
# Every Nth reading decodes all positions, also those that cannot reach the threshold, for the
# distribution of the similarity.
FULL_READING_EVERY = 25
# Side of what is cut around a face before it is changed, in sizes of the face.
CUT_SIZE = 2
# Keys between two lines of progress.
KEYS_PER_LINE = 25


@dataclass(frozen=True)
class Attack:
    """Changes to a copy, which is then encoded with x264."""

    name: str
    """Name in the table."""
    scale: float = 1
    """Factor of width and height."""
    crop: bool = False
    """Whether it is cropped to 4:3."""
    gain: float = 1
    """Factor of the brightness."""
    fps: int = FPS
    """Frames per second; frames are repeated."""
    crf: int | None = CRF
    """Quality of x264; None: the copy is not encoded."""

    def apply(self, pictures: list[Rgb]) -> list[Rgb]:
        """Return the frames of the copy."""
        count = len(pictures) * self.fps // FPS
        copies = [self._change(pictures[index * FPS // self.fps]) for index in range(count)]
        return copies if self.crf is None else encode(copies, self.fps, self.crf)

    def _change(self, picture: Rgb) -> Rgb:
        if self.crop:
            height, width = picture.shape[:2]
            new_width, new_height = min(width, height * 4 // 3), min(height, width * 3 // 4)
            left, top = (width - new_width) // 2, (height - new_height) // 2
            picture = picture[top : top + new_height, left : left + new_width]
        if self.scale != 1:
            size = {"fx": self.scale, "fy": self.scale}
            picture = cv2.resize(picture, None, **size, interpolation=cv2.INTER_AREA)
        return cv2.convertScaleAbs(picture, alpha=self.gain)


ATTACKS = (
    Attack("none: the frames as written", crf=None),
    Attack("x264, crf 23"),
    Attack("x264, crf 28", crf=28),
    Attack("half size", scale=0.5),
    Attack("4:3 crop", crop=True),
    Attack("25 % brighter", gain=1.25),
    Attack("30 frames per second", fps=30),
    Attack("half size, x264, crf 28", scale=0.5, crf=28),
    Attack("all of them, x264, crf 28", scale=0.5, crop=True, gain=1.25, fps=30, crf=28),
)


def encode(pictures: list[Rgb], fps: int, crf: int) -> list[Rgb]:
    """Return the frames after encoding with x264 and decoding."""
    height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.mp4"
        with av.open(str(path), "w") as target:
            stream = target.add_stream("libx264", rate=fps, options={"crf": str(crf)})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for picture in pictures:
                part = np.ascontiguousarray(picture[:height, :width])
                target.mux(stream.encode(av.VideoFrame.from_ndarray(part, format="rgb24")))
            target.mux(stream.encode(None))
        return [frame.rgb for frame in read_frames(path)]


def read_clip(name: str) -> list[Rgb]:
    """Return the frames of CLIP@FRAME, scaled so that the first face has `FACE_SIZE` pixels."""
    path, _, start = name.partition("@")
    frames = islice(read_frames(Path(path)), int(start or 0), int(start or 0) + FRAMES)
    pictures = [frame.rgb for frame in frames]
    size = max(face.size for face in next(filter(None, FaceFinder().find(pictures[:5]))))
    scale = FACE_SIZE / size
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return [
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method) for picture in pictures
    ]


def find_faces(pictures: list[Rgb]) -> list[Face | None]:
    """Return the largest face of each frame."""
    finder = FaceFinder(detect_every=5)
    return [max(faces, key=lambda face: face.size, default=None) for faces in finder.find(pictures)]


def mark(pictures: list[Rgb]) -> tuple[list[Rgb], float, float]:
    """Mark the faces; return the frames, the PSNR of the face in dB and CPU ms for a frame."""
    embedder, marked, errors, elapsed = WatermarkEmbedder(FINGERPRINT), [], [], 0.0
    for picture, face in zip(pictures, find_faces(pictures), strict=True):
        copy = picture.copy()
        marked.append(copy)
        if face is None or face.landmarks is None:
            continue
        frame_to_crop = GEOMETRY.frame_to_crop(face.points_xy)
        mesh = apply_affine(frame_to_crop, face.landmarks.points_xy)
        mask = cv2.GaussianBlur(mesh_mask(mesh, GEOMETRY.size, GEOMETRY.size), (0, 0), MASK_BLUR)
        started = time.process_time()
        embedder.embed(copy, mask, frame_to_crop, GEOMETRY)
        elapsed += time.process_time() - started
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        inside = cv2.warpAffine(mask, frame_to_crop, copy.shape[1::-1], flags=flags) > 127
        errors.append(((copy[inside].astype(np.float32) - picture[inside]) ** 2).mean())
    return marked, float(10 * np.log10(255**2 / np.mean(errors))), 1000 * elapsed / len(errors)


def read(pictures: list[Rgb]) -> Reading:
    """Return the most likely watermark of a copy."""
    average = FaceAverage()
    for picture, face in zip(pictures, find_faces(pictures), strict=True):
        if face is not None:
            average.add(picture, face.points_xy)
    return average.read()


def measure_robustness(clips: list[str]) -> None:
    """Print for each attack in how many clips the watermark is found, and the similarities."""
    readings: dict[str, list[Reading]] = {attack.name: [] for attack in ATTACKS}
    for clip in clips:
        marked, psnr, milliseconds = mark(read_clip(clip))
        row = []
        for attack in ATTACKS:
            readings[attack.name].append(read(attack.apply(marked)))
            row.append(f"{readings[attack.name][-1].similarity:.1f}")
        print(f"{clip}: {psnr:.1f} dB, {milliseconds:.2f} ms; {' '.join(row)}", flush=True)
    print("| copy | found | similarity |\n|---|---|---|")
    for name, rows in readings.items():
        found = sum(
            row.fingerprint == FINGERPRINT and row.similarity >= FOUND_SIMILARITY for row in rows
        )
        values = [row.similarity for row in rows]
        print(f"| {name} | {found} of {len(rows)} | {min(values):.1f} to {max(values):.1f} |")


def unmarked_averages(clips: list[str], random: np.random.Generator) -> Iterator[FaceAverage]:
    """Yield averages of unmarked faces with random changes, of the clips in turn, without end."""
    faces = [
        [
            cut_out(picture, face)
            for picture, face in zip(pictures, find_faces(pictures), strict=True)
            if face
        ]
        for pictures in map(read_clip, clips)
    ]
    while True:
        for clip in faces:
            average, scale = FaceAverage(), random.uniform(0.4, 1.1)
            noise, gain = random.uniform(0, 4), random.uniform(0.7, 1.3)
            jitter = random.normal(0, 1.5, (5, 2)).astype(np.float32)
            for index in random.integers(0, len(clip), random.integers(5, FRAMES + 1)):
                picture, points = clip[index]
                small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                grain = noise * random.standard_normal(small.shape, np.float32)
                changed = np.clip(small * np.float32(gain) + grain, 0, 255).astype(np.uint8)
                average.add(changed, (points + jitter) * np.float32(scale))
            yield average


def cut_out(picture: Rgb, face: Face) -> tuple[Rgb, Points]:
    """Return the part of a picture around a face, and the face's five points in it."""
    center, half = face.points_xy.mean(0), CUT_SIZE * face.size / 2
    left, top = (max(0, int(value)) for value in center - half)
    right, bottom = (int(value) for value in center + half)
    return picture[top:bottom, left:right], face.points_xy - np.float32([left, top])


def measure_false_alarms(clips: list[str], count: int, seed: int) -> None:
    """Print the similarity of unmarked faces to the watermarks of random keys."""
    random = np.random.default_rng(seed)
    averages = list(islice(unmarked_averages(clips, random), AVERAGES))
    print(f"{len(averages)} averages of {len(clips)} clips", flush=True)
    similarities: list[float] = []
    for key in range(math.ceil(count / AVERAGES_PER_KEY)):
        with patch.object(carriers, "_KEY", f"unmarked {seed} {key}"):
            _clear_caches()
            for average in random.choice(averages, AVERAGES_PER_KEY, replace=False):
                is_full = len(similarities) % FULL_READING_EVERY == 0
                similarities.append(average.read(0 if is_full else FOUND_SIMILARITY).similarity)
        if (key + 1) % KEYS_PER_LINE == 0:
            print_distribution(similarities)
    _clear_caches()
    print_distribution(similarities)


def print_distribution(similarities: list[float]) -> None:
    """Print the false alarms, and the probability of one by the fitted distribution.

    The largest of K independent similarities, each that of a random direction, is below s with
    the probability exp(-K tail(s)). K is estimated from the full readings by maximum likelihood.
    """
    full = np.array(similarities[::FULL_READING_EVERY])
    directions = len(full) / tail(full).sum()
    probability = directions * tail(np.array(FOUND_SIMILARITY))
    # Exponentially distributed, with mean and standard deviation 1, if the model is right.
    spread = (directions * tail(full)).std()
    alarms = sum(similarity >= FOUND_SIMILARITY for similarity in similarities)
    print(
        f"{len(similarities):,} readings of unmarked faces, {alarms} false alarms; {len(full):,} "
        f"full readings: mean {full.mean():.2f}, standard deviation {full.std():.3f}, largest "
        f"{full.max():.2f}; fit: {directions:.1e} directions, spread {spread:.2f}, "
        f"{FOUND_SIMILARITY} or more with probability {probability:.1e}",
        flush=True,
    )


def tail(values: np.ndarray) -> np.ndarray:
    """Return the probability that a random direction is at least so similar to a given one.

    It is the leading term of the incomplete beta function for so many dimensions.
    """
    dimensions = carriers.PILOT_CARRIERS + carriers.DATA_CARRIERS
    density = np.exp(dimensions / 2 * np.log1p(-(values**2) / dimensions))
    return np.asarray(density / (values * np.sqrt(2 * np.pi)))


def _clear_caches() -> None:
    """Clear the caches of what depends on the key of the carriers."""
    carriers.carriers.cache_clear()
    detection._pilot_spectrum.cache_clear()


if __name__ == "__main__":
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", metavar="CLIP[@FRAME]")
    parser.add_argument("--unmarked", type=int, default=0, metavar="READINGS")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.unmarked:
        measure_false_alarms(options.clips, options.unmarked, options.seed)
    else:
        measure_robustness(options.clips)
