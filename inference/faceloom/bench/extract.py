"""Measure the stages of an extraction separately, and the whole command."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from faceloom.bench.timing import stage_table, timed
from faceloom.faces.alignment import CropGeometry
from faceloom.faceset.extract import STORED_COVERAGE, ExtractOptions, extract
from faceloom.faceset.extract_source import (
    ExtractionNetworks,
    ExtractionSettings,
    FaceRecordBuilder,
    find_faces,
)
from faceloom.faceset.footage import FootageFile
from faceloom.progress import Progress, ProgressGenerator, run_to_completion

# Steps of the progress display.
_STEPS = 4
# The identity's name in the discarded face set.
_NAME = "bench"


@dataclass(frozen=True, slots=True)
class ExtractBench:
    """Times of an extraction, in milliseconds per frame."""

    frames: int
    """Frames of the video that were used."""
    decode_ms: float
    """Decoding to RGB."""
    find_ms: float
    """Detecting and tracking faces, with landmarks."""
    describe_ms: float
    """Cropping, measuring, embedding and encoding each face."""
    total_ms: float
    """The whole command, which overlaps the stages."""

    def to_text(self) -> str:
        """Return the times as a table."""
        stages = {
            "decode": self.decode_ms,
            "detect, track, landmarks": self.find_ms,
            "crop, measure, embed, encode": self.describe_ms,
        }
        ratio = self.total_ms / max(stages.values())
        lines = stage_table({**stages, "whole command": self.total_ms})
        return "\n".join([*lines, f"The whole command takes {ratio:.2f} times its slowest stage."])


def bench_extract(video: Path, every: int = 1) -> ProgressGenerator[ExtractBench]:
    """Measure the extraction of a video; its faces are discarded.

    Args:
        video: The video.
        every: Use every Nth frame.

    Returns:
        The measured times.

    Raises:
        FaceloomError: As `extract`.
    """
    source = FootageFile.open(video)
    networks = ExtractionNetworks.open(ExtractionSettings(every=every))
    options = ExtractOptions(_NAME, every=every)
    geometry = CropGeometry(size=options.size, coverage=STORED_COVERAGE)
    yield Progress("bench", 0, _STEPS, "decode")
    frames, decode = timed(lambda: list(source.read(every)))
    yield Progress("bench", 1, _STEPS, "find")
    found, find = timed(lambda: list(find_faces(iter(frames), networks.finder)))
    yield Progress("bench", 2, _STEPS, "describe")
    builder = FaceRecordBuilder(0, geometry, networks.recognizer)
    _, describe = timed(lambda: builder.build(found))
    yield Progress("bench", 3, _STEPS, "whole command")
    count = len(frames)
    # The whole command must not compete with these for memory.
    del frames, found
    with tempfile.TemporaryDirectory() as folder:
        work = extract([video], Path(folder) / "faces", options)
        _, total = timed(lambda: run_to_completion(work))
    yield Progress("bench", _STEPS, _STEPS, "done")
    return ExtractBench(
        count, *(1000 * seconds / count for seconds in (decode, find, describe, total))
    )
