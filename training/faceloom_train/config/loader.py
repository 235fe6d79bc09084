"""Read, change and compare configurations."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from faceloom.errors import UsageError
from faceloom.json_documents import first_validation_error
from faceloom.safe_read import read_bounded
from faceloom_train.config.safe_yaml import MAX_BYTES, parse_yaml
from faceloom_train.config.schema import TrainConfig


def read_config(path: Path, changes: Iterable[str] = ()) -> TrainConfig:
    """Read a YAML file.

    Args:
        path: The file.
        changes: Changes to apply, each of the form `key.key=value`.

    Raises:
        UsageError: The file or a change is invalid. The message names the file, the key and, for a
            misspelled key, the closest valid one.
    """
    try:
        data = parse_yaml(read_bounded(path, MAX_BYTES))
    except FileNotFoundError:
        raise UsageError(f"There is no configuration file {path}; check the path.") from None
    # A ValueError is text that is not UTF-8.
    except (yaml.YAMLError, OSError, ValueError) as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} must hold keys and values, as the files in configs/ do.")
    return _validate(_apply_changes(data, changes), str(path))


def change_config(config: TrainConfig, changes: Iterable[str]) -> TrainConfig:
    """Return a configuration with changes applied.

    Args:
        config: The configuration to start from.
        changes: Changes, each of the form `key.key=value`.

    Raises:
        UsageError: A change is invalid.
    """
    return _validate(_apply_changes(config.model_dump(mode="json"), changes), "--set")


def differences(old: TrainConfig, new: TrainConfig) -> Iterator[tuple[str, object, object]]:
    """Compare two configurations.

    Args:
        old: One configuration.
        new: The other.

    Yields:
        The dotted key, old value and new value of each setting that differs.
    """
    yield from _differences(old.model_dump(mode="json"), new.model_dump(mode="json"), ())


def _apply_changes(data: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise UsageError(
                f"--set {change}: write it as key=value, as in --set optimizer.learning_rate=1e-4."
            )
        group = data
        *parents, last = key.strip().split(".")
        for parent in parents:
            # A group without settings, such as consent, is null in a complete dump.
            if group.get(parent) is None:
                group[parent] = {}
            group = group[parent]
            if not isinstance(group, dict):
                raise UsageError(f"--set {change}: {parent} is a value, not a group of settings.")
        try:
            group[last] = parse_yaml(value)
        except (yaml.YAMLError, ValueError) as error:
            raise UsageError(f"--set {change}: the value is not valid YAML.") from error
    return data


def _validate(data: dict[str, Any], origin: str) -> TrainConfig:
    try:
        return TrainConfig.model_validate(data)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        if problem["type"] != "extra_forbidden":
            raise UsageError(f"{origin}: {first_validation_error(error)}.") from error
        key = str(problem["loc"][-1])
        close = difflib.get_close_matches(key, sorted(set(_all_keys(TrainConfig))), 1)
        hint = (
            f"did you mean {close[0]}?"
            if close
            else "see the files in configs/ for what can be set."
        )
        # pydantic adds the kind of network to the path; the YAML file does not have it.
        dotted = ".".join(
            str(part) for part in problem["loc"] if part not in ("df", "liae", "original")
        )
        raise UsageError(f"{origin}: there is no setting {dotted}; {hint}") from error


def _all_keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _all_keys(kind)


def _differences(
    old: dict[str, Any], new: dict[str, Any], prefix: Sequence[str]
) -> Iterator[tuple[str, object, object]]:
    for key in old.keys() | new.keys():
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, (*prefix, key))
        elif before != after:
            yield ".".join((*prefix, key)), before, after
