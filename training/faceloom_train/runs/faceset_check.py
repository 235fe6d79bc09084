"""Check the face sets of a new run before it trains: their names, people and number of faces."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.faceset.face_count import MIN_DIFFERENT_FACES, more_frames_help, used_every
from faceloom.faceset.identity_name import check_identity_name
from faceloom.faceset.similarity import SAME_PERSON_CENTERS, center_of, near_duplicates

# Faces of a set that are searched for near-duplicates, which takes a millisecond for each.
_MAX_SEARCHED_FACES = 1000


def check_face_sets(faces: Mapping[str, Path], *, rename: bool = False) -> list[str]:
    """Check the face sets of a new run.

    Args:
        faces: Face set of each identity by its name.
        rename: Whether a name may differ from that in its face set.

    Returns:
        Warnings, one sentence or more each.

    Raises:
        UsageError: There are fewer than two, two are the same, a name is not its face set's, or
            cannot be a person's.
        ArtifactRefused: A face set cannot be read, or has no face.
    """
    if len(faces) < 2:
        raise UsageError(
            f"A swap needs two identities or more and got {len(faces)}; pass --faces NAME=FACESET "
            "once for each."
        )
    for name in faces:
        check_identity_name(name)
    if len({path.resolve() for path in faces.values()}) < len(faces):
        raise UsageError("Two identities have the same face set; give each its own.")
    sets = {name: FaceSet.read(path) for name, path in faces.items()}
    if not rename:
        _check_names(sets)
    return [*_warn_of_few_faces(sets), *_warn_of_one_person(sets)]


def _check_names(sets: Mapping[str, FaceSet]) -> None:
    for name, faces in sets.items():
        own = faces.identity
        shorter, longer = sorted((name.casefold(), own.casefold()), key=len)
        # A face set without --name is named after its folder, such as "faces_ben".
        if (own in sets and own != name) or shorter not in longer:
            raise UsageError(
                f"--faces {name}={faces.directory}: this face set is of {own}, not of {name}; "
                f"write --faces {own}={faces.directory}, or add --rename if {name} is right."
            )


def _warn_of_few_faces(sets: Mapping[str, FaceSet]) -> Iterator[str]:
    for name, faces in sets.items():
        if len(faces) == 1:
            yield (
                f"{faces.directory} has one face: the network can only learn this one picture of "
                f"{name}, so the result is a mask that hardly moves and fits this pose alone. "
                f"Film {name} for a minute or more, speaking and turning the head, and extract "
                "that."
            )
            continue
        duplicate = _duplicates_of_sample(faces)
        different = int((~duplicate).sum())
        if different < MIN_DIFFERENT_FACES:
            every = used_every(faces)
            smaller = more_frames_help(every, duplicate)
            more = f", or extract again with --every {every // 2}" if smaller else ""
            yield (
                f"{faces.directory} has {different} different faces of {name} (of {len(faces)}); "
                f"with fewer than {MIN_DIFFERENT_FACES}, the face moves little and looks right in "
                f"few poses. Extract more footage of {name} speaking and turning the head"
                f"{more}."
            )


def _duplicates_of_sample(faces: FaceSet) -> Bool[np.ndarray, "n"]:
    """Return which faces are near-duplicates, in a sample of a large set."""
    return near_duplicates(faces.rows[:: max(1, len(faces) // _MAX_SEARCHED_FACES)])


def _warn_of_one_person(sets: Mapping[str, FaceSet]) -> Iterator[str]:
    centers = {name: center_of(faces.read_embeddings()) for name, faces in sets.items()}
    for one, other in combinations(sets, 2):
        similarity = float(centers[one] @ centers[other])
        if similarity >= SAME_PERSON_CENTERS:
            yield (
                f"{one} and {other} look like the same person (similarity {similarity:.2f}, "
                f"one person from {SAME_PERSON_CENTERS}): a swap between them changes next to "
                "nothing. Check the paths of --faces."
            )
