"""Provenance in an ONNX file's `metadata_props`: it stays with the graph without its manifest."""

from collections.abc import Mapping

_PREFIX = "faceloom."


def to_metadata(values: Mapping[str, str | None]) -> dict[str, str]:
    """Return the entries to write to an ONNX file.

    Args:
        values: Text by key, without the prefix; None is left out.
    """
    return {_PREFIX + key: value for key, value in values.items() if value is not None}


def from_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the values that `to_metadata` was given; empty for a model of another program.

    Args:
        metadata: All entries of an ONNX file.
    """
    return {
        key.removeprefix(_PREFIX): value
        for key, value in metadata.items()
        if key.startswith(_PREFIX)
    }
