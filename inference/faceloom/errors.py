"""What can go wrong, and the exit code that says so.

    FaceloomError
    ├── UsageError          2  an option or a path that cannot be used
    ├── ArtifactRefused     3  a model, bundle, run or face set that is not what it says
    ├── ProviderMissing     4  the asked onnxruntime provider does not run here
    ├── MediaUnreadable     5  a file that is no readable video or picture
    ├── NoFaceFound         6  not one face in the whole input
    ├── ContentRefused      7  the content check says no
    ├── PartlyDone          8  interrupted or partly done; the same command continues
    └── Stopped           130  stopped by the user

A message says what happened, to which file, and what to do about it.
"""


def escape_unprintable(text: str) -> str:
    """Return text without what a terminal obeys: a stranger's file may name a person by an escape sequence."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


class FaceloomError(Exception):
    """Any refusal that Faceloom explains in one sentence. Carries the exit code."""

    exit_code = 1


class UsageError(FaceloomError):
    """An option, a setting or a path that cannot be used."""

    exit_code = 2


class ArtifactRefused(FaceloomError):
    """A model, bundle, run directory or face set that is not what it says it is."""

    exit_code = 3


class ProviderMissing(FaceloomError):
    """The onnxruntime provider (or the extra) that was asked for is not here."""

    exit_code = 4


class MediaUnreadable(FaceloomError):
    """A video or picture that cannot be read, or not to its end."""

    exit_code = 5


class NoFaceFound(FaceloomError):
    """Not one face in the whole input."""

    exit_code = 6


class ContentRefused(FaceloomError):
    """The content check refuses the input."""

    exit_code = 7


class PartlyDone(FaceloomError):
    """Work that could not be finished (a full disk, a failed file among many)."""

    exit_code = 8


class Stopped(FaceloomError):
    """The user stopped it; what was finished is kept."""

    exit_code = 130
