"""A run's directory: what was asked for, what was learned, what it looked like.

config.yaml          every setting, and where the faces came from
metrics.jsonl        a row every few steps, and one for each changed setting, restore and the like
checkpoints/         step-00000500/ ..., each whole and checksummed; best.json, if an evaluation marked one
previews/            examples.png: what it learns from; step-00000500.png ...
report.html          all of it on one page
tensorboard/         the metrics and previews for TensorBoard, if asked for
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import yaml
from pydantic import AfterValidator, Field, ValidationError

from faceloom.atomic import said_plainly, write_text
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.json_documents import Strict, first_problem
from faceloom.safe_read import lines_of, read_bounded, refuse_links
from faceloom_train.config.safe_yaml import MOST_BYTES, parse_yaml
from faceloom_train.config.schema import FIXED, TrainConfig, differences

# A row of the metrics: a step's figures, or what happened at it.
Row: TypeAlias = dict[str, Any]
# Bytes of a row's line: a figure for every direction, or a setting that changed.
_MOST_OF_A_ROW = 2**20


def _without_nul(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("no path has a NUL in it")
    return path


_Place = Annotated[Path, AfterValidator(_without_nul)]


class RunFile(Strict):
    """`config.yaml` of a run. `faces`: identity name to face set, in the decoders' order.

    init_from: the run that this one began with the weights of. Paths are relative to the run, so that a
    project can be moved as a whole.
    """

    faces: Annotated[dict[str, _Place], Field(min_length=2)]
    init_from: _Place | None = None
    settings: TrainConfig


@dataclass(frozen=True, slots=True)
class Run:
    """A run's directory and what stands in its `config.yaml`."""

    directory: Path
    faces: Mapping[str, Path]
    settings: TrainConfig
    init_from: Path | None = None

    @classmethod
    def create(
        cls,
        directory: Path,
        faces: Mapping[str, Path],
        settings: TrainConfig,
        init_from: Path | None = None,
    ) -> "Run":
        """Begin a run in a new directory."""
        run = cls(directory, faces, settings, init_from)
        run.write()
        return run

    @classmethod
    def read(cls, directory: Path) -> "Run":
        """Read a run; raise ArtifactRefused if `directory` is none, or anything in it leads outside."""
        path = directory / "config.yaml"
        refuse_links(directory)
        try:
            file = RunFile.model_validate(parse_yaml(read_bounded(path, MOST_BYTES)))
        except FileNotFoundError:
            raise ArtifactRefused(
                f"{directory} is no run: it has no config.yaml; check the path."
            ) from None
        except ValidationError as error:
            raise ArtifactRefused(
                f"{path} is not a run's configuration: {first_problem(error)}."
            ) from error
        except (yaml.YAMLError, OSError) as error:
            raise ArtifactRefused(f"{path} is damaged and cannot be read as YAML.") from error
        faces = {name: (directory / path).resolve() for name, path in file.faces.items()}
        init_from = file.init_from and (directory / file.init_from).resolve()
        return cls(directory, faces, file.settings, init_from)

    @staticmethod
    def exists(directory: Path) -> bool:
        """Say whether a run was begun in `directory`."""
        return (directory / "config.yaml").is_file()

    @property
    def identities(self) -> tuple[str, ...]:
        """The identities in the order of their decoders."""
        return tuple(self.faces)

    @property
    def metrics(self) -> Path:
        """The metrics' file."""
        return self.directory / "metrics.jsonl"

    @property
    def examples(self) -> Path:
        """Where the sheet of training examples is."""
        return self.directory / "previews" / "examples.png"

    def preview(self, step: int) -> Path:
        """Return where the preview sheet of a step is."""
        return self.directory / "previews" / f"step-{step:08d}.png"

    def previews(self) -> list[Path]:
        """Return the preview sheets that are there, the oldest first."""
        return sorted((self.directory / "previews").glob("step-*.png"))

    def write(self) -> None:
        """Write `config.yaml`."""
        faces = {name: self._relative(path) for name, path in self.faces.items()}
        init_from = self.init_from and self._relative(self.init_from)
        file = RunFile(faces=faces, init_from=init_from, settings=self.settings)
        write_text(
            self.directory / "config.yaml",
            yaml.safe_dump(file.model_dump(mode="json"), sort_keys=False),
        )

    def with_settings(self, settings: TrainConfig, step: int) -> "Run":
        """Continue with other settings, noting each change in the metrics; raise UsageError for a fixed one."""
        changes = list(differences(self.settings, settings))
        for key, old, new in changes:
            if any(key == fixed or key.startswith(f"{fixed}.") for fixed in FIXED):
                raise UsageError(
                    f"{self.directory}: {key} was {old!r} when this run began and cannot become {new!r}; "
                    "begin a new run for that."
                )
        changed = replace(self, settings=settings)
        if changes:
            changed.write()
            for key, old, new in changes:
                self.log({"step": step, "changed": key, "from": old, "to": new})
        return changed

    def log(self, row: Mapping[str, object]) -> None:
        """Append a row to the metrics."""
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise said_plainly(error, self.metrics) from error

    def forget_after(self, step: int) -> None:
        """Drop the metrics of steps that were lost with a killed process, so that none is told twice."""
        kept = [json.dumps(row) + "\n" for row in self.rows() if row["step"] <= step]
        write_text(self.metrics, "".join(kept))

    def rows(self) -> list[Row]:
        """Return the rows of the metrics, the oldest first."""
        if not self.metrics.is_file():
            return []
        rows = []
        for line in lines_of(self.metrics, _MOST_OF_A_ROW):
            # The last line of a killed process may be half a line.
            with suppress(ValueError, RecursionError):
                rows.append(json.loads(line))
        return [row for row in rows if isinstance(row, dict) and isinstance(row.get("step"), int)]

    def _relative(self, path: Path) -> Path:
        return Path(os.path.relpath(path.resolve(), self.directory.resolve()))
