"""All faces of one video or picture, written to a journal from which a killed process resumes."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

import numpy as np

from faceloom.array_types import Points, float32
from faceloom.batches import batched
from faceloom.faces.alignment import CropGeometry, crop_face
from faceloom.faces.detect import DEFAULT_DETECTOR, Detections
from faceloom.faces.face_crop import FaceCrop, align_mesh
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.faces.pose import head_pose
from faceloom.faces.quality import Quality, crop_quality
from faceloom.faces.temporal_smoothing import smooth_alignment
from faceloom.faceset.extraction_journal import FoundFace, Journal, encode_crop, read_state
from faceloom.faceset.footage import FootageFile, FootageFrame
from faceloom.faceset.other_tools.face_origin import FacePlace
from faceloom.faceset.schema import FaceRecord
from faceloom.json_documents import utf8_text
from faceloom.output_lock import lock_output
from faceloom.prefetch import prefetch
from faceloom.progress import Progress, ProgressGenerator

# Frames that are read, searched and measured together.
_BATCH = 16
# Frames that are prefetched for each stage.
_PREFETCH = 32
# Frames, and faces, that a measuring thread processes at once: half a batch, since there are two.
_THREAD_BATCH = _BATCH // 2
# Threads that measure faces.
_MEASURE_THREADS = 2
# Seconds to wait for a journal's lock: a worker notices within a batch that its parent was killed.
_LOCK_SECONDS = 60.0
# Frames between two commits of the journal, which flush each crop: what a kill loses at most.
_COMMIT_FRAMES = 64

# A frame and its faces.
FrameFaces: TypeAlias = tuple[FootageFrame, list[Face]]


@dataclass(frozen=True, slots=True)
class ExtractionSettings:
    """How faces are found in a footage file."""

    every: int = 1
    """Use every K-th frame."""
    min_size: float = 40
    """Smallest face in pixels, the longer side of its box."""
    detect_every: int = 5
    """Run the detector on every K-th used frame."""
    detector: str = DEFAULT_DETECTOR
    """Name of the detector."""
    threads: int = 1
    """Threads of each network; 0: all cores. One is fastest, since the stages overlap."""


@dataclass(frozen=True, slots=True)
class ExtractionNetworks:
    """The networks, opened once for all footage files of a process."""

    finder: FaceFinder
    """Finds faces."""
    recognizer: MobileFaceNet
    """Computes embeddings."""

    @classmethod
    def open(cls, settings: ExtractionSettings) -> "ExtractionNetworks":
        """Open the networks.

        Args:
            settings: The settings.
        """
        finder = FaceFinder(
            settings.min_size, settings.detect_every, settings.threads, detector=settings.detector
        )
        return cls(finder, MobileFaceNet(settings.threads or 1))


@dataclass(frozen=True, slots=True)
class ExtractionTask:
    """One footage file to extract from."""

    file: FootageFile
    """The file."""
    index: int
    """Its index in the face set."""
    folder: Path
    """Folder of its journal."""


def extract_files(
    tasks: Iterable[ExtractionTask], geometry: CropGeometry, settings: ExtractionSettings
) -> ProgressGenerator[None]:
    """Fill the journals of several files, one after the other; finished ones cost nothing.

    Args:
        tasks: The files.
        geometry: Geometry of the crops.
        settings: The settings.

    Yields:
        Progress in frames.

    Raises:
        MediaUnreadable: A video cannot be read.
    """
    networks = None
    for task in tasks:
        if not read_state(task.folder).done:
            networks = networks or ExtractionNetworks.open(settings)
            yield from extract_file(task, geometry, settings, networks)


def extract_file(
    task: ExtractionTask,
    geometry: CropGeometry,
    settings: ExtractionSettings,
    networks: ExtractionNetworks,
) -> ProgressGenerator[Journal]:
    """Fill the journal of a file, from where an interrupted extraction ended.

    What is damaged is passed over; the journal's state says so.

    Args:
        task: The file.
        geometry: Geometry of the crops.
        settings: The settings.
        networks: The networks.

    Yields:
        Progress in frames.

    Returns:
        The journal.

    Raises:
        MediaUnreadable: A video cannot be read.
    """
    # A worker that outlived its killed parent may still hold it for a moment.
    with lock_output(task.folder, _LOCK_SECONDS):
        return (yield from _extract_file(task, geometry, settings, networks))


def _extract_file(
    task: ExtractionTask,
    geometry: CropGeometry,
    settings: ExtractionSettings,
    networks: ExtractionNetworks,
) -> ProgressGenerator[Journal]:
    journal = Journal(task.folder)
    if journal.state.done:
        return journal
    builder = FaceRecordBuilder(task.index, geometry, networks.recognizer)
    finder = networks.finder.for_new_video(journal.next_track())
    yield from _fill(journal, task.file, builder, finder, settings.every)
    return journal


def _fill(
    journal: Journal,
    file: FootageFile,
    builder: "FaceRecordBuilder",
    finder: FaceFinder,
    every: int,
) -> ProgressGenerator[None]:
    total = file.frames and -(-file.frames // every)
    done, next_frame = journal.state.frames, journal.state.next_frame
    damages: list[str] = []
    with ThreadPoolExecutor(_MEASURE_THREADS) as pool:
        frames = prefetch(file.read_intact(damages.append, every, next_frame), _PREFETCH)
        found = _find_faces(frames, finder, file.origin.place if file.origin else None)
        smoothed = smooth_alignment(found, fill_gaps=False)
        for batch in batched(prefetch(smoothed, _PREFETCH), _BATCH):
            for faces in pool.map(builder.build, batched(batch, _THREAD_BATCH)):
                journal.add(faces)
            done, next_frame = done + len(batch), batch[-1][0].frame + 1
            if done - journal.state.frames >= _COMMIT_FRAMES:
                journal.commit(done, next_frame)
            yield Progress(f"extract {file.name}", done, total)
    journal.commit(done, next_frame, done=True, damage=_damage_sentence(damages))


def _damage_sentence(damages: Sequence[str]) -> str:
    """Return the first damage and the number of others; "" if there is none."""
    if not damages:
        return ""
    others = f", and {len(damages) - 1} more damages" if len(damages) > 1 else ""
    return utf8_text(damages[0].partition(";")[0].rstrip(".")) + others


class FaceRecordBuilder:
    """Crops and measures found faces. Safe to use in several threads."""

    def __init__(self, file_index: int, geometry: CropGeometry, recognizer: MobileFaceNet):
        self._file_index = file_index
        self._geometry = geometry
        self._recognizer = recognizer

    def build(self, frames: Sequence[FrameFaces]) -> list[FoundFace]:
        """Crop and measure the faces of some frames.

        Args:
            frames: The frames with their faces.

        Returns:
            The faces in order.
        """
        faces = [(frame, face) for frame, found in frames for face in found]
        return [built for some in batched(faces, _THREAD_BATCH) for built in self._build(some)]

    def _build(self, faces: Sequence[tuple[FootageFrame, Face]]) -> Iterator[FoundFace]:
        """Run each step for all faces before the next one.

        Code and tables of a step then stay in the CPU's caches: a tenth faster on eight faces than
        face by face.
        """
        size = self._geometry.size
        embeddings = self._recognizer.embed(
            [frame.rgb for frame, _ in faces], [face.points_xy for _, face in faces]
        )
        maps = [self._geometry.frame_to_crop(face.points_xy) for _, face in faces]
        images = [
            crop_face(frame.rgb, to_crop, size)
            for (frame, _), to_crop in zip(faces, maps, strict=True)
        ]
        meshes = [
            align_mesh(face.landmarks.points_xy, to_crop, size)
            for (_, face), to_crop in zip(faces, maps, strict=True)
        ]
        crops = [
            FaceCrop(to_crop, to_crop, image, mesh_xy, mask)
            for to_crop, image, (mesh_xy, mask) in zip(maps, images, meshes, strict=True)
        ]
        qualities = [crop_quality(crop) for crop in crops]
        jpegs = [encode_crop(crop.rgb) for crop in crops]
        records = [
            self._record(frame, face, quality)
            for (frame, face), quality in zip(faces, qualities, strict=True)
        ]
        return map(FoundFace, records, jpegs, embeddings)

    def _record(self, frame: FootageFrame, face: Face, quality: Quality) -> FaceRecord:
        return FaceRecord(
            image=f"crops/{self._file_index:03d}_{frame.frame:06d}_{face.track}.jpg",
            file=self._file_index,
            frame=frame.frame,
            pts=frame.pts,
            seconds=frame.seconds,
            track=face.track,
            box_xyxy=tuple(face.box_xyxy.tolist()),
            score=face.score,
            points_xy=_rounded(face.points_xy),
            mesh_xy=_rounded(face.landmarks.points_xy),
            pose=head_pose(face.landmarks),
            quality=quality,
            mask="mesh",
        )


def _find_faces(
    frames: Iterable[FootageFrame], finder: FaceFinder, place: FacePlace | None
) -> Iterator[FrameFaces]:
    """Find the faces of a file's frames, or the one face whose place another tool recorded."""
    if place is None:
        yield from find_faces(frames, finder)
        return
    expected = Detections(
        float32([place.box_xyxy]), np.ones(1, np.float32), float32([place.points_xy])
    )
    for frame in frames:
        yield frame, finder.find_near(frame.rgb, expected)


def find_faces(frames: Iterable[FootageFrame], finder: FaceFinder) -> Iterator[FrameFaces]:
    """Find the faces of a file's frames.

    Args:
        frames: The frames in order.
        finder: A finder that was opened for this file.

    Yields:
        Each frame with its faces.
    """
    for batch in batch_by_size(frames, _BATCH):
        yield from zip(batch, finder.find([frame.rgb for frame in batch]), strict=True)


def batch_by_size(frames: Iterable[FootageFrame], count: int) -> Iterator[list[FootageFrame]]:
    """Group frames in order into batches of one size.

    Args:
        frames: The frames.
        count: Frames of a batch at most.

    Yields:
        Batches of frames with equal height and width.
    """
    for _, same_size in groupby(frames, key=lambda frame: frame.rgb.shape):
        yield from batched(same_size, count)


def _rounded(points_xy: Points) -> tuple[tuple[float, float], ...]:
    """Round to hundredths of a pixel, finer than any landmark is known."""
    xs, ys = np.round(points_xy.T.astype(np.float64), 2).tolist()
    return tuple(zip(xs, ys, strict=True))
