"""The exceptions of Faceloom and their exit codes.

    FaceloomError
    ├── UsageError          2  an option, a setting or a path that cannot be used
    ├── ArtifactRefused     3  a model, bundle, run or face set that is not valid
    ├── ProviderMissing     4  an onnxruntime provider or an extra is missing
    ├── MediaUnreadable     5  a video or image that cannot be read
    ├── NoFaceFound         6  no face in the whole input
    ├── ContentRefused      7  the content check refuses the input
    ├── PartlyDone          8  interrupted or partly done; the same command continues
    │   └── MemoryExhausted   8  too little memory; the same command continues with more
    └── Stopped           130  stopped by the user

A message says what is wrong, where, and what to do.
"""


def escape_unprintable(text: str) -> str:
    """Escape control characters, so that untrusted text cannot control the terminal.

    Args:
        text: The text; newlines and tabs are kept.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


class FaceloomError(Exception):
    """An error that Faceloom explains in one sentence."""

    exit_code = 1
    """Exit code of the command."""


class UsageError(FaceloomError):
    """An option, a setting or a path cannot be used."""

    exit_code = 2


class ArtifactRefused(FaceloomError):
    """A model, bundle, run or face set is damaged, unsafe or of another version."""

    exit_code = 3


class ProviderMissing(FaceloomError):
    """The requested onnxruntime provider or extra is not available."""

    exit_code = 4


class MediaUnreadable(FaceloomError):
    """A video or image cannot be read, or not to its end."""

    exit_code = 5


class FrameDamaged(MediaUnreadable):
    """A frame of a video is damaged; the frames around it can be read."""


class NoFaceFound(FaceloomError):
    """The whole input shows no face."""

    exit_code = 6


class ContentRefused(FaceloomError):
    """The content check refuses the input."""

    exit_code = 7


class PartlyDone(FaceloomError):
    """The work is not complete, for example because the disk is full."""

    exit_code = 8


class MemoryExhausted(PartlyDone):
    """The work needs more memory than there is."""


class Stopped(FaceloomError):
    """The user stopped the command; completed work is kept."""

    exit_code = 130
