"""What a folder of footage contains: the files that are read, and those that are passed over."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.image_io import natural_sort
from faceloom.json_documents import utf8_text

# First characters of the files in which macOS keeps metadata on foreign disks (AppleDouble).
_APPLE_DOUBLE = "._"
# Extensions of hidden files that Faceloom writes beside an output; they are not mentioned.
_OWN_EXTENSIONS = (".lock", ".part")
# Most files that a sentence names.
_MAX_NAMED = 12


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file that is not read."""

    path: Path
    """The file."""

    reason: str
    """Why, in a few words."""

    @classmethod
    def because(cls, path: Path, error: Exception | str) -> "PassedOver":
        """Return a file that cannot be read, without the error's advice.

        Args:
            path: The file.
            error: What reading it raised, or its message.
        """
        message = utf8_text(str(error)).removeprefix(utf8_text(str(path)))
        return cls(path, message.partition(";")[0].strip(" :."))

    def __str__(self) -> str:
        """Return name and reason."""
        return f"{utf8_text(self.path.name)} ({self.reason})"


def sort_folder(
    folder: Path, extensions: Collection[str], wanted: str
) -> tuple[list[Path], list[PassedOver]]:
    """Separate the files of a folder that are read from everything else in it.

    Args:
        folder: The folder; its subfolders are not searched.
        extensions: Extensions that are read, in lower case.
        wanted: What is read, for the reason, such as "a video".

    Returns:
        The files in natural order, and the rest.
    """
    files, rest = [], []
    for path in natural_sort(folder.iterdir()):
        if path.name.startswith(".") and path.suffix in _OWN_EXTENSIONS:
            continue
        if reason := _reason_to_pass(path, extensions, wanted):
            rest.append(PassedOver(path, reason))
        else:
            files.append(path)
    return files, rest


def passed_over_sentence(files: Sequence[PassedOver], total: int) -> str:
    """Count and name files that are not read.

    Args:
        files: The files; at least one.
        total: Number of files, those that are read included.
    """
    names = ", ".join(map(str, files[:_MAX_NAMED]))
    more = f", and {len(files) - _MAX_NAMED} more" if len(files) > _MAX_NAMED else ""
    return f"{len(files)} of {total} files are not read: {names}{more}."


def _reason_to_pass(path: Path, extensions: Collection[str], wanted: str) -> str:
    """Return why a file is not read; "" if it is."""
    if path.is_dir():
        return "a folder"
    if not path.exists():
        return "a link to a file that does not exist"
    if not path.is_file():
        return "not a regular file"
    if path.name.startswith(_APPLE_DOUBLE):
        return "metadata of macOS"
    if path.suffix.lower() not in extensions:
        return f"not {wanted}"
    return "" if path.stat().st_size else "empty"
