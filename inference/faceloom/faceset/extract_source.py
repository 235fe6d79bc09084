"""All faces of one video or picture, into a journal that survives being killed."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

import numpy as np

from faceloom.array_types import Points
from faceloom.batches import batched
from faceloom.errors import MediaUnreadable
from faceloom.faces.alignment import CropGeometry, crop_face
from faceloom.faces.detect import DEFAULT_DETECTOR
from faceloom.faces.face_crop import FaceCrop, align_mesh
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.faces.pose import head_pose
from faceloom.faces.quality import Quality, crop_quality
from faceloom.faces.temporal_smoothing import smooth_alignment
from faceloom.faceset.extraction_journal import Found, Journal, encode_crop, read_state
from faceloom.faceset.footage import FootageFile, FootageFrame
from faceloom.faceset.schema import FaceRow
from faceloom.prefetch import prefetch
from faceloom.progress import Progress, ProgressGenerator

log = logging.getLogger(__name__)

_BATCH, _AHEAD = 16, 32
# Frames that a thread works on at once, half a batch as there are two, and faces.
_TOGETHER = _BATCH // 2
# Frames after which what was found counts, so that a kill costs no more.
_COMMIT_EVERY = 64

Seen: TypeAlias = tuple[FootageFrame, list[Face]]


@dataclass(frozen=True, slots=True)
class ExtractionSettings:
    """every: use each K-th frame. min_size: smallest face in pixels. detect_every, detector: see `FaceFinder`.

    threads: for each network, 0 means all cores; one each is fastest, as the stages overlap.
    """

    every: int = 1
    min_size: float = 40
    detect_every: int = 5
    detector: str = DEFAULT_DETECTOR
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Networks:
    """What finds faces and says whose they are, opened once for all sources of a process."""

    finder: FaceFinder
    identify: MobileFaceNet

    @classmethod
    def open(cls, options: ExtractionSettings) -> "Networks":
        """Open them as `options` say."""
        finder = FaceFinder(
            options.min_size, options.detect_every, options.threads, detector=options.detector
        )
        return cls(finder, MobileFaceNet(options.threads or 1))


@dataclass(frozen=True, slots=True)
class Job:
    """A source, its number in the face set, and the folder of its journal."""

    source: FootageFile
    number: int
    folder: Path


def extract_sources(
    jobs: Iterable[Job], geometry: CropGeometry, options: ExtractionSettings
) -> ProgressGenerator[None]:
    """Fill the journals of some sources, one after the other; those that are full already cost nothing."""
    networks = None
    for job in jobs:
        if not read_state(job.folder).done:
            networks = networks or Networks.open(options)
            yield from extract_source(job, geometry, options, networks)


def extract_source(
    job: Job, geometry: CropGeometry, options: ExtractionSettings, networks: Networks
) -> ProgressGenerator[Journal]:
    """Add every face of a source, from where an earlier run left off; return the full journal.

    Raises what reading a video raises; a picture that cannot be read is passed over with a warning, as
    there may be thousands.
    """
    journal = Journal(job.folder)
    if journal.state.done:
        return journal
    maker = FaceRowBuilder(job.number, geometry, networks.identify)
    try:
        yield from _fill(
            journal,
            job.source,
            maker,
            networks.finder.for_new_video(journal.next_track()),
            options.every,
        )
    except MediaUnreadable as error:
        if job.source.kind == "video":
            raise
        log.warning("%s It was passed over.", error)
        journal.commit(0, 0, done=True)
    return journal


def _fill(
    journal: Journal, source: FootageFile, maker: "FaceRowBuilder", finder: FaceFinder, every: int
) -> ProgressGenerator[None]:
    total = source.frames and -(-source.frames // every)
    done, last = journal.state.frames, journal.state.next_frame
    with ThreadPoolExecutor(2) as pool:
        pictures = prefetch(source.read(every, journal.state.next_frame), _AHEAD)
        found = smooth_alignment(find_in_source(pictures, finder), fill_gaps=False)
        for seen in batched(prefetch(found, _AHEAD), _BATCH):
            for added in pool.map(maker.make, batched(seen, _TOGETHER)):
                journal.add(added)
            done, last = done + len(seen), seen[-1][0].frame + 1
            if done % _COMMIT_EVERY < _BATCH:
                journal.commit(done, last)
            yield Progress(f"extract {source.name}", done, total)
    journal.commit(done, last, done=True)


class FaceRowBuilder:
    """Turns found faces into rows; safe to call from several threads."""

    def __init__(self, number: int, geometry: CropGeometry, identify: MobileFaceNet):
        self._number = number
        self._geometry = geometry
        self._identify = identify

    def make(self, seen: Sequence[Seen]) -> list[Found]:
        """Return the row, the crop's file and the identity vector of each face of some frames."""
        faces = [(picture, face) for picture, found in seen for face in found]
        return [made for some in batched(faces, _TOGETHER) for made in self._make(some)]

    def _make(self, faces: Sequence[tuple[FootageFrame, Face]]) -> Iterator[Found]:
        """Take each step for all faces, then the next: a step whose code and tables are in the caches goes faster.

        On eight faces that is a tenth less than face by face.
        """
        size = self._geometry.size
        vectors = self._identify.embed(
            [p.rgb for p, _ in faces], [face.points_xy for _, face in faces]
        )
        maps = [self._geometry.frame_to_crop(face.points_xy) for _, face in faces]
        images = [
            crop_face(p.rgb, to_crop, size) for (p, _), to_crop in zip(faces, maps, strict=True)
        ]
        meshes = [
            align_mesh(face.landmarks.points_xy, to_crop, size)
            for (_, face), to_crop in zip(faces, maps, strict=True)
        ]
        crops = [
            FaceCrop(to_crop, image, mesh_xy, mask)
            for to_crop, image, (mesh_xy, mask) in zip(maps, images, meshes, strict=True)
        ]
        qualities = [crop_quality(crop) for crop in crops]
        files = [encode_crop(crop.rgb) for crop in crops]
        rows = [self._row(*face, quality) for face, quality in zip(faces, qualities, strict=True)]
        return zip(rows, files, vectors, strict=True)

    def _row(self, picture: FootageFrame, face: Face, quality: Quality) -> FaceRow:
        return FaceRow(
            image=f"crops/{self._number:03d}_{picture.frame:06d}_{face.track}.jpg",
            source=self._number,
            frame=picture.frame,
            pts=picture.pts,
            seconds=picture.seconds,
            track=face.track,
            box_xyxy=tuple(face.box_xyxy.tolist()),
            score=face.score,
            points_xy=_rounded(face.points_xy),
            mesh_xy=_rounded(face.landmarks.points_xy),
            pose=head_pose(face.landmarks),
            quality=quality,
            mask="mesh",
            embedding=0,
        )


def find_in_source(pictures: Iterable[FootageFrame], finder: FaceFinder) -> Iterator[Seen]:
    """Yield pictures in order with their faces; `finder` is one that has seen no other video."""
    for group in batch_by_size(pictures, _BATCH):
        yield from zip(group, finder.find([picture.rgb for picture in group]), strict=True)


def batch_by_size(pictures: Iterable[FootageFrame], count: int) -> Iterator[list[FootageFrame]]:
    """Group pictures in order into lists of at most `count` that share height and width."""
    for _, same_size in groupby(pictures, key=lambda picture: picture.rgb.shape):
        yield from batched(same_size, count)


def _rounded(points_xy: Points) -> tuple[tuple[float, float], ...]:
    """Keep hundredths of a pixel: finer than any landmark is known."""
    xs, ys = np.round(points_xy.T.astype(np.float64), 2).tolist()
    return tuple(zip(xs, ys, strict=True))
