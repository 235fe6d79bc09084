"""Measure how long clustering tracks by person takes, by the number of tracks.

    python -m benchmarks.faces.identity_clustering [COUNT...]

The embeddings are random: people with one center each, and tracks at random distances from it. Set
OPENBLAS_NUM_THREADS=1 on busy cores: threads that wait count as processor time.
"""

import argparse
import time

import numpy as np

from faceloom.array_types import float32
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY, unit_vectors
from faceloom.faceset.identity_clustering import cluster_embeddings

# Length of an embedding.
_LENGTH = 192
# Largest distance of a track from its person's center, beside the center's length of 1.
_SPREAD = 0.85
# Most faces of a track.
_MAX_FACES = 30
# People of a table's row, by name; None: each track is of another person.
_PEOPLE = {"one person": 1, "100 people": 100, "all different": None}


def random_tracks(tracks: int, people: int, rng: np.random.Generator) -> np.ndarray:
    """Return random embeddings of tracks, a row each."""
    centers = unit_vectors(float32(rng.normal(size=(people, _LENGTH))))
    offsets = unit_vectors(float32(rng.normal(size=(tracks, _LENGTH))))
    distances = float32(rng.uniform(0, _SPREAD, (tracks, 1)))
    return unit_vectors(centers[np.arange(tracks) % people] + distances * offsets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[1_000, 5_000, 20_000])
    options = parser.parse_args()
    print("| tracks | embeddings | processor time | clusters |\n|---|---|---|---|")
    for count in options.counts:
        for name, people in _PEOPLE.items():
            rng = np.random.default_rng(0)
            means = random_tracks(count, people or count, rng)
            faces = rng.integers(1, _MAX_FACES, count)
            begin = time.process_time()
            clusters = cluster_embeddings(means, faces, SAME_PERSON_SIMILARITY)
            seconds = time.process_time() - begin
            print(f"| {count:,} | {name} | {seconds:.2f} s | {clusters.max() + 1:,} |", flush=True)


if __name__ == "__main__":
    main()
