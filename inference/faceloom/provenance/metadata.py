"""Where a model comes from, as text inside its ONNX file (`metadata_props`): what stays when the manifest is lost."""

from collections.abc import Mapping

_PREFIX = "faceloom."


def to_metadata(said: Mapping[str, str | None]) -> dict[str, str]:
    """Return what is written into an ONNX file; what is not said is left out."""
    return {_PREFIX + key: value for key, value in said.items() if value is not None}


def from_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what `to_metadata` was given; empty for a model of another program."""
    return {
        key.removeprefix(_PREFIX): value
        for key, value in metadata.items()
        if key.startswith(_PREFIX)
    }
