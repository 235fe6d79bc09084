"""From a face set to statistics."""

from collections import Counter

from faceloom.array_types import float32
from faceloom.faceset import FaceSet
from faceloom.faceset.similarity import center_of, near_duplicates, similarities
from faceloom.progress import Progress, ProgressGenerator
from faceloom.review.lighting import measure_light
from faceloom.review.statistics import FaceTable, Person, SourceShare

# Pictures read of each set: what light and color need, in a few seconds.
_MOST_PICTURES = 240


def measure_person(faces: FaceSet) -> ProgressGenerator[Person]:
    """Gather the statistics of a face set; reads a few hundred of its crops for light and color."""
    rows = faces.rows
    embeddings = faces.read_embeddings()
    step = -(-len(rows) // _MOST_PICTURES)
    lights = []
    for number, row in enumerate(rows[::step], 1):
        lights.append(measure_light(faces.read_crop(row), faces.mask_of(row)))
        yield Progress(f"look at {faces.identity}", number, len(rows[::step]))
    return Person(
        name=faces.identity,
        faces=faces,
        table=FaceTable.of(
            [r.pose for r in rows], [r.quality for r in rows], [r.size for r in rows], lights
        ),
        sources=_source_shares(faces),
        similarity=similarities(embeddings),
        center=center_of(embeddings),
        duplicate=near_duplicates(rows),
        background_uniform=float32([row.quality.background_uniform for row in rows]),
        background_rgb=float32([row.quality.background_rgb for row in rows]),
    )


def _source_shares(faces: FaceSet) -> tuple[SourceShare, ...]:
    """The files, whichever gave most first; pictures that another tool cut from one video count as that video."""
    counts = Counter(_source_key(faces, row.source) for row in faces.rows)
    return tuple(SourceShare(name, count) for (name, _), count in counts.most_common())


def _source_key(faces: FaceSet, number: int) -> tuple[str, int]:
    """A file's name, and its number where two files of that name are two."""
    if number >= len(faces.sources):
        return f"source {number}", number
    source = faces.sources[number]
    return source.name, number if source.kind == "video" else -1
