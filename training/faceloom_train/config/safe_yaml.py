"""YAML as strangers write it: plain values, each written out."""

from typing import Any

import yaml

# Of a configuration; PyYAML takes half a minute for a megabyte.
MOST_BYTES = 2**18
# Brackets in brackets; PyYAML looks at all that are open at every sign.
_DEEPEST = 50


class _Plain(yaml.SafeLoader):
    """Refuses aliases: nine of nine of nine of them fill any memory. And depth."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has aliases, which are not read; write each value out")
        return super().compose_node(parent, index)

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        if self.flow_level == _DEEPEST:
            raise yaml.YAMLError("it has brackets in brackets in brackets")
        super().fetch_flow_collection_start(token)


def parse_yaml(content: bytes | str) -> Any:
    """Return the plain values of a YAML document; raise YAMLError for anything else."""
    try:
        return yaml.load(content.decode() if isinstance(content, bytes) else content, _Plain)  # noqa: S506  a SafeLoader
    # Depth, dates that are none, and numbers of thousands of digits.
    except (
        RecursionError,
        ValueError,
        OverflowError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
    ) as error:
        raise yaml.YAMLError(f"a value cannot be read ({error})") from error
