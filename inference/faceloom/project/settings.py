"""What the user asks for, and what can be refused before any work."""

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.artifact_kind import Purpose, check_kind, check_no_address
from faceloom.errors import ProviderMissing, UsageError
from faceloom.faceset.footage import FootageFile, files_of, list_footage
from faceloom.faceset.identity_name import MAX_NAME_LETTERS, check_identity_name
from faceloom.installation import extras_advice
from faceloom.project.presets import check_preset
from faceloom.project.step import footage_signature, key_of
from faceloom.provenance import VisibleLabel
from faceloom.swap import ConvertOptions
from faceloom.swap.pipeline.target import Target
from faceloom.video import DEFAULT_ENCODING, Encoding
from faceloom.video.output import STDIO_PATH, final_path

# Packages of the trainer and of the exporter, and the extra that contains each.
_PACKAGES = {
    "tensorflow": "train",
    "keras": "train",
    "yaml": "train",
    "onnx": "export",
    "tf2onnx": "export",
    "h5py": "export",
}
# How a project's folder is named after the output.
PROJECT_SUFFIX = ".faceloom"
# What is added to the target's name if the guest's footage is named as the target's.
_TARGET_SUFFIX = "-target"


@dataclass(frozen=True, slots=True)
class SwapSettings:
    """What the user asks for."""

    guests: tuple[Path, ...]
    """Footage of the person whose face is put in."""
    target: Path
    """The video whose face is replaced."""
    out: Path
    """The video to write."""
    project: Path
    """The project's folder."""
    target_footage: tuple[Path, ...] = ()
    """More footage of the person whose face is replaced, to train on."""
    guest_reference: tuple[Path, ...] = ()
    """Pictures of the person whose face is put in."""
    reference: tuple[Path, ...] = ()
    """Pictures of the person whose face is replaced."""
    minutes: float | None = None
    """Time for everything; None: what gives a good result on this machine."""
    preset: str | None = None
    """The training's preset; None: the best that fits."""
    steps: int | None = None
    """The training's steps; None: as many as fit."""
    guest_name: str | None = None
    """Name of the identity whose face is put in; None: from the footage."""
    target_name: str | None = None
    """Name of the other identity; None: from the target."""
    convert_options: tuple[str, ...] = ()
    """More options of the `convert` command."""
    force: bool = False
    """Whether an output that exists is replaced."""

    @property
    def written(self) -> Path:
        """The file, or the folder of images, that the conversion writes."""
        return final_path(self.out)

    def conversion(self) -> ConvertOptions:
        """Return the options of the conversion, to check them before the work.

        Raises:
            UsageError: One is invalid.
        """
        given = dict(zip(self.convert_options[::2], self.convert_options[1::2], strict=True))
        label, quality = given.get("--label"), given.get("--quality")
        options = ConvertOptions(
            encoding=Encoding.parse(
                given.get("--encoder", DEFAULT_ENCODING.encoder),
                None if quality is None else int(quality),
                speed=given.get("--speed", DEFAULT_ENCODING.speed),
            ),
            label=None if label is None else VisibleLabel.parse(label),
            # An output of the same project may exist: the plan decides whether it is complete.
            force=True,
        )
        options.check()
        return options

    def training_key(self) -> str:
        """Return a checksum of everything that decides the face sets and the training."""
        return key_of(
            footage_signature(self.guests),
            footage_signature([self.target, *self.target_footage]),
            footage_signature(self.guest_reference),
            footage_signature(self.reference),
            self.minutes,
            self.preset,
            self.steps,
            self.guest_name,
            self.target_name,
        )


@dataclass(frozen=True, slots=True)
class SwapInputs:
    """The footage, opened."""

    guests: tuple[FootageFile, ...]
    """Footage of the person whose face is put in."""
    targets: tuple[FootageFile, ...]
    """The target and more footage of its person; the target comes first."""
    target_frames: int | None
    """Frames of the target; None if it does not say."""


def default_project(out: Path) -> Path:
    """Return the project's folder for an output: beside it, with its name.

    Args:
        out: The output.

    Raises:
        UsageError: The output has no name, or its ending is not supported.
    """
    written = final_path(out)
    if written.name in ("", ".."):
        raise UsageError(f"--out {out} names no file; write a name such as swapped.mp4.")
    return written.with_name(f"{written.stem}{PROJECT_SUFFIX}")


def check_training_installed() -> None:
    """Check that the packages of the trainer and the exporter are installed.

    Raises:
        ProviderMissing: One is missing.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        extras = ",".join(sorted({_PACKAGES[name] for name in missing}, reverse=True))
        raise ProviderMissing(
            f"A swap needs training, and {', '.join(missing)} is not installed; "
            f"{extras_advice(extras)}"
        )


def open_inputs(settings: SwapSettings) -> SwapInputs:
    """Check everything that can be refused without looking at a face.

    Args:
        settings: What the user asks for.

    Returns:
        The footage.

    Raises:
        UsageError: A path or an option cannot be used.
        MediaUnreadable: A file cannot be read.
        ProviderMissing: The trainer or an encoder is missing.
    """
    check_training_installed()
    if settings.preset:
        check_preset(settings.preset, settings.steps)
    pictures = (*settings.reference, *settings.guest_reference)
    for path in pictures:
        check_no_address(path)
    for path in (*settings.guests, *settings.target_footage):
        check_kind(path, Purpose.FOOTAGE)
    check_kind(settings.target, Purpose.TARGET)
    for path in (*settings.guests, *settings.target_footage, *pictures):
        if not path.exists() and not any(character in path.name for character in "*?["):
            raise UsageError(f"{path} does not exist; check the path.")
    _check_output(settings)
    opened = Target.open(settings.target, settings.out, settings.conversion())
    guests = list_footage(settings.guests).files
    targets = list_footage([settings.target, *settings.target_footage]).files
    same = {file.path.resolve() for file in guests} & {file.path.resolve() for file in targets}
    if same:
        raise UsageError(
            f"{same.pop()} is given for both people; a swap needs footage of two people."
        )
    return SwapInputs(guests, targets, opened.frame_count)


def _check_output(settings: SwapSettings) -> None:
    """Refuse an output that the later steps cannot read, or that would replace the project."""
    if settings.out == STDIO_PATH:
        raise UsageError(
            "--out - would write the video to standard output, and a swap measures its result; "
            "write a file, for example --out swapped.mp4."
        )
    written = settings.written.resolve()
    if settings.project.resolve().is_relative_to(written):
        raise UsageError(
            f"The project {settings.project} is inside the output {settings.written}, which is "
            "replaced as a whole; choose another folder with --project."
        )
    if settings.written.exists():
        _check_keeps_inputs(settings)


def _check_keeps_inputs(settings: SwapSettings) -> None:
    """Refuse an existing output that is footage or a picture, contains one, or lies among them."""
    pictures = (*settings.reference, *settings.guest_reference)
    given = (*settings.guests, settings.target, *settings.target_footage, *pictures)
    out, written = settings.written, settings.written.resolve()
    for path in given:
        if path.is_dir() and written.is_relative_to(path.resolve()):
            raise UsageError(
                f"{out} is in {path}, whose files are footage of this swap, and is not replaced; "
                "write the output to another folder."
            )
        for file in files_of(path)[0]:
            if not file.exists():
                continue
            if file.samefile(out) or file.resolve().is_relative_to(written):
                raise UsageError(
                    f"{out} would replace {file}, which this swap reads; choose another --out."
                )


def identity_names(settings: SwapSettings) -> tuple[str, str]:
    """Return the names of both identities: the user's, or from the footage's names.

    Args:
        settings: What the user asks for.

    Returns:
        The name of the person whose face is put in, and of the other one.

    Raises:
        UsageError: Both names are the same, or one cannot be a folder's name.
    """
    guest = settings.guest_name or _name_of(settings.guests, "guest")
    target = settings.target_name or _name_of([settings.target], "target")
    for name in (guest, target):
        check_identity_name(name)
    if guest == target:
        if settings.guest_name or settings.target_name:
            raise UsageError(f"Both people are named {guest}; give them different names.")
        target = f"{target[: MAX_NAME_LETTERS - len(_TARGET_SUFFIX)]}{_TARGET_SUFFIX}"
    return guest, target


def _name_of(paths: Sequence[Path], default: str) -> str:
    first = paths[0].resolve()
    return _slug(first.name if first.is_dir() else first.stem) or default


def _slug(text: str) -> str:
    """Return a text with only the characters that a name may have."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII)[:MAX_NAME_LETTERS].strip("-.")
