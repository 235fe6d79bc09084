"""Compare extraction with ground truth and with recordings of volunteers: docs/benchmarks.md.

python -m benchmarks.faces.extract SHARED_DATA   (the folder with synth/ and real/)
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY, MobileFaceNet
from faceloom.faces.temporal_smoothing import smooth_alignment
from faceloom.faceset import ExtractOptions, FaceSet, extract
from faceloom.faceset.identity_clustering import cluster_embeddings
from faceloom.image_io import write_png
from faceloom.progress import run_to_completion
from faceloom.video import Frame, read_frames

PEOPLE = ("ada", "ben")
CLIPS = ("train_ada", "train_ben", "target_ada", "target_ben", "hard_two")
COLUMNS = (
    "clip",
    "within 45 degrees",
    "half hidden or more",
    "45 to 75",
    "eyes",
    "nose",
    "mouth",
    "jitter at 256 px",
)
# Frames of each GRID recording.
GRID_FRAMES = 75


def main(data: Path) -> None:
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    for name in CLIPS:
        print(compare_with_truth(data / "synth" / f"{name}.mp4"))
    for name in PEOPLE:
        print(extract_with_reference(data / "synth", name))
    real = data / "real"
    if not real.is_dir():
        print("The recordings of volunteers are missing.")
        return
    recordings = sorted((real / "grid").glob("*.mpg"))
    counts, embeddings = zip(*(count_and_embed(path) for path in recordings), strict=True)
    people = cluster_embeddings(
        np.stack(embeddings), np.ones(len(embeddings)), SAME_PERSON_SIMILARITY
    )
    print(
        f"GRID: {sum(counts)} of {GRID_FRAMES * len(counts)} frames; {len(counts)} speakers are "
        f"{people.max() + 1} people."
    )
    frames = [bool(faces) for _, faces in find_faces(real / "WolfgangLanger_Pexels.mp4")]
    print(f"The long clip: {100 * np.mean(frames):.1f} % of {len(frames)} frames.")


def find_faces(path: Path) -> Iterator[tuple[Frame, list[Face]]]:
    """Find the faces of a video as extraction does."""
    finder = FaceFinder(detect_every=5)
    found = ((frame, finder.find([frame.rgb])[0]) for frame in read_frames(path))
    return smooth_alignment(found, fill_gaps=False)


def compare_with_truth(path: Path) -> str:
    """Return a table row: every person of every frame whose face is in the picture."""
    with np.load(path.with_suffix(".npz")) as file:
        truth = {name: file[name] for name in ("lm5", "yaw", "area", "lm68_vis", "meta")}
    height = json.loads(str(truth["meta"]))["size"][1]
    visible = truth["area"] > (height / 20) ** 2
    shape = truth["yaw"].shape
    hit = np.zeros(shape, bool)
    error = np.full((*shape, 5), np.nan)
    offset = np.full((*shape, 5, 2), np.nan)
    sizes = []
    for frame, faces in find_faces(path):
        for person in range(shape[1]):
            points = truth["lm5"][frame.index, person]
            eye_distance = max(np.linalg.norm(points[1] - points[0]), 1)
            for face in faces:
                distance = np.linalg.norm(face.points_xy - points, axis=1)
                if distance.mean() < 0.5 * face.size:
                    hit[frame.index, person] = True
                    error[frame.index, person] = distance / eye_distance
                    offset[frame.index, person] = face.points_xy - points
                    sizes.append(face.size)
    yaw = np.abs(truth["yaw"])
    # A hand or a stick hides more than half of the landmarks; a yaw of 45 degrees hides a quarter.
    hidden = visible & (truth["lm68_vis"].mean(-1) < 0.5) & (yaw <= 45)
    front, side = visible & (yaw <= 45) & ~hidden, visible & (yaw > 45) & (yaw <= 75)
    eyes, nose, mouth = (np.nanmean(error[front][:, k]) for k in ([0, 1], [2], [3, 4]))
    pixels = jitter(offset[:, 0, :2]) * 256 / np.mean(sizes)
    return (
        f"| {path.stem} | {share(hit, front)} | {share(hit, hidden)} | {share(hit, side)} "
        f"| {eyes:.3f} | {nose:.3f} | {mouth:.3f} | {pixels:.2f} px |"
    )


def extract_with_reference(synth: Path, name: str) -> str:
    """Extract one person from the clip of two, and count the other person's faces."""
    clip = synth / "hard_two.mp4"
    with np.load(clip.with_suffix(".npz")) as file:
        truth = file["lm5"]
    with TemporaryDirectory() as folder:
        picture = Path(folder) / "reference.png"
        write_png(picture, next(iter(read_frames(synth / f"train_{name}.mp4"))).rgb)
        run_to_completion(
            extract([clip], Path(folder) / "out", ExtractOptions(name, reference=(picture,)))
        )
        rows = FaceSet.read(Path(folder) / "out").rows
    nearest = [
        np.linalg.norm(truth[row.frame] - row.points_xy, axis=-1).mean(-1).argmin() for row in rows
    ]
    wrong = len(rows) - np.equal(nearest, PEOPLE.index(name)).sum()
    return f"hard_two with a picture of {name}: {len(rows)} faces, {wrong} of them the other's."


def share(hit: np.ndarray, where: np.ndarray) -> str:
    """Format the percentage of hits in a subset of the frames."""
    return f"{100 * hit[where].mean():.1f} % of {where.sum()}" if where.any() else "none"


def jitter(offsets: np.ndarray) -> float:
    """Return the eyes' jitter: the robust standard deviation of the error's second difference."""
    second = offsets[2:] - 2 * offsets[1:-1] + offsets[:-2]
    # The median ignores cuts and blinks; 1.48 and sqrt(6) scale it to a standard deviation.
    return float(1.48 * np.nanmedian(np.abs(second)) / np.sqrt(6))


def count_and_embed(path: Path) -> tuple[int, np.ndarray]:
    """Return the number of frames with a face, and the mean embedding of every fifteenth."""
    found = [(frame, faces[0]) for frame, faces in find_faces(path) if faces]
    some = found[::15]
    embeddings = MobileFaceNet().embed(
        [frame.rgb for frame, _ in some], [face.points_xy for _, face in some]
    )
    mean = embeddings.mean(0)
    return len(found), (mean / np.linalg.norm(mean)).astype(np.float32)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
