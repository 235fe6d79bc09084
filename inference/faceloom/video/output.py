"""What can be written, by the output's name: a video, a GIF, pictures, a still, or all of it to standard output."""

import io
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import av

from faceloom.atomic import refuse_file, replacing_directory, replacing_file
from faceloom.errors import UsageError
from faceloom.video.encoders import Encoding, check_encoder, coding_of, plain_name
from faceloom.video.info import VideoInfo
from faceloom.video.safe_open import open_input
from faceloom.video.stream_copy import left_out, refuse_uncopied

# Extension -> FFmpeg's name of the container; the file is written as NAME.part, so FFmpeg cannot guess it.
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
STANDARD = Path("-")
STILLS = (".png", ".jpg", ".jpeg", ".webp")
_HDR = {16: "PQ", 18: "HLG"}

OutputKind = Literal["video", "gif", "pictures", "still"]


def output_kind(name: Path) -> OutputKind:
    """Tell what a name asks for; raise UsageError for one that we do not write."""
    ending = name.suffix.lower()
    if name == STANDARD or ending in CONTAINERS:
        return "video"
    if ending == ".gif":
        return "gif"
    if "%" in name.name and ending == ".png":
        picture_name(name, 0)
        return "pictures"
    if not ending:
        return "pictures"
    if ending in STILLS:
        return "still"
    raise UsageError(
        f"{name}: a video is written as {', '.join(CONTAINERS)} or .gif, pictures as a folder or NAME_%05d.png, "
        f"one picture as {', '.join(STILLS)}; choose one of these endings."
    )


def container_format(name: Path) -> str:
    """Return FFmpeg's container name for the name of a video; standard output gets Matroska, which needs no seek."""
    return CONTAINERS[".mkv" if name == STANDARD else name.suffix.lower()]


def picture_name(name: Path, number: int) -> str:
    """Return the file name of a picture of a sequence; raise UsageError if `name` has a wrong pattern."""
    if name.suffix.lower() != ".png":
        return f"{number:06d}.png"
    try:
        return name.name % number
    except (TypeError, ValueError):
        raise UsageError(f"{name.name} does not number pictures; write NAME_%05d.png.") from None


def refuse_output(name: Path, *, force: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise UsageError if nothing can or may be written to `name`. Called before the work."""
    kind = output_kind(name)
    if name == STANDARD:
        if sys.stdout.isatty():
            raise UsageError("Standard output is a terminal; send it to a file or another program.")
    elif kind == "pictures":
        _refuse_folder(_folder_of(name), force=force, inputs=inputs)
    else:
        refuse_file(name, force=force, inputs=inputs)


@contextmanager
def replacing_output(name: Path) -> Iterator[Path]:
    """Yield what to write, a file or, for pictures, a folder; on success it becomes `name`, otherwise it is removed."""
    if name == STANDARD:
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "out.mkv"
            yield whole
            with whole.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    kind = output_kind(name)
    with (
        replacing_directory(_folder_of(name))
        if kind == "pictures"
        else replacing_file(name) as part
    ):
        yield part


def encoding_for(name: Path, encoding: Encoding) -> Encoding:
    """Return how pictures reach `name`, as PNGs unless it is a video; raise UsageError for what does not fit it."""
    kind, ending = output_kind(name), name.suffix.lower()
    if kind == "video":
        if encoding.encoder == "png":
            raise UsageError(
                f"--encoder png writes pictures: name a folder or NAME_%05d.png instead of {name}."
            )
        return encoding
    if encoding.encoder not in ("x264", "png"):
        raise UsageError(
            f"--encoder {encoding.encoder} writes videos and {name} is none; leave it out."
        )
    if encoding.quality is not None and ending not in (".jpg", ".jpeg", ".webp"):
        raise UsageError(f"--quality has no use for {name}; leave it out.")
    return replace(encoding, encoder="png")


def check_output(name: Path, info: VideoInfo, encoding: Encoding) -> Encoding:
    """Return how a video's pictures are to be encoded for `name`; to be called before the work.

    Raises UsageError if the container cannot hold the source's streams or the encoder's pictures, or the encoder
    refuses its options, ProviderMissing if it does not run on this machine.
    """
    encoding = encoding_for(name, encoding)
    check_encoder(info, encoding)
    kind = output_kind(name)
    if kind == "still" and info.frame_count != 1:
        raise UsageError(
            f"{name} is one picture and {info.path} more; name a video, a folder or NAME_%05d.png."
        )
    if kind != "video":
        return encoding
    coding = coding_of(info, encoding)
    with av.open(io.BytesIO(), "w", format=container_format(name)) as target:
        codec = av.codec.Codec(coding.codec, "w").canonical_name
        if codec not in target.supported_codecs or (
            codec == "ffv1" and container_format(name) != "matroska"
        ):
            raise UsageError(
                f"{name} cannot hold {codec} of {coding.pixel_format}; name the output .mkv, which can."
            )
        if info.kind == "video":
            with open_input(info.path) as source:
                refuse_uncopied(source, target, name)
    return encoding


def notices(name: Path, info: VideoInfo, encoding: Encoding) -> list[str]:
    """Say, in a sentence each, what will not be as in the source."""
    coding, kind = coding_of(info, encoding_for(name, encoding)), output_kind(name)
    said = []
    if info.color.transfer in _HDR:
        said.append(
            f"{info.path} is HDR ({_HDR[info.color.transfer]}): its pictures keep their values and tags, and the "
            "face is computed on these values as they are; figures about the mastering display are left out."
        )
    if info.interlaced and kind == "video":
        said.append(
            f"{info.path} is interlaced: its lines are kept, and the output does not say that it is."
        )
    if plain_name(info.pixel_format) != plain_name(coding.pixel_format):
        said.append(
            f"{info.path} is coded as {info.pixel_format}, which {coding.codec} does not take at this size: "
            f"it is written as {coding.pixel_format}."
        )
    if kind == "gif":
        said.append(f"{name}: a GIF has 256 colors a picture and times in hundredths of a second.")
    if info.kind == "pictures":
        return said
    if kind != "video":
        return [*said, f"{name} has no sound, and none of the source's tags."]
    with (
        open_input(info.path) as source,
        av.open(io.BytesIO(), "w", format=container_format(name)) as target,
    ):
        if lost := left_out(source, target):
            said.append(f"{info.path}: not copied are {', '.join(lost)}.")
    return said


def replaced_by(name: Path) -> Path:
    """Return what stands where `name` asks for when all is written: a file, or the folder of pictures."""
    return _folder_of(name) if output_kind(name) == "pictures" else name


def _folder_of(name: Path) -> Path:
    return name if not name.suffix else name.parent


def _refuse_folder(folder: Path, *, force: bool, inputs: Iterable[Path]) -> None:
    if not folder.name:
        raise UsageError(
            "The pictures need a folder of their own, which is written whole; name one."
        )
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder.")
    if any(source.resolve().is_relative_to(folder.resolve()) for source in inputs):
        raise UsageError(f"{folder} holds the input and is not replaced; choose another name.")
    there = list(folder.iterdir())
    if any(file.suffix.lower() != ".png" or not file.is_file() for file in there):
        raise UsageError(
            f"{folder} holds other things than PNGs and is not replaced; choose another name."
        )
    if there and not force:
        raise UsageError(
            f"{folder} exists already; choose another name or pass --force to replace it."
        )
