"""The options of `faceloom convert` as the library takes them."""

from collections.abc import Mapping
from typing import Any

from faceloom.errors import UsageError
from faceloom.provenance import MarkSettings, VisibleLabel
from faceloom.swap import ConvertOptions
from faceloom.video import Encoding, FrameRange


def convert_options(values: Mapping[str, Any]) -> ConvertOptions:
    """Turn the values of the command line into the library's options.

    Args:
        values: Values by parameter name of `convert_command`.

    Raises:
        UsageError: If a value is invalid, or two options exclude each other.
    """
    if values["job"] and values["estimate"]:
        raise UsageError("--estimate takes no job file; leave out --job, name TARGET and --out.")
    same = (
        "provider", "face_provider", "precision", "batch_size", "engine", "workers", "select",
        "threshold", "on_missing", "color", "mask", "glasses", "erode", "feather", "forehead",
        "sharpen", "decoder", "streams", "on_damaged", "resume", "force",
    )  # fmt: skip
    label, range_ = values["label"], values["range_"]
    return ConvertOptions(
        **{name: values[name] for name in same},
        reference=tuple(values["reference"] or ()),
        exclude=tuple(values["exclude"] or ()),
        label=None if label is None else VisibleLabel.parse(label, values["label_position"]),
        marking=MarkSettings(
            values["provenance"], values["certificate"], values["key"], values["watermark"]
        ),
        encoding=Encoding.parse(
            values["encoder"],
            values["quality"],
            values["encoder_option"] or (),
            values["speed"],
        ),
        frame_range=FrameRange.parse(range_) if range_ else None,
    )
