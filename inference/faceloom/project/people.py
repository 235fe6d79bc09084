"""Who is in footage: faces of a few frames, grouped by person, with a portrait of each person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32
from faceloom.batches import batched
from faceloom.errors import MediaUnreadable
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY, MobileFaceNet
from faceloom.faceset.footage import FootageFile
from faceloom.faceset.identity_clustering import cluster_faces
from faceloom.faceset.similarity import center_of
from faceloom.hashing import sha256_of
from faceloom.image_io import write_png
from faceloom.progress import Progress, ProgressGenerator
from faceloom.swap.preview.contact_sheet import Cell, draw_sheet, square_around, warp_to_cell
from faceloom.video import probe_video
from faceloom.video.decoding.intact_frames import DamageCallback
from faceloom.video.display import frame_to_upright
from faceloom.video.frame_sampling import read_frames_at, uniform_sample_times

# Frames that are looked at in all footage of one person.
_SAMPLES = 48
# Videos with more frames are not decoded as a whole: their frames are looked up by time.
_LONGEST_DECODED = 600
# Smallest face in pixels, as in an extraction.
_MIN_SIZE = 40
# Faces that a person needs in the sampled frames to be shown, and their share of all faces; fewer
# are a passer-by, or a profile that is not recognized.
_LEAST_FACES = 2
_LEAST_SHARE = 0.05
# A person with so many times the faces of the next one is chosen without asking.
_DOMINANCE = 3.0
# Side of the portraits, and how much of the head they show in multiples of the bounding box.
_PORTRAIT_SIDE = 320
_PORTRAIT_PADDING = 1.8
# Portraits in a row of the sheet.
_COLUMNS = 3
# Cosine of the portraits of one person below which the next portrait is worth having.
_ANOTHER_VIEW = 0.85
# Portraits of each person that are kept.
_PORTRAITS = 3
# Digits of a picture's checksum in its name.
_CHECKSUM_DIGITS = 8


@dataclass(frozen=True, slots=True)
class SampledFace:
    """One face of a sampled frame."""

    frame: int
    """Index of the sampled frame."""
    embedding: Float32[np.ndarray, "192"]
    """Unit vector of the recognition network."""
    size: float
    """The longer side of its box in pixels."""
    portrait: Rgb
    """The head."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the footage."""

    faces: tuple[SampledFace, ...]
    """The person's faces."""
    frames: int
    """In how many sampled frames the person is."""
    center: Float32[np.ndarray, "192"]
    """Mean embedding, a unit vector."""

    def portraits(self) -> list[Rgb]:
        """Return up to three portraits that differ, the most typical one first."""
        cosines = [float(face.embedding @ self.center) for face in self.faces]
        order = np.argsort(-float32(cosines))
        chosen: list[SampledFace] = []
        for index in order.tolist():
            face = self.faces[index]
            if all(float(face.embedding @ other.embedding) < _ANOTHER_VIEW for other in chosen):
                chosen.append(face)
        return [face.portrait for face in (chosen or list(self.faces))[:_PORTRAITS]]


@dataclass(frozen=True, slots=True)
class FootagePeople:
    """Who is in footage."""

    samples: int
    """Number of sampled frames."""
    frames: int
    """Number of all frames and pictures; estimated where a file does not say."""
    megapixels: float
    """Mean size of a frame in millions of pixels."""
    people: tuple[Person, ...]
    """The people with enough faces; who has the most comes first."""

    def share(self, person: Person) -> float:
        """Return the share of the frames that show a person, 0 to 1.

        Args:
            person: The person.
        """
        return person.frames / max(1, self.samples)

    def dominant(self) -> Person | None:
        """Return the person who is in most frames by far; None if there is none."""
        if not self.people:
            return None
        first = self.people[0]
        second = self.people[1].frames if len(self.people) > 1 else 0
        return first if first.frames >= _DOMINANCE * second else None

    def most_similar(self, references: Float32[np.ndarray, "n 192"]) -> Person | None:
        """Return the person of some pictures; None if nobody is similar enough.

        Args:
            references: Unit vectors of the pictures.
        """
        best = [float((references @ person.center).max()) for person in self.people]
        if not best or max(best) < SAME_PERSON_SIMILARITY:
            return None
        return self.people[int(np.argmax(best))]


def find_people(files: Sequence[FootageFile], what: str) -> ProgressGenerator[FootagePeople]:
    """Look at a few frames of footage and group the faces by person.

    A file that cannot be read is passed over, as in an extraction, which also counts and names it.

    Args:
        files: The footage.
        what: Name of the footage in the progress.

    Yields:
        Progress in sampled frames.

    Returns:
        Who is in it.

    Raises:
        MediaUnreadable: None of the files can be read.
    """
    sampler = _Sampler()
    pixels: list[int] = []
    faces: list[SampledFace] = []
    damages: list[str] = []
    for picture in _sample(files, _SAMPLES, damages.append):
        faces += sampler.read(picture, len(pixels))
        pixels.append(picture.shape[0] * picture.shape[1])
        yield Progress(f"look at {what}", len(pixels), _SAMPLES)
    if damages and not pixels:
        raise MediaUnreadable(damages[0])
    frames = sum(map(frame_count, files))
    megapixels = float(np.mean(pixels)) / 1e6 if pixels else 1.0
    return FootagePeople(len(pixels), max(1, frames), megapixels, _group(faces))


def frame_count(file: FootageFile) -> int:
    """Return the number of a file's frames, estimated from its duration if it does not say.

    Args:
        file: The file.
    """
    if file.frames:
        return file.frames
    info = probe_video(file.path)
    return max(1, round((info.duration or 1.0) * float(info.average_rate or 25)))


def write_portraits(people: Sequence[Person], folder: Path, what: str) -> tuple[Path, list[Path]]:
    """Write a sheet with the numbered portraits of people, and a picture of each.

    Args:
        people: The people.
        folder: The folder to write to.
        what: How the files' names start.

    Returns:
        The sheet, and the first picture of each person.
    """
    cells, pictures = [], []
    for number, person in enumerate(people, 1):
        label = f"{number}: in {person.frames} of the sampled frames"
        cells.append(Cell(person.portraits()[0], label))
        pictures.append(folder / f"{what}-{number}.png")
        write_png(pictures[-1], cells[-1].picture)
    sheet = folder / f"{what}-people.png"
    write_png(sheet, draw_sheet(list(batched(cells, _COLUMNS))))
    return sheet, pictures


def write_references(person: Person, folder: Path, name: str) -> list[Path]:
    """Write a person's portraits, to name the person by in other commands.

    A name contains the checksum of the picture, so a step that depends on the name depends on the
    picture, and the portraits of another person are other files.

    Args:
        person: The person.
        folder: The folder to write to.
        name: How the files' names start.

    Returns:
        The files.
    """
    paths = []
    for portrait in person.portraits():
        checksum = sha256_of(portrait.tobytes())[:_CHECKSUM_DIGITS]
        path = folder / f"{name}-{checksum}.png"
        write_png(path, portrait)
        paths.append(path)
    return paths


class _Sampler:
    """Finds the faces of single pictures."""

    def __init__(self) -> None:
        self._finder = FaceFinder(min_size=_MIN_SIZE)
        self._recognizer = MobileFaceNet()

    def read(self, picture: Rgb, index: int) -> list[SampledFace]:
        """Return the faces of a picture."""
        (faces,) = self._finder.for_new_video().find([picture])
        embeddings = self._recognizer.embed(
            [picture] * len(faces), [face.points_xy for face in faces]
        )
        return [
            SampledFace(index, embedding, face.size, _portrait(picture, face))
            for face, embedding in zip(faces, embeddings, strict=True)
        ]


def _portrait(picture: Rgb, face: Face) -> Rgb:
    place = square_around(face.box_xyxy, _PORTRAIT_PADDING, _PORTRAIT_SIDE)
    return warp_to_cell(picture, place, _PORTRAIT_SIDE)


def _group(faces: Sequence[SampledFace]) -> tuple[Person, ...]:
    if not faces:
        return ()
    embeddings = float32(np.stack([face.embedding for face in faces]))
    groups = cluster_faces(embeddings, np.arange(len(faces)))
    least = max(_LEAST_FACES, _LEAST_SHARE * len(faces)) if len(faces) > _LEAST_FACES else 1
    people: list[Person] = []
    for group in range(int(groups.max()) + 1):
        chosen = groups == group
        own = tuple(face for face, keep in zip(faces, chosen.tolist(), strict=True) if keep)
        if len(own) >= least or not people:
            center = center_of(embeddings[chosen])
            people.append(Person(own, len({face.frame for face in own}), center))
    return tuple(sorted(people, key=lambda person: -person.frames))


def _sample(files: Sequence[FootageFile], count: int, on_damage: DamageCallback) -> Iterator[Rgb]:
    """Yield about so many upright pictures, evenly from all footage that can be read."""
    total = sum(map(frame_count, files))
    step = max(1.0, total / count)
    if all(file.kind == "picture" for file in files):
        starts = sorted({int(index * step) for index in range(count) if index * step < total})
        for start, end in zip(starts, [*starts[1:], len(files)], strict=True):
            # The first one that can be read stands for all until the next start.
            read = (frame.rgb for file in files[start:end] for frame in file.read_intact(on_damage))
            yield from islice(read, 1)
        return
    for file in files:
        yield from _sample_file(file, max(1, round(frame_count(file) / step)), on_damage)


def _sample_file(file: FootageFile, count: int, on_damage: DamageCallback) -> Iterator[Rgb]:
    frames = frame_count(file)
    if file.kind == "picture" or frames <= _LONGEST_DECODED:
        yield from (frame.rgb for frame in file.read_intact(on_damage, max(1, frames // count)))
        return
    info = probe_video(file.path)
    found = False
    try:
        for frame in read_frames_at(info, uniform_sample_times(info, count)):
            found = True
            yield frame_to_upright(frame, info).square_rgb
    except MediaUnreadable as error:
        on_damage(str(error))
    if not found:
        on_damage(f"{file.path} shows no frame; check that it plays.")
