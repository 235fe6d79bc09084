"""The plan of a swap: its commands, in order, with what each one makes and depends on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.progress import ProgressGenerator
from faceloom.project.decisions import make_choices
from faceloom.project.estimates import COMPARE_FRAMES, REVIEW_FRAMES
from faceloom.project.project_file import PersonChoice, SwapChoices
from faceloom.project.project_folder import Project
from faceloom.project.settings import SwapSettings, open_inputs
from faceloom.project.step import OnExisting, Step, footage_signature, key_of

# Settings of the training: a preview to look at early, and little lost when it is killed.
_TRAINING_SETTINGS = ("preview_every=100", "checkpoint_every=100")


@dataclass(frozen=True, slots=True)
class SwapPlan:
    """The steps of a swap."""

    steps: tuple[Step, ...]
    """The steps in order."""
    settings: SwapSettings
    """What the user asked for."""
    choices: SwapChoices
    """What was decided."""
    choices_key: str
    """Under which checksum the project keeps the decisions."""

    @property
    def deadline_seconds(self) -> float | None:
        """Seconds of work after which everything has to be done; None: no limit."""
        return None if self.choices.minutes is None else 60 * self.choices.minutes


def prepare_swap(settings: SwapSettings, project: Project) -> ProgressGenerator[SwapPlan]:
    """Check the settings, look at the footage if that is new, and make the plan.

    Args:
        settings: What the user asks for.
        project: The project, which must be locked.

    Yields:
        Progress.

    Returns:
        The plan.

    Raises:
        FaceloomError: Something cannot be used, see `open_inputs` and `make_choices`.
    """
    inputs = open_inputs(settings)
    written = settings.written
    if written.exists() and not settings.force and project.step(written) is None:
        raise _exists_error(settings)
    key = settings.training_key()
    choices = project.choices(key)
    if choices is None:
        choices = yield from make_choices(settings, inputs, project)
        project.record_choices(key, choices)
    plan = SwapPlan(build_steps(settings, choices, project), settings, choices, key)
    _check_output(plan, project)
    return plan


def build_steps(settings: SwapSettings, choices: SwapChoices, project: Project) -> tuple[Step, ...]:
    """Make the steps of a swap; reads no footage.

    Args:
        settings: What the user asks for.
        choices: What was decided.
        project: The project.
    """
    seconds = choices.seconds
    guest = _extract(
        f"extract {choices.guest.name}", settings.guests, choices.guest, project,
        seconds.extract_guest,
    )  # fmt: skip
    if choices.trained_target:
        return _steps_with_trained_network(settings, choices, project, guest)
    target = _extract(
        f"extract {choices.target.name}", (settings.target, *settings.target_footage),
        choices.target, project, seconds.extract_target,
    )  # fmt: skip
    review = _review(settings, choices, project, (guest, target))
    train = _train(choices, project, (target, guest))
    export = _export(choices, project, train)
    preview, convert = _conversions(settings, choices, project, export)
    compare = _compare(settings, choices, project, (convert, guest, target))
    return (
        guest,
        target,
        replace(review, seconds=seconds.review),
        train,
        replace(export, seconds=seconds.export),
        replace(preview, seconds=seconds.preview),
        replace(convert, seconds=seconds.convert),
        replace(compare, seconds=seconds.compare),
    )


def _steps_with_trained_network(
    settings: SwapSettings,
    choices: SwapChoices,
    project: Project,
    guest: Step,
) -> tuple[Step, ...]:
    """Make the steps of a swap whose network was trained for another video of the same person."""
    seconds = choices.seconds
    target = _existing(project, project.faces(choices.trained_target))
    export = _existing(project, project.bundle(choices.training.run))
    review = _review(settings, choices, project, (guest, target))
    preview, convert = _conversions(settings, choices, project, export)
    compare = _compare(settings, choices, project, (convert, guest, target))
    return (
        guest,
        replace(review, seconds=seconds.review),
        replace(preview, seconds=seconds.preview),
        replace(convert, seconds=seconds.convert),
        replace(compare, seconds=seconds.compare),
    )


def _existing(project: Project, artifact: Path) -> Step:
    """Return a step of an earlier plan, for those that depend on it."""
    record = project.step(artifact)
    return Step("", (), artifact, record.key if record else "", 0.0)


def _extract(
    title: str, footage: Sequence[Path], person: PersonChoice, project: Project, seconds: float
) -> Step:
    out = project.faces(person.name)
    options: list[str] = []
    if person.every > 1:
        options += ["--every", str(person.every)]
    pictures = [project.folder / name for name in person.references]
    for picture in pictures:
        options += ["--reference", str(picture)]
    return Step(
        title=title,
        arguments=(
            "extract", *map(str, footage), "--out", str(out), "--name", person.name, *options,
        ),
        artifact=out,
        marker="faceset.json",
        key=key_of(footage_signature(footage), person.name, person.every, person.references),
        seconds=seconds,
    )  # fmt: skip


def _review(
    settings: SwapSettings, choices: SwapChoices, project: Project, faces: Sequence[Step]
) -> Step:
    report = project.folder / f"review-{settings.target.stem}.html"
    every = max(1, choices.frames // REVIEW_FRAMES)
    guest, target = faces
    return Step(
        title=f"review {choices.guest.name} for {settings.target.name}",
        arguments=(
            "review", str(guest.artifact), str(target.artifact), "--target", str(settings.target),
            "--every", str(every), "--report", str(report),
        ),
        artifact=report,
        key=key_of(guest.key, target.key, footage_signature([settings.target]), every),
        seconds=0,
        optional=True,
    )  # fmt: skip


def _train(choices: SwapChoices, project: Project, faces: Sequence[Step]) -> Step:
    training = choices.training
    run = project.run(training.run)
    options: list[str] = []
    for person, step in zip((choices.target, choices.guest), faces, strict=True):
        options += ["--faces", f"{person.name}={step.artifact}"]
    if training.init_from:
        options += ["--init-from", str(project.run(training.init_from))]
    return Step(
        title=f"train {training.preset}",
        arguments=(
            "train", "--config", training.preset, *options, "--run", str(run),
            "--steps", str(training.steps),
            *(part for setting in _TRAINING_SETTINGS for part in ("--set", setting)),
        ),
        artifact=run,
        key=key_of([step.key for step in faces], training.preset, training.steps),
        seconds=training.seconds,
        on_existing=OnExisting.CONTINUE,
        has_deadline=True,
        pictures="previews/step-*.png",
    )  # fmt: skip


def _export(choices: SwapChoices, project: Project, train: Step) -> Step:
    bundle = project.bundle(choices.training.run)
    return Step(
        title="export",
        arguments=(
            "export", str(train.artifact), "--identity", choices.guest.name, "--out", str(bundle),
        ),
        artifact=bundle,
        marker="manifest.json",
        key=train.key,
        seconds=0,
    )  # fmt: skip


def _conversions(
    settings: SwapSettings, choices: SwapChoices, project: Project, export: Step
) -> tuple[Step, Step]:
    options = list(settings.convert_options)
    if choices.target.people > 1:
        for name in choices.target.references:
            options += ["--reference", str(project.folder / name)]
    start = ("convert", str(settings.target), "--bundle", str(export.artifact))
    sheet = project.folder / f"preview-{settings.out.stem}.png"
    key = key_of(
        export.key, footage_signature([settings.target]), settings.convert_options,
        choices.target.references,
    )  # fmt: skip
    preview = Step(
        title="preview",
        arguments=(*start, "--preview", str(sheet), *_preview_options(options)),
        artifact=sheet,
        key=key,
        seconds=0,
        optional=True,
    )
    convert = Step(
        title=f"convert {settings.target.name}",
        arguments=(*start, "--out", str(settings.out), *options),
        artifact=settings.written,
        key=key,
        seconds=0,
        on_existing=OnExisting.RESUME,
    )
    return preview, convert


def _preview_options(options: Sequence[str]) -> tuple[str, ...]:
    """Return the options of a conversion that a preview has as well: all but the encoder's."""
    kept: list[str] = []
    for name, value in zip(options[::2], options[1::2], strict=True):
        if name not in ("--encoder", "--quality", "--speed"):
            kept += [name, value]
    return tuple(kept)


def _compare(
    settings: SwapSettings, choices: SwapChoices, project: Project, steps: Sequence[Step]
) -> Step:
    convert, guest, target = steps
    report = project.folder / f"compare-{settings.out.stem}.html"
    every = math.ceil(choices.frames / COMPARE_FRAMES)
    return Step(
        title="compare",
        arguments=(
            "compare", str(settings.target), str(settings.written),
            "--identity", str(guest.artifact), "--other", str(target.artifact),
            "--every", str(every), "--report", str(report),
        ),
        artifact=report,
        key=key_of(convert.key, every),
        seconds=0,
        optional=True,
    )  # fmt: skip


def _check_output(plan: SwapPlan, project: Project) -> None:
    """Refuse to replace an output that was made with other settings, unless that is allowed."""
    settings = plan.settings
    if settings.force or not settings.written.exists():
        return
    (convert,) = (step for step in plan.steps if step.artifact == settings.written)
    record = project.step(settings.written)
    if record is None or record.key != convert.key:
        raise _exists_error(settings)


def _exists_error(settings: SwapSettings) -> UsageError:
    return UsageError(
        f"{settings.written} exists already; choose another name, or replace it with --force. "
        "What the project contains is used again either way."
    )
