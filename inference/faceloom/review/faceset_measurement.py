"""Measure a face set."""

from collections import Counter

from faceloom.array_types import float32
from faceloom.faceset import FaceSet
from faceloom.faceset.face_count import used_every
from faceloom.faceset.parsing.corrected_masks import stored_face_mask
from faceloom.faceset.parsing.region_shares import measure_regions
from faceloom.faceset.similarity import center_of, near_duplicates, similarities
from faceloom.progress import Progress, ProgressGenerator
from faceloom.review.lighting import measure_lighting
from faceloom.review.openings import measure_openings
from faceloom.review.statistics import FaceSetStatistics, FaceTable, FileShare

# Crops that are read per face set, for lighting and color; takes a few seconds.
_MAX_CROPS = 240
# Faces that are parsed per face set, evenly spread; takes about 8 seconds. The others count as the
# one before.
_MAX_PARSED = 1000
# Faces whose expression is read per face set, evenly spread; takes about 5 seconds. The others
# count as the one before.
_MAX_READ = 300


def measure_faceset(faces: FaceSet) -> ProgressGenerator[FaceSetStatistics]:
    """Collect the statistics of a face set. Reads its crops.

    Args:
        faces: The face set.

    Yields:
        Progress.

    Returns:
        The statistics.
    """
    rows = faces.rows
    embeddings = faces.read_embeddings()
    sample = rows[:: sample_step(len(rows))]
    lightings = []
    for count, row in enumerate(sample, 1):
        lightings.append(measure_lighting(faces.read_crop(row), stored_face_mask(faces, row)))
        yield Progress(f"measure {faces.identity}", count, len(sample))
    step = parsing_step(len(rows))
    parsed = yield from measure_regions(faces, rows[::step])
    reading_step = -(-len(rows) // _MAX_READ)
    openings = yield from measure_openings(faces, rows[::reading_step])
    qualities = [row.quality for row in rows]
    return FaceSetStatistics(
        name=faces.identity,
        faces=faces,
        table=FaceTable.from_faces(
            [row.pose for row in rows],
            qualities,
            [openings[index // reading_step] for index in range(len(rows))],
            [row.size for row in rows],
            lightings,
        ),
        files=file_shares(faces),
        similarity=similarities(embeddings),
        center=center_of(embeddings),
        duplicate=near_duplicates(rows),
        background_uniform=float32([quality.background_uniform for quality in qualities]),
        background_rgb=float32([quality.background_rgb for quality in qualities]),
        regions=tuple(parsed[index // step] for index in range(len(rows))),
        every=used_every(faces),
    )


def sample_step(count: int) -> int:
    """Return K if the lighting of every K-th of some faces is measured.

    Args:
        count: Number of faces.
    """
    return -(-count // _MAX_CROPS)


def parsing_step(count: int) -> int:
    """Return K if every K-th of some faces is parsed.

    Args:
        count: Number of faces.
    """
    return -(-count // _MAX_PARSED)


def file_shares(faces: FaceSet) -> tuple[FileShare, ...]:
    """Count faces per file; pictures that another tool cut from a video count as that video.

    Args:
        faces: The face set.

    Returns:
        The files, the largest share first.
    """
    counts = Counter(_file_key(faces, row.file) for row in faces.rows)
    return tuple(FileShare(name, count) for (name, _), count in counts.most_common())


def _file_key(faces: FaceSet, index: int) -> tuple[str, int]:
    """Return a file's name, and its index, as two videos may have one name."""
    if index >= len(faces.files):
        return f"file {index}", index
    file = faces.files[index]
    return file.name, index if file.kind == "video" else -1
