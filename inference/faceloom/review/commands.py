"""The commands that findings advise."""

import shlex

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
