"""Output formats, selected by the output's name: a video, a GIF, images, one image or a pipe."""

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

from faceloom.atomic import atomic_directory, atomic_file, check_output_file
from faceloom.errors import UsageError
from faceloom.video.decoding.alpha import ALPHA_FORMAT
from faceloom.video.encoding.encoders import (
    AUTO,
    Encoding,
    base_format_name,
    check_encoder,
    default_encoder,
    has_alpha,
    resolve_encoder,
)
from faceloom.video.folder import passed_over_sentence
from faceloom.video.hdr.display_rendition import HLG, PQ
from faceloom.video.image_sequence import list_other_files
from faceloom.video.info import VideoInfo
from faceloom.video.orientation import Orientation
from faceloom.video.safe_open import open_input
from faceloom.video.streams.packets import uncopied_streams

# FFmpeg's container name of each suffix. Given explicitly, as files are written as NAME.part.
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
# The path that stands for standard input or output.
STDIO_PATH = Path("-")
# Suffixes of an output of one image.
OUTPUT_IMAGE_EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp")
# Names of the HDR transfer characteristics of ITU-T H.273.
_HDR_TRANSFERS = {PQ: "PQ", HLG: "HLG"}

OutputKind = Literal["video", "gif", "image_sequence", "image"]


def output_kind(name: Path) -> OutputKind:
    """Return what an output path asks for.

    Args:
        name: The output path.

    Raises:
        UsageError: If the suffix is not supported.
    """
    suffix = name.suffix.lower()
    if name == STDIO_PATH or suffix in CONTAINERS:
        return "video"
    if suffix == ".gif":
        return "gif"
    if "%" in name.name and suffix == ".png":
        image_name(name, 0)
        return "image_sequence"
    if not suffix:
        return "image_sequence"
    if suffix in OUTPUT_IMAGE_EXTENSIONS:
        return "image"
    raise UsageError(
        f"{name}: a video is written as {', '.join(CONTAINERS)} or .gif, images as a folder or "
        f"NAME_%05d.png, one image as {', '.join(OUTPUT_IMAGE_EXTENSIONS)}; use one of these."
    )


def container_format(name: Path) -> str:
    """Return FFmpeg's container name; Matroska for standard output, as it needs no seeking.

    Args:
        name: The output path of a video.
    """
    return CONTAINERS[".mkv" if name == STDIO_PATH else name.suffix.lower()]


def image_name(name: Path, index: int) -> str:
    """Return the file name of an image of a sequence.

    Args:
        name: The output path: a folder or a pattern such as NAME_%05d.png.
        index: Position in the output, from 0.

    Raises:
        UsageError: If the pattern is invalid.
    """
    if name.suffix.lower() != ".png":
        return f"{index:06d}.png"
    try:
        return name.name % index
    except (TypeError, ValueError):
        raise UsageError(
            f"{name.name} is not a pattern for image numbers; write NAME_%05d.png."
        ) from None


def check_output_path(name: Path, *, force: bool, inputs: Iterable[Path] = ()) -> None:
    """Check that an output can and may be written; called before the work.

    Args:
        name: The output path.
        force: Whether existing files may be replaced.
        inputs: Files that are read and must not be replaced.

    Raises:
        UsageError: If it cannot or may not be written.
    """
    kind = output_kind(name)
    if name == STDIO_PATH:
        if sys.stdout.isatty():
            raise UsageError(
                "Standard output is a terminal; redirect it to a file or another program."
            )
    elif kind == "image_sequence":
        _check_image_folder(_image_folder(name), force=force, inputs=inputs)
    else:
        check_output_file(name, force=force, inputs=inputs)


@contextmanager
def atomic_output(name: Path) -> Iterator[Path]:
    """Write an output completely or not at all.

    Args:
        name: The output path.

    Yields:
        The temporary file, or folder for images, to write. It is moved to its place on success
        and removed on failure.
    """
    if name == STDIO_PATH:
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / "out.mkv"
            yield part
            with part.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    with (
        atomic_directory(_image_folder(name))
        if output_kind(name) == "image_sequence"
        else atomic_file(name) as part
    ):
        yield part


def encoding_for(name: Path, info: VideoInfo, encoding: Encoding) -> Encoding:
    """Return the encoding of the segments for an output: PNG unless it is a video.

    Args:
        name: The output path.
        info: The source, for the default encoder.
        encoding: What the user asked for.

    Raises:
        UsageError: If the encoder or the quality does not apply to this output.
    """
    suffix = name.suffix.lower()
    if output_kind(name) == "video":
        if encoding.encoder == "png":
            raise UsageError(
                f"--encoder png writes images: give a folder or NAME_%05d.png instead of {name}."
            )
        if encoding.encoder == AUTO:
            encoder = default_encoder(container_format(name), info)
            return replace(encoding, encoder=encoder)
        return encoding
    if encoding.encoder not in (AUTO, "png"):
        raise UsageError(
            f"--encoder {encoding.encoder} writes videos and {name} is not one; leave it out."
        )
    if encoding.quality is not None and suffix not in (".jpg", ".jpeg", ".webp"):
        raise UsageError(f"--quality has no effect on {name}; leave it out.")
    return replace(encoding, encoder="png")


def resolve_encoding(name: Path, info: VideoInfo, encoding: Encoding) -> Encoding:
    """Check that a source can be written to an output; called before the work.

    Args:
        name: The output path.
        info: The source.
        encoding: What the user asked for.

    Returns:
        The encoding of the segments.

    Raises:
        UsageError: If the container does not support the encoder's codec, or the encoder rejects
            its options.
        ProviderMissing: If the encoder does not run on this machine.
    """
    encoding = encoding_for(name, info, encoding)
    check_encoder(info, encoding)
    kind = output_kind(name)
    if kind == "image" and info.frame_count != 1:
        raise UsageError(
            f"{name} is one image and {info.path} has more than one; give a video, a folder or "
            "NAME_%05d.png."
        )
    if kind == "video":
        _check_container(name, info, encoding)
    return encoding


def _check_container(name: Path, info: VideoInfo, encoding: Encoding) -> None:
    """Check that the container supports the encoder's codec."""
    config = resolve_encoder(info, encoding)
    container = container_format(name)
    with av.open(io.BytesIO(), "w", format=container) as target:
        codec = av.codec.Codec(config.codec, "w").canonical_name
        if codec not in target.supported_codecs or (codec == "ffv1" and container != "matroska"):
            raise UsageError(
                f"{name} does not support {codec} with {config.pixel_format}; use a name that ends "
                "in .mkv."
            )


def output_warnings(name: Path, info: VideoInfo, encoding: Encoding) -> list[str]:
    """Return one sentence for each property of the source that the output does not keep.

    Args:
        name: The output path.
        info: The source.
        encoding: What the user asked for.

    Raises:
        UsageError: If the encoding does not apply to this output.
    """
    config = resolve_encoder(info, encoding_for(name, info, encoding))
    kind = output_kind(name)
    warnings = [*_video_warnings(info, config.codec, config.pixel_format, kind)]
    if kind != "video" and not shown_as_coded(info):
        wide, high = info.display_size
        warnings.append(
            f"{name}: frames are written as players show them: upright, with square pixels, "
            f"{wide}x{high}."
        )
    if kind == "gif":
        warnings.append(f"{name}: a GIF has 256 colors per frame and times in 1/100 s.")
    if info.kind == "image_sequence":
        if others := list_other_files(info.path):
            total = len(others) + (info.frame_count or 0)
            warnings.append(f"{info.path}: {passed_over_sentence(others, total)}")
        return warnings
    if kind != "video":
        return [*warnings, f"{name} has no audio and none of the source's tags."]
    with (
        open_input(info.path) as source,
        av.open(io.BytesIO(), "w", format=container_format(name)) as target,
    ):
        if uncopied := uncopied_streams(source, target):
            warnings.append(f"{info.path}: these streams are not copied: {', '.join(uncopied)}.")
    return warnings


def shown_as_coded(info: VideoInfo) -> bool:
    """Return whether a viewer neither turns, mirrors nor stretches a source's coded frames.

    Args:
        info: The source.
    """
    return info.orientation == Orientation() and info.sample_aspect_ratio == 1


def _video_warnings(
    info: VideoInfo, codec: str, pixel_format: str, kind: OutputKind
) -> Iterator[str]:
    if info.color.transfer in _HDR_TRANSFERS:
        yield (
            f"{info.path} is HDR ({_HDR_TRANSFERS[info.color.transfer]}) and stays so; the face is "
            "computed on an SDR rendition."
        )
    if info.hdr_metadata and info.hdr_metadata.dynamic:
        yield f"{info.path}: the dynamic HDR metadata (Dolby Vision, HDR10+) is left out."
    if info.interlaced and kind == "video":
        yield f"{info.path} is interlaced: its lines are kept, but the output is not marked so."
    if info.repeated_times:
        yield (
            f"{info.path}: frames whose time is not after the frame before are shown 1 ms after "
            f"it; there are {info.repeated_times}."
        )
    if info.pixel_format == ALPHA_FORMAT and not has_alpha(pixel_format):
        yield f"{info.path} is transparent and {codec} is not: a name that ends in .webm keeps it."
    elif base_format_name(info.pixel_format) != base_format_name(pixel_format):
        yield (
            f"{info.path} is coded as {info.pixel_format}, which {codec} does not support at this "
            f"size: it is written as {pixel_format}."
        )


def final_path(name: Path) -> Path:
    """Return the file, or the folder of images, that exists after an output is written.

    Args:
        name: The output path.

    Raises:
        UsageError: If the suffix is not supported.
    """
    return _image_folder(name) if output_kind(name) == "image_sequence" else name


def _image_folder(name: Path) -> Path:
    return name if not name.suffix else name.parent


def _check_image_folder(folder: Path, *, force: bool, inputs: Iterable[Path]) -> None:
    if not folder.name:
        raise UsageError(
            "Images need a folder of their own, as the whole folder is replaced; name one."
        )
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder.")
    if any(source.resolve().is_relative_to(folder.resolve()) for source in inputs):
        raise UsageError(f"{folder} contains the input and is not replaced; choose another name.")
    files = list(folder.iterdir())
    if any(file.suffix.lower() != ".png" or not file.is_file() for file in files):
        raise UsageError(
            f"{folder} contains files other than PNGs and is not replaced; choose another name."
        )
    if files and not force:
        raise UsageError(
            f"{folder} already exists; choose another name or pass --force to replace it."
        )
