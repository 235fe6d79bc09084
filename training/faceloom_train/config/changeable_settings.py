"""The settings that may change during a run, and the values that each of them accepts."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from faceloom_train.config.schema import FIXED, TrainConfig

# Left out: `train --steps` changes it.
_OWN_OPTION = "steps"


def list_changeable_settings(config: TrainConfig) -> Iterator[dict[str, Any]]:
    """Yield the settings that may change when a run continues, as `TrainConfig` declares them.

    Args:
        config: The settings of the run.

    Yields:
        For each setting: `key`, as `train --set` takes it; `value`, the current value as text;
        `words`, the words that it accepts, including true, false and null; `number`, "whole" or
        "any" if it accepts numbers, otherwise ""; `minimum`, `maximum` and `above`, an exclusive
        minimum, None without a limit; `text`, whether it accepts any text; `help`, its docstring.
    """
    schema = _schema()
    yield from _settings(schema, schema["$defs"], config.model_dump(mode="json"), "")


@cache
def _schema() -> dict[str, Any]:
    return TrainConfig.model_json_schema()


def _settings(
    schema: Mapping[str, Any],
    definitions: Mapping[str, Any],
    values: Mapping[str, Any],
    prefix: str,
) -> Iterator[dict[str, Any]]:
    for name, declared in schema["properties"].items():
        key, value = f"{prefix}{name}", values[name]
        if key in FIXED or key == _OWN_OPTION:
            continue
        group = declared.get("$ref", "").rpartition("/")[2]
        if group:
            yield from _settings(definitions[group], definitions, value, f"{key}.")
        else:
            yield _setting(key, value, declared)


def _setting(key: str, value: object, declared: Mapping[str, Any]) -> dict[str, Any]:
    kinds = declared.get("anyOf", [declared])
    numbers = [kind for kind in kinds if kind.get("type") in ("integer", "number")]
    number = numbers[0] if numbers else {}
    words = [word for kind in kinds for word in _words(kind)]
    return {
        "key": key,
        "value": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
        "words": words,
        "number": {"integer": "whole", "number": "any"}.get(number.get("type", ""), ""),
        "minimum": number.get("minimum"),
        "above": number.get("exclusiveMinimum"),
        "maximum": number.get("maximum"),
        "text": not numbers and words in ([], ["null"]),
        "help": " ".join(declared.get("description", "").split()),
    }


def _words(kind: Mapping[str, Any]) -> list[str]:
    if "const" in kind:
        return [str(kind["const"])]
    if "enum" in kind:
        return [str(word) for word in kind["enum"]]
    return {"boolean": ["true", "false"], "null": ["null"]}.get(kind.get("type", ""), [])
