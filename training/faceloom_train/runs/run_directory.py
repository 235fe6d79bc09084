"""The folder of a training run.

config.yaml          every setting, and the face sets
metrics.jsonl        one row every `log_every` steps, one for each evaluation result and each event
checkpoints/         step-00000500/ ..., with checksums; best.json, once an evaluation marked one
previews/            examples.png: training examples; step-00000500.png ...: predictions
report.html          all of it on one page
tensorboard/         metrics and previews for TensorBoard, if `tensorboard` is set
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import AfterValidator, Field, ValidationError

from faceloom.artifact_kind import Purpose, check_kind
from faceloom.atomic import explain_os_errors, friendly_os_error, write_text
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.json_documents import StrictModel, first_validation_error
from faceloom.operating_system import flush_to_disk
from faceloom.safe_read import check_no_symlinks, read_bounded, read_lines
from faceloom_train.config.loader import differences
from faceloom_train.config.safe_yaml import MAX_BYTES, parse_yaml
from faceloom_train.config.schema import FIXED, TrainConfig

# Format of a run's folder: the keys of config.yaml, of the metrics and of best.json.
SCHEMA: Literal[2] = 2
# Longest line of metrics.jsonl, in bytes: a metric for each direction, or a setting that changed.
_MAX_ROW_BYTES = 2**20

# A row of the metrics: the metrics of a step or an evaluation, or an event.
Row: TypeAlias = dict[str, Any]


def is_base(path: Path) -> bool:
    """Return whether a path is that of a base, rather than of a run.

    Args:
        path: A path.
    """
    return path.suffix == ".npz"


def _check_no_nul(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path cannot contain a NUL character")
    return path


_ValidPath = Annotated[Path, AfterValidator(_check_no_nul)]


class RunFile(StrictModel):
    """`config.yaml` of a run. Paths are relative to the run, so that a project can be moved."""

    schema_number: Annotated[Literal[2], Field(alias="schema")] = SCHEMA
    """Format of the run's folder."""
    faces: Annotated[dict[str, _ValidPath], Field(min_length=2)]
    """Face set of each identity, in the order of the decoders."""
    init_from: _ValidPath | None = None
    """The run or base whose weights this one started from; None: random weights."""
    settings: TrainConfig
    """Every setting."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder with the content of its `config.yaml`."""

    directory: Path
    """The folder."""
    faces: Mapping[str, Path]
    """Face set of each identity, in the order of the decoders."""
    settings: TrainConfig
    """Every setting."""
    init_from: Path | None = None
    """The run or base whose weights this one started from; None: random weights."""

    @classmethod
    def create(
        cls,
        directory: Path,
        faces: Mapping[str, Path],
        settings: TrainConfig,
        init_from: Path | None = None,
    ) -> "Run":
        """Create a run in a new folder.

        Args:
            directory: The folder.
            faces: Face set of each identity, in the order of the decoders.
            settings: Every setting.
            init_from: The run or base whose weights this one starts from; None: random weights.
        """
        run = cls(directory, faces, settings, init_from)
        run.write_config()
        return run

    @classmethod
    def read(cls, directory: Path) -> "Run":
        """Read a run.

        Args:
            directory: Its folder.

        Raises:
            ArtifactRefused: `directory` is not a run, has another schema, is damaged, or contains a
                symbolic link.
        """
        path = directory / "config.yaml"
        check_kind(directory, Purpose.RUN)
        check_no_symlinks(directory)
        try:
            data = parse_yaml(read_bounded(path, MAX_BYTES))
            _check_schema(data, path)
            _add_face_mask(data)
            file = RunFile.model_validate(data)
        except FileNotFoundError:
            raise ArtifactRefused(
                f"{directory} is not a run: it has no config.yaml; check the path."
            ) from None
        except ValidationError as error:
            raise ArtifactRefused(
                f"{path} is not a run's configuration: {first_validation_error(error)}."
            ) from error
        except (yaml.YAMLError, OSError) as error:
            raise ArtifactRefused(f"{path} is damaged and cannot be read as YAML.") from error
        faces = {name: (directory / path).resolve() for name, path in file.faces.items()}
        init_from = file.init_from and (directory / file.init_from).resolve()
        return cls(directory, faces, file.settings, init_from)

    @staticmethod
    def exists(directory: Path) -> bool:
        """Return whether a folder holds a run.

        Args:
            directory: The folder.
        """
        return (directory / "config.yaml").is_file()

    @property
    def identities(self) -> tuple[str, ...]:
        """The identities in the order of their decoders."""
        return tuple(self.faces)

    @property
    def base(self) -> str | None:
        """Name of the base that the run started from; None: another run or random weights."""
        return self.init_from.stem if self.init_from and is_base(self.init_from) else None

    @property
    def metrics_path(self) -> Path:
        """The file of the metrics; it may not exist yet."""
        return self.directory / "metrics.jsonl"

    @property
    def examples_path(self) -> Path:
        """The sheet of training examples; it may not exist yet."""
        return self.directory / "previews" / "examples.png"

    def preview_path(self, step: int) -> Path:
        """Return the path of a preview sheet; it may not exist yet.

        Args:
            step: The step that the sheet shows.
        """
        return self.directory / "previews" / f"step-{step:08d}.png"

    def list_previews(self) -> list[Path]:
        """Return the preview sheets that exist, the oldest first."""
        return sorted((self.directory / "previews").glob("step-*.png"))

    def write_config(self) -> None:
        """Write `config.yaml`."""
        faces = {name: self._relative(path) for name, path in self.faces.items()}
        init_from = self.init_from and self._relative(self.init_from)
        file = RunFile(faces=faces, init_from=init_from, settings=self.settings)
        write_text(
            self.directory / "config.yaml",
            yaml.safe_dump(file.model_dump(mode="json", by_alias=True), sort_keys=False),
        )

    def with_settings(self, settings: TrainConfig, step: int) -> "Run":
        """Return this run with other settings; write them, and log each change to the metrics.

        Args:
            settings: The new settings.
            step: The step from which on they hold.

        Raises:
            UsageError: A setting differs that cannot change during a run.
        """
        changes = list(differences(self.settings, settings))
        for key, old, new in changes:
            if any(key == fixed or key.startswith(f"{fixed}.") for fixed in FIXED):
                raise UsageError(
                    f"{self.directory}: {key} is {old!r} in this run and cannot become {new!r}; "
                    "start a new run for that."
                )
        changed = replace(self, settings=settings)
        if changes:
            changed.write_config()
            for key, old, new in changes:
                self.log_event("setting_changed", step, setting=key, old=old, new=new)
        return changed

    def log_metrics(self, *rows: Mapping[str, object]) -> None:
        """Append rows to the metrics, in one write.

        Args:
            rows: The rows; the "step" of each is the step that it belongs to.

        Raises:
            UsageError: The file cannot be written.
            PartlyDone: The disk is full.
        """
        try:
            with self.metrics_path.open("a", encoding="utf-8") as file:
                file.write("".join(json.dumps(row) + "\n" for row in rows))
        except OSError as error:
            raise friendly_os_error(error, self.metrics_path) from error

    def flush_metrics(self) -> None:
        """Wait until the logged rows are on the disk; called before a checkpoint follows them.

        Raises:
            UsageError: The disk fails.
            PartlyDone: The disk is full.
        """
        with explain_os_errors(self.metrics_path):
            if self.metrics_path.is_file():
                flush_to_disk(self.metrics_path)
                flush_to_disk(self.directory)

    def log_event(self, event: str, step: int, **details: object) -> None:
        """Append a row about an event to the metrics.

        Args:
            event: Its kind: setting_changed, setting_chosen, restored, warm_start or trend.
            step: The step at which it happened.
            details: Further keys of the row.
        """
        self.log_metrics({"step": step, "event": event, **details})

    def drop_metrics_after(self, step: int) -> None:
        """Drop the rows of steps that a killed process lost: they will be logged again.

        Args:
            step: The last step whose rows are kept.
        """
        kept = [json.dumps(row) + "\n" for row in self.read_metrics() if row["step"] <= step]
        write_text(self.metrics_path, "".join(kept))

    def read_metrics(self) -> list[Row]:
        """Return the rows of the metrics, the oldest first; invalid lines are ignored."""
        if not self.metrics_path.is_file():
            return []
        rows = []
        for line in read_lines(self.metrics_path, _MAX_ROW_BYTES):
            # A process killed while writing leaves an incomplete last line.
            with suppress(ValueError, RecursionError):
                rows.append(json.loads(line))
        return [row for row in rows if isinstance(row, dict) and isinstance(row.get("step"), int)]

    def _relative(self, path: Path) -> Path:
        return Path(os.path.relpath(path.resolve(), self.directory.resolve()))


def _add_face_mask(data: object) -> None:
    """Complete the settings of a run that was created before there was `face_mask`."""
    settings = data.get("settings") if isinstance(data, dict) else None
    if isinstance(settings, dict):
        settings.setdefault("face_mask", "mesh")


def _check_schema(data: object, path: Path) -> None:
    """Raise ArtifactRefused for a run that another version of Faceloom wrote."""
    found = data.get("schema", 1) if isinstance(data, dict) and "settings" in data else SCHEMA
    if found != SCHEMA:
        newer = isinstance(found, int) and found > SCHEMA
        hint = "update faceloom" if newer else "start a new run"
        raise ArtifactRefused(
            f"{path} has schema {repr(found)[:20]} and this faceloom reads {SCHEMA}; {hint}."
        )
