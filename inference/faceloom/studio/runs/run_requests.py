"""The jobs that train, continue and export a run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.project.step import OnExisting
from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.runs.preview_faces import SETTING as PREVIEW_FACES
from faceloom.studio.studio_project import Item, ItemKind, StudioProject

# A preview to look at early, and little lost when the training is killed.
_SETTINGS = ("preview_every=100", "checkpoint_every=100")
RANDOM_WEIGHTS = "none"
"""The value of --init-from that starts from random weights."""


def train_request(
    project: StudioProject,
    name: str,
    faces: Sequence[Item],
    *,
    preset: str,
    steps: int,
    init_from: str = "",
    preview_faces: Sequence[Sequence[str]],
) -> JobRequest:
    """Train a new run.

    Args:
        project: The project.
        name: Name of the run.
        faces: The face sets of the target and of the source.
        preset: The preset.
        steps: Steps to train.
        init_from: Path of the run whose weights it starts from, or `RANDOM_WEIGHTS`; empty: the
            base of the preset.
        preview_faces: For each face set the faces that the preview sheets show.

    Raises:
        UsageError: The run exists, or the face sets are of one person.
        ArtifactRefused: A face set is damaged.
    """
    run = project.new_path(ItemKind.RUN, name)
    if run.exists():
        raise UsageError(f"There is a run {name} already; choose another name, or continue it.")
    identities = _identities(faces)
    people = {identity: item.path for identity, item in zip(identities, faces, strict=True)}
    rows = zip(identities, preview_faces, strict=True)
    shown = [f"{identity}/{name}" for identity, names in rows for name in names]
    settings = [f"{PREVIEW_FACES}={json.dumps(shown)}"] if shown else []
    return train_job(
        run, people, preset=preset, steps=steps, init_from=init_from, settings=settings
    )


def train_job(
    run: Path,
    faces: Mapping[str, Path],
    *,
    preset: str,
    steps: int,
    init_from: str = "",
    settings: Sequence[str] = (),
) -> JobRequest:
    """Train a run whose face sets may not exist yet.

    Args:
        run: Path of the run.
        faces: Path of the face set of each person, the target's first.
        preset: The preset.
        steps: Steps to train.
        init_from: As in `train_request`.
        settings: Further settings, each KEY=VALUE.
    """
    options = []
    for identity, path in faces.items():
        options += ["--faces", f"{identity}={path}"]
    if init_from:
        options += ["--init-from", init_from]
    for setting in (*_SETTINGS, *settings):
        options += ["--set", setting]
    return JobRequest(
        title=f"Train {run.name}",
        arguments=(
            "train", "--config", preset, *options, "--run", str(run), "--steps", str(steps)
        ),
        artifact=str(run),
        on_existing=OnExisting.CONTINUE,
    )  # fmt: skip


def continue_request(
    run: Item, steps: int, saved_step: int, changes: Sequence[str] = ()
) -> JobRequest:
    """Continue a run from its newest checkpoint.

    Args:
        run: The run.
        steps: The step to train up to.
        saved_step: The step of its newest checkpoint.
        changes: Options that change settings.

    Raises:
        UsageError: It has that many steps already.
    """
    if steps <= saved_step:
        raise UsageError(
            f"{run.name} has {saved_step} steps already; choose more than that to continue it."
        )
    return JobRequest(
        title=f"Train {run.name} up to step {steps}",
        arguments=("train", "--run", str(run.path), "--steps", str(steps), *changes),
        artifact=str(run.path),
        on_existing=OnExisting.CONTINUE,
    )


def export_request(
    project: StudioProject, run: Item, identity: str, step: str, name: str
) -> JobRequest:
    """Export a bundle.

    Args:
        project: The project.
        run: The run.
        identity: Whose face the bundle gives.
        step: The checkpoint: last, best or a step number.
        name: Name of the bundle without an extension.

    Raises:
        UsageError: The bundle exists.
    """
    out = project.new_path(ItemKind.BUNDLE, f"{name}.bundle")
    if out.exists():
        raise UsageError(f"There is a bundle {name} already; choose another name.")
    return JobRequest(
        title=f"Export {identity} of {run.name}",
        arguments=(
            "export", str(run.path), "--identity", identity, "--step", step, "--out", str(out)
        ),
        artifact=str(out),
    )  # fmt: skip


def _identities(faces: Sequence[Item]) -> tuple[str, ...]:
    names = tuple(FaceSet.read(item.path).identity for item in faces)
    if len(set(names)) < len(names):
        raise UsageError(
            f"Both face sets are named {names[0]}; choose the face sets of two people."
        )
    return names
