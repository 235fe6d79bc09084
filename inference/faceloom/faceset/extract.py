"""Footage in, face set out."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

from faceloom.arrays import Points, Rgb
from faceloom.errors import NoFaceFound
from faceloom.faces.align import CropGeometry, apply_affine, crop_face
from faceloom.faces.find import Face, FaceFinder
from faceloom.faces.identify import MobileFaceNet
from faceloom.faces.mask import mesh_mask
from faceloom.faces.pose import head_pose
from faceloom.faces.quality import Quality, crop_quality
from faceloom.faceset.schema import FaceRow, SourceRow
from faceloom.faceset.sources import Picture, Source, list_sources
from faceloom.faceset.store import FaceSetWriter
from faceloom.progress import Progress, Work

# Half as much again as the widest training crop: room for the trainer to shift, turn and zoom.
STORED_COVERAGE = 1.5
_BATCH = 8


@dataclass(frozen=True, slots=True)
class ExtractOptions:
    """name: whose faces these are. every: use each K-th frame. min_size: smallest face in pixels."""

    name: str
    every: int = 1
    min_size: float = 40
    size: int = 512
    force: bool = False


@dataclass(frozen=True, slots=True)
class ExtractSummary:
    """What an extraction found, in frames looked at, and how long it took."""

    identity: str
    sources: int
    frames: int
    faces: int
    seconds: float


def extract(inputs: Sequence[Path], out: Path, options: ExtractOptions) -> Work[ExtractSummary]:
    """Write the main face of every frame of `inputs` to the face set `out`.

    Where several people are in a frame, the largest face is taken. Raises NoFaceFound if there is
    none in the whole input, and what `list_sources` and `FaceSetWriter.create` raise.
    """
    started = time.monotonic()
    sources = list_sources(inputs)
    geometry = CropGeometry(size=options.size, coverage=STORED_COVERAGE)
    with FaceSetWriter.create(out, options.name, geometry, force=options.force) as writer:
        extractor = _Extractor(writer, geometry, options)
        for source in sources:
            yield from extractor.extract(source)
        if not len(writer):
            raise NoFaceFound(
                f"No face was found in {', '.join(str(s.path) for s in sources)}; "
                "use footage with a visible face, or lower --min-size."
            )
        return ExtractSummary(options.name, len(sources), extractor.frames, len(writer), time.monotonic() - started)


class _Extractor:
    def __init__(self, writer: FaceSetWriter, geometry: CropGeometry, options: ExtractOptions):
        self._writer = writer
        self._geometry = geometry
        self._options = options
        self._identify = MobileFaceNet()
        self.frames = 0

    def extract(self, source: Source) -> Work[None]:
        """Add the faces of one source."""
        finder = FaceFinder(self._options.min_size)
        total = source.frames and -(-source.frames // self._options.every)
        done = 0
        for pictures in batches_of_one_size(source.read(self._options.every), _BATCH):
            self._add(pictures, finder.find([picture.rgb for picture in pictures]))
            done += len(pictures)
            yield Progress(f"extract {source.path.name}", done, total, f"{len(self._writer)} faces")
        self.frames += done
        self._writer.add_source(SourceRow(name=source.path.name, sha256=source.sha256(), kind=source.kind, frames=done))

    def _add(self, pictures: Sequence[Picture], found: Sequence[Sequence[Face]]) -> None:
        main = [(picture, faces[0]) for picture, faces in zip(pictures, found, strict=True) if faces]
        embeddings = self._identify.embed([p.rgb for p, _ in main], [f.points_xy for _, f in main])
        for (picture, face), embedding in zip(main, embeddings, strict=True):
            crop, quality = self._crop(picture.rgb, face)
            self._writer.add(self._row(picture, face, quality), crop, embedding)

    def _crop(self, picture: Rgb, face: Face) -> tuple[Rgb, Quality]:
        size = self._geometry.size
        to_crop = self._geometry.frame_to_crop(face.points_xy)
        crop = crop_face(picture, to_crop, size)
        mesh_xy = apply_affine(to_crop, face.landmarks.points_xy)
        mask = mesh_mask(mesh_xy, size, size)
        return crop, crop_quality(crop, mask, mesh_xy, to_crop)

    def _row(self, picture: Picture, face: Face, quality: Quality) -> FaceRow:
        number = self._writer.next_source
        return FaceRow(
            image=f"crops/{number:03d}_{picture.frame:06d}_{face.track}.jpg",
            source=number,
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


def batches_of_one_size(pictures: Iterable[Picture], count: int) -> Iterator[list[Picture]]:
    """Group pictures in order into lists of at most `count` that share height and width."""
    for _, same_size in groupby(pictures, key=lambda picture: picture.rgb.shape):
        while batch := list(islice(same_size, count)):
            yield batch


def _rounded(points_xy: Points) -> tuple[tuple[float, float], ...]:
    """Keep hundredths of a pixel: finer than any landmark is known."""
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in points_xy)
