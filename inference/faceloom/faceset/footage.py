"""Footage: videos, pictures, and folders of them."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceloom.array_types import Rgb
from faceloom.errors import MediaUnreadable, ProviderMissing, UsageError
from faceloom.faceset.other_tools.deepfacelab_metadata import read_deepfacelab_origin
from faceloom.faceset.other_tools.face_origin import FaceMetadataError, FaceOrigin
from faceloom.faceset.other_tools.faceswap_metadata import read_faceswap_origin
from faceloom.faceset.other_tools.packed_faceset import (
    PACKED_EXTENSION,
    PackedPicture,
    list_packed_pictures,
)
from faceloom.hashing import sha256_of, sha256_of_file
from faceloom.image_io import (
    PICTURE_EXTENSIONS,
    check_complete,
    decode_picture,
    natural_sort,
    read_picture,
)
from faceloom.json_documents import utf8_text
from faceloom.video import Frame, VideoInfo, probe_video, read_frames
from faceloom.video.decoding.intact_frames import DamageCallback, read_intact_frames
from faceloom.video.display import frame_to_upright
from faceloom.video.folder import PassedOver, sort_folder
from faceloom.video.source import VIDEO_EXTENSIONS

log = logging.getLogger(__name__)

# Extensions of the files that are read in a folder.
_EXTENSIONS = PICTURE_EXTENSIONS | VIDEO_EXTENSIONS | {PACKED_EXTENSION}


@dataclass(frozen=True, slots=True)
class FootageFrame:
    """One frame of a footage file as a viewer shows it: upright, with square pixels."""

    frame: int
    """Index in the file; for a face that another tool cut out, the index in its video."""
    pts: int
    """Presentation time in the file's time base."""
    seconds: float
    """Presentation time in seconds."""
    rgb: Rgb
    """8-bit RGB."""


@dataclass(frozen=True, slots=True)
class FootageFile:
    """A file to extract from."""

    path: Path
    """The file; for a picture in an archive, a name below the archive's path."""
    kind: Literal["video", "picture"]
    """What it is."""
    frames: int | None
    """Number of frames; None if the container does not say."""
    origin: FaceOrigin | None = None
    """Where another tool cut this picture from, if it recorded that."""
    packed: PackedPicture | None = None
    """Where the picture is in an archive; None for a file of its own."""

    @classmethod
    def open(cls, path: Path) -> "FootageFile":
        """Probe a file.

        Args:
            path: The file.

        Raises:
            UsageError: The file does not exist.
            MediaUnreadable: The file is not a video.
        """
        if path.suffix.lower() in PICTURE_EXTENSIONS and path.is_file():
            return cls(path, "picture", 1, _origin(path))
        return cls(path, "video", probe_video(path).frame_count)

    @property
    def name(self) -> str:
        """Name of the video that another tool cut this picture from, or of this file."""
        return self.origin.name if self.origin else utf8_text(self.path.name)

    def sha256(self) -> str:
        """Compute the file's checksum."""
        return sha256_of(self.packed.read()) if self.packed else sha256_of_file(self.path)

    def read_intact(
        self, on_damage: DamageCallback, every: int = 1, start: int = 0
    ) -> Iterator[FootageFrame]:
        """Read the frames that can be read; damage is no error.

        Args:
            on_damage: Called for each damage with a sentence.
            every: Use every K-th frame.
            start: Index of the first frame.

        Yields:
            Frames in order.
        """
        try:
            if self.kind == "picture":
                yield from self.read(every, start)
                return
            info = probe_video(self.path)
            for frame in read_intact_frames(self.path, on_damage, start=start, every=every):
                yield _footage_frame(frame, info)
        except (MediaUnreadable, ProviderMissing, OSError) as error:
            on_damage(str(error))

    def read(self, every: int = 1, start: int = 0) -> Iterator[FootageFrame]:
        """Read the frames.

        Args:
            every: Use every K-th frame.
            start: Index of the first frame.

        Yields:
            Frames in order.

        Raises:
            MediaUnreadable: A frame cannot be read.
        """
        if self.kind == "picture":
            if start == 0:
                yield FootageFrame(
                    self.origin.frame if self.origin else 0, 0, 0.0, self._read_picture()
                )
            return
        info = probe_video(self.path)
        for frame in read_frames(self.path, start=start, every=every):
            yield _footage_frame(frame, info)

    def _read_picture(self) -> Rgb:
        if self.packed is None:
            return read_picture(self.path)
        data = self.packed.read()
        check_complete(data, self.path)
        return decode_picture(data, self.path)


@dataclass(frozen=True, slots=True)
class Footage:
    """What the inputs of a command contain."""

    files: tuple[FootageFile, ...]
    """The files that are read; those of a folder are in natural order."""
    passed_over: tuple[PassedOver, ...]
    """The files that are not read."""


def list_footage(inputs: Iterable[Path]) -> Footage:
    """Find the footage files; what cannot be read is passed over.

    Args:
        inputs: Files, folders (not their subfolders) and patterns.

    Raises:
        UsageError: An input does not exist, or there is no file to read.
        MediaUnreadable: None of the files can be read.
    """
    files: list[FootageFile] = []
    passed_over: list[PassedOver] = []
    errors: list[Exception] = []
    for path in inputs:
        found, others = files_of(path)
        passed_over += others
        for file in found:
            try:
                files += _open_files(file)
            except (MediaUnreadable, OSError) as error:
                errors.append(error)
                passed_over.append(PassedOver.because(file, error))
    if not files:
        if errors:
            raise errors[0]
        rest = f" ({', '.join(map(str, passed_over))})" if passed_over else ""
        raise UsageError(
            f"The inputs contain no video or picture{rest}; give files or folders with some."
        )
    partial = sum(file.origin is not None and file.origin.is_partial for file in files)
    if partial:
        log.warning(
            "%d of the pictures end between brows and chin (DeepFaceLab's types half_face and "
            "midfull_face), and their edges are repeated to fill the crop; faces that are "
            "extracted as full_face or whole_face train better.",
            partial,
        )
    return Footage(tuple(files), tuple(passed_over))


def _open_files(path: Path) -> list[FootageFile]:
    """Open a file of footage, or the pictures of an archive."""
    if path.suffix.lower() != PACKED_EXTENSION or not path.is_file():
        return [FootageFile.open(path)]
    return [
        FootageFile(name, "picture", 1, _origin(name, picture), picture)
        for index, picture in enumerate(list_packed_pictures(path))
        if (name := path / f"{index:06d}.jpg")
    ]


def _footage_frame(frame: Frame, info: VideoInfo) -> FootageFrame:
    square = frame_to_upright(frame, info).square_rgb
    return FootageFrame(frame.index, frame.pts, frame.seconds, square)


def _origin(path: Path, packed: PackedPicture | None = None) -> FaceOrigin | None:
    """Return what another tool recorded in a picture; None if it is an ordinary one."""
    tool = "faceswap" if path.suffix.lower() == ".png" else "DeepFaceLab"
    try:
        if tool == "faceswap":
            return read_faceswap_origin(path)
        with (packed.archive if packed else path).open("rb") as file:
            file.seek(packed.start if packed else 0)
            return read_deepfacelab_origin(file)
    except FaceMetadataError as error:
        log.warning(
            "%s: its %s metadata cannot be used (%s); it is read as an ordinary picture.",
            path,
            tool,
            error,
        )
    except OSError:
        # Reading the image reports the reason.
        pass
    return None


def files_of(path: Path) -> tuple[list[Path], list[PassedOver]]:
    """Return the files of an input that may be read, and the others.

    Args:
        path: A file, a folder or a pattern.
    """
    if not path.exists() and any(character in path.name for character in "*?["):
        # A pattern that the shell did not expand.
        return natural_sort(path.parent.glob(path.name)), []
    if path.is_dir():
        return sort_folder(path, _EXTENSIONS, "a video or picture")
    if path.is_symlink() and not path.exists():
        return [], [PassedOver(path, "a link to a file that does not exist")]
    return [path], []
