"""Decide what a swap needs: the people, the frames to use, the preset and its steps."""

import math
from collections.abc import Sequence
from pathlib import Path

from faceloom.errors import NoFaceFound, UsageError
from faceloom.faceset.face_count import MIN_DIFFERENT_FACES
from faceloom.faceset.reference_faces import embed_references
from faceloom.faceset.similarity import SAME_PERSON_CENTERS
from faceloom.progress import ProgressGenerator
from faceloom.project.estimates import estimate_seconds
from faceloom.project.machine_speed import MachineSpeed, measure_speed
from faceloom.project.people import (
    FootagePeople,
    Person,
    find_people,
    frame_count,
    write_portraits,
    write_references,
)
from faceloom.project.presets import (
    PRESETS,
    choose_training,
    least_steps,
    preset_named,
    start_seconds,
    step_seconds,
)
from faceloom.project.project_file import PersonChoice, SwapChoices, TrainingChoice
from faceloom.project.project_folder import Project
from faceloom.project.reuse import choices_of_same_people
from faceloom.project.settings import SwapInputs, SwapSettings, identity_names
from faceloom.project.step import footage_signature, key_of

# Faces of a person that a training uses well; of longer footage, only every n-th frame is used.
_MOST_FACES = 3000
# Faces of a person that a training needs at least.
_FEWEST_FACES = 6
# Minutes that are advised beyond the estimate, as the estimate is uncertain.
SPARE_MINUTES = 0.5
# Smallest training that continues another, as a share of its steps.
_LEAST_MORE = 0.2
# Seconds by which the whole may end earlier than the user's time.
_RESERVE_SECONDS = 5.0


def make_choices(
    settings: SwapSettings, inputs: SwapInputs, project: Project
) -> ProgressGenerator[SwapChoices]:
    """Look at the footage and decide everything that the plan depends on.

    Args:
        settings: What the user asks for.
        inputs: The footage.
        project: The project, whose face sets and runs are used again.

    Yields:
        Progress.

    Returns:
        The decisions.

    Raises:
        UsageError: It is unclear whose face is meant, both are the same person, the target's person
            has too few faces, or the time is too short.
        NoFaceFound: The footage of one person shows no face.
    """
    machine = measure_speed()
    guests = yield from find_people(inputs.guests, "the guest's footage")
    guest = _choose_person(guests, settings.guest_reference, "guest", settings, project)
    targets = yield from find_people(inputs.targets, "the target")
    target = _choose_person(targets, settings.reference, "target", settings, project)
    if float(guest.center @ target.center) >= SAME_PERSON_CENTERS:
        raise UsageError(_same_person_message(settings, guests, targets))
    guest_name, target_name = identity_names(settings)
    guest_choice = _person_choice(guest, guests, guest_name, "guest", project)
    target_choice = _person_choice(target, targets, target_name, "target", project)
    notes = [
        *_face_notes(guest_choice, "guest", ", ".join(map(str, settings.guests))),
        *_face_notes(target_choice, "target", str(settings.target)),
    ]
    footage = (
        _footage_key(guest_choice, settings.guests),
        _footage_key(target_choice, (settings.target, *settings.target_footage)),
    )
    names = (
        project.face_set_name(guest_name, footage[0]),
        project.face_set_name(target_name, footage[1]),
    )
    guest_choice = guest_choice.model_copy(update={"name": names[0]})
    target_choice = target_choice.model_copy(update={"name": names[1]})
    frames = inputs.target_frames or frame_count(inputs.targets[0])
    seconds = estimate_seconds(
        machine,
        guest_frames=guests.frames // guest_choice.every,
        target_frames=targets.frames // target_choice.every,
        frames=frames,
        megapixels=targets.megapixels,
    )
    earlier = None
    if (settings.minutes, settings.steps, settings.preset) == (None, None, None):
        earlier = choices_of_same_people(project, names[0], target)
    if earlier is not None:
        notes.append(
            f"The network trained for {earlier.target.name} is used again, since {settings.target} "
            "shows the same person; to train for this video, give --minutes N."
        )
        training = earlier.training
    else:
        training = _choose_run(settings, project, machine, seconds.total, names)
    for name, key in zip(names, footage, strict=True):
        project.record_face_set(name, key)
    return SwapChoices(
        guest=guest_choice,
        target=target_choice,
        frames=frames,
        training=training,
        minutes=settings.minutes,
        trained_target=earlier.target.name if earlier else "",
        seconds=seconds,
        notes=tuple(notes),
    )


def _choose_person(
    found: FootagePeople,
    pictures: Sequence[Path],
    what: str,
    settings: SwapSettings,
    project: Project,
) -> Person:
    """Return the person that is meant; refuse if that is unclear."""
    paths = (settings.target,) if what == "target" else settings.guests
    where = ", ".join(map(str, paths))
    if not found.people:
        raise NoFaceFound(
            f"No face was found in {found.samples} frames of {where}; use footage with a visible "
            "face of at least 40 pixels."
        )
    option = "--reference" if what == "target" else "--guest-reference"
    if pictures:
        references = embed_references(pictures)
        assert references is not None, "there are pictures"
        person = found.most_similar(references)
        if person is None:
            sheet, _ = write_portraits(found.people, project.people, what)
            raise NoFaceFound(
                f"Nobody in {where} is the person of {option} {pictures[0]}; {sheet} shows who is."
            )
        return person
    person = found.dominant()
    if person is None:
        sheet, portraits = write_portraits(found.people, project.people, what)
        raise UsageError(
            f"{where} shows {len(found.people)} people, and it is unclear whose face is meant. "
            f"{sheet} shows them with numbers; choose one, for example the first with: "
            f"{option} {portraits[0]}"
        )
    return person


def _same_person_message(
    settings: SwapSettings, guests: FootagePeople, targets: FootagePeople
) -> str:
    message = (
        f"{settings.guests[0]} and {settings.target} show the same person, whose face would "
        "replace itself"
    )
    if len(targets.people) > 1:
        return f"{message}; name the person to replace with --reference PICTURE."
    if len(guests.people) > 1:
        return f"{message}; name the person to put in with --guest-reference PICTURE."
    return f"{message}; give footage of another person."


def _person_choice(
    person: Person, found: FootagePeople, name: str, what: str, project: Project
) -> PersonChoice:
    faces = round(found.share(person) * found.frames)
    references: tuple[str, ...] = ()
    if len(found.people) > 1:
        files = write_references(person, project.people, what)
        references = tuple(str(file.relative_to(project.folder)) for file in files)
    every = max(1, faces // _MOST_FACES)
    return PersonChoice(
        name=name,
        every=every,
        references=references,
        people=len(found.people),
        faces=faces // every,
    )


def _face_notes(choice: PersonChoice, what: str, where: str) -> list[str]:
    """Return warnings about a person's footage; refuse too few faces."""
    more = (
        "add footage of the same person with --target-footage FILE"
        if what == "target"
        else "add more videos or pictures of the person"
    )
    if choice.faces < _FEWEST_FACES:
        raise UsageError(
            f"{where} has about {_count_faces(choice.faces)} of the person, and training needs "
            f"{_FEWEST_FACES} at least, better {MIN_DIFFERENT_FACES} different ones; {more}."
        )
    if choice.faces < MIN_DIFFERENT_FACES:
        return [
            f"{where} has only about {_count_faces(choice.faces)} of the person; from "
            f"{MIN_DIFFERENT_FACES} different ones on a swap is better: {more}."
        ]
    return []


def _count_faces(count: int) -> str:
    return f"{count} face{'' if count == 1 else 's'}"


def _footage_key(choice: PersonChoice, paths: Sequence[Path]) -> str:
    return key_of(footage_signature(paths), choice.every, choice.references)


def _choose_run(
    settings: SwapSettings,
    project: Project,
    machine: MachineSpeed,
    other_seconds: float,
    names: tuple[str, str],
) -> TrainingChoice:
    """Choose preset, steps and run; an earlier run of the same faces is continued."""
    earlier = [
        choices
        for choices in project.all_choices()
        if (choices.guest.name, choices.target.name) == names
        and settings.preset in (None, choices.training.preset)
    ]
    preset = settings.preset or (earlier[-1].training.preset if earlier else None)
    trained = project.trained_steps(_run_name(names, preset)) if preset else 0
    seconds = None
    if settings.minutes is not None:
        seconds = 60 * settings.minutes - other_seconds - _RESERVE_SECONDS
        check_training_time(settings, machine, preset, seconds, trained)
    estimate = choose_training(
        machine, seconds, preset=preset, steps=settings.steps, trained=trained
    )
    run = _run_name(names, estimate.preset)
    return TrainingChoice(
        run=run,
        preset=estimate.preset,
        steps=estimate.steps,
        init_from=_warm_start(project, run, estimate.preset),
        seconds=estimate.seconds,
    )


def _run_name(names: tuple[str, str], preset: str) -> str:
    return f"{names[0]}-{names[1]}-{preset}"


def _warm_start(project: Project, run: str, preset: str) -> str:
    """Return the run to start from: the first one of this name, else the newest of the preset."""
    others = [choices.training for choices in project.all_choices()]
    for training in reversed(others):
        if training.run == run:
            return training.init_from
    for training in reversed(others):
        record = project.step(project.run(training.run))
        if training.preset == preset and record is not None and record.done:
            return training.run
    return ""


def check_training_time(
    settings: SwapSettings,
    machine: MachineSpeed,
    preset: str | None,
    seconds: float,
    trained: int,
) -> None:
    """Refuse a time in which nothing useful can be trained.

    Args:
        settings: What the user asks for.
        machine: The machine.
        preset: The preset; None: the cheapest is possible.
        seconds: Time that is left for the training.
        trained: Steps that the run has already.

    Raises:
        UsageError: The time is too short; with the minutes that are enough.
    """
    assert settings.minutes is not None, "only called with a time"
    known = preset_named(preset or PRESETS[0].name) or PRESETS[0]
    needed = least_steps(known.name, settings.steps or known.steps)
    pace = step_seconds(known, machine)
    more = 0 if settings.steps else math.ceil(_LEAST_MORE * trained)
    missing = max(needed - trained, more)
    least = start_seconds(machine) + missing * pace
    if seconds >= least:
        return
    fitting = max(0, int((seconds - start_seconds(machine)) / pace))
    enough = math.ceil(settings.minutes + (least - seconds) / 60 + SPARE_MINUTES)
    reason = (
        f"leaves {trained + fitting} steps of training here beside the other work, and a "
        f"recognizable face takes {needed} steps of {known.name}"
        if trained < needed
        else f"leaves {fitting} more steps here beside the other work, which do not improve the "
        f"{trained} that are trained"
    )
    raise UsageError(f"--minutes {settings.minutes:g} {reason}; give --minutes {enough} or more.")
