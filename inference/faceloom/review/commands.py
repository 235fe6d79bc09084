"""The commands that findings advise."""

import shlex
from collections.abc import Sequence

from faceloom.review.statistics import FaceSetStatistics


def add_command(person: FaceSetStatistics, footage: str = "FOOTAGE") -> str:
    """Return the command that adds footage to a face set.

    Args:
        person: The face set.
        footage: The footage's path, or what stands for it.
    """
    return shlex.join(
        ["faceloom", "extract", footage, "--out", str(person.faces.directory), "--add"]
    )


def curate_command(person: FaceSetStatistics, *options: str) -> str:
    """Return the command that rejects faces of a set, for any working directory.

    Args:
        person: The face set.
        *options: Options that say which faces.
    """
    directory = str(person.faces.directory.resolve())
    return shlex.join(["faceloom", "curate", directory, *options, "--apply"])


def train_command(people: Sequence[FaceSetStatistics], preset: str) -> str:
    """Return the command that trains with face sets.

    Args:
        people: The face sets.
        preset: The preset.
    """
    faces = [
        word for person in people for word in ("--faces", f"{person.name}={person.faces.directory}")
    ]
    run = f"runs/{'-'.join(person.name for person in people)}"
    return shlex.join(["faceloom", "train", "--config", preset, *faces, "--run", run])


def default_preset() -> str:
    """Return the preset for a machine that is not measured, a processor of two cores."""
    return "laptop_128"
