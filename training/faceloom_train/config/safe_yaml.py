"""Parse YAML from untrusted sources: plain values without aliases."""

from typing import Any

import yaml

# Largest configuration file in bytes; PyYAML takes half a minute for a megabyte.
MAX_BYTES = 2**18
# Deepest nesting of brackets; PyYAML's time per character grows with the open brackets.
_MAX_DEPTH = 50


class _SafeLoader(yaml.SafeLoader):
    """Rejects aliases (YAML "billion laughs" attack) and deep nesting."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported; write each value out")
        return super().compose_node(parent, index)

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        if self.flow_level == _MAX_DEPTH:
            raise yaml.YAMLError(f"brackets are nested more than {_MAX_DEPTH} levels deep")
        super().fetch_flow_collection_start(token)


def parse_yaml(content: bytes | str) -> Any:
    """Parse a YAML document into plain values.

    Args:
        content: The document, in UTF-8 if it is bytes.

    Raises:
        yaml.YAMLError: The document is invalid, has aliases or is nested too deeply.
    """
    try:
        text = content.decode() if isinstance(content, bytes) else content
        return yaml.load(text, _SafeLoader)  # noqa: S506  a SafeLoader
    # PyYAML raises these for invalid dates, numbers of thousands of digits and deep block nesting.
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
