"""What extraction finds, held against exact truth and real volunteers: the table of the README.

python -m benchmarks.extract SHARED_DATA   (the folder with synth/ and real/)
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
Seen = tuple[Frame, list[Face]]


def main(data: Path) -> None:
    print(
        "| clip | within 45 degrees | half hidden or more | 45 to 75 | eyes | nose | mouth | jitter at 256 px |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in CLIPS:
        print(against_truth(data / "synth" / f"{name}.mp4"))
    for name in PEOPLE:
        print(with_reference(data / "synth", name))
    real = data / "real"
    if not real.is_dir():
        print("The real clips are not here.")
        return
    found, vectors = zip(
        *(seen_and_vector(path) for path in sorted((real / "grid").glob("*.mpg"))), strict=True
    )
    people = cluster_embeddings(np.stack(vectors), np.ones(len(vectors)), SAME_PERSON_SIMILARITY)
    print(
        f"GRID: {sum(found)} of {75 * len(found)} frames; {len(found)} speakers are {people.max() + 1} people."
    )
    woman = real / "WolfgangLanger_Pexels.mp4"
    frames = [bool(faces) for _, faces in look(woman)]
    print(f"The long clip: {100 * np.mean(frames):.1f} % of {len(frames)} frames.")


def look(path: Path) -> Iterator[Seen]:
    """A video's frames with the faces that extraction would find."""
    finder = FaceFinder(detect_every=5)
    found = ((frame, finder.find([frame.rgb])[0]) for frame in read_frames(path))
    return smooth_alignment(found, fill_gaps=False)


def against_truth(path: Path) -> str:
    """A row of the table: every person of every frame, where the true face is in the picture."""
    with np.load(path.with_suffix(".npz")) as file:
        truth = {name: file[name] for name in ("lm5", "yaw", "area", "lm68_vis", "meta")}
    height = json.loads(str(truth["meta"]))["size"][1]
    visible = truth["area"] > (height / 20) ** 2
    shape = truth["yaw"].shape
    hit, error, place = (
        np.zeros(shape, bool),
        np.full((*shape, 5), np.nan),
        np.full((*shape, 5, 2), np.nan),
    )
    sizes = []
    for frame, faces in look(path):
        for person in range(shape[1]):
            points = truth["lm5"][frame.index, person]
            apart = max(np.linalg.norm(points[1] - points[0]), 1)
            for face in faces:
                off = np.linalg.norm(face.points_xy - points, axis=1)
                if off.mean() < 0.5 * face.size:
                    hit[frame.index, person] = True
                    error[frame.index, person] = off / apart
                    place[frame.index, person] = face.points_xy - points
                    sizes.append(face.size)
    yaw = np.abs(truth["yaw"])
    # A hand or a stick hides more than half of the landmarks; turning the head to 45 degrees hides a quarter.
    hidden = visible & (truth["lm68_vis"].mean(-1) < 0.5) & (yaw <= 45)
    front, side = visible & (yaw <= 45) & ~hidden, visible & (yaw > 45) & (yaw <= 75)
    eyes, nose, mouth = (np.nanmean(error[front][:, k]) for k in ([0, 1], [2], [3, 4]))
    return (
        f"| {path.stem} | {share(hit, front)} | {share(hit, hidden)} | {share(hit, side)} "
        f"| {eyes:.3f} | {nose:.3f} | {mouth:.3f} | {jitter(place[:, 0, :2]) * 256 / np.mean(sizes):.2f} px |"
    )


def with_reference(synth: Path, name: str) -> str:
    """Whose faces enter a set made of the clip of two with a picture of one of them."""
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
    own = np.equal(nearest, PEOPLE.index(name)).sum()
    return f"hard_two with a picture of {name}: {len(rows)} faces, of them {len(rows) - own} of the other."


def share(hit: np.ndarray, where: np.ndarray) -> str:
    """Percent of the frames that count."""
    return f"{100 * hit[where].mean():.1f} % of {where.sum()}" if where.any() else "none"


def jitter(offsets: np.ndarray) -> float:
    """The spread of the eyes' error from frame to frame: its second difference, as a standard deviation."""
    second = offsets[2:] - 2 * offsets[1:-1] + offsets[:-2]
    # The median, as cuts and blinks are no jitter; 1.48 and sqrt(6) turn it into a deviation.
    return float(1.48 * np.nanmedian(np.abs(second)) / np.sqrt(6))


def seen_and_vector(path: Path) -> tuple[int, np.ndarray]:
    """Frames with a face, and the mean identity of every fifteenth."""
    seen = [(frame, faces[0]) for frame, faces in look(path) if faces]
    some = seen[::15]
    vectors = MobileFaceNet().embed([f.rgb for f, _ in some], [face.points_xy for _, face in some])
    mean = vectors.mean(0)
    return len(seen), (mean / np.linalg.norm(mean)).astype(np.float32)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
