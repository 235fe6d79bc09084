"""Measure the studio's table and thumbnails of a large face set.

    python -m benchmarks.studio.face_grid FACESET [--faces 20000]

The large face set repeats the rows of FACESET under new names, with noise in pose, sharpness and
hash; its crops are hard links. Times are CPU seconds, which other work on the machine changes
little.
"""

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from faceloom.faceset.curate import undo_curate
from faceloom.faceset.store import EMBEDDINGS_FILE, FACESET_FILE, ROWS_FILE, place_crop
from faceloom.studio.faces.face_grid import FaceGrids
from faceloom.studio.faces.rejections import reject_faces
from faceloom.studio.faces.thumbnails import ThumbnailCache

_Result = TypeVar("_Result")

# Thumbnails that are made.
_THUMBNAILS = 500
# Every K-th face keeps its hash and may be a near-duplicate.
_KEEP_HASH = 3


def measured(name: str, count: int, work: Callable[[], _Result]) -> _Result:
    begin = time.process_time()
    result = work()
    seconds = time.process_time() - begin
    print(f"{name:<44} {seconds:8.3f} s {1e3 * seconds / count:10.4f} ms each")
    return result


def enlarge(source: Path, out: Path, count: int) -> None:
    """Write a face set of `count` faces that repeats the rows of another one."""
    (out / "crops").mkdir(parents=True)
    (out / FACESET_FILE).write_bytes((source / FACESET_FILE).read_bytes())
    found = [json.loads(line) for line in (source / ROWS_FILE).read_text().splitlines()]
    # The landmarks, nine tenths of a row, are formatted once.
    landmarks = [json.dumps(row["mesh_xy"], separators=(",", ":")) for row in found]
    random = np.random.default_rng(0)
    with (out / ROWS_FILE).open("w") as rows:
        for number in range(count):
            place = number % len(found)
            row = found[place] | {"image": f"crops/000_{number:06d}_0.jpg", "frame": number}
            pose, quality = dict(row["pose"]), dict(row["quality"])
            pose["yaw"] += random.normal(0, 3)
            quality["sharpness"] += random.normal(0, 0.05)
            if number % _KEEP_HASH:
                quality["hash"] = f"{random.integers(2**63):016x}"
            row |= {"pose": pose, "quality": quality, "mesh_xy": None}
            line = json.dumps(row, separators=(",", ":"))
            rows.write(line.replace('"mesh_xy":null', f'"mesh_xy":{landmarks[place]}') + "\n")
            place_crop(source / found[place]["image"], out / row["image"])
    (out / EMBEDDINGS_FILE).write_bytes((source / EMBEDDINGS_FILE).read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faceset", type=Path)
    parser.add_argument("--faces", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.faceset.resolve().parent) as folder:
        faces, count = Path(folder) / "faces", options.faces
        enlarge(options.faceset, faces, count)
        grids, cache = FaceGrids(), ThumbnailCache()
        content = measured("table, first time", count, lambda: grids.get_json(faces))
        names = grids.get(faces).names()
        measured("table, unchanged", count, lambda: grids.get_json(faces))
        packed = measured("gzip", count, lambda: gzip.compress(content, 4))
        print(f"JSON: {len(content) / 1e6:.2f} MB, gzip {len(packed) / 1e6:.2f} MB")
        rejected = names[: count // 20]
        measured("reject 5 %", len(rejected), lambda: reject_faces(faces, rejected))
        measured("table after it", count, lambda: grids.get_json(faces))
        measured("undo", len(rejected), lambda: undo_curate(faces))
        crops = [faces / "crops" / f"{name}.jpg" for name in names[:_THUMBNAILS]]
        made = measured("thumbnails", len(crops), lambda: [cache.get(crop) for crop in crops])
        measured("thumbnails from memory", len(crops), lambda: [cache.get(crop) for crop in crops])
        size = np.mean([len(each) for each in made])
        print(f"a thumbnail: {size:.0f} bytes; of all faces: {size * count / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
