"""The stages of extraction, each alone, and the whole."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from faceloom.bench.timing import timed
from faceloom.faces.alignment import CropGeometry
from faceloom.faceset.extract import STORED_COVERAGE, ExtractOptions, extract
from faceloom.faceset.extract_source import Networks, RowMaker, SourceOptions, find_in_source
from faceloom.faceset.footage import Source
from faceloom.progress import Progress, ProgressGenerator, run_to_completion


@dataclass(frozen=True, slots=True)
class ExtractBench:
    """Milliseconds a frame of each stage alone, and of the whole command, which overlaps them."""

    frames: int
    decode: float
    find: float
    rows: float
    whole: float

    def to_text(self) -> str:
        """Return the stages as a table."""
        stages = {
            "decode to RGB": self.decode,
            "detect, follow, mesh": self.find,
            "crop, judge, identify, encode": self.rows,
            "the whole command": self.whole,
        }
        slowest = max(self.decode, self.find, self.rows)
        lines = [
            f"{name:<32}{ms:>8.1f} ms a frame{1000 / ms:>8.0f} frames/s"
            for name, ms in stages.items()
        ]
        return "\n".join(
            [*lines, f"The whole takes {self.whole / slowest:.2f} times its slowest stage."]
        )


def bench_extract(video: Path, every: int = 1) -> ProgressGenerator[ExtractBench]:
    """Measure the extraction of `video`; its faces are thrown away."""
    source = Source.open(video)
    networks = Networks.open(SourceOptions(every=every))
    yield Progress("bench", 0, 4, "decode")
    pictures, decode = timed(lambda: list(source.read(every)))
    yield Progress("bench", 1, 4, "find")
    seen, find = timed(lambda: list(find_in_source(iter(pictures), networks.finder)))
    yield Progress("bench", 2, 4, "rows")
    maker = RowMaker(
        0, CropGeometry(size=ExtractOptions("x").size, coverage=STORED_COVERAGE), networks.identify
    )
    _, rows = timed(lambda: maker.make(seen))
    yield Progress("bench", 3, 4, "whole")
    count = len(pictures)
    del pictures, seen
    with tempfile.TemporaryDirectory() as folder:
        asked = ExtractOptions("bench", every=every)
        _, whole = timed(lambda: run_to_completion(extract([video], Path(folder) / "faces", asked)))
    yield Progress("bench", 4, 4, "done")
    return ExtractBench(count, *(1000 * seconds / count for seconds in (decode, find, rows, whole)))
